//! Opens links: dials the server, says the handshake, starts the driver.

use std::{cell::RefCell, io, rc::Rc, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::spawn_local,
    time::{Instant, timeout},
};

use super::{
    dial::{self, ReadHalf, WriteHalf},
    handshake::{self, Outcome, Step},
    holdoff::HoldOff,
};
use crate::{
    resp::ReplyScanner,
    state::key::LaneKey,
    upstream::{
        address::Endpoint,
        link::{Link, driver::drive, receiver::Receiver},
    },
};

/// Why there is no upstream connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// The server could not be reached, or closed the connection at once.
    #[error("{0}")]
    Unreachable(String),
    /// The server refuses the state asked for; holds its error frame.
    #[error("the server refused the connection")]
    Refused(Bytes),
    /// The server no longer allows a client to be what it was; holds its error frame.
    #[error("the server no longer accepts the user or the database")]
    StateRefused(Bytes),
}

/// Opens connections to one server, and holds back while it cannot be reached.
#[derive(Debug)]
pub(in crate::upstream) struct Dialer {
    endpoint: Endpoint,
    timeout: Duration,
    holdoff: RefCell<HoldOff>,
}

impl Dialer {
    pub(in crate::upstream) fn new(endpoint: Endpoint, timeout: Duration) -> Self {
        Self { endpoint, timeout, holdoff: RefCell::new(HoldOff::new()) }
    }

    /// Opens a link in the state of `key`.
    pub(in crate::upstream) async fn open<R: Receiver>(
        &self,
        key: Rc<LaneKey>,
        exclusive: bool,
    ) -> Result<Rc<Link<R>>, DialError> {
        if let Some(why) = self.holdoff.borrow().holds(Instant::now()) {
            return Err(DialError::Unreachable(why.to_owned()));
        }
        let opened = match timeout(self.timeout, self.dial(&key)).await {
            Ok(opened) => opened,
            Err(_) => Err(DialError::Unreachable(format!(
                "timed out after {} s",
                self.timeout.as_secs_f64()
            ))),
        };
        match &opened {
            Err(DialError::Unreachable(why)) => {
                self.holdoff.borrow_mut().failure(Instant::now(), why);
            }
            _ => self.holdoff.borrow_mut().success(),
        }
        let Opened { read, write, input, id, unauthenticated, misplaced } = opened?;
        if let Some(error) = misplaced.as_ref().filter(|_| !exclusive && !unauthenticated) {
            return Err(DialError::Refused(error.clone()));
        }
        let link = Link::new(id, key, exclusive, unauthenticated, misplaced.is_some());
        spawn_local(drive(link.clone(), read, write, input));
        Ok(link)
    }

    async fn dial(&self, key: &LaneKey) -> Result<Opened, DialError> {
        let unreachable = |error: io::Error| DialError::Unreachable(dial::reason(&error));
        let stream =
            dial::connect(&self.endpoint.address, self.endpoint.tls.as_ref(), self.timeout)
                .await
                .map_err(unreachable)?;
        let (mut read, mut write) = stream.into_split();
        let (commands, steps) = handshake::commands(key);
        write.write_all(&commands).await.map_err(unreachable)?;
        write.flush().await.map_err(unreachable)?;
        let mut input = BytesMut::new();
        let (mut id, mut unauthenticated, mut misplaced) = (0, false, None);
        for step in steps {
            let frame = reply(&mut read, &mut input).await?;
            match handshake::outcome(step, key, &frame) {
                Outcome::Fine if step == Step::Probe => id = handshake::id(&frame),
                Outcome::Fine => {}
                Outcome::Unauthenticated => {
                    unauthenticated = true;
                    if step == Step::Select {
                        misplaced = Some(frame);
                    }
                }
                Outcome::Misplaced(error) => misplaced = Some(error),
                Outcome::Closed(why) => return Err(DialError::Unreachable(why)),
                Outcome::StateRefused(error) => return Err(DialError::StateRefused(error)),
                Outcome::Refused(error) => return Err(DialError::Refused(error)),
            }
        }
        Ok(Opened { read, write, input, id, unauthenticated, misplaced })
    }
}

struct Opened {
    read: ReadHalf,
    write: WriteHalf,
    input: BytesMut,
    /// The server's id of the connection; 0 when it does not tell.
    id: u64,
    unauthenticated: bool,
    /// The server's error to `SELECT`.
    misplaced: Option<Bytes>,
}

/// Reads one complete reply.
async fn reply(read: &mut ReadHalf, input: &mut BytesMut) -> Result<Bytes, DialError> {
    let mut scanner = ReplyScanner::new();
    loop {
        match scanner.scan(input) {
            Ok(Some(len)) => return Ok(input.split_to(len).freeze()),
            Ok(None) => {}
            Err(_) => return Err(DialError::Unreachable("not a Redis server".to_owned())),
        }
        match read.read_buf(input).await {
            Ok(0) => return Err(DialError::Unreachable(last_words(input))),
            Ok(_) => {}
            Err(error) => return Err(DialError::Unreachable(dial::reason(&error))),
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
