//! The simulation's end of a connection: bytes are read and written without waiting.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

/// What has come of an attempt to read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    Bytes(Vec<u8>),
    Nothing,
    End,
}

/// The end of a connection whose other end sessiond has.
pub(super) struct Pipe {
    stream: DuplexStream,
    /// The other end takes nothing more.
    pub(super) broken: bool,
}

impl Pipe {
    /// Both ends; each direction holds so many bytes.
    pub(super) fn new(size: usize) -> (Self, DuplexStream) {
        let (stream, far) = tokio::io::duplex(size);
        (Self { stream, broken: false }, far)
    }

    /// Reads up to so many bytes.
    pub(super) fn read(&mut self, most: usize) -> Read {
        let mut bytes = vec![0; most.min(1 << 16)];
        let mut buffer = ReadBuf::new(&mut bytes);
        let mut cx = Context::from_waker(Waker::noop());
        match Pin::new(&mut self.stream).poll_read(&mut cx, &mut buffer) {
            Poll::Pending => Read::Nothing,
            Poll::Ready(Ok(())) if buffer.filled().is_empty() => Read::End,
            Poll::Ready(Ok(())) => {
                let len = buffer.filled().len();
                bytes.truncate(len);
                Read::Bytes(bytes)
            }
            Poll::Ready(Err(_)) => Read::End,
        }
    }

    /// Writes what there is room for; gives how much that was.
    pub(super) fn write(&mut self, bytes: &[u8]) -> usize {
        if self.broken || bytes.is_empty() {
            return 0;
        }
        let mut cx = Context::from_waker(Waker::noop());
        match Pin::new(&mut self.stream).poll_write(&mut cx, bytes) {
            Poll::Pending => 0,
            Poll::Ready(Ok(written)) => written,
            Poll::Ready(Err(error)) => {
                assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
                self.broken = true;
                0
            }
        }
    }

    /// Ends the sending direction.
    pub(super) fn finish(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        let _ = Pin::new(&mut self.stream).poll_shutdown(&mut cx);
    }
}
