//! Holds further attempts at an upstream server back for a while after one has failed.

use std::time::Duration;

use tokio::time::Instant;

use crate::upstream::backoff::Backoff;

const FIRST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_secs(1);

/// While it holds, requests are answered at once with the reason of the last failure.
#[derive(Debug)]
pub(super) struct HoldOff {
    backoff: Backoff,
    failed: Option<(String, Instant)>,
}

impl HoldOff {
    pub(super) fn new() -> Self {
        Self { backoff: Backoff::new(FIRST, LONGEST), failed: None }
    }

    /// Why no attempt is made at `now`, if none is.
    pub(super) fn holds(&self, now: Instant) -> Option<&str> {
        self.failed.as_ref().filter(|(_, until)| now < *until).map(|(why, _)| why.as_str())
    }

    /// Until when no attempt is made, if none is made at `now`.
    pub(super) fn until(&self, now: Instant) -> Option<Instant> {
        self.failed.as_ref().map(|(_, until)| *until).filter(|until| now < *until)
    }

    /// Notes an attempt that failed at `now`. `random` is a number to drift apart from other processes by.
    pub(super) fn failure(&mut self, now: Instant, why: &str, random: u32) {
        self.failed = Some((why.to_owned(), now + self.backoff.delay_by(random)));
    }

    /// Notes an attempt that succeeded.
    pub(super) fn success(&mut self) {
        self.backoff.reset();
        self.failed = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_held_back_until_the_delay_has_passed_or_one_succeeds() {
        let mut holdoff = HoldOff::new();
        let now = Instant::now();
        assert_eq!(holdoff.holds(now), None);
        holdoff.failure(now, "connection refused", 0);
        assert_eq!(holdoff.holds(now), Some("connection refused"));
        assert_eq!(holdoff.holds(now + FIRST), None);
        for _ in 0..20 {
            holdoff.failure(now, "timed out", 7);
        }
        assert_eq!(holdoff.holds(now + LONGEST / 2), Some("timed out"));
        assert_eq!(holdoff.holds(now + LONGEST), None);
        holdoff.failure(now, "timed out", 7);
        holdoff.success();
        assert_eq!(holdoff.holds(now), None);
    }
}
