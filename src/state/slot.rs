//! Hash slots of a cluster: which slot a key is in.

/// One of the 16,384 hash slots that the keys of a cluster are divided into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(u16);

impl Slot {
    /// How many slots there are (`CLUSTER_SLOTS` in cluster.h).
    pub const COUNT: u16 = 1 << 14;

    /// The slot with this number; `None` when there is none.
    #[must_use]
    pub fn new(number: u16) -> Option<Self> {
        (number < Self::COUNT).then_some(Self(number))
    }

    /// The slot of a key (`keyHashSlot` in cluster.c).
    #[must_use]
    pub fn of(key: &[u8]) -> Self {
        Self(crc16(hashed(key)) % Self::COUNT)
    }

    /// The slot's number.
    #[must_use]
    pub fn number(self) -> u16 {
        self.0
    }

    /// The slot's number as a place in a table of all slots.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// The part of a key that is hashed: what stands between the first `{` and the next `}`, unless that is nothing.
fn hashed(key: &[u8]) -> &[u8] {
    let tag = || {
        let start = memchr::memchr(b'{', key)? + 1;
        let len = memchr::memchr(b'}', &key[start..])?;
        (len > 0).then(|| &key[start..start + len])
    };
    tag().unwrap_or(key)
}

/// CRC-16/XMODEM: polynomial 0x1021, begins with 0, nothing reflected (crc16.c).
fn crc16(bytes: &[u8]) -> u16 {
    crc16::State::<crc16::XMODEM>::calculate(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_the_algorithm() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(crc16(b""), 0);
    }

    /// As `CLUSTER KEYSLOT` answers.
    #[test]
    fn keys_are_in_the_slots_that_the_server_says() {
        for (key, slot) in [
            (&b""[..], 0),
            (b"a", 15495),
            (b"foo", 12182),
            (b"somekey", 11058),
            (b"foo{hash_tag}", 2515),
            (b"hash_tag", 2515),
            (b"{user1000}.following", 3443),
            (b"user1000", 3443),
            (b"foo{}{bar}", 8363),
            (b"foo{{bar}}zap", 4015),
            (b"foo{bar}{zap}", 5061),
            (b"bar", 5061),
        ] {
            assert_eq!(Slot::of(key).number(), slot, "{}", key.escape_ascii());
        }
    }

    #[test]
    fn only_the_first_tag_counts_and_only_when_it_is_closed_and_not_empty() {
        assert_eq!(Slot::of(b"x{a}{b}"), Slot::of(b"a"));
        assert_eq!(Slot::of(b"}x{a}"), Slot::of(b"a"));
        for whole in [&b"{}"[..], b"{", b"}{", b"{}{a}", b"a{b"] {
            assert_eq!(Slot::of(whole).number(), crc16(whole) % Slot::COUNT);
        }
    }

    #[test]
    fn there_are_16384_slots() {
        assert_eq!(Slot::new(16383).map(Slot::index), Some(16383));
        assert_eq!(Slot::new(16384), None);
    }
}
