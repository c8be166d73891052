//! How soon a cluster that is not well is looked at again.

use std::time::Duration;

use crate::upstream::backoff::Backoff;

/// The first wait, and the longest while something is about to happen.
const EAGER: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(100));
/// How many looks that is. In a failover there is news when the nodes agree that one has failed, and from then on it takes them
/// up to a second to have another one, or a little more.
const SOON: u32 = 40;
/// The longest wait after that.
const LONGEST: Duration = Duration::from_millis(500);

/// The waits between looks.
#[derive(Debug)]
pub(super) struct Pace {
    eager: Backoff,
    patient: Backoff,
    looks: u32,
}

impl Pace {
    pub(super) fn new() -> Self {
        let (eager, patient) = (Backoff::new(EAGER.0, EAGER.1), Backoff::new(EAGER.1, LONGEST));
        Self { eager, patient, looks: 0 }
    }

    /// There is news, or all is well.
    pub(super) fn begin_anew(&mut self) {
        *self = Self::new();
    }

    /// The wait until the next look.
    pub(super) fn delay(&mut self) -> Duration {
        self.looks = self.looks.saturating_add(1);
        if self.looks <= SOON { self.eager.delay() } else { self.patient.delay() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_eager_while_there_is_news() {
        let is_about = |delay: Duration, full: u64| {
            let full = Duration::from_millis(full);
            delay <= full && delay >= full.mul_f64(0.9)
        };
        let mut pace = Pace::new();
        assert!(is_about(pace.delay(), 50));
        assert!((1..SOON).all(|_| is_about(pace.delay(), 100)));
        for full in [100, 200, 400, 500, 500] {
            assert!(is_about(pace.delay(), full), "{full}");
        }
        pace.begin_anew();
        assert!(is_about(pace.delay(), 50));
    }
}
