//! When a link stops reading because a client does not take its replies, and when it goes on.
//!
//! Replies of a connection have one order: those of others may stand behind the ones that a slow client does not read. So
//! the link waits for it as long as it makes progress or nobody else's reply stands behind; after that its replies gather
//! in memory, up to the limit at which it is closed.

use std::{future::Future, pin::Pin, rc::Rc, task::Context, time::Duration};

use tokio::time::{Instant, Sleep, sleep};

use super::{Link, receiver::Receiver};

/// Unread reply bytes of one client above which the link stops reading for it, and below which it goes on.
const BACKLOG_HIGH: usize = 1 << 20;
const BACKLOG_LOW: usize = 256 << 10;
/// How long others, whose replies stand behind, wait for a client that reads nothing.
const PATIENCE: Duration = Duration::from_millis(200);

/// The clients of a link that do not keep up.
pub(super) struct Pace<R: Receiver> {
    slow: Option<Slow<R>>,
    /// Those that are waited for no longer.
    waived: Vec<Rc<R>>,
}

/// The client that is waited for.
struct Slow<R> {
    receiver: Rc<R>,
    backlog: usize,
    patience: Pin<Box<Sleep>>,
}

impl<R: Receiver> Pace<R> {
    pub(super) fn new() -> Self {
        Self { slow: None, waived: Vec::new() }
    }

    /// Looks at a client that has been given replies; true when it begins to be waited for.
    pub(super) fn note(&mut self, receiver: Rc<R>) -> bool {
        let backlog = receiver.backlog();
        let is_waived = || self.waived.iter().any(|waived| Rc::ptr_eq(waived, &receiver));
        if backlog <= BACKLOG_HIGH || self.slow.is_some() || is_waived() {
            return false;
        }
        self.slow = Some(Slow { backlog, receiver, patience: Box::pin(sleep(PATIENCE)) });
        true
    }

    /// Whether reading waits.
    pub(super) fn is_paused(&mut self, link: &Link<R>, cx: &mut Context<'_>) -> bool {
        self.waived.retain(|waived| waived.backlog() >= BACKLOG_LOW);
        let Some(slow) = &mut self.slow else { return false };
        let backlog = slow.receiver.backlog();
        if backlog < BACKLOG_LOW {
            self.slow = None;
            return false;
        }
        slow.receiver.on_drain(cx.waker());
        if link.is_exclusive() {
            return true;
        }
        let queue = link.queue.borrow();
        if queue.iter().all(|entry| Rc::ptr_eq(&entry.receiver, &slow.receiver)) {
            return true;
        }
        if backlog < slow.backlog {
            slow.backlog = backlog;
            slow.patience.as_mut().reset(Instant::now() + PATIENCE);
        }
        if slow.patience.as_mut().poll(cx).is_pending() {
            return true;
        }
        drop(queue);
        self.waived.extend(self.slow.take().map(|slow| slow.receiver));
        false
    }
}
