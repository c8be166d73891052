//! How soon an upstream server that could not be reached is tried again.

use std::time::Duration;

use tokio::time::Instant;

const FIRST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_secs(1);

/// Holds further attempts back for a while after a failed one, twice as long after each, up to a second.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failed: Option<Failed>,
}

#[derive(Debug)]
struct Failed {
    why: String,
    delay: Duration,
    until: Instant,
}

impl Backoff {
    /// Why no attempt is made at `now`, if none is.
    pub(super) fn holds(&self, now: Instant) -> Option<&str> {
        self.failed.as_ref().filter(|failed| now < failed.until).map(|failed| failed.why.as_str())
    }

    /// Notes an attempt that failed at `now`.
    pub(super) fn failure(&mut self, now: Instant, why: &str) {
        let delay = match &self.failed {
            Some(failed) => (failed.delay * 2).min(LONGEST),
            None => FIRST,
        };
        self.failed = Some(Failed { why: why.to_owned(), delay, until: now + delay });
    }

    /// Notes an attempt that succeeded.
    pub(super) fn success(&mut self) {
        self.failed = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_held_back_twice_as_long_after_each_failure() {
        let mut backoff = Backoff::default();
        let mut now = Instant::now();
        assert_eq!(backoff.holds(now), None);
        let mut delays = Vec::new();
        for _ in 0..8 {
            backoff.failure(now, "connection refused");
            let from = now;
            while backoff.holds(now).is_some() {
                assert_eq!(backoff.holds(now), Some("connection refused"));
                now += Duration::from_millis(10);
            }
            delays.push((now - from).as_millis());
        }
        assert_eq!(delays, [20, 40, 80, 160, 320, 640, 1000, 1000]);
        backoff.success();
        assert_eq!(backoff.holds(now), None);
        backoff.failure(now, "x");
        assert_eq!(backoff.holds(now + FIRST), None);
    }
}
