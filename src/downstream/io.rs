//! A client's socket: reading into a buffer, writing what is due, and waiting for either together with something else.

use std::{
    future::{Future, poll_fn},
    mem,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::BytesMut;
use tokio::{io::AsyncRead, io::ReadBuf, net::tcp::OwnedReadHalf, time::timeout};
use tokio_util::io::poll_read_buf;

use super::{LARGE_REQUEST, outbox::Outbox, spares::Spares};
use crate::upstream::receiver::Receiver;

/// How much is read at once.
const READ_SIZE: usize = 16 << 10;
/// How far a client may write ahead of what has been handled. A client is not read from beyond that, and neither while
/// it leaves this many bytes of replies unread.
const READ_AHEAD: usize = LARGE_REQUEST;
/// How much of what a client sends is thrown away after its connection was ended for a protocol error, so that it gets
/// to read the error, and for how long.
const LINGER_BYTES: usize = 64 << 20;
const LINGER: Duration = Duration::from_secs(1);
/// How long a client that is leaving may read nothing of what is left for it.
const STALLED: Duration = Duration::from_secs(10);

/// The client's connection is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// After the replies have been written.
    Politely,
    /// As [`End::Politely`]; the client may still be sending.
    AfterError,
    /// Now.
    Now,
}

/// One client's socket.
pub(super) struct Io {
    read: OwnedReadHalf,
    spares: Rc<Spares>,
    /// What has been read and not been handled.
    pub(super) input: BytesMut,
    /// The client has closed its sending direction.
    pub(super) eof: bool,
    /// The limit on reading ahead does not count: one request goes beyond it.
    reads_on: bool,
}

impl Io {
    pub(super) fn new(read: OwnedReadHalf, spares: Rc<Spares>) -> Self {
        Self { read, spares, input: BytesMut::new(), eof: false, reads_on: false }
    }

    /// Puts back what is left of the input after it was taken for a while.
    pub(super) fn put_back(&mut self, mut rest: BytesMut) {
        if !self.input.is_empty() {
            rest.extend_from_slice(&self.input);
        }
        self.input = rest;
    }

    /// Waits for `ready`, while bytes are read ahead and replies are written. Ends early when the client is ended.
    pub(super) async fn until(
        &mut self,
        outbox: &Rc<Outbox>,
        mut ready: impl FnMut(&Io) -> bool,
    ) -> Result<(), End> {
        poll_fn(|cx| {
            loop {
                if outbox.is_ended() {
                    return Poll::Ready(Err(End::Now));
                }
                if ready(self) {
                    return Poll::Ready(Ok(()));
                }
                if self.poll(outbox, cx).is_pending() {
                    return Poll::Pending;
                }
            }
        })
        .await
    }

    /// Waits until there is more input than `before`, or no more to come, however much has been read ahead.
    pub(super) async fn read_on(&mut self, outbox: &Rc<Outbox>, before: usize) -> Result<(), End> {
        self.reads_on = true;
        let outcome = self.until(outbox, |io| io.input.len() > before || io.eof).await;
        self.reads_on = false;
        outcome
    }

    /// Waits for `work`, while bytes are read ahead and replies are written.
    pub(super) async fn during<F: Future>(
        &mut self,
        outbox: &Rc<Outbox>,
        work: F,
    ) -> Result<F::Output, End> {
        let mut work = pin!(work);
        poll_fn(|cx| {
            loop {
                if outbox.is_ended() {
                    return Poll::Ready(Err(End::Now));
                }
                if let Poll::Ready(output) = work.as_mut().poll(cx) {
                    return Poll::Ready(Ok(output));
                }
                if self.poll(outbox, cx).is_pending() {
                    return Poll::Pending;
                }
            }
        })
        .await
    }

    /// Writes the rest, closes the sending direction, and after an error lets the client read it.
    pub(super) async fn finish(&mut self, outbox: &Rc<Outbox>, end: End) {
        if end == End::Now {
            return;
        }
        // As long as the client reads, it gets the rest.
        while outbox.backlog() > 0 {
            if timeout(STALLED, poll_fn(|cx| outbox.poll(cx))).await.is_err() {
                return;
            }
        }
        poll_fn(|cx| outbox.poll_shutdown(cx)).await;
        if end == End::AfterError {
            self.input = BytesMut::new();
            // Past the time it is the client's own fault that it does not see the error.
            let _ = timeout(LINGER, self.discard()).await;
        }
    }

    async fn discard(&mut self) {
        let mut bytes = [0; 4096];
        let mut left = LINGER_BYTES;
        while left > 0 {
            let read = poll_fn(|cx| {
                let mut buf = ReadBuf::new(&mut bytes);
                Pin::new(&mut self.read)
                    .poll_read(cx, &mut buf)
                    .map(|result| result.map_or(0, |()| buf.filled().len()))
            })
            .await;
            if read == 0 {
                return;
            }
            left = left.saturating_sub(read);
        }
    }

    /// Ready when anything has moved.
    fn poll(&mut self, outbox: &Rc<Outbox>, cx: &mut Context<'_>) -> Poll<()> {
        let mut moved = outbox.poll(cx);
        let within = self.input.len() < READ_AHEAD || self.reads_on;
        if !self.eof && within && outbox.backlog() < READ_AHEAD {
            if self.input.capacity() == 0 {
                self.input = self.spares.take();
            } else if self.input.capacity() - self.input.len() < READ_SIZE / 4 {
                self.input.reserve(READ_SIZE);
            }
            match poll_read_buf(Pin::new(&mut self.read), cx, &mut self.input) {
                Poll::Ready(Ok(0)) => {
                    self.eof = true;
                    moved = Poll::Ready(());
                }
                Poll::Ready(Ok(_)) => moved = Poll::Ready(()),
                Poll::Ready(Err(_)) => {
                    self.eof = true;
                    outbox.end();
                    moved = Poll::Ready(());
                }
                Poll::Pending => {
                    if self.input.is_empty() {
                        self.spares.give_back(mem::take(&mut self.input));
                    }
                }
            }
        }
        moved
    }
}
