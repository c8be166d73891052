//! A blocking wire client: it sends exactly the bytes it is told to and reads one reply at a time.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::arg::encode;
use super::socket::Socket;
use super::value::Value;

/// How long a reply may take before a test gives up: far beyond what a loaded machine needs.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// One client connection.
pub(crate) struct Client {
    reader: BufReader<Socket>,
    socket: Socket,
}

impl Client {
    /// Connects to a port of this machine.
    pub(crate) fn connect(port: u16) -> Client {
        Client::try_connect(port).unwrap_or_else(|error| panic!("connect to port {port}: {error}"))
    }

    /// Connects, or says why not.
    pub(crate) fn try_connect(port: u16) -> io::Result<Client> {
        Client::over(Socket::tcp(port)?)
    }

    /// Connects to a Unix socket, or says why not.
    pub(crate) fn try_connect_unix(path: &Path) -> io::Result<Client> {
        Client::over(Socket::unix(path)?)
    }

    fn over(socket: Socket) -> io::Result<Client> {
        socket.set_timeout(READ_TIMEOUT)?;
        Ok(Client { reader: BufReader::new(socket.try_clone()?), socket })
    }

    /// The same client after `HELLO 3`.
    pub(crate) fn resp3(mut self) -> Client {
        let hello = self.run(&["HELLO", "3"]);
        assert!(matches!(hello, Value::Map(_)), "HELLO 3 answered {hello}");
        self
    }

    /// Writes bytes as they are.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).unwrap();
    }

    /// Writes bytes as they are, or says why not.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.write_all(bytes)
    }

    /// Writes one command without waiting for its reply.
    pub(crate) fn write<A: super::Arg>(&mut self, args: &[A]) {
        self.send(&encode(args));
    }

    /// Writes from a thread of its own, so that a deep pipeline cannot block on unread replies.
    pub(crate) fn send_aside(&self, chunks: Vec<Vec<u8>>) -> JoinHandle<()> {
        let mut socket = self.socket.try_clone().unwrap();
        thread::spawn(move || {
            for chunk in chunks {
                socket.write_all(&chunk).unwrap();
            }
        })
    }

    /// A second handle on the socket.
    pub(crate) fn duplicate(&self) -> Socket {
        self.socket.try_clone().unwrap()
    }

    /// Sends one command and reads its reply.
    pub(crate) fn run<A: super::Arg>(&mut self, args: &[A]) -> Value {
        self.write(args);
        self.reply()
    }

    /// Sends commands in one write and reads all of their replies.
    pub(crate) fn pipeline(&mut self, commands: &[Vec<Vec<u8>>]) -> Vec<Value> {
        let bytes: Vec<u8> = commands.iter().flat_map(|command| encode(command)).collect();
        let writer = self.send_aside(vec![bytes]);
        let replies = commands.iter().map(|_| self.reply()).collect();
        writer.join().unwrap();
        replies
    }

    /// Reads one reply; a missing one is a failure.
    pub(crate) fn reply(&mut self) -> Value {
        self.try_reply().unwrap_or_else(|error| panic!("no reply: {error}"))
    }

    /// Reads one reply, or says why not.
    pub(crate) fn try_reply(&mut self) -> io::Result<Value> {
        Value::read(&mut self.reader, &mut Vec::new())
    }

    /// Reads the exact bytes of one reply.
    pub(crate) fn raw_reply(&mut self) -> Vec<u8> {
        let mut raw = Vec::new();
        if let Err(error) = Value::read(&mut self.reader, &mut raw) {
            panic!("no whole reply: {error}, got {}", raw.escape_ascii());
        }
        raw
    }

    /// Reads exactly `count` bytes, whatever they are.
    pub(crate) fn read_bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.reader.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Reads one line with its end.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        line
    }

    /// Everything up to the end of the connection, which the other side must bring about.
    pub(crate) fn rest_until_closed(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.reader.read_to_end(&mut rest) {
            Ok(_) => rest,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => rest,
            Err(error) => panic!("connection not closed: {error}, got {}", rest.escape_ascii()),
        }
    }

    /// Says that no more requests come, replies can still be read.
    pub(crate) fn finish_writing(&mut self) {
        self.socket.finish_writing().unwrap();
    }

    /// The client's own address, as `CLIENT LIST` has to show it.
    pub(crate) fn address(&self) -> String {
        self.socket.local_address()
    }

    /// `CLIENT ID`.
    pub(crate) fn id(&mut self) -> i64 {
        self.run(&["CLIENT", "ID"]).int()
    }
}
