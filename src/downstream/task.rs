//! The task of one client: it reads and writes for it until the client leaves.

use std::{future::poll_fn, pin::Pin, rc::Rc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWrite},
    time::timeout,
};

use super::{
    client::Rules,
    context::Context,
    seat::{STALLED, Seat},
    state::leaving::End,
};
use crate::{net::Stream, state::ids::ClientId};

/// How much of what a client sends is thrown away after its connection was ended for a protocol error, so that it gets
/// to read the error, and for how long.
const LINGER_BYTES: usize = 64 << 20;
const LINGER: Duration = Duration::from_secs(1);

/// Serves the client `id` on `stream` until it leaves; then `kept` is dropped. What waits here waits for every client, so it is
/// little.
pub fn serve<T: 'static>(
    context: Rc<Context>,
    rules: &Rc<Rules>,
    id: ClientId,
    stream: Stream,
    kept: T,
) -> impl Future<Output = ()> + 'static {
    let seat = Seat::new(&context, rules, id, stream);
    context.clients.borrow_mut().insert(id, seat.clone());
    if context.draining.get() {
        seat.drain();
    }
    async move {
        run(&context, seat).await;
        drop(kept);
    }
}

async fn run(context: &Context, seat: Rc<Seat>) {
    let end = poll_fn(|cx| seat.poll(cx)).await;
    context.clients.borrow_mut().remove(&seat.id());
    seat.leave();
    if end == End::Now {
        drop(seat.vacate());
        return;
    }
    Box::pin(finish(&seat, end)).await;
}

/// Writes the rest, closes the sending direction, and after an error lets the client read it.
async fn finish(seat: &Rc<Seat>, end: End) {
    // As long as the client reads, it gets the rest.
    let mut left = usize::MAX;
    while timeout(STALLED, poll_fn(|cx| seat.poll_rest(cx))).await.is_err() {
        let now = seat.left_to_write();
        if now >= left {
            break;
        }
        left = now;
    }
    let Some(mut stream) = seat.vacate() else { return };
    // A client that has gone needs no goodbye.
    let _ = poll_fn(|cx| Pin::new(&mut stream).poll_shutdown(cx)).await;
    if end == End::AfterError {
        // Past the time it is the client's own fault that it does not see the error.
        let _ = timeout(LINGER, discard(&mut stream)).await;
    }
}

async fn discard(stream: &mut Stream) {
    let mut bytes = [0; 4096];
    let mut left = LINGER_BYTES;
    while left > 0 {
        match stream.read(&mut bytes).await {
            Ok(read) if read > 0 => left = left.saturating_sub(read),
            _ => return,
        }
    }
}
