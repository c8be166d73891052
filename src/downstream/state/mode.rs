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
    /// The next request gets no reply.
    Skip,
    /// No request gets a reply. True between `MULTI` and its end: what the server queues it does not say either.
    Off(bool),
    /// What the server sends cannot be told apart as replies. Bytes pass as they are.
    Blind,
    /// The connection carries the stream of a replica.
    Tunnel(Tunnel),
}

/// How far the stream of a replica has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tunnel {
    /// It has been asked for.
    Asked,
    /// It has begun.
    Open,
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
    /// [`Mode::Skip`]
    Skip,
    /// [`Mode::Off`] outside of a transaction
    Off,
    /// [`Mode::Off`] inside of one
    OffQueueing,
    /// [`Mode::Blind`]
    Blind,
    /// [`Mode::Tunnel`]
    Tunnel,
}

impl Mode {
    /// Its kind; `subscriber`: the client is subscribed to something, in RESP2.
    pub(crate) fn kind(&self, subscriber: bool) -> Kind {
        match self {
            Self::Plain if subscriber => Kind::Subscriber,
            Self::Plain => Kind::Plain,
            Self::Transaction(_) => Kind::Transaction,
            Self::Lost => Kind::Lost,
            Self::Skip => Kind::Skip,
            Self::Off(false) => Kind::Off,
            Self::Off(true) => Kind::OffQueueing,
            Self::Blind => Kind::Blind,
            Self::Tunnel(_) => Kind::Tunnel,
        }
    }

    /// The transaction that commands are queued in.
    pub(crate) fn transaction(&mut self) -> Option<&mut Transaction> {
        match self {
            Self::Transaction(transaction) => Some(transaction),
            _ => None,
        }
    }

    /// Whether requests get no replies, or none that could be told.
    pub(crate) fn is_quiet(&self) -> bool {
        matches!(self, Self::Skip | Self::Off(_) | Self::Blind | Self::Tunnel(_))
    }

    /// How many commands are queued, if there is a transaction.
    pub(crate) fn queued(&self) -> Option<usize> {
        match self {
            Self::Transaction(transaction) => Some(transaction.queued()),
            Self::Lost | Self::Off(true) => Some(0),
            _ => None,
        }
    }
}
