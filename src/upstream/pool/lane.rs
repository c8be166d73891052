//! The lanes of a worker: one shared connection for all clients in the same state.

use std::{cell::RefCell, rc::Rc, time::Duration};

use tokio::time::Instant;

use super::{Map, Proofs, proofs::Proof};
use crate::{
    state::key::LaneKey,
    upstream::link::{Link, receiver::Receiver},
};

/// Lanes that nobody uses are closed after this time.
const KEPT_FOR: Duration = Duration::from_secs(3);
/// How long a lane may go without any reply before nobody joins it on old words: somebody else on the server, or on the way
/// there, may be stuck.
const OVERDUE: Duration = Duration::from_secs(1);

/// All lanes.
pub(super) struct Lanes<R: Receiver> {
    open: RefCell<Map<Rc<LaneKey>, Lane<R>>>,
    /// Lanes that take no newcomers but still serve the clients they have.
    former: RefCell<Vec<Rc<Link<R>>>>,
    proofs: Proofs,
}

struct Lane<R: Receiver> {
    link: Rc<Link<R>>,
    proof: Proof,
    used: Instant,
}

impl<R: Receiver> Lanes<R> {
    pub(super) fn new(proofs: Proofs) -> Self {
        Self { open: RefCell::default(), former: RefCell::default(), proofs }
    }

    /// The lane that a client in the state of `key` may join at once.
    pub(super) fn joinable(&self, key: &LaneKey, now: Instant) -> Option<Rc<Link<R>>> {
        let open = self.open.borrow();
        let lane = open.get(key)?;
        // Who has shown a password was taken by the server itself, as one of this lane. For others the server is asked from
        // time to time.
        let welcome = key.identity.is_proven() || self.proofs.holds(lane.proof, now);
        (welcome && lane.link.is_open() && !is_stuck(&lane.link, now)).then(|| lane.link.clone())
    }

    /// The lane of this key that takes requests, whoever may join it.
    pub(super) fn open(&self, key: &LaneKey) -> Option<Rc<Link<R>>> {
        let open = self.open.borrow();
        open.get(key).map(|lane| &lane.link).filter(|link| link.is_open()).cloned()
    }

    /// Notes that the server has just accepted somebody in the state of `key`.
    pub(super) fn vouch(&self, key: &LaneKey, now: Instant) {
        if let Some(lane) = self.open.borrow_mut().get_mut(key) {
            lane.proof = self.proofs.made(now);
        }
    }

    /// Makes a fresh connection the lane of its key. A former one keeps its clients, unless it gets no replies: then they go on
    /// with the new one, and what is under way is waited for, or given up by the watchdog.
    pub(super) fn put(&self, link: Rc<Link<R>>, now: Instant) {
        let key = link.key();
        let lane = Lane { link, proof: self.proofs.made(now), used: now };
        if let Some(old) = self.open.borrow_mut().insert(key, lane) {
            if is_stuck(&old.link, now) {
                tracing::warn!(
                    "a shared connection gets no replies, and another does: it is replaced"
                );
                old.link.retire();
            }
            self.former.borrow_mut().push(old.link);
        }
    }

    /// The server does not take newcomers in this state.
    pub(super) fn close_to_newcomers(&self, key: &LaneKey) {
        if let Some(old) = self.open.borrow_mut().remove(key) {
            self.former.borrow_mut().push(old.link);
        }
    }

    /// The keys of lanes that get no replies.
    pub(super) fn stuck(&self, now: Instant) -> Vec<Rc<LaneKey>> {
        let open = self.open.borrow();
        open.iter()
            .filter(|(_, lane)| lane.link.is_open() && is_stuck(&lane.link, now))
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// Closes what nobody has used for a while.
    pub(super) fn sweep(&self, now: Instant) {
        self.open.borrow_mut().retain(|_, lane| {
            if is_used(&lane.link) {
                lane.used = now;
            }
            let keep = lane.link.is_open() && now < lane.used + KEPT_FOR;
            if !keep {
                lane.link.retire();
            }
            keep
        });
        self.former.borrow_mut().retain(|link| {
            let keep = link.is_open() && is_used(link) && !is_stuck(link, now);
            if !keep {
                link.retire();
            }
            keep
        });
    }

    pub(super) fn count(&self) -> usize {
        let open = self.open.borrow();
        let bypasses = open.values().filter(|lane| lane.link.bypass().is_some()).count();
        open.len() + bypasses + self.former.borrow().len()
    }
}

/// Whether requests on the lane wait for a reply that does not come.
pub(super) fn is_stuck<R: Receiver>(link: &Link<R>, now: Instant) -> bool {
    link.overdue(now) >= OVERDUE
}

/// Whether a lane has clients, or replies to come. Three own it in any case: a table here, the driver and its intake;
/// everybody else who holds it is a client.
fn is_used<R: Receiver>(link: &Rc<Link<R>>) -> bool {
    Rc::strong_count(link) > 3 || !link.is_idle()
}
