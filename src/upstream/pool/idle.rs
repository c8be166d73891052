//! Pinned connections that nobody has at present.

use std::{cell::RefCell, rc::Rc, time::Duration};

use tokio::time::Instant;

use super::Map;
use crate::{
    state::key::LaneKey,
    upstream::link::{Link, receiver::Receiver},
};

/// Idle connections kept per state, and for how long.
const KEPT: usize = 64;
const KEPT_FOR: Duration = Duration::from_secs(3);

/// Connections in no other state than that of their key.
pub(super) struct Idle<R: Receiver>(RefCell<Map<Rc<LaneKey>, Vec<Kept<R>>>>);

struct Kept<R: Receiver> {
    link: Rc<Link<R>>,
    since: Instant,
}

impl<R: Receiver> Idle<R> {
    pub(super) fn new() -> Self {
        Self(RefCell::default())
    }

    /// Takes one in the state of `key`. `unauthenticated`: the server wanted a password when the client came; it then gets none
    /// of the connections from before that.
    pub(super) fn take(&self, key: &LaneKey, unauthenticated: bool) -> Option<Rc<Link<R>>> {
        let mut all = self.0.borrow_mut();
        let kept = all.get_mut(key)?;
        kept.retain(|kept| kept.link.is_open());
        let at = kept
            .iter()
            .rposition(|kept| kept.link.standing().unauthenticated == unauthenticated)?;
        Some(kept.swap_remove(at).link)
    }

    /// Takes a connection back.
    pub(super) fn put(&self, link: Rc<Link<R>>) {
        link.orphan();
        if !link.is_open() || !link.is_idle() || link.standing().misplaced {
            return link.abort();
        }
        let mut all = self.0.borrow_mut();
        let kept = all.entry(link.key()).or_default();
        if kept.len() < KEPT {
            kept.push(Kept { link, since: Instant::now() });
        } else {
            link.abort();
        }
    }

    /// Closes what nobody has wanted for a while.
    pub(super) fn sweep(&self, now: Instant) {
        self.0.borrow_mut().retain(|_, kept| {
            kept.retain(|kept| {
                let keep = kept.link.is_open() && now < kept.since + KEPT_FOR;
                if !keep {
                    kept.link.abort();
                }
                keep
            });
            !kept.is_empty()
        });
    }

    pub(super) fn count(&self) -> usize {
        self.0.borrow().values().map(Vec::len).sum()
    }

    /// Closes all.
    pub(super) fn close(&self) {
        for (_, kept) in self.0.borrow_mut().drain() {
            kept.iter().for_each(|kept| kept.link.abort());
        }
    }
}
