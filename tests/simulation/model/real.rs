//! A real redis-server of its own on a Unix socket, and connections to it.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::TempDir;

/// What barriers say; those who monitor see it.
pub(super) const BARRIER: &str = "model-barrier";

/// The server. It ends with the value.
pub(super) struct Redis {
    child: Child,
    folder: TempDir,
    admin: Option<BufReader<UnixStream>>,
    /// How many clients it has closed for what they had not read.
    evictions: Arc<AtomicUsize>,
}

impl Redis {
    pub(super) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("redis-server");
        command.args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"]);
        command.arg(folder.path().join("redis.sock")).arg("--dir").arg(folder.path());
        let child = command.stdout(Stdio::piped()).spawn().expect("redis-server is installed");
        let mut redis = Self { child, folder, admin: None, evictions: Arc::default() };
        let mut lines = BufReader::new(redis.child.stdout.take().unwrap()).lines();
        assert!(
            lines.any(|line| line.unwrap().contains("ready to accept connections")),
            "redis-server did not start"
        );
        let evictions = Arc::clone(&redis.evictions);
        // What it logs later must not block it.
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if line.contains("overcoming of output buffer limits") {
                    evictions.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        redis.admin = Some(BufReader::new(redis.dial()));
        let version = redis.administer("HELLO");
        assert!(version.contains("\r\n7.0."), "the model is of Redis 7.0, not of {version}");
        redis
    }

    fn dial(&self) -> UnixStream {
        UnixStream::connect(self.folder.path().join("redis.sock")).unwrap()
    }

    pub(super) fn connect(&self) -> Peer {
        Peer { stream: self.dial(), received: Vec::new(), ended: false }
    }

    /// Says something on the administrator's connection. An error that names its own end shows where the reply ends;
    /// monitors are not shown the command that it is for, so they hear nothing at a time that is left to chance.
    pub(super) fn administer(&mut self, command: &str) -> String {
        let admin = self.admin.as_mut().unwrap();
        let request = format!("{command}\r\nCLIENT LIST TYPE {BARRIER}\r\n");
        admin.get_mut().write_all(request.as_bytes()).unwrap();
        let mut reply = String::new();
        loop {
            let before = reply.len();
            assert_ne!(admin.read_line(&mut reply).unwrap(), 0, "redis-server has ended");
            if reply[before..].contains(BARRIER) && reply[before..].starts_with('-') {
                return reply;
            }
        }
    }

    /// Empties the server; gives the id of the next connection.
    pub(super) fn fresh(&mut self) -> u64 {
        self.barrier();
        for command in [
            "CLIENT UNPAUSE",
            "ACL SETUSER default on nopass",
            "CONFIG SET requirepass x",
            "CONFIG SET requirepass \"\"",
            "ACL DELUSER ann bob cat nobody alice carol",
            "FLUSHALL",
            "SCRIPT FLUSH",
        ] {
            let reply = self.administer(command);
            assert!(!reply.starts_with('-'), "{command}: {reply}");
        }
        let mut peer = self.connect();
        peer.send(b"CLIENT ID\r\n");
        while !peer.received.ends_with(b"\r\n") {
            peer.receive(Duration::from_secs(1));
        }
        let id = String::from_utf8(peer.received.clone()).unwrap();
        drop(peer);
        self.barrier();
        id.trim_matches(&[':', '\r', '\n'][..]).parse::<u64>().unwrap() + 1
    }

    /// Gives the server two turns: what was sent before has been executed, and answered.
    pub(super) fn barrier(&mut self) {
        for _ in 0..2 {
            self.administer("CONFIG GET port");
        }
    }

    /// How many clients the server has closed for what they had not read. Some builds of 7.0.15 close one that has to
    /// say its password again in the middle of a long pipeline.
    pub(super) fn evictions(&self) -> usize {
        self.evictions.load(Ordering::Relaxed)
    }

    /// A command that a pause of any kind holds.
    pub(super) fn wait_for_end_of_pause(&mut self) {
        self.administer(&format!("DEL {BARRIER}"));
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection.
pub(super) struct Peer {
    stream: UnixStream,
    pub(super) received: Vec<u8>,
    /// The server has closed it.
    pub(super) ended: bool,
}

impl Peer {
    pub(super) fn send(&mut self, bytes: &[u8]) {
        // The server may have closed it already.
        let _ = self.stream.write_all(bytes);
    }

    /// Takes what there is, or what comes within this time.
    pub(super) fn receive(&mut self, wait: Duration) {
        let mut buffer = [0; 65_536];
        self.stream.set_nonblocking(wait.is_zero()).unwrap();
        if !wait.is_zero() {
            self.stream.set_read_timeout(Some(wait)).unwrap();
        }
        let result = self.stream.read(&mut buffer);
        self.stream.set_nonblocking(false).unwrap();
        match result {
            Ok(0) => self.ended = true,
            Ok(count) => self.received.extend_from_slice(&buffer[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => self.ended = true,
        }
    }
}
