//! How far a client is from the end of its connection.

/// The client's connection is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// After the replies have been written.
    Politely,
    /// As [`End::Politely`]; the client may still be sending.
    AfterError,
    /// Now.
    Now,
}

/// How far a client is from leaving.
#[derive(Default)]
pub(in crate::downstream) struct Leaving {
    /// It is to be closed.
    pub(in crate::downstream) end: Option<End>,
    /// It sends no more.
    pub(in crate::downstream) eof: bool,
    /// It sends no more, but what it has sent is not read to its end.
    pub(in crate::downstream) gone: bool,
    /// It is asked to leave once its answers are given.
    pub(in crate::downstream) draining: bool,
    pub(in crate::downstream) closing: Closing,
    pub(in crate::downstream) grace: Grace,
}

/// Whether the server has been shown that the client sends no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::downstream) enum Closing {
    #[default]
    No,
    /// It has, and says what it still has to say. A client that waits is told nothing of requests that have no reply.
    Shown,
    /// A request had no reply since then.
    Failed,
    /// It has been told that the client leaves.
    Final,
}

/// How long is waited for a command that may wait, and has others behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::downstream) enum Grace {
    #[default]
    Unused,
    Running,
    Over,
}

impl Leaving {
    /// The client is to be closed.
    pub(in crate::downstream) fn end(&mut self, end: End) {
        self.end.get_or_insert(end);
    }

    /// Whether the client has said that it leaves, or has been asked to.
    pub(in crate::downstream) fn is_leaving(&self) -> bool {
        self.eof || self.draining
    }

    /// Whether nothing is to be sent on the client's own connection any more.
    pub(in crate::downstream) fn is_closing(&self) -> bool {
        self.closing != Closing::No
    }

    /// Whether the client leaves with its own connection.
    pub(in crate::downstream) fn is_final(&self) -> bool {
        matches!(self.closing, Closing::Final | Closing::Failed)
    }

    /// The connection has closed, and all requests had their replies: what the client sent behind them is handled.
    pub(in crate::downstream) fn reopened(&mut self) {
        self.closing = Closing::No;
    }

    /// Whether the client is told of requests that have no reply. If not, it is noted that there was one.
    pub(in crate::downstream) fn tells_failures(&mut self) -> bool {
        if self.closing == Closing::Shown {
            self.closing = Closing::Failed;
        }
        self.closing != Closing::Failed
    }
}
