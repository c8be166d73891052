//! Moves the bytes of one [`Link`]: writes whatever has gathered in one call, reads replies, and has them handed out.

use std::{
    io, mem,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BytesMut};
use tokio::io::AsyncWrite;

use super::{Link, Status, intake::Intake, pace::Pace, receiver::Receiver};
use crate::net::{Stream, reason};

/// How much is read at once.
const READ_SIZE: usize = 64 << 10;
/// Buffers that have grown beyond this are given back when they are empty.
const KEPT_CAPACITY: usize = 256 << 10;

/// Runs a link to its end. `input` is what has been read from `stream` already.
pub(in crate::upstream) async fn drive<R: Receiver>(
    link: Rc<Link<R>>,
    stream: Stream,
    input: BytesMut,
) {
    let intake = Intake::new(link.clone());
    let output = BytesMut::new();
    let mut driver = Driver { link, stream, input, output, intake, pace: Pace::new() };
    let why = std::future::poll_fn(|cx| driver.poll(cx)).await;
    tracing::debug!(why, "upstream connection closed");
    Link::close(&driver.link, &why);
}

struct Driver<R: Receiver> {
    link: Rc<Link<R>>,
    stream: Stream,
    input: BytesMut,
    output: BytesMut,
    intake: Intake<R>,
    pace: Pace<R>,
}

impl<R: Receiver> Driver<R> {
    /// Ready with the reason once the link has ended.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<String> {
        self.link.register(cx);
        loop {
            if self.link.status() == Status::Closed {
                return Poll::Ready(self.link.given_up.get().to_owned());
            }
            if let Err(error) = self.write_all(cx) {
                return Poll::Ready(reason(&error));
            }
            match self.read_all(cx) {
                Poll::Ready(why) => return Poll::Ready(why),
                Poll::Pending
                    if self.link.outgoing.borrow().bytes.is_empty() || !self.output.is_empty() => {}
                Poll::Pending => continue,
            }
            if self.link.status() == Status::Retired
                && self.link.is_idle()
                && self.output.is_empty()
            {
                return Poll::Ready("retired".to_owned());
            }
            return Poll::Pending;
        }
    }

    /// Writes until there is nothing left or the socket takes no more.
    fn write_all(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        loop {
            if self.output.is_empty() {
                if self.output.capacity() > KEPT_CAPACITY {
                    self.output = BytesMut::new();
                }
                let mut outgoing = self.link.outgoing.borrow_mut();
                if outgoing.bytes.is_empty() {
                    let finished = outgoing.finished;
                    drop(outgoing);
                    return if finished { self.shutdown(cx) } else { self.flush(cx) };
                }
                self.output.clear();
                mem::swap(&mut outgoing.bytes, &mut self.output);
                outgoing.unsent = 0;
                outgoing.raw = false;
                if outgoing.is_relieved() {
                    self.link.wakers.wake_congested();
                }
            }
            match Pin::new(&mut self.stream).poll_write(cx, &self.output) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(written)) => self.output.advance(written),
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => return Ok(()),
            }
        }
    }

    /// TLS holds bytes back until it is flushed.
    fn flush(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.stream.needs_flush()
            && let Poll::Ready(Err(error)) = Pin::new(&mut self.stream).poll_flush(cx)
        {
            return Err(error);
        }
        Ok(())
    }

    /// Ends the sending direction. That it was ended before does no harm.
    fn shutdown(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match Pin::new(&mut self.stream).poll_shutdown(cx) {
            Poll::Ready(Err(error)) if error.kind() != io::ErrorKind::NotConnected => Err(error),
            Poll::Ready(_) | Poll::Pending => Ok(()),
        }
    }

    /// Reads until the socket has no more; ready with the reason when the connection has ended.
    fn read_all(&mut self, cx: &mut Context<'_>) -> Poll<String> {
        loop {
            if !self.input.is_empty() {
                let outcome = self.intake.take_from(&mut self.input);
                self.intake.flush(&mut self.pace);
                if let Err(why) = outcome {
                    return Poll::Ready(why);
                }
            }
            if self.pace.is_paused(&self.link, cx) {
                return Poll::Pending;
            }
            if self.input.is_empty() && self.input.capacity() > KEPT_CAPACITY {
                self.input = BytesMut::new();
            }
            self.input.reserve(READ_SIZE);
            match ready!(self.stream.poll_read_buf(cx, &mut self.input)) {
                Ok(0) => return Poll::Ready("the server closed the connection".to_owned()),
                Ok(_) => {}
                Err(error) => return Poll::Ready(reason(&error)),
            }
        }
    }
}
