//! A sessiond child on a free port, with its log read at the end.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::client::Client;
use super::redis::free_port;
use super::wait::eventually;

/// A running sessiond.
pub(crate) struct Sessiond {
    child: Child,
    port: u16,
    dir: TempDir,
    troubles_expected: bool,
}

impl Sessiond {
    /// Starts sessiond with these options beside `--listen`, and waits until it answers.
    pub(crate) fn start(options: &[&str]) -> Sessiond {
        for _ in 0..5 {
            let dir = TempDir::new().unwrap();
            let port = free_port();
            let child = spawn(port, &dir, options);
            let mut started = Sessiond { child, port, dir, troubles_expected: false };
            if started.ready() {
                return started;
            }
            let log = started.log();
            started.troubles_expected = true;
            assert!(log.contains("in use"), "sessiond {options:?} did not start:\n{log}");
        }
        panic!("sessiond {options:?} found no free port");
    }

    /// The port it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// A client of it.
    pub(crate) fn client(&self) -> Client {
        Client::connect(self.port)
    }

    /// What it has logged until now.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Says that warnings and errors in the log belong to this test; a panic never does.
    pub(crate) fn expect_troubles(&mut self) {
        self.troubles_expected = true;
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        kill_process(self.pid(), Signal::TERM).unwrap();
    }

    /// Waits for the end of the process.
    pub(crate) fn wait_exit(&mut self) -> ExitStatus {
        eventually("sessiond ends", || self.child.try_wait().unwrap())
    }

    /// Resident memory in bytes.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let id = self.child.id();
        if let Ok(status) = fs::read_to_string(format!("/proc/{id}/status")) {
            let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
            return line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024;
        }
        let output = Command::new("ps").args(["-o", "rss=", "-p", &id.to_string()]).output();
        let output = output.expect("resident memory comes from /proc or from ps");
        String::from_utf8_lossy(&output.stdout).trim().parse::<u64>().unwrap() * 1024
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("sessiond.log")
    }

    fn ready(&mut self) -> bool {
        let (child, port) = (&mut self.child, self.port);
        eventually("sessiond answers", || {
            if child.try_wait().unwrap().is_some() {
                return Some(false);
            }
            let mut client = Client::try_connect(port).ok()?;
            client.try_send(b"PING\r\n").ok()?;
            client.try_reply().ok()?;
            Some(true)
        })
    }
}

fn spawn(port: u16, dir: &TempDir, options: &[&str]) -> Child {
    let log = File::create(dir.path().join("sessiond.log")).unwrap();
    Command::new(env!("CARGO_BIN_EXE_sessiond"))
        .args(["--listen", &format!("127.0.0.1:{port}")])
        .args(options)
        .current_dir(dir.path())
        .env("RUST_BACKTRACE", "1")
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

impl Drop for Sessiond {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let log = self.log();
        let trouble = |line: &&str| {
            let reported = line.contains("ERROR") || line.contains("WARN");
            line.contains("panicked at") || (reported && !self.troubles_expected)
        };
        let found: Vec<&str> = log.lines().filter(trouble).collect();
        if std::thread::panicking() {
            eprintln!("--- log of sessiond on port {}:\n{log}---", self.port);
        } else {
            assert!(found.is_empty(), "sessiond reported trouble: {found:#?}");
        }
    }
}
