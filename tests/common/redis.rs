//! A private redis-server child, ended with the test.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use super::client::Client;
use super::log::Log;
use super::wait::eventually;

/// A port that nobody listens on, outside the range from which outgoing connections take theirs.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let offset = std::process::id().wrapping_mul(7919).wrapping_add(step) % 22_000;
        let port = 10_000 + offset as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A running redis-server with a directory of its own.
pub(crate) struct Redis {
    child: Child,
    dir: TempDir,
    port: u16,
    args: Vec<String>,
}

impl Redis {
    /// A server with nothing but defaults, without persistence.
    pub(crate) fn start() -> Redis {
        Redis::with(&[])
    }

    /// A server with further command-line options, such as `["--requirepass", "secret"]`.
    pub(crate) fn with(options: &[&str]) -> Redis {
        let dir = TempDir::new().unwrap();
        let args: Vec<String> = options.iter().map(|option| option.to_string()).collect();
        // A port cannot be left to redis-server; another program may have taken it meanwhile.
        loop {
            let port = free_port();
            match spawn(port, &dir, &args) {
                Ok(child) => return Redis { child, dir, port, args },
                Err(log) => assert!(log.contains("in use"), "redis-server {options:?}:\n{log}"),
            }
        }
    }

    /// The TCP port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The address as sessiond's `--upstream` wants it.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The Unix socket's path.
    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("s")
    }

    /// A client on the server itself.
    pub(crate) fn client(&self) -> Client {
        Client::connect(self.port)
    }

    /// The same over the Unix socket, which costs less.
    pub(crate) fn unix_client(&self) -> Client {
        Client::try_connect_unix(&self.socket()).unwrap()
    }

    /// SIGKILL: no goodbye, connections break.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The same server again, on the same port and directory.
    pub(crate) fn start_again(&mut self) {
        eventually("redis-server back on its port", || {
            self.child = spawn(self.port, &self.dir, &self.args).ok()?;
            Some(())
        });
    }

    /// Connections other than the asking one, as `CLIENT LIST` lines.
    pub(crate) fn connections(&self) -> Vec<String> {
        let mut client = self.client();
        let own = client.id();
        let list = client.run(&["CLIENT", "LIST"]).text();
        let own = format!("id={own} ");
        list.lines().filter(|line| !line.starts_with(&own)).map(str::to_owned).collect()
    }

    /// Connections that wait in a blocking or paused command.
    pub(crate) fn blocked(&self) -> usize {
        let waits = |line: &&String| {
            let flags = line.split(" flags=").nth(1).unwrap_or_default();
            flags.split(' ').next().unwrap_or_default().contains('b')
        };
        self.connections().iter().filter(waits).count()
    }

    /// Waits until exactly `count` connections are blocked.
    pub(crate) fn wait_blocked(&self, count: usize) {
        eventually(&format!("{count} blocked connections"), || {
            (self.blocked() == count).then_some(())
        });
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server that accepts connections, or what one wrote that ended instead.
fn spawn(port: u16, dir: &TempDir, args: &[String]) -> Result<Child, String> {
    let mut command = Command::new("redis-server");
    command
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
        .args(["--unixsocket", "s", "--appendonly", "no", "--daemonize", "no"])
        // Replicas need not wait for others to come.
        .args(["--enable-debug-command", "yes", "--repl-diskless-sync-delay", "0"])
        .args(args)
        .current_dir(dir.path());
    let (child, log) =
        Log::spawn(command).expect("redis-server is needed: `make test-setup` installs it");
    match log.line_with("eady to accept connections") {
        Some(_) => Ok(child),
        None => Err(log.whole()),
    }
}
