//! What a client remembers about a request until its reply arrives.

use bytes::Bytes;

use crate::{
    command::{
        catalog::Merge,
        change::{Change, HelloOptions},
        client::{ReplyMode, Switch, line::Form, tracking::Tracking},
        info::Wanted,
        pause::Pausing,
        table::State,
    },
    downstream::{
        ports::To,
        registry::question::Inquiry,
        state::{
            subscriptions::Confirmations,
            substitute::Substitute,
            transaction::{Effect, Transaction},
        },
    },
    session::{Adapt, Batch, Call, CallHead},
};

/// What the reply to a request means. Whatever it means is applied when it is delivered.
pub(crate) enum Meaning {
    /// It ends a wait of any length.
    Waited,
    /// A script call by digest; repeated with the script's text when the server does not know it.
    Call(CallHead),
    /// One of several reads that a call stood for, called alone because the server refused them together.
    Single(Box<Call>),
    /// The repetition of a call.
    Again(Adapt),
    /// A session command that works in steps, of which each reply for this place answers one call.
    Batch(Box<Batch>),
    /// The reply speaks of the upstream connection; the client's own value takes its place.
    Substitute(Box<Substitute>),
    /// The reply speaks of all commands; the session commands are added.
    Merged(Box<Merge>),
    /// `INFO`, with what is true of clients in it.
    Info(Wanted),
    /// Several frames answer.
    Subscription(Confirmations),
    /// Inside a transaction: the server says `QUEUED`, and the effect comes with `EXEC`.
    Queued(Option<Box<Effect>>),
    /// A command of a whole transaction: the server says `QUEUED`, or answers at once if there is no transaction.
    Part(Box<Effect>),
    /// The `EXEC` of a whole transaction, which has changed nothing but the data.
    Executed(Box<Transaction>),
    /// The server refuses, in words that are replaced by these.
    Refused(Box<Bytes>),
    /// `WAIT` without a mark of what has been written: only that it is refused can be true. Else this is told.
    Distrusted(Box<Bytes>),
    /// `AUTH`, `HELLO`, `SELECT` or `RESET`; no change that we know of when the server has understood what we have not.
    Change(State, Option<Box<Change>>, HelloOptions),
    /// `MULTI`
    Begun,
    /// `WATCH` of so many keys.
    Watched(u32),
    /// `UNWATCH`
    Unwatched,
    /// `DISCARD`
    Discarded,
    /// `EXEC`
    Executing,
    /// `DISCARD` in place of an `EXEC` whose watched keys may have changed.
    Aborting,
    /// A command that leaves state that is not told apart, unless it is refused.
    Lasting,
    /// A command of this name, of which the server has been asked whether it leaves state.
    Unknown(Box<Bytes>),
    /// `MONITOR`
    Monitoring,
    /// `CLIENT NO-EVICT` or `NO-TOUCH`
    Switched(Switch, bool),
    /// `CLIENT TRACKING`, with its request as long as only its arguments are being judged.
    Tracking(Box<Tracking>, Option<Box<Bytes>>),
    /// `CLIENT INFO` shows how lines look, for the lists that a transaction with this reply has asked for.
    ExecutedForm(Box<(Transaction, Bytes)>),
    /// `CLIENT REPLY` is allowed: from here on these replies are given.
    Quiet(ReplyMode),
    /// `CLIENT PAUSE` or `UNPAUSE`
    Paused(Pausing),
    /// A command after which the server's word on credentials is old.
    Revoked,
    /// A command after which the server may have other commands.
    CommandsChanged,
    /// `CLIENT LIST`, `INFO` or `KILL`, of which the server judges the words.
    Inquiry(Box<Inquiry>),
    /// The same; its lines are to look like the one that answers this. The server's reply to the question is here.
    Form(Box<Inquiry>, Box<Bytes>),
    /// What other clients say is awaited.
    Asking(Box<Asking>),
    /// A request of our own among the client's, who is shown nothing of it.
    Ours(Ours),
}

/// A reply that other clients have a part in.
pub(crate) enum Asking {
    /// The answer to a question, with the server's reply to it and the form of its lines.
    Inquiry(Inquiry, Bytes, Form),
    /// `INFO`, as the server answers it.
    Info(Wanted, Bytes),
    /// The request at the front of the input, which is not sent yet.
    Front,
    /// `CLIENT UNBLOCK`, which is sent when the server's id of a client is known.
    Unblock(Bytes),
    /// `CLIENT TRACKING`, which is sent when its target keeps a connection.
    Tracking(Tracking, Bytes),
    /// A transaction that has been executed, with the server's reply.
    Transaction(Transaction, Bytes),
}

/// A request of our own among the client's.
pub(crate) enum Ours {
    /// A sign of life of a client that the server wanted a password from.
    Admission(To),
    /// A sign of life behind `RESET`: it shows whether the server wants a password again.
    Expulsion,
    /// A mark of what has been written, for `WAIT`.
    Mark,
    /// `HELLO` without the name in it: only if the server accepts it, it is what the client has asked for.
    Hello(Box<Change>),
    /// `SELECT`, said once more for a client whose database the server did not select before.
    Placed,
    /// `COMMAND INFO` of a command that is not known.
    Command(Bytes),
}

impl Meaning {
    /// How many of the client's commands the reply answers.
    pub(crate) fn commands(&self) -> u32 {
        match self {
            Self::Call(head) => head.adapt().commands(),
            Self::Again(adapt) => adapt.commands(),
            _ => 1,
        }
    }

    /// Whether the server has answered the request once, and what is awaited now comes of that.
    pub(crate) fn is_answered(&self) -> bool {
        matches!(self, Self::Asking(_) | Self::Single(_) | Self::Again(_))
    }

    /// Whether a large reply may be passed on in parts.
    pub(crate) fn takes_parts(&self, is_plain_transaction: bool) -> bool {
        match self {
            Self::Waited | Self::Lasting | Self::Unknown(_) => true,
            Self::Executing => is_plain_transaction,
            _ => false,
        }
    }
}
