//! A sessiond child on a port that the system chooses, with its log read at the end.

use std::fs;
use std::process::{Child, Command, ExitStatus};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::client::Client;
use super::log::Log;
use super::wait::eventually;

/// What the log says when clients can come; the port follows.
const LISTENING: &str = "listening on 127.0.0.1:";

/// A running sessiond.
pub(crate) struct Sessiond {
    child: Child,
    port: u16,
    log: Log,
    /// Where it runs: a file that it leaves there goes with it.
    _dir: TempDir,
    troubles_expected: bool,
}

impl Sessiond {
    /// Starts sessiond with these options beside `--listen`, and waits until it listens.
    pub(crate) fn start(options: &[&str]) -> Sessiond {
        let dir = TempDir::new().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_sessiond"));
        command
            .args(["--listen", "127.0.0.1:0"])
            .args(options)
            .current_dir(dir.path())
            .env("RUST_BACKTRACE", "1");
        let (child, log) = Log::spawn(command).unwrap();
        let mut started = Sessiond { child, port: 0, log, _dir: dir, troubles_expected: false };
        let Some(line) = started.log.line_with(LISTENING) else {
            panic!("sessiond {options:?} did not start");
        };
        let (_, address) = line.split_once(LISTENING).unwrap();
        let digits = address.split(|c: char| !c.is_ascii_digit()).next().unwrap();
        started.port = digits.parse().unwrap();
        started
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
        self.log.text()
    }

    /// Says that warnings and errors in the log belong to this test; a panic never does.
    pub(crate) fn expect_troubles(&mut self) {
        self.troubles_expected = true;
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: it has no chance to clean up. All that it has logged.
    pub(crate) fn kill(&mut self) -> String {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.log.whole()
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
}

impl Drop for Sessiond {
    fn drop(&mut self) {
        let log = self.kill();
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
