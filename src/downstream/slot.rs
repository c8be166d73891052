//! What a client's connection remembers about a request until its reply arrives.

use bytes::{Bytes, BytesMut};

use super::{subscriptions::Confirmations, transaction::Transaction};
use crate::{
    command::{catalog::Merge, change::Change},
    resp::{Protocol, encode, reply},
    session::{Adapt, Call},
};

/// A request whose reply is not simply passed on.
pub enum Slot {
    /// Nobody waits for the reply.
    Drop,
    /// The whole reply goes to the connection's task, and not to the client.
    Capture,
    /// The reply goes to the client, and its beginning to the connection's task.
    Observe,
    /// A script call by digest; repeated with the script's text when the server does not know it.
    Session(Box<Call>),
    /// The repetition of such a call, whose place in the order of replies is kept.
    Again(u64, Adapt),
    /// The reply speaks of the upstream connection; the client's own value takes its place.
    Substitute(Substitute),
    /// The reply speaks of all commands; the session commands are added.
    Merged(Box<Merge>),
    /// Several frames answer.
    Subscription(Confirmations),
    /// Inside a transaction: the server says `QUEUED`, and the effect comes with `EXEC`.
    Queued(Option<Effect>),
    /// A command of a whole transaction: the server says `QUEUED`, or answers at once if there is no transaction.
    Part(Effect),
    /// The `EXEC` of a whole transaction, which has changed nothing but the data.
    Executed(Box<Transaction>),
    /// Inside a transaction: the server refuses, in words that are replaced by these.
    Refused(Bytes),
}

/// A value of the client's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Substitute {
    /// Its id.
    Id(u64),
    /// Its name, as it is when the reply arrives.
    Name,
    /// Its new name, once the server has agreed.
    NewName(Bytes),
}

/// What a queued command does when `EXEC` runs it.
pub enum Effect {
    /// Its reply is a session.
    Adapt(Adapt),
    /// Its reply speaks of the upstream connection.
    Substitute(Substitute),
    /// Its reply speaks of all commands.
    Merge(Box<Merge>),
    /// It changes user, database or protocol.
    Change(Change),
    /// It leaves state on the connection.
    Lasting,
    /// What follows cannot be told apart as replies (a subscription inside a transaction).
    Tunnel,
}

impl Effect {
    /// Appends what the client is told in place of `frame`, the server's answer to a command that was not queued.
    pub fn write(&self, frame: &[u8], name: &[u8], protocol: Protocol, out: &mut BytesMut) {
        match self {
            Self::Adapt(adapt) => adapt.apply(frame, protocol, out),
            Self::Substitute(substitute) => substitute.write(frame, name, protocol, out),
            Self::Merge(_) | Self::Change(_) | Self::Lasting | Self::Tunnel => {
                out.extend_from_slice(frame);
            }
        }
    }
}

impl Substitute {
    /// Appends what the client, which is called `name` so far, is told in place of `frame`.
    pub fn write(&self, frame: &[u8], name: &[u8], protocol: Protocol, out: &mut BytesMut) {
        if reply::is_error(frame) {
            out.extend_from_slice(frame);
            return;
        }
        match self {
            Self::Id(id) => encode::integer(out, i64::try_from(*id).unwrap_or(i64::MAX)),
            Self::Name if name.is_empty() => encode::null(out, protocol),
            Self::Name => encode::bulk(out, name),
            Self::NewName(_) => out.extend_from_slice(frame),
        }
    }
}
