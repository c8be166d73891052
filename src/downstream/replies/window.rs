//! How many requests of one client may be under way at a time.
//!
//! Enough to keep any connection busy, and no more than have replies of some megabytes: all of them may have to be held for a
//! client that does not read.

use std::ops::RangeInclusive;

const PENDING: RangeInclusive<u32> = 16..=512;
/// Bytes that the replies under way may have together, going by the size of the last ones.
const REPLY_BUDGET: u32 = 4 << 20;
/// The size that replies are taken to have before the first has come.
const UNKNOWN_SIZE: u32 = 64 << 10;

/// The room for requests, by how large the client's replies have been lately.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    reply_size: u32,
}

impl Default for Window {
    fn default() -> Self {
        Self { reply_size: UNKNOWN_SIZE }
    }
}

impl Window {
    /// Notes the size of `count` replies: what is large counts at once, what is small by and by.
    pub(crate) fn measure(&mut self, bytes: usize, count: u32) {
        let size = u32::try_from(bytes).unwrap_or(u32::MAX) / count.max(1);
        let before = self.reply_size;
        self.reply_size = if size > before { size } else { before - (before - size).div_ceil(4) };
    }

    /// How many more requests may be sent while `pending` are under way.
    pub(crate) fn room(self, pending: u32) -> u32 {
        self.most().saturating_sub(pending)
    }

    /// Whether enough replies have arrived for it to be worth while to go on sending.
    pub(crate) fn is_worth_while(self, pending: u32) -> bool {
        pending <= self.most() / 2
    }

    /// How many replies have so many bytes together.
    pub(crate) fn fitting(self, bytes: u32) -> u32 {
        bytes / self.reply_size.max(1)
    }

    fn most(self) -> u32 {
        self.fitting(REPLY_BUDGET).clamp(*PENDING.start(), *PENDING.end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_replies_leave_less_room() {
        let mut window = Window::default();
        assert_eq!(window.room(0), 64);
        window.measure(5, 1);
        assert!(window.room(0) > 64);
        (0..60).for_each(|_| window.measure(5, 1));
        assert_eq!((window.room(0), window.room(512), window.room(600)), (512, 0, 0));
        assert!(window.is_worth_while(256) && !window.is_worth_while(257));
        window.measure(10 << 20, 1);
        assert_eq!(window.room(0), 16);
        assert_eq!(window.fitting(30 << 20), 3);
    }
}
