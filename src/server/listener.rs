//! Binds the listening socket, accepts clients and gives each to a worker.

use std::{io, sync::atomic::Ordering, time::Duration};

use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpSocket, TcpStream, lookup_host},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{Listen, Settings, worker::Worker};
use crate::downstream::registry::report::Facts;

/// Connections that the kernel holds until they are accepted; Redis' own default (`tcp-backlog 511`).
const BACKLOG: u32 = 511;
/// How long an idle client is left alone before the kernel asks whether it still lives (`tcp-keepalive 300` in Redis).
const KEEPALIVE: Duration = Duration::from_secs(300);
/// How long accepting pauses when the process has no file descriptors left.
const EXHAUSTED: Duration = Duration::from_millis(50);

pub(super) async fn bind(listen: &Listen) -> io::Result<TcpListener> {
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in lookup_host((listen.host.as_str(), listen.port)).await? {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        match socket.bind(address).and_then(|()| socket.listen(BACKLOG)) {
            Ok(listener) => return Ok(listener),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// Accepts clients until `shutdown`.
pub(super) async fn accept(
    listener: TcpListener,
    settings: &Settings,
    workers: &[Worker],
    facts: &Facts,
    shutdown: &CancellationToken,
) {
    let mut ids = 0;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => return,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a client");
                sleep(EXHAUSTED).await;
                continue;
            }
        };
        if workers.iter().map(Worker::clients).sum::<usize>() >= settings.max_clients {
            facts.rejected.fetch_add(1, Ordering::Relaxed);
            refuse(stream).await;
            continue;
        }
        if let Err(error) = prepare(&stream) {
            tracing::debug!(%error, "a client left before it was served");
            continue;
        }
        ids += 1;
        facts.accepted.fetch_add(1, Ordering::Relaxed);
        let Some(worker) = workers.iter().min_by_key(|worker| worker.clients()) else { return };
        match stream.into_std() {
            Ok(stream) => worker.serve(ids, stream),
            Err(error) => tracing::debug!(%error, "a client left before it was served"),
        }
    }
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    SockRef::from(stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))
}

/// Redis' own words for one client too many. What fits into the socket's empty buffer is written at once.
async fn refuse(mut stream: TcpStream) {
    if let Err(error) = stream.write_all(b"-ERR max number of clients reached\r\n").await {
        tracing::debug!(%error, "a refused client left before it was told");
    }
}
