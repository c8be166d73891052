//! Opens links: dials the server, says the handshake, starts the driver.

use std::{cell::RefCell, future::Future, io, pin::Pin, rc::Rc, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::spawn_local,
    time::{Instant, timeout},
};

use super::{
    handshake::{self, Greeting, Outcome, Step},
    holdoff::HoldOff,
};
use crate::{
    net::{Stream, reason},
    resp::{ReplyScanner, encode},
    state::key::LaneKey,
    upstream::{
        backoff,
        link::{Link, Standing, driver::drive, receiver::Receiver},
    },
};

/// Why there is no upstream connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// The server could not be reached, or closed the connection at once.
    #[error("{0}")]
    Unreachable(String),
    /// The server refuses the state asked for; holds what it was told and its error frame.
    #[error("the server refused the connection")]
    Refused(Step, Bytes),
    /// The server does not allow anybody to be what was asked for (any more); holds what it was told and its error frame.
    #[error("the server does not accept the user or the database")]
    StateRefused(Step, Bytes),
}

/// A connection that is being made.
pub type Connecting = Pin<Box<dyn Future<Output = io::Result<Stream>>>>;

/// The way to a server.
pub trait Connect {
    /// Makes a connection, within the time that one attempt may take.
    fn connect(&self) -> Connecting;

    /// A random number, to drift apart from other processes by when there are attempts to repeat.
    fn random(&self) -> u32 {
        backoff::random()
    }
}

/// Whether a server is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::upstream) enum Word {
    /// It answers.
    Here,
    /// It is kept busy by a script.
    Busy,
    /// It cannot be reached, or is silent.
    None,
}

/// Opens connections to one server, and holds back while it cannot be reached.
pub(in crate::upstream) struct Dialer {
    server: Rc<dyn Connect>,
    timeout: Duration,
    holdoff: RefCell<HoldOff>,
}

impl Dialer {
    /// One attempt, the handshake included, may take `timeout`.
    pub(in crate::upstream) fn new(server: Rc<dyn Connect>, timeout: Duration) -> Self {
        Self { server, timeout, holdoff: RefCell::new(HoldOff::new()) }
    }

    /// Why no attempt is made at present, if none is.
    pub(in crate::upstream) fn holds(&self) -> Option<DialError> {
        let holdoff = self.holdoff.borrow();
        holdoff.holds(Instant::now()).map(|why| DialError::Unreachable(why.to_owned()))
    }

    /// Opens a link in the state of `key`. `login` is what a client has said to become what the key says: it is said in
    /// place of our own `AUTH`, and the server's answer is given back with the link.
    pub(in crate::upstream) async fn open<R: Receiver>(
        &self,
        key: Rc<LaneKey>,
        pinned: bool,
        login: Option<&[u8]>,
    ) -> Result<(Rc<Link<R>>, Option<Bytes>), DialError> {
        if let Some(error) = self.holds() {
            return Err(error);
        }
        let opened = self.in_time(self.dial(&key, login)).await;
        match &opened {
            Err(DialError::Unreachable(why)) => {
                self.holdoff.borrow_mut().failure(Instant::now(), why, self.server.random());
            }
            _ => self.holdoff.borrow_mut().success(),
        }
        let Opened { stream, input, welcome, greeting, unauthenticated, misplaced } = opened?;
        if let Some(error) = misplaced.as_ref().filter(|_| !pinned && !unauthenticated) {
            return Err(DialError::Refused(Step::Select, error.clone()));
        }
        let standing = Standing {
            unauthenticated,
            misplaced: misplaced.is_some(),
            waits_for_writes: greeting.is_recent,
            hides_refusals: greeting.is_recent,
        };
        let link = Link::new(greeting.id, key, pinned, standing, Instant::now());
        spawn_local(drive(link.clone(), stream, input));
        Ok((link, welcome))
    }

    /// What the server says to a `PING` on a fresh connection.
    pub(in crate::upstream) async fn ask(&self) -> Word {
        let ping = async {
            let mut stream = self.server.connect().await.map_err(unreachable)?;
            let mut request = BytesMut::new();
            encode::command(&mut request, [b"PING"]);
            say(&mut stream, &request).await?;
            reply(&mut stream, &mut BytesMut::new()).await
        };
        match self.in_time(ping).await {
            Ok(frame) if frame.starts_with(b"-BUSY") => Word::Busy,
            Ok(_) => Word::Here,
            Err(_) => Word::None,
        }
    }

    async fn in_time<T>(
        &self,
        attempt: impl Future<Output = Result<T, DialError>>,
    ) -> Result<T, DialError> {
        timeout(self.timeout, attempt).await.unwrap_or_else(|_| {
            let seconds = self.timeout.as_secs_f64();
            Err(DialError::Unreachable(format!("timed out after {seconds} s")))
        })
    }

    async fn dial(&self, key: &LaneKey, login: Option<&[u8]>) -> Result<Opened, DialError> {
        let mut stream = self.server.connect().await.map_err(unreachable)?;
        let (mut input, mut welcome) = (BytesMut::new(), None);
        if let Some(login) = login {
            // Nothing is said behind it that the server would hear from somebody whom it refuses.
            say(&mut stream, login).await?;
            let frame = reply(&mut stream, &mut input).await?;
            accepted(handshake::outcome(Step::Authenticate, key, &frame), Step::Authenticate)?;
            welcome = Some(frame);
        }
        let (commands, steps) = handshake::commands(key, login.is_some());
        say(&mut stream, &commands).await?;
        let (mut greeting, mut unauthenticated, mut misplaced) = Default::default();
        for step in steps {
            let frame = reply(&mut stream, &mut input).await?;
            match accepted(handshake::outcome(step, key, &frame), step)? {
                Outcome::Fine if step == Step::Probe => greeting = Greeting::of(&frame),
                Outcome::Unauthenticated => {
                    unauthenticated = true;
                    if step == Step::Select {
                        misplaced = Some(frame);
                    }
                }
                Outcome::Misplaced(error) => misplaced = Some(error),
                _ => {}
            }
        }
        Ok(Opened { stream, input, welcome, greeting, unauthenticated, misplaced })
    }
}

struct Opened {
    stream: Stream,
    input: BytesMut,
    /// The server's answer to a client's login.
    welcome: Option<Bytes>,
    greeting: Greeting,
    unauthenticated: bool,
    /// The server's error to `SELECT`.
    misplaced: Option<Bytes>,
}

/// The outcome of a step, unless the connection is of no use then.
fn accepted(outcome: Outcome, step: Step) -> Result<Outcome, DialError> {
    match outcome {
        Outcome::Closed(why) => Err(DialError::Unreachable(why)),
        Outcome::StateRefused(error) => Err(DialError::StateRefused(step, error)),
        Outcome::Refused(error) => Err(DialError::Refused(step, error)),
        usable => Ok(usable),
    }
}

fn unreachable(error: io::Error) -> DialError {
    DialError::Unreachable(reason(&error))
}

async fn say(stream: &mut Stream, bytes: &[u8]) -> Result<(), DialError> {
    stream.write_all(bytes).await.map_err(unreachable)?;
    stream.flush().await.map_err(unreachable)
}

/// Reads one complete reply.
async fn reply(stream: &mut Stream, input: &mut BytesMut) -> Result<Bytes, DialError> {
    let mut scanner = ReplyScanner::new();
    loop {
        match scanner.scan(input) {
            Ok(Some(len)) => return Ok(input.split_to(len).freeze()),
            Ok(None) => {}
            Err(_) => return Err(DialError::Unreachable("not a Redis server".to_owned())),
        }
        match stream.read_buf(input).await {
            Ok(0) => return Err(DialError::Unreachable(last_words(input))),
            Ok(_) => {}
            Err(error) => return Err(unreachable(error)),
        }
    }
}

/// What the server said before it hung up (such as that it has too many clients).
fn last_words(input: &mut BytesMut) -> String {
    if input.first() == Some(&b'-') {
        input.advance(1);
        return String::from_utf8_lossy(input).trim_end().to_owned();
    }
    "the server closed the connection".to_owned()
}
