//! A real redis-server, and a client that plans and sends session commands.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

use bytes::BytesMut;
use sessiond::resp::Protocol;
use sessiond::session::{Call, Plan, Settings, Step, lookup, refusal};

use crate::common::{Client as Wire, Redis, Value, age};

/// A server of its own for a test, which ends with it.
pub(crate) struct Server(Redis);

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    pub(crate) fn with(options: &[&str]) -> Self {
        Self(Redis::with(options))
    }

    pub(crate) fn client(&self) -> Client {
        Client {
            wire: self.0.unix_client(),
            protocol: Protocol::Resp2,
            settings: Settings::default(),
            step: None,
            between: None,
        }
    }
}

/// What happens between two steps of a command.
type Between = Box<dyn FnMut(usize)>;

/// A connection that plans session commands as sessiond does; anything else goes to the server as it is.
pub(crate) struct Client {
    wire: Wire,
    pub(crate) protocol: Protocol,
    pub(crate) settings: Settings,
    /// Sessions per step of commands that work in steps, when not as many as usual.
    pub(crate) step: Option<usize>,
    /// Called with the number of steps done so far, after each but the last.
    pub(crate) between: Option<Between>,
}

impl Deref for Client {
    type Target = Wire;

    fn deref(&self) -> &Wire {
        &self.wire
    }
}

impl DerefMut for Client {
    fn deref_mut(&mut self) -> &mut Wire {
        &mut self.wire
    }
}

impl Client {
    pub(crate) fn resp3(mut self) -> Self {
        self.wire = self.wire.resp3();
        self.protocol = Protocol::Resp3;
        self
    }

    /// A call, as `EVALSHA` and if need be as `EVAL`; the reply as the server gave it.
    pub(crate) fn call(&mut self, call: &Call) -> Vec<u8> {
        let mut out = BytesMut::new();
        call.write_evalsha(&mut out);
        let frame = self.frame_of(&out);
        if !frame.starts_with(b"-NOSCRIPT") {
            return frame;
        }
        out.clear();
        call.write_eval(&mut out);
        self.frame_of(&out)
    }

    /// The frame that answers these bytes.
    fn frame_of(&mut self, request: &[u8]) -> Vec<u8> {
        self.send(request);
        self.raw_reply()
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
                    batch = batch.with_step(step).into();
                }
                let mut parts = batch.begin().into_iter();
                let mut done = 0;
                loop {
                    let part = parts.next().unwrap();
                    out.clear();
                    part.write(&mut out);
                    let frame = self.frame_of(&out);
                    match batch.next(part.number(), &frame, self.protocol) {
                        Step::Done(frame) => return frame.to_vec(),
                        Step::Calls(next) => parts = next.into_iter(),
                        Step::Wait => {}
                    }
                    if frame.starts_with(b"-NOSCRIPT") {
                        continue;
                    }
                    done += 1;
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
        Value::of(&self.frame(name, args))
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
        Value::of(&out)
    }

    /// A new session; its token.
    pub(crate) fn create(&mut self, id: &str, options: &[&str]) -> String {
        let args = [&["app1", id, "127.0.0.1"], options].concat();
        self.session("create", &args).text()
    }

    /// The stored field of a session; empty when there is none.
    pub(crate) fn stored(&mut self, token: &str, field: &str) -> String {
        match self.run(&["HGET", &key(token), field]) {
            Value::NullBulk => String::new(),
            value => value.text(),
        }
    }

    /// Lets a session have been active so many seconds earlier than it was.
    pub(crate) fn age(&mut self, token: &str, seconds: i64) {
        age(&mut self.wire, "app1", token, seconds);
    }

    pub(crate) fn score(&mut self, key: &str, member: &str) -> Option<f64> {
        match self.run(&["ZSCORE", key, member]) {
            Value::NullBulk => None,
            value => Some(value.text().parse().unwrap()),
        }
    }

    /// Every key with its content.
    pub(crate) fn dump(&mut self) -> BTreeMap<String, Value> {
        let keys = self.run(&["KEYS", "*"]);
        keys.items().iter().map(|key| (key.text(), self.run(&["DUMP", &key.text()]))).collect()
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
