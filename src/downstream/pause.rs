//! `CLIENT PAUSE`, as far as it came this way: until when writes wait at the server.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

/// Until when writes wait, shared by all workers. While they do, each client has a connection of its own: one that writes
/// waits for itself alone, as on the server, and those that read go on.
#[derive(Clone, Debug)]
pub struct WritePause {
    begun: Instant,
    /// In milliseconds since `begun`; 0 when there is none.
    until: Arc<AtomicU64>,
}

impl Default for WritePause {
    fn default() -> Self {
        Self { begun: Instant::now(), until: Arc::default() }
    }
}

impl WritePause {
    /// Begins a pause of this length, or ends it. The server ignores one that ends earlier than what there is
    /// (`pauseActions` in networking.c).
    pub fn set(&self, time: Option<Duration>) {
        match time {
            None => self.until.store(0, Ordering::Relaxed),
            Some(time) => {
                let until = self.begun.elapsed().saturating_add(time).as_millis();
                self.until.fetch_max(u64::try_from(until).unwrap_or(u64::MAX), Ordering::Relaxed);
            }
        }
    }

    /// Whether writes wait at present.
    pub fn is_on(&self) -> bool {
        let until = self.until.load(Ordering::Relaxed);
        // The clock is read only while there has been a pause.
        until > 0 && {
            let on = self.begun.elapsed() < Duration::from_millis(until);
            if !on {
                let _ = self.until.compare_exchange(until, 0, Ordering::Relaxed, Ordering::Relaxed);
            }
            on
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_pause_ends_by_itself_or_when_it_is_ended() {
        let pause = WritePause::default();
        assert!(!pause.is_on());
        pause.clone().set(Some(Duration::from_secs(5)));
        pause.set(Some(Duration::from_secs(1)));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(pause.is_on(), "a shorter one ends no longer one");
        tokio::time::advance(Duration::from_secs(3)).await;
        assert!(!pause.is_on());
        pause.set(Some(Duration::from_secs(5)));
        pause.set(None);
        assert!(!pause.is_on());
    }
}
