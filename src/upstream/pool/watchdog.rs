//! What is done about servers that fall silent.
//!
//! A lane that gets no replies is replaced as soon as a fresh connection shows that the server answers there. A connection
//! that has waited for the upstream timeout is given up when the server answers nobody else either, and a lane also when it
//! answers others. A long script or a blocking command is no reason: a `PING` is told that the server is busy, or answered, and
//! what blocks has a connection of its own.

use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
    time::Duration,
};

use tokio::{task::spawn_local, time::Instant};

use super::Hub;
use crate::upstream::{
    connect::dialer::Word,
    link::{Link, receiver::Receiver},
};

/// Everything that may fall silent.
pub(super) struct Watchdog<R: Receiver> {
    links: RefCell<Vec<Weak<Link<R>>>>,
    /// How long a reply may take before the server is asked whether it is there; zero is for ever.
    patience: Duration,
    asking: Cell<bool>,
}

impl<R: Receiver> Watchdog<R> {
    pub(super) fn new(patience: Duration) -> Self {
        Self { links: RefCell::default(), patience, asking: Cell::new(false) }
    }

    /// Looks after a link from now on.
    pub(super) fn watch(&self, link: &Rc<Link<R>>) {
        self.links.borrow_mut().push(Rc::downgrade(link));
    }

    /// Every link that there is.
    pub(super) fn links(&self) -> Vec<Rc<Link<R>>> {
        self.links.borrow().iter().filter_map(Weak::upgrade).collect()
    }

    /// Looks at every link; true when one has waited too long.
    fn look(&self, now: Instant) -> bool {
        let mut any = false;
        self.links.borrow_mut().retain(|link| {
            let Some(link) = link.upgrade() else { return false };
            link.look(now);
            any |= self.is_given_up(&link, now);
            true
        });
        any
    }

    fn is_given_up(&self, link: &Link<R>, now: Instant) -> bool {
        !self.patience.is_zero() && link.overdue(now) >= self.patience
    }

    /// The server has been asked whether it is there, since links have waited too long at `asked`.
    fn conclude(&self, word: Word, asked: Instant) {
        let now = Instant::now();
        for link in self.links.borrow().iter().filter_map(Weak::upgrade) {
            if !self.is_given_up(&link, asked) || link.overdue(now).is_zero() {
                continue;
            }
            // Nothing that may wait for long goes down a shared connection: if the server answers others, it has lost this one.
            let lost = match word {
                Word::None => true,
                Word::Here => !link.is_pinned(),
                Word::Busy => false,
            };
            if lost {
                tracing::warn!(
                    id = link.id().0,
                    "a connection to the server is given up: it is silent"
                );
                link.lose("the server is silent");
            } else {
                link.excuse(now);
            }
        }
    }
}

impl<R: Receiver> Hub<R> {
    /// Looks at every connection. To be called about once a second.
    pub(super) fn watch(self: &Rc<Self>, now: Instant) {
        if self.watchdog.look(now) && !self.watchdog.asking.replace(true) {
            let hub = self.clone();
            spawn_local(async move {
                let word = hub.dialer.ask().await;
                hub.watchdog.conclude(word, now);
                hub.watchdog.asking.set(false);
            });
        }
        for key in self.lanes.stuck(now) {
            let hub = self.clone();
            spawn_local(async move {
                // One at a time for each lane; that it fails is told to those who ask for a lane themselves.
                if let Some(turn) = hub.turn_if_free(&key) {
                    let _ = hub.dial_lane(&key, None).await;
                    hub.end_turn(turn);
                }
            });
        }
    }
}
