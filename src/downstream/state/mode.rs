//! How a client's requests are to be understood.

use super::transaction::Transaction;

/// What a client is in the middle of.
#[derive(Default)]
pub(crate) enum Mode {
    /// Nothing: every request is answered for itself.
    #[default]
    Plain,
    /// Commands are being queued.
    Transaction(Box<Transaction>),
    /// A transaction was begun whose connection is gone: nothing runs until it is executed or discarded.
    Lost,
    /// The connection carries the stream of a replica.
    Tunnel(Tunnel),
}

/// How far the stream of a replica has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tunnel {
    /// It has been asked for. True when the client is not told that it is refused.
    Asked(bool),
    /// It has begun.
    Open,
}

/// Which replies the client is not given. The server gives all of them: so what they mean is known, and what is left out is
/// left out here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Quiet {
    /// None are left out.
    #[default]
    No,
    /// That to the next request.
    Next,
    /// All.
    Always,
}

/// The kind of a [`Mode`], as decisions go by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// [`Mode::Plain`]
    Plain,
    /// [`Mode::Plain`] of a subscriber in RESP2, who may say little.
    Subscriber,
    /// [`Mode::Transaction`]
    Transaction,
    /// [`Mode::Lost`]
    Lost,
}

impl Mode {
    /// Its kind; `subscriber`: the client is subscribed to something, in RESP2.
    pub(crate) fn kind(&self, subscriber: bool) -> Kind {
        match self {
            Self::Plain if subscriber => Kind::Subscriber,
            // What a stream carries is not understood as requests.
            Self::Plain | Self::Tunnel(_) => Kind::Plain,
            Self::Transaction(_) => Kind::Transaction,
            Self::Lost => Kind::Lost,
        }
    }

    /// The transaction that commands are queued in.
    pub(crate) fn transaction(&mut self) -> Option<&mut Transaction> {
        match self {
            Self::Transaction(transaction) => Some(transaction),
            _ => None,
        }
    }

    /// How many commands are queued, if there is a transaction.
    pub(crate) fn queued(&self) -> Option<usize> {
        match self {
            Self::Transaction(transaction) => Some(transaction.queued()),
            Self::Lost => Some(0),
            _ => None,
        }
    }
}
