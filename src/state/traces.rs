//! What a connection may bear that its key does not say, and the proof that it bears nothing.

/// Traces that requests have left on a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traces(u16);

impl Traces {
    /// Keys are watched.
    pub const WATCHING: Self = Self(1);
    /// A transaction is open, or may be.
    pub const TRANSACTION: Self = Self(1 << 1);
    /// It is subscribed to something.
    pub const SUBSCRIBED: Self = Self(1 << 2);
    /// Replies are switched off, or what it sends are not replies.
    pub const QUIET: Self = Self(1 << 3);
    /// Replies are still to come, or a request is not sent whole.
    pub const UNANSWERED: Self = Self(1 << 4);
    /// State that is not told apart any further: it goes with the connection only.
    pub const LASTING: Self = Self(1 << 5);
    /// Others' invalidations are sent to it.
    pub const TARGET: Self = Self(1 << 6);
    /// Somebody was told its id, and may still use that.
    pub const KNOWN: Self = Self(1 << 7);
    /// Its key was changed on it, and no other connection has shown yet that the server lets one be brought there.
    pub const MOVED: Self = Self(1 << 8);

    /// Whether there is any of `other`.
    #[must_use]
    pub fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// With `other` or without.
    #[must_use]
    pub const fn with(self, other: Self, on: bool) -> Self {
        if on { Self(self.0 | other.0) } else { Self(self.0 & !other.0) }
    }
}

/// The proof that nothing but its key tells a connection from a fresh one. It can be made from an account of its traces only.
#[derive(Debug)]
pub struct Clean(());

impl Clean {
    /// The proof, if there are no traces.
    #[must_use]
    pub fn of(traces: Traces) -> Option<Self> {
        traces.is_empty().then_some(Self(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_trace_denies_the_proof() {
        assert!(Clean::of(Traces::default()).is_some());
        for bit in 0..9 {
            assert!(Clean::of(Traces(1 << bit)).is_none());
        }
        let both = Traces::WATCHING.with(Traces::LASTING, true);
        assert!(both.any(Traces::LASTING) && !both.any(Traces::QUIET));
        assert!(both.with(Traces::WATCHING, false).with(Traces::LASTING, false).is_empty());
    }
}
