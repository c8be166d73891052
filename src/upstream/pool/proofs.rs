//! When the server's word on who may come in was last asked for, and whether it still counts.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

/// How long the server's word counts for clients that come without credentials of their own. What Redis stops allowing has to
/// take effect within five seconds.
const FRESH: Duration = Duration::from_secs(2);

/// The age of all proofs, shared by all workers.
#[derive(Clone, Debug, Default)]
pub struct Proofs(Arc<AtomicU64>);

/// That the server has accepted somebody.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proof {
    at: Instant,
    age: u64,
}

impl Proofs {
    /// The server may have changed its mind: a client has changed passwords or users.
    pub fn void(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// The server has accepted somebody at `now`.
    pub(super) fn made(&self, now: Instant) -> Proof {
        Proof { at: now, age: self.0.load(Ordering::Relaxed) }
    }

    /// Whether the proof still counts at `now`.
    pub(super) fn holds(&self, proof: Proof, now: Instant) -> bool {
        proof.age == self.0.load(Ordering::Relaxed) && now < proof.at + FRESH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_ends_by_itself_and_when_it_is_voided_anywhere() {
        let (here, now) = (Proofs::default(), Instant::now());
        let there = here.clone();
        let proof = here.made(now);
        assert!(here.holds(proof, now + FRESH / 2));
        assert!(!here.holds(proof, now + FRESH));
        there.void();
        assert!(!here.holds(proof, now));
        assert!(here.holds(here.made(now), now));
    }
}
