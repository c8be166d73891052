//! What the server makes of a connection besides its key.

/// What was found out about a connection when it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The server answers `NOAUTH` on it, and closes it on large requests.
    pub unauthenticated: bool,
    /// It may be in another database than its key says: the server selects none for a connection that it wants a password
    /// from, nor while a script keeps it busy.
    pub misplaced: bool,
    /// `WAIT` speaks of the last replicated command of its connection (Redis 7.2 and later), and not of the last one of any
    /// kind.
    pub waits_for_writes: bool,
    /// It does not answer a refused login while other replies wait to be written (also since 7.2).
    pub hides_refusals: bool,
}

impl Standing {
    /// Whether the server takes every request on it, in the database of its key.
    #[must_use]
    pub fn is_plain(self) -> bool {
        !self.unauthenticated && !self.misplaced
    }
}
