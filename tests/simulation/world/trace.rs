//! What has happened: the last events to read, and a digest of all.

use std::collections::VecDeque;
use std::fmt::Write;

/// How many events are kept.
const KEPT: usize = 120;

/// One event: what, whose, how much.
type Event = (&'static str, u64, usize);

#[derive(Default)]
pub(super) struct Trace {
    last: VecDeque<(u64, Event)>,
    pub(super) count: u64,
    pub(super) digest: u64,
}

impl Trace {
    pub(super) fn note(&mut self, now: u64, event: Event) {
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back((now, event));
        self.count += 1;
        let (what, whose, much) = event;
        for part in [now, what.len() as u64, whose, much as u64] {
            self.digest = (self.digest ^ part).wrapping_mul(0x0100_0000_01B3).rotate_left(5);
        }
    }

    /// The last events, one a line.
    pub(super) fn tell(&self) -> String {
        let mut out = String::new();
        for (now, (what, whose, much)) in &self.last {
            // Writing to a string does not fail.
            let _ = writeln!(out, "{now:>7} ms  {what} {whose} ({much})");
        }
        out
    }
}
