//! How long to wait before the next attempt: doubling up to a limit, with jitter.

use std::time::Duration;

/// The delays between attempts at one thing.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    limit: Duration,
    next: Duration,
}

impl Backoff {
    /// Delays of about `first`, then twice that, and so on up to `limit`.
    pub fn new(first: Duration, limit: Duration) -> Self {
        Self { first, limit, next: first }
    }

    /// The delay before the next attempt.
    pub fn delay(&mut self) -> Duration {
        self.delay_by(random())
    }

    /// As [`Backoff::delay`], with a random number of the caller's.
    pub fn delay_by(&mut self, random: u32) -> Duration {
        let delay = shortened(self.next, random);
        self.next = (self.next * 2).min(self.limit);
        delay
    }

    /// Begins again with the first delay, after a success.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

/// A random number, to drift apart from other processes by.
pub fn random() -> u32 {
    // Without the system's randomness there is no jitter, which is better than no attempt.
    getrandom::u32().unwrap_or(0)
}

/// Between 90 and 100 % of `time`, so that several processes with the same settings drift apart.
/// Never more, as `time` is a promise.
pub fn jittered(time: Duration) -> Duration {
    shortened(time, random())
}

fn shortened(time: Duration, random: u32) -> Duration {
    time - time.mul_f64(0.1 * f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_limit_and_begin_again() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(350));
        for full in [100, 200, 350, 350] {
            let full = Duration::from_millis(full);
            let delay = backoff.delay();
            assert!(delay <= full && delay >= full.mul_f64(0.9), "{delay:?} for {full:?}");
        }
        backoff.reset();
        assert!(backoff.delay() <= Duration::from_millis(100));
    }
}
