//! A server with a configuration file of its own, as one of several that belong together: a node or a sentinel.
//!
//! Sentinels and clusters write what they have decided into that file, so a member that is started again remembers it.

use std::fs;
use std::process::{Child, Command};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::client::Client;
use super::log::Log;
use super::redis::free_port;
use super::wait::eventually;

/// Which kind of process it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Node,
    Sentinel,
}

/// A user and a password; without a user the one of `requirepass`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Login {
    pub(crate) user: Option<&'static str>,
    pub(crate) password: &'static str,
}

impl Login {
    /// The lines that make a server ask for it.
    pub(crate) fn wanted(self) -> String {
        let Login { user, password } = self;
        match user {
            None => format!("requirepass {password}\n"),
            Some(user) => format!("user default off\nuser {user} on >{password} ~* &* +@all\n"),
        }
    }

    /// As it stands in a URL, with the `@` behind it.
    pub(crate) fn in_url(self) -> String {
        format!("{}:{}@", self.user.unwrap_or_default(), self.password)
    }
}

/// A running process; it ends when this is dropped.
pub(crate) struct Member {
    child: Child,
    log: Log,
    dir: TempDir,
    kind: Kind,
    port: u16,
    login: Option<Login>,
    running: bool,
}

impl Member {
    /// Starts a process on a free port, with the lines that `lines` makes of that port in its file.
    pub(crate) fn start(kind: Kind, login: Option<Login>, lines: impl Fn(u16) -> String) -> Member {
        let dir = TempDir::new().unwrap();
        let wanted = login.map(Login::wanted).unwrap_or_default();
        // A port cannot be left to the server; another program may have taken it meanwhile.
        loop {
            let port = free_port();
            let place = dir.path().display();
            let common = format!("port {port}\nbind 127.0.0.1\ndir {place}\n{wanted}");
            fs::write(dir.path().join("conf"), common + &lines(port)).unwrap();
            match spawn(kind, &dir) {
                Ok((child, log)) => {
                    return Member { child, log, dir, kind, port, login, running: true };
                }
                Err(log) => assert!(log.contains("in use"), "{kind:?}:\n{log}"),
            }
        }
    }

    /// The TCP port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Its address.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Whether it has been neither killed nor stopped.
    pub(crate) fn running(&self) -> bool {
        self.running
    }

    /// A client of it, logged in.
    pub(crate) fn client(&self) -> Client {
        self.try_client().unwrap_or_else(|| panic!("no login at {:?} {}", self.kind, self.port))
    }

    /// A client of it, logged in; none when it cannot be reached.
    pub(crate) fn try_client(&self) -> Option<Client> {
        let mut client = Client::try_connect(self.port).ok()?;
        if let Some(Login { user, password }) = self.login {
            let reply = client.run(&["AUTH", user.unwrap_or("default"), password]);
            assert_eq!(reply.to_string(), "+OK", "AUTH at {:?} {}", self.kind, self.port);
        }
        Some(client)
    }

    /// What it has logged since it was started last.
    pub(crate) fn log(&self) -> String {
        self.log.text()
    }

    /// Adds lines to its file: they hold when it is started again.
    pub(crate) fn configure(&self, lines: &str) {
        let file = self.dir.path().join("conf");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(file, format!("{text}\n{lines}\n")).unwrap();
    }

    /// SIGKILL: no goodbye, connections break.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.running = false;
    }

    /// SIGSTOP: connections stay and nothing is said on them.
    pub(crate) fn stop(&mut self) {
        kill_process(Pid::from_child(&self.child), Signal::STOP).unwrap();
        self.running = false;
    }

    /// SIGCONT: it goes on where it was stopped.
    pub(crate) fn resume(&mut self) {
        kill_process(Pid::from_child(&self.child), Signal::CONT).unwrap();
        self.running = true;
    }

    /// The same one again after a kill, with what its file says now. It may still be loading its data.
    pub(crate) fn start_again(&mut self) {
        eventually("a member back on its port", || {
            (self.child, self.log) = spawn(self.kind, &self.dir).ok()?;
            self.running = true;
            Some(())
        });
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // Also ends one that is stopped.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- log of {:?} on port {}:\n{}---", self.kind, self.port, self.log.text());
        }
    }
}

/// A process that listens, or what one wrote that ended instead.
fn spawn(kind: Kind, dir: &TempDir) -> Result<(Child, Log), String> {
    let mut command = Command::new("redis-server");
    command.arg(dir.path().join("conf")).current_dir(dir.path());
    let listening = match kind {
        Kind::Node => "Server initialized",
        Kind::Sentinel => "Sentinel ID is",
    };
    if kind == Kind::Sentinel {
        command.arg("--sentinel");
    }
    let (mut child, log) =
        Log::spawn(command).expect("redis-server is needed: `make test-setup` installs it");
    match log.line_with(listening) {
        Some(_) => Ok((child, log)),
        None => {
            let _ = child.wait();
            Err(log.whole())
        }
    }
}
