//! One connection of either side: TCP, TLS, a Unix socket, or memory.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, RawFd},
    pin::Pin,
    task::{Context, Poll, Waker},
};

use bytes::BytesMut;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::TlsStream;
use tokio_util::io::poll_read_buf;

/// That nothing more will come. Where the system cannot tell that there is a half-closed peer, only one that is gone is noticed.
#[cfg(any(target_os = "linux", target_os = "android"))]
const HUNG_UP: PollFlags = PollFlags::RDHUP;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const HUNG_UP: PollFlags = PollFlags::HUP;

/// A connection. Both directions belong to one owner, who may write without waiting.
#[derive(Debug)]
pub enum Stream {
    /// Plain TCP.
    Tcp(TcpStream),
    /// TLS over TCP. Boxed, as the session is much larger than a socket.
    Tls(Box<TlsStream<TcpStream>>),
    /// A Unix domain socket.
    Unix(UnixStream),
    /// A pipe within this process, for tests.
    Memory(DuplexStream),
}

impl Stream {
    /// Appends what has arrived to `buf`: ready with the number of bytes, 0 at the end.
    pub fn poll_read_buf(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut BytesMut,
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => poll_read_buf(Pin::new(stream), cx, buf),
            other => poll_read_buf(Pin::new(other), cx, buf),
        }
    }

    /// Writes what the connection takes at once. Nobody is woken when it takes more:
    /// [`io::ErrorKind::WouldBlock`] says that [`AsyncWrite::poll_write`] has to follow.
    ///
    /// # Errors
    /// As the system gives them.
    pub fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write(bytes),
            Self::Unix(stream) => stream.try_write(bytes),
            Self::Tls(_) | Self::Memory(_) => {
                let mut cx = Context::from_waker(Waker::noop());
                match Pin::new(self).poll_write(&mut cx, bytes) {
                    Poll::Ready(outcome) => outcome,
                    Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
                }
            }
        }
    }

    /// Whether written bytes may be held back until they are flushed.
    pub fn needs_flush(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// The addresses of the two ends, the peer's first; `?:0` for one that is not known.
    pub fn addresses(&self) -> (String, String) {
        let text = |address: io::Result<std::net::SocketAddr>| {
            address.map_or_else(|_| "?:0".to_owned(), |address| address.to_string())
        };
        match self.tcp() {
            Some(stream) => (text(stream.peer_addr()), text(stream.local_addr())),
            None => ("?:0".to_owned(), "?:0".to_owned()),
        }
    }

    /// The descriptor of the socket; -1 where there is none.
    pub fn descriptor(&self) -> RawFd {
        match self {
            Self::Unix(stream) => stream.as_raw_fd(),
            _ => self.tcp().map_or(-1, AsRawFd::as_raw_fd),
        }
    }

    /// Whether the peer has closed its sending direction, or the connection, though there may be bytes of it to read. Asked of the
    /// system: readiness to read does not tell.
    pub fn is_hung_up(&self) -> bool {
        let socket = match self {
            Self::Unix(stream) => stream.as_fd(),
            _ => match self.tcp() {
                Some(stream) => stream.as_fd(),
                None => return false,
            },
        };
        let mut asked = [PollFd::from_borrowed_fd(socket, HUNG_UP)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut asked, Some(&now)).is_ok_and(|found| found > 0)
    }

    fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Self::Tcp(stream) => Some(stream),
            Self::Tls(stream) => Some(stream.get_ref().0),
            Self::Unix(_) | Self::Memory(_) => None,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Memory(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Memory(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
            Self::Memory(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Memory(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, duplex};

    use super::*;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn an_end_behind_unread_bytes_is_seen() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut far = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let near = Stream::Tcp(listener.accept().await.unwrap().0);
        tokio::io::AsyncWriteExt::write_all(&mut far, b"unread").await.unwrap();
        assert!(!near.is_hung_up());
        tokio::io::AsyncWriteExt::shutdown(&mut far).await.unwrap();
        while !near.is_hung_up() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn memory_takes_what_fits_and_gives_it_to_the_other_end() {
        let (near, mut far) = duplex(4);
        let mut near = Stream::Memory(near);
        assert_eq!(near.try_write(b"hello").unwrap(), 4);
        let full = near.try_write(b"o").unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
        let mut bytes = [0; 4];
        far.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"hell");
        assert_eq!(near.try_write(b"o").unwrap(), 1);
        assert_eq!((near.addresses().0.as_str(), near.descriptor()), ("?:0", -1));
    }
}
