//! Waiting for an event with a deadline, and repeatable randomness.

use std::thread;
use std::time::{Duration, Instant};

/// How long an event may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Polls until `probe` gives a value; fails with `what` when patience ends.
pub(crate) fn eventually<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = probe() {
            return value;
        }
        assert!(Instant::now() < deadline, "did not happen within {PATIENCE:?}: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A small repeatable generator (xorshift): a failure comes again with the same seed.
pub(crate) struct Random(u64);

impl Random {
    /// A generator with a seed other than zero.
    pub(crate) fn seeded(seed: u64) -> Random {
        Random(seed.max(1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    /// A number in `0..end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    /// Bytes without any pattern.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.below(256) as u8).collect()
    }

    /// Cuts bytes into pieces of 1 to `longest` bytes.
    pub(crate) fn split(&mut self, bytes: &[u8], longest: usize) -> Vec<Vec<u8>> {
        let mut rest = bytes;
        let mut pieces = Vec::new();
        while !rest.is_empty() {
            let (piece, tail) = rest.split_at(rest.len().min(1 + self.below(longest)));
            pieces.push(piece.to_vec());
            rest = tail;
        }
        pieces
    }
}
