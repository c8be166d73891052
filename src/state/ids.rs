//! Numbers that must not be mixed up.

use std::fmt;

/// The number by which clients know each other: what `CLIENT ID` tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(pub u64);

/// The number by which the server knows one of our connections; 0 where it does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerId(pub u64);

/// A place in one client's order of replies. Places follow each other and wrap around.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Place(u32);

impl ClientId {
    /// As an integer reply tells it.
    pub fn to_integer(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }
}

impl ServerId {
    /// The id, if the server has told it.
    pub fn known(self) -> Option<Self> {
        Some(self).filter(|id| id.0 > 0)
    }
}

impl Place {
    /// The place `count` further on.
    #[must_use]
    pub fn plus(self, count: u32) -> Self {
        Self(self.0.wrapping_add(count))
    }

    /// How many places this one stands behind `earlier`.
    pub fn since(self, earlier: Self) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_wrap_around() {
        let last = Place(u32::MAX);
        assert_eq!(last.plus(2), Place(1));
        assert_eq!(last.plus(2).since(last), 2);
        assert_eq!(last.since(last), 0);
    }
}
