//! Opens one connection to the upstream server: TCP, TLS or Unix socket, within a time limit.

use std::{io, time::Duration};

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::{TlsStream, rustls::pki_types::ServerName};

use crate::{
    net::{Stream, tls::TlsContext},
    upstream::address::Address,
};

/// How long an idle connection is left alone before the kernel asks whether the server still lives.
/// Shorter than what firewalls and load balancers forget connections after, often 5 minutes.
const KEEPALIVE: Duration = Duration::from_secs(60);
/// How long sent bytes may stay unacknowledged before the kernel gives the connection up: a server that has gone without a
/// word, or has moved, is noticed by whoever sends to it.
const UNACKNOWLEDGED: Duration = Duration::from_secs(20);

/// Connects to `address` within `timeout`, the TLS handshake included. `tls` is needed for
/// [`Address::Tls`] and ignored otherwise. [`reason`](crate::net::reason) words the error for people.
pub async fn connect(
    address: &Address,
    tls: Option<&TlsContext>,
    timeout: Duration,
) -> io::Result<Stream> {
    match tokio::time::timeout(timeout, open(address, tls)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("timed out after {} s", timeout.as_secs_f64()),
        )),
    }
}

async fn open(address: &Address, tls: Option<&TlsContext>) -> io::Result<Stream> {
    match address {
        Address::Tcp { host, port } => Ok(Stream::Tcp(open_tcp(host, *port).await?)),
        Address::Tls { host, port } => {
            let tls = tls.ok_or_else(|| io::Error::other("TLS is not set up"))?;
            let name = ServerName::try_from(host.clone())
                .map_err(|_| io::Error::other("the host is not a valid TLS server name"))?;
            let stream = open_tcp(host, *port).await?;
            let stream = tls.connector().connect(name, stream).await.map_err(handshake_error)?;
            Ok(Stream::Tls(Box::new(TlsStream::Client(stream))))
        }
        Address::Unix(path) => Ok(Stream::Unix(UnixStream::connect(path).await?)),
    }
}

async fn open_tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let addresses: Vec<_> = tokio::net::lookup_host((host, port))
        .await
        .map_err(|_| io::Error::other(format!("cannot resolve {host}")))?
        .collect();
    let stream = TcpStream::connect(&*addresses).await?;
    stream.set_nodelay(true)?;
    let socket = SockRef::from(&stream);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
    Ok(stream)
}

fn handshake_error(error: io::Error) -> io::Error {
    match error.get_ref() {
        Some(_) => io::Error::other(format!("TLS handshake failed: {error}")),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::{
        io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
        net::{TcpListener, UnixListener},
    };
    use tokio_rustls::{
        TlsAcceptor,
        rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
    };

    use super::*;
    use crate::net::reason;

    const SOON: Duration = Duration::from_secs(5);

    async fn echo(stream: impl AsyncRead + AsyncWrite) {
        let (mut read, mut write) = tokio::io::split(stream);
        tokio::io::copy(&mut read, &mut write).await.unwrap();
        write.shutdown().await.unwrap();
    }

    /// Whether what is said comes back from [`echo`].
    async fn carries_bytes(stream: Stream) {
        let (mut read, mut write) = tokio::io::split(stream);
        write.write_all(b"hello").await.unwrap();
        write.shutdown().await.unwrap();
        let mut bytes = Vec::new();
        read.read_to_end(&mut bytes).await.unwrap();
        assert_eq!(bytes, b"hello");
    }

    async fn refusal(address: Address, timeout: Duration) -> String {
        reason(&connect(&address, None, timeout).await.unwrap_err())
    }

    #[tokio::test]
    async fn both_halves_carry_bytes_over_tcp_and_unix() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let unix = UnixListener::bind(&path).unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = tcp.local_addr().unwrap().port();
        let server = async {
            let (near, _) = tcp.accept().await.unwrap();
            echo(near).await;
            let (near, _) = unix.accept().await.unwrap();
            echo(near).await;
        };
        let calls = async {
            for address in [Address::Tcp { host: "localhost".into(), port }, Address::Unix(path)] {
                let stream = connect(&address, None, SOON).await.unwrap();
                if let Stream::Tcp(stream) = &stream {
                    assert!(stream.nodelay().unwrap());
                    let socket = SockRef::from(stream);
                    assert!(socket.keepalive().unwrap());
                    #[cfg(any(target_os = "linux", target_os = "android"))]
                    assert_eq!(socket.tcp_user_timeout().unwrap(), Some(UNACKNOWLEDGED));
                }
                carries_bytes(stream).await;
            }
        };
        tokio::join!(server, calls);
    }

    #[tokio::test]
    async fn errors_are_short_sentences() {
        let folder = tempfile::tempdir().unwrap();
        let missing = Address::Unix(folder.path().join("none"));
        assert_eq!(refusal(missing, SOON).await, "no such file or socket");

        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let closed = Address::Tcp { host: "127.0.0.1".into(), port: free };
        assert_eq!(refusal(closed, SOON).await, "connection refused");

        let name = Address::Tcp { host: "no such host".into(), port: 1 };
        assert_eq!(refusal(name, SOON).await, "cannot resolve no such host");
    }

    #[tokio::test]
    async fn a_silent_tls_server_costs_no_more_than_the_timeout() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = silent.local_addr().unwrap().port();
        let address = Address::Tls { host: "127.0.0.1".into(), port };
        let (tls, _) = certified("localhost");
        let error = connect(&address, Some(&tls), Duration::from_millis(50)).await.unwrap_err();
        assert_eq!(reason(&error), "timed out after 0.05 s");
    }

    #[tokio::test]
    async fn tls_carries_bytes_to_the_named_host_only() {
        let (tls, acceptor) = certified("localhost");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = async {
            let (near, _) = listener.accept().await.unwrap();
            echo(acceptor.accept(near).await.unwrap()).await;
            let (near, _) = listener.accept().await.unwrap();
            assert!(acceptor.accept(near).await.is_err());
        };
        let calls = async {
            let named = Address::Tls { host: "localhost".into(), port };
            let stream = connect(&named, Some(&tls), SOON).await.unwrap();
            carries_bytes(stream).await;

            let unnamed = Address::Tls { host: "127.0.0.1".into(), port };
            let error = reason(&connect(&unnamed, Some(&tls), SOON).await.unwrap_err());
            assert!(error.starts_with("TLS handshake failed: "), "{error}");
        };
        tokio::join!(server, calls);
    }

    /// A client context that trusts a new certificate for `host`, and the server that holds it.
    fn certified(host: &str) -> (TlsContext, TlsAcceptor) {
        let made = rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        io::Write::write_all(&mut file, made.cert.pem().as_bytes()).unwrap();
        let tls = TlsContext::load(Some(file.path())).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        (tls, TlsAcceptor::from(Arc::new(server)))
    }
}
