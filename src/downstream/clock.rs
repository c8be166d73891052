//! A clock that is read for every request: it goes by seconds, and only when it is wound.

use std::cell::Cell;

use tokio::time::Instant;

/// Seconds since a worker was started.
#[derive(Debug)]
pub struct Clock {
    started: Instant,
    now: Cell<u32>,
}

impl Default for Clock {
    fn default() -> Self {
        Self { started: Instant::now(), now: Cell::new(0) }
    }
}

impl Clock {
    /// The time when the clock was last wound.
    pub fn now(&self) -> u32 {
        self.now.get()
    }

    /// Looks at the time. To be called about once a second.
    pub fn wind(&self) {
        self.now.set(u32::try_from(self.started.elapsed().as_secs()).unwrap_or(u32::MAX));
    }
}
