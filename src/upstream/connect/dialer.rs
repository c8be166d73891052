//! Opens links: dials the server, says the handshake, starts the driver.

use std::{cell::RefCell, future::Future, io, pin::Pin, rc::Rc, time::Duration};

use bytes::{Bytes, BytesMut};
use tokio::{sync::Notify, task::spawn_local, time::Instant};

use super::{
    handshake::{self, Demands, Greeting, Outcome, Step},
    holdoff::HoldOff,
    talk::{Talk, within},
};
use crate::{
    net::{Stream, reason},
    state::key::LaneKey,
    upstream::{
        backoff,
        doubt::Doubt,
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

impl DialError {
    /// The reason, in the server's words where there are any.
    pub fn words(&self) -> String {
        match self {
            Self::Unreachable(why) => why.clone(),
            Self::Refused(_, frame) | Self::StateRefused(_, frame) => {
                let text = frame.strip_prefix(b"-").unwrap_or(frame);
                String::from_utf8_lossy(text).trim_end().to_owned()
            }
        }
    }
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

    /// Who is told when the server behaves as if another one had taken its place; nobody where there is no other.
    fn doubt(&self) -> Option<Doubt> {
        None
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
    demands: Demands,
    doubt: Option<Doubt>,
    holdoff: RefCell<HoldOff>,
    /// Told when another server has taken the place of the one that is dialled.
    change: Notify,
}

impl Dialer {
    /// One attempt, the handshake included, may take `timeout`. `ready`: the server has to be ready for requests.
    pub(in crate::upstream) fn new(
        server: Rc<dyn Connect>,
        timeout: Duration,
        ready: bool,
    ) -> Self {
        let doubt = server.doubt();
        let demands = Demands { primary: doubt.is_some(), ready };
        let holdoff = RefCell::new(HoldOff::new());
        Self { server, timeout, demands, doubt, holdoff, change: Notify::new() }
    }

    /// Another server has taken the place of the one that was dialled.
    pub(in crate::upstream) fn begin_anew(&self) {
        self.holdoff.borrow_mut().success();
        self.change.notify_waiters();
    }

    /// When the next attempt is made.
    pub(in crate::upstream) fn holds_until(&self) -> Option<Instant> {
        self.holdoff.borrow().until(Instant::now())
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
        let opened = loop {
            let change = self.change.notified();
            tokio::select! {
                opened = self.dial(&key, login) => break opened,
                // Nobody waits for a server that another one has taken the place of.
                () = change => {}
            }
        };
        match &opened {
            Err(DialError::Unreachable(why)) => {
                self.doubt.iter().for_each(Doubt::raise);
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
        let doubt = self.doubt.clone();
        let link = Link::new(greeting.id, key, pinned, standing, doubt, Instant::now());
        spawn_local(drive(link.clone(), stream, input));
        Ok((link, welcome))
    }

    /// What the server says to a `PING` on a fresh connection.
    pub(in crate::upstream) async fn ask(&self) -> Word {
        let ping = async {
            let stream = self.server.connect().await.map_err(|error| reason(&error))?;
            Talk::new(stream).ask(&[b"PING"]).await
        };
        match within(self.timeout, ping).await {
            Ok(frame) if frame.starts_with(b"-BUSY") => Word::Busy,
            Ok(_) => Word::Here,
            Err(_) => Word::None,
        }
    }

    async fn dial(&self, key: &LaneKey, login: Option<&[u8]>) -> Result<Opened, DialError> {
        within(self.timeout, async { Ok(self.greet(key, login).await) })
            .await
            .unwrap_or_else(|why| Err(DialError::Unreachable(why)))
    }

    async fn greet(&self, key: &LaneKey, login: Option<&[u8]>) -> Result<Opened, DialError> {
        let stream = self.server.connect().await;
        let mut talk = Talk::new(stream.map_err(|error| DialError::Unreachable(reason(&error)))?);
        let mut welcome = None;
        if let Some(login) = login {
            // Nothing is said behind it that the server would hear from somebody whom it refuses.
            talk.say(login).await.map_err(DialError::Unreachable)?;
            let frame = talk.hear().await.map_err(DialError::Unreachable)?;
            accepted(handshake::outcome(Step::Authenticate, key, &frame), Step::Authenticate)?;
            welcome = Some(frame);
        }
        let (commands, steps) = handshake::commands(key, login.is_some(), self.demands);
        talk.say(&commands).await.map_err(DialError::Unreachable)?;
        let (mut greeting, mut unauthenticated, mut misplaced) = Default::default();
        for step in steps {
            let frame = talk.hear().await.map_err(DialError::Unreachable)?;
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
        let (stream, input) = talk.end();
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
