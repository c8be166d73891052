//! What a client's connection remembers about a request until its reply arrives.

use bytes::{Bytes, BytesMut};

use super::{clients::Question, subscriptions::Confirmations, transaction::Transaction};
use crate::{
    command::{
        catalog::Merge,
        change::Change,
        client::{Switch, naming::Naming, tracking::Tracking},
    },
    resp::{Protocol, encode, reply},
    session::{Adapt, Call, CallHead},
    upstream::label::Label,
};

/// A request whose reply is not simply passed on.
pub enum Slot {
    /// Nobody waits for the reply.
    Drop,
    /// The whole reply goes to the connection's task, and not to the client.
    Capture,
    /// The reply goes to the client, and its beginning to the connection's task.
    Observe,
    /// A script call by digest; repeated with the script's text when the server does not know it. So many bytes are kept by
    /// the link.
    Session(CallHead, u32),
    /// One of several reads that a call stood for, called alone because the server refused them together.
    Single(u64, Box<Call>),
    /// The repetition of such a call, whose place in the order of replies is kept.
    Again(u64, Adapt),
    /// The reply speaks of the upstream connection; the client's own value takes its place.
    Substitute(Substitute),
    /// The reply speaks of all commands; the session commands are added.
    Merged(Box<Merge>),
    /// The reply is `INFO`; our section is added.
    Section(String),
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

impl Slot {
    /// How many of the client's commands the reply answers.
    pub(super) fn commands(&self) -> u32 {
        match self {
            Self::Session(head, _) => head.adapt().commands(),
            Self::Again(_, adapt) => adapt.commands(),
            _ => 1,
        }
    }
}

/// A value of the client's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Substitute {
    /// Its id.
    Id(u64),
    /// Its name, as it is when the reply arrives.
    Name,
    /// A name that it gives itself, once the server has agreed.
    Naming(Naming),
    /// The client that is told of its invalidated keys.
    Redirect(Option<u64>),
}

/// What a queued command does when `EXEC` runs it.
pub enum Effect {
    /// Its reply is a session.
    Adapt(Adapt),
    /// Its reply speaks of the upstream connection.
    Substitute(Substitute),
    /// Its reply speaks of all commands.
    Merge(Box<Merge>),
    /// Its reply is `INFO`.
    Section(String),
    /// It is a question about clients.
    Question(Question),
    /// This takes the place of its reply.
    Answer(Bytes),
    /// `CLIENT TRACKING`
    Tracking(Tracking),
    /// `CLIENT NO-EVICT` or `NO-TOUCH`
    Switch(Switch, bool),
    /// It changes user, database or protocol.
    Change(Change),
    /// It leaves state on the connection.
    Lasting,
    /// What follows cannot be told apart as replies (a subscription inside a transaction).
    Tunnel,
}

impl Effect {
    /// Appends what the client is told in place of `frame`, the server's answer to a command that was not queued.
    pub fn write(&self, frame: &[u8], label: &Label, protocol: Protocol, out: &mut BytesMut) {
        match self {
            Self::Adapt(adapt) => adapt.apply(frame, protocol, out),
            Self::Substitute(substitute) => substitute.write(frame, label, protocol, out),
            _ => out.extend_from_slice(frame),
        }
    }
}

impl Substitute {
    /// Appends what the client, which is called `label` so far, is told in place of `frame`.
    pub fn write(&self, frame: &[u8], label: &Label, protocol: Protocol, out: &mut BytesMut) {
        if reply::is_error(frame) {
            out.extend_from_slice(frame);
            return;
        }
        match self {
            Self::Id(id) => encode::integer(out, i64::try_from(*id).unwrap_or(i64::MAX)),
            Self::Name if label.name.is_empty() => encode::null(out, protocol),
            Self::Name => encode::bulk(out, &label.name),
            Self::Naming(_) => out.extend_from_slice(frame),
            Self::Redirect(Some(id)) => write_redirect(frame, *id, out),
            Self::Redirect(None) => out.extend_from_slice(frame),
        }
    }
}

/// Appends the reply to `CLIENT GETREDIR` or `TRACKINGINFO` with the id that clients know. Ids that are not positive say
/// that there is no redirection.
fn write_redirect(frame: &[u8], id: u64, out: &mut BytesMut) {
    match reply::as_integer(frame) {
        Some(redirect) if redirect > 0 => {
            encode::integer(out, i64::try_from(id).unwrap_or(i64::MAX));
        }
        _ => write_with_id(frame, b"redirect", id, out),
    }
}

/// Appends a reply that is a map with `id` as the value of `key`, where that is a positive integer so far; other replies as
/// they are.
pub fn write_with_id(frame: &[u8], key: &[u8], id: u64, out: &mut BytesMut) {
    let mut copied = 0;
    if let Some(elements) = reply::elements(frame) {
        let mut at = frame.len() - elements.rest().len();
        let mut name = &b""[..];
        for (index, element) in elements.flatten().enumerate() {
            if index % 2 == 0 {
                name = reply::as_bulk(element).unwrap_or_default();
            } else if name == key && reply::as_integer(element).is_some_and(|value| value > 0) {
                out.extend_from_slice(&frame[copied..at]);
                encode::integer(out, i64::try_from(id).unwrap_or(i64::MAX));
                copied = at + element.len();
            }
            at += element.len();
        }
    }
    out.extend_from_slice(&frame[copied..]);
}
