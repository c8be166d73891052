//! What is said on a new upstream connection before it takes requests, and what the server's answers mean.

use bytes::{Bytes, BytesMut};

use super::key::LaneKey;
use crate::resp::{Protocol, encode};

/// One command of the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// `AUTH`, or `HELLO 3` with or without credentials.
    Authenticate,
    /// `SELECT`.
    Select,
    /// `PING`: shows whether the server wants a password.
    Probe,
}

/// What an answer means for the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Go on.
    Fine,
    /// The server wants credentials that this connection does not have; it takes `AUTH` and refuses the rest.
    Unauthenticated,
    /// The server does not accept the credentials: the user is gone, disabled, or has another password.
    CredentialsRefused(Bytes),
    /// The connection cannot be brought into the state asked for; holds the server's error frame.
    Refused(Bytes),
}

/// The commands that bring a fresh connection into the state of `key`, and their number and kinds.
pub(super) fn commands(key: &LaneKey) -> (BytesMut, Vec<Step>) {
    let mut out = BytesMut::new();
    let mut steps = Vec::with_capacity(3);
    let credentials = key.identity.credentials();
    match (key.protocol, credentials) {
        (Protocol::Resp3, Some((user, password))) => {
            let user = user.unwrap_or(b"default");
            encode::command(&mut out, [&b"HELLO"[..], b"3", b"AUTH", user, password]);
            steps.push(Step::Authenticate);
        }
        (Protocol::Resp3, None) => {
            encode::command(&mut out, [&b"HELLO"[..], b"3"]);
            steps.push(Step::Authenticate);
        }
        (Protocol::Resp2, Some((Some(user), password))) => {
            encode::command(&mut out, [&b"AUTH"[..], user, password]);
            steps.push(Step::Authenticate);
        }
        (Protocol::Resp2, Some((None, password))) => {
            encode::command(&mut out, [&b"AUTH"[..], password]);
            steps.push(Step::Authenticate);
        }
        (Protocol::Resp2, None) => {}
    }
    if key.database != 0 {
        encode::command(&mut out, [&b"SELECT"[..], key.database.to_string().as_bytes()]);
        steps.push(Step::Select);
    }
    encode::command(&mut out, [b"PING"]);
    steps.push(Step::Probe);
    (out, steps)
}

/// Reads the answer to `step`.
pub(super) fn outcome(step: Step, key: &LaneKey, frame: &[u8]) -> Outcome {
    if frame.first() != Some(&b'-') {
        return Outcome::Fine;
    }
    if frame.starts_with(b"-NOAUTH") && !key.identity.is_proven() && key.protocol == Protocol::Resp2
    {
        return Outcome::Unauthenticated;
    }
    let error = Bytes::copy_from_slice(frame);
    match step {
        Step::Authenticate if key.identity.is_proven() => Outcome::CredentialsRefused(error),
        Step::Authenticate | Step::Select => Outcome::Refused(error),
        // NOPERM, LOADING, BUSY, MASTERDOWN: the connection stands, and the server says the same to every request.
        Step::Probe => Outcome::Fine,
    }
}
