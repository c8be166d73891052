//! A request that is too large to be held whole.

use bytes::Bytes;

/// The largest part of a request that is held in memory before it is passed on in parts.
pub(in crate::downstream) const LARGE_REQUEST: usize = 1 << 20;

/// A request that is not held whole.
#[derive(Debug, Default)]
pub(in crate::downstream) enum Large {
    /// There is none.
    #[default]
    None,
    /// It is passed on.
    Passing,
    /// It is read to its end and forgotten; then this answers it.
    Swallowing(Box<Bytes>),
    /// It has to be looked at, and is held as long as it can be.
    Held,
}

impl Large {
    /// Whether one has begun and not ended.
    pub(in crate::downstream) fn is_under_way(&self) -> bool {
        matches!(self, Self::Passing | Self::Swallowing(_))
    }
}
