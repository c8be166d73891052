//! When a link stops reading because a client does not take its replies, and when it goes on.
//!
//! Replies of a connection have one order: those of others may stand behind the ones that a slow client does not read. A lane
//! has one patience for that, in all its life. When it is used up the lane takes no newcomers, and what its clients do not
//! read gathers in memory, up to the limit at which they are closed.

use std::{future::Future, pin::Pin, rc::Rc, task::Context, time::Duration};

use tokio::time::{Instant, Sleep, sleep_until};

use super::{Link, receiver::Receiver};

/// Unread reply bytes of one client above which the link stops reading for it, and below which it goes on.
const BACKLOG_HIGH: usize = 1 << 20;
const BACKLOG_LOW: usize = 256 << 10;
/// How long others, whose replies stand behind, wait for clients that do not read, in total.
const PATIENCE: Duration = Duration::from_millis(300);

/// The client of a link that is waited for, and how much longer others can be made to.
pub(super) struct Pace<R: Receiver> {
    slow: Option<Rc<R>>,
    left: Duration,
    /// Since when others wait, and the end of the patience.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl<R: Receiver> Pace<R> {
    pub(super) fn new() -> Self {
        Self { slow: None, left: PATIENCE, waiting: None }
    }

    /// Looks at a client that has been given replies, of which so many bytes are unread.
    pub(super) fn note(&mut self, receiver: Rc<R>, backlog: usize) {
        if backlog > BACKLOG_HIGH && self.slow.is_none() && !self.left.is_zero() {
            self.slow = Some(receiver);
        }
    }

    /// Whether reading waits.
    pub(super) fn is_paused(&mut self, link: &Link<R>, cx: &mut Context<'_>) -> bool {
        let Some(slow) = &self.slow else { return false };
        let paused = slow.backlog() >= BACKLOG_LOW && !self.is_over(link, cx);
        link.queue.borrow_mut().paused = paused;
        if !paused {
            self.slow = None;
            self.end_wait();
        } else if let Some(slow) = &self.slow {
            slow.on_drain(cx.waker());
        }
        paused
    }

    /// Whether others have waited long enough.
    fn is_over(&mut self, link: &Link<R>, cx: &mut Context<'_>) -> bool {
        let Some(slow) = &self.slow else { return true };
        if link.is_pinned() || link.queue.borrow().is_all_of(slow) {
            self.end_wait();
            return false;
        }
        let left = self.left;
        let (_, patience) = self.waiting.get_or_insert_with(|| {
            let now = Instant::now();
            (now, Box::pin(sleep_until(now + left)))
        });
        let over = patience.as_mut().poll(cx).is_ready();
        if over {
            self.left = Duration::ZERO;
            link.retire();
        }
        over
    }

    fn end_wait(&mut self) {
        if let Some((since, _)) = self.waiting.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
    }
}
