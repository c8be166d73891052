//! Writing a client's replies from its own task, when its socket took no more of them before.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Buf;
use tokio::io::AsyncWrite;

use super::{Outbox, empty};

/// Unread bytes below which an upstream connection that waited for this client goes on.
const DRAINED: usize = 256 << 10;

impl Outbox {
    /// Waits to be woken by a change, and writes what the socket takes. Ready when something was written.
    pub(in crate::downstream) fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        drop(waker);
        let mut progress = Poll::Pending;
        let mut out = self.out.borrow_mut();
        while !out.is_empty() && !self.ended.get() {
            match Pin::new(&mut *self.write.borrow_mut()).poll_write(cx, &out) {
                Poll::Ready(Ok(written)) => {
                    out.advance(written);
                    progress = Poll::Ready(());
                }
                Poll::Ready(Err(_)) => {
                    self.ended.set(true);
                    progress = Poll::Ready(());
                }
                Poll::Pending => {
                    self.blocked.set(true);
                    break;
                }
            }
        }
        if out.is_empty() || self.ended.get() {
            self.blocked.set(false);
            empty(&mut out);
        }
        if self.ended.get() {
            progress = Poll::Ready(());
        }
        let small = out.len() < DRAINED;
        drop(out);
        if small {
            self.wake_drained();
        }
        progress
    }

    /// Closes the sending direction.
    pub(in crate::downstream) fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut *self.write.borrow_mut()).poll_shutdown(cx).map(|_| ())
    }
}
