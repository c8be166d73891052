//! How the keys of sessions are laid out: as the libraries know them, or in buckets that lie each in
//! one slot of a cluster.

use super::identity::UserId;

/// How the keys of sessions are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// As the Node and Elixir libraries name them.
    #[default]
    Libraries,
    /// Spread over the buckets of an app, with the bucket as the hash tag of each key.
    Buckets,
}

impl Layout {
    /// The word used for it in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Layout::Libraries => "libraries",
            Layout::Buckets => "buckets",
        }
    }
}

/// How many buckets an app has: a power of two, at most [`Buckets::MOST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buckets(u16);

impl Buckets {
    /// The most that there can be.
    pub const MOST: u16 = 4096;

    /// So many; `None` for a number that is not allowed.
    #[must_use]
    pub fn new(count: u16) -> Option<Self> {
        (count.is_power_of_two() && count <= Self::MOST).then_some(Self(count))
    }

    /// The number.
    #[must_use]
    pub fn count(self) -> u16 {
        self.0
    }

    /// The bucket of an id: all its sessions are there.
    pub(super) fn of_id(self, id: UserId<'_>) -> Bucket {
        // As a cluster hashes keys, which any client can do.
        let hash = crc16::State::<crc16::XMODEM>::calculate(id.as_bytes());
        Bucket(hash % self.0)
    }

    /// The bucket of this number; where there is none, one that nothing is ever put into.
    pub(super) fn at(self, number: u32) -> Bucket {
        u16::try_from(number).ok().filter(|number| *number < self.0).map_or(Bucket::NONE, Bucket)
    }

    /// The bucket that a key's name says, in four digits.
    pub(super) fn named(self, digits: &[u8]) -> Option<Bucket> {
        let digits = std::str::from_utf8(digits).ok()?;
        let number = digits.parse().ok().filter(|_| digits.bytes().all(|b| b.is_ascii_digit()))?;
        (digits.len() == 4 && number < self.0).then_some(Bucket(number))
    }
}

impl Default for Buckets {
    fn default() -> Self {
        Self(256)
    }
}

/// One of an app's buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Bucket(u16);

impl Bucket {
    /// The bucket of tokens that name none. Its keys have a name that no other bucket's have.
    pub(super) const NONE: Self = Self(Buckets::MOST);

    /// Its number, below [`Buckets::MOST`] unless it is [`Bucket::NONE`].
    pub(super) fn number(self) -> u16 {
        self.0
    }

    /// What follows the app in the names of its keys.
    pub(super) fn tag_end(self) -> &'static [u8; 7] {
        &TAG_ENDS[usize::from(self.0)]
    }
}

/// For each bucket `:NNNN}:`, so that names need not be put together from digits.
static TAG_ENDS: [[u8; 7]; Buckets::MOST as usize + 1] = {
    let mut ends = [*b":none}:"; Buckets::MOST as usize + 1];
    let mut number = 0;
    while number < Buckets::MOST as usize {
        ends[number] = [
            b':',
            b'0' + (number / 1000) as u8,
            b'0' + (number / 100 % 10) as u8,
            b'0' + (number / 10 % 10) as u8,
            b'0' + (number % 10) as u8,
            b'}',
            b':',
        ];
        number += 1;
    }
    ends
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_buckets_are_powers_of_two() {
        for count in [1, 2, 256, 4096] {
            assert_eq!(Buckets::new(count).map(Buckets::count), Some(count));
        }
        for count in [0, 3, 255, 257, 8192] {
            assert_eq!(Buckets::new(count), None, "{count}");
        }
    }

    #[test]
    fn ids_are_hashed_as_a_cluster_hashes_keys() {
        let bucket = |count, id: &str| {
            Buckets::new(count).unwrap().of_id(UserId::parse(id.as_bytes()).unwrap()).number()
        };
        // The check value of CRC-16/XMODEM, and what `CLUSTER KEYSLOT foo` says.
        assert_eq!(bucket(4096, "123456789"), 0x31c3 % 4096);
        assert_eq!(bucket(4096, "foo"), 12182 % 4096);
        assert_eq!(bucket(256, "foo"), 12182 % 256);
        assert_eq!(bucket(1, "foo"), 0);
        // Braces are a part of the id, not a hash tag.
        assert_ne!(bucket(4096, "{foo}"), bucket(4096, "foo"));
    }

    #[test]
    fn names_of_buckets() {
        let buckets = Buckets::new(256).unwrap();
        for (number, end) in [(0, b":0000}:"), (7, b":0007}:"), (255, b":0255}:")] {
            assert_eq!(buckets.at(number).tag_end(), end);
            assert_eq!(buckets.named(&end[1..5]), Some(buckets.at(number)));
        }
        assert_eq!(Buckets::new(4096).unwrap().at(4095).tag_end(), b":4095}:");
        for beyond in [256, 4096, 65_536, 238_327] {
            assert_eq!(buckets.at(beyond).tag_end(), b":none}:");
        }
        for other in ["0256", "9999", "12", "00012", "+012", "none", ""] {
            assert_eq!(buckets.named(other.as_bytes()), None, "{other}");
        }
    }
}
