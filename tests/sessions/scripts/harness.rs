//! A real redis-server, and a client that plans and sends session commands.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command as Process, Stdio};

use bytes::BytesMut;
use sessiond::resp::{Protocol, ReplyScanner, encode, reply};
use sessiond::session::{Call, Plan, Settings, Step, lookup, refusal};

/// A server of its own for a test, which ends with it.
pub(crate) struct Server {
    child: Child,
    dir: tempfile::TempDir,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    pub(crate) fn with(args: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut child = Process::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket", "socket"])
            .args(args)
            .current_dir(dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("redis-server is installed");
        let mut log = BufReader::new(child.stdout.take().unwrap());
        let mut seen = String::new();
        while !seen.contains("eady to accept connections") {
            assert!(log.read_line(&mut seen).unwrap() > 0, "the server ended: {seen}");
        }
        // The log goes on; nobody reads it, and its pipe must not fill up.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { child, dir }
    }

    pub(crate) fn client(&self) -> Client {
        let stream = UnixStream::connect(self.dir.path().join("socket")).unwrap();
        Client {
            stream,
            buffer: Vec::new(),
            protocol: Protocol::Resp2,
            settings: Settings::default(),
            step: None,
            between: None,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A reply.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Int(i64),
    Bool(bool),
    Text(String),
    Bytes(Vec<u8>),
    Error(String),
    Array(Vec<Value>),
    Map(Vec<(Value, Value)>),
}

impl Value {
    pub(crate) fn read(frame: &[u8]) -> Self {
        use reply::Kind;
        let elements =
            || reply::elements(frame).unwrap().map(|element| Self::read(element.unwrap()));
        match reply::kind(frame).unwrap() {
            Kind::Null => Value::Null,
            Kind::Integer => Value::Int(reply::as_integer(frame).unwrap()),
            Kind::Boolean => Value::Bool(frame == b"#t\r\n"),
            Kind::Simple => text(reply::as_simple(frame).unwrap()),
            Kind::Bulk => text(reply::as_bulk(frame).unwrap()),
            Kind::Error | Kind::BulkError => {
                Value::Error(String::from_utf8_lossy(reply::error_text(frame).unwrap()).into())
            }
            Kind::Map => {
                let flat: Vec<_> = elements().collect();
                Value::Map(flat.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect())
            }
            _ => Value::Array(elements().collect()),
        }
    }

    #[track_caller]
    pub(crate) fn int(&self) -> i64 {
        match self {
            Value::Int(value) => *value,
            other => panic!("not an integer: {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn str(&self) -> &str {
        match self {
            Value::Text(value) => value,
            other => panic!("not a text: {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn array(&self) -> &[Value] {
        match self {
            Value::Array(values) => values,
            other => panic!("not an array: {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn error(&self) -> &str {
        match self {
            Value::Error(text) => text,
            other => panic!("not an error: {other:?}"),
        }
    }

    /// A field of a session in RESP2.
    #[track_caller]
    pub(crate) fn field(&self, name: &str) -> &Value {
        let pairs = self.array().chunks(2);
        let mut found = pairs.filter(|pair| pair[0] == text(name.as_bytes()));
        &found.next().unwrap_or_else(|| panic!("no {name} in {self:?}"))[1]
    }

    #[track_caller]
    pub(crate) fn has(&self, name: &str) -> bool {
        self.array().chunks(2).any(|pair| pair[0] == text(name.as_bytes()))
    }
}

pub(crate) fn text(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::Text(text.to_owned()),
        Err(_) => Value::Bytes(bytes.to_vec()),
    }
}

/// What happens between two steps of a command.
type Between = Box<dyn FnMut(usize)>;

/// A connection.
pub(crate) struct Client {
    stream: UnixStream,
    buffer: Vec<u8>,
    pub(crate) protocol: Protocol,
    pub(crate) settings: Settings,
    /// Sessions per step of commands that work in steps, when not as many as usual.
    pub(crate) step: Option<usize>,
    /// Called with the number of steps done so far, after each but the last.
    pub(crate) between: Option<Between>,
}

impl Client {
    pub(crate) fn resp3(mut self) -> Self {
        self.run(&["HELLO", "3"]);
        self.protocol = Protocol::Resp3;
        self
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.stream.write_all(bytes).unwrap();
        let mut scanner = ReplyScanner::new();
        loop {
            if let Some(len) = scanner.scan(&self.buffer).unwrap() {
                return self.buffer.drain(..len).collect();
            }
            let mut chunk = [0; 65536];
            let len = self.stream.read(&mut chunk).unwrap();
            assert!(len > 0, "the server closed the connection");
            self.buffer.extend_from_slice(&chunk[..len]);
        }
    }

    /// Any command of the server.
    pub(crate) fn run<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Value {
        let mut out = BytesMut::new();
        encode::command(&mut out, args);
        Value::read(&self.send(&out))
    }

    /// A call, as `EVALSHA` and if need be as `EVAL`; the reply as the server gave it.
    pub(crate) fn call(&mut self, call: &Call) -> Vec<u8> {
        let mut out = BytesMut::new();
        call.write_evalsha(&mut out);
        let frame = self.send(&out);
        if !frame.starts_with(b"-NOSCRIPT") {
            return frame;
        }
        out.clear();
        call.write_eval(&mut out);
        self.send(&out)
    }

    /// A session command; the reply as a client would get it.
    pub(crate) fn frame<A: AsRef<[u8]>>(&mut self, name: &str, args: &[A]) -> Vec<u8> {
        let args: Vec<&[u8]> = args.iter().map(AsRef::as_ref).collect();
        let command = lookup(format!("session.{name}").as_bytes()).unwrap();
        let mut out = BytesMut::new();
        match command.plan(&self.settings, &args) {
            Err(error) => refusal::write_error(&error, &mut out),
            Ok(Plan::Lines(lines)) => refusal::write_lines(&lines, &mut out),
            Ok(Plan::Script(call)) => {
                let frame = self.call(&call);
                call.adapt().apply(&frame, self.protocol, &mut out);
            }
            Ok(Plan::Batched(mut batch)) => {
                if let Some(step) = self.step {
                    batch = batch.with_step(step);
                }
                let mut call = batch.first();
                for done in 1.. {
                    let frame = self.call(&call);
                    match batch.next(&frame, self.protocol) {
                        Step::Done(frame) => return frame.to_vec(),
                        Step::Call(next) => call = next,
                    }
                    if let Some(between) = &mut self.between {
                        between(done);
                    }
                    assert!(done < 10_000, "{name} does not end");
                }
            }
        }
        out.to_vec()
    }

    /// A session command.
    pub(crate) fn session<A: AsRef<[u8]>>(&mut self, name: &str, args: &[A]) -> Value {
        Value::read(&self.frame(name, args))
    }

    /// A session command in one call, as inside MULTI.
    pub(crate) fn whole<A: AsRef<[u8]>>(&mut self, name: &str, args: &[A]) -> Value {
        let args: Vec<&[u8]> = args.iter().map(AsRef::as_ref).collect();
        let command = lookup(format!("session.{name}").as_bytes()).unwrap();
        let Ok(Plan::Batched(batch)) = command.plan(&self.settings, &args) else {
            panic!("{name} does not work in steps");
        };
        let call = batch.whole();
        let frame = self.call(&call);
        let mut out = BytesMut::new();
        call.adapt().apply(&frame, self.protocol, &mut out);
        Value::read(&out)
    }

    /// A new session; its token.
    pub(crate) fn create(&mut self, id: &str, options: &[&str]) -> String {
        let args = [&["app1", id, "127.0.0.1"], options].concat();
        self.session("create", &args).str().to_owned()
    }

    pub(crate) fn now(&mut self) -> i64 {
        self.run(&["TIME"]).array()[0].str().parse().unwrap()
    }

    /// The stored field of a session; empty when there is none.
    pub(crate) fn stored(&mut self, token: &str, field: &str) -> String {
        match self.run(&["HGET", &key(token), field]) {
            Value::Null => String::new(),
            value => value.str().to_owned(),
        }
    }

    /// Lets a session have been active so many seconds earlier than it was.
    pub(crate) fn age(&mut self, token: &str, seconds: i64) {
        let id = self.stored(token, "id");
        let by = (-seconds).to_string();
        self.run(&["HINCRBY", &key(token), "la", &by]);
        self.run(&["ZINCRBY", "rs:app1:_sessions", &by, &format!("{token}:{id}")]);
        self.run(&["ZINCRBY", "rs:app1:_users", &by, &id]);
        self.run(&["ZINCRBY", "rs:SESSIONS", &by, &format!("app1:{token}:{id}")]);
    }

    pub(crate) fn score(&mut self, key: &str, member: &str) -> Option<f64> {
        match self.run(&["ZSCORE", key, member]) {
            Value::Null => None,
            value => Some(value.str().parse().unwrap()),
        }
    }

    /// Every key with its content.
    pub(crate) fn dump(&mut self) -> BTreeMap<String, Value> {
        let keys = self.run(&["KEYS", "*"]);
        keys.array()
            .iter()
            .map(|key| (key.str().to_owned(), self.run(&["DUMP", key.str()])))
            .collect()
    }
}

/// The key of a session of `app1`.
pub(crate) fn key(token: &str) -> String {
    format!("rs:app1:{token}")
}

/// A token of one letter over and over, for sessions that other clients wrote.
pub(crate) fn token_of(letter: char) -> String {
    letter.to_string().repeat(64)
}
