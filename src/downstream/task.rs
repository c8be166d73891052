//! The task of one client: it reads and writes for it until the client leaves.

use std::{
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    task::{Context as Wakeup, Poll, ready},
    time::Duration,
};

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

/// Serves the client `id` on `stream` until it leaves; then `kept` is dropped.
pub fn serve<T: Unpin + 'static>(
    context: &Rc<Context>,
    rules: &Rc<Rules>,
    id: ClientId,
    stream: Stream,
    kept: T,
) -> Serving<T> {
    let seat = Seat::new(context, rules, id, stream);
    context.clients.borrow_mut().insert(id, seat.clone());
    if context.draining.get() {
        seat.drain();
    }
    Serving { step: Step::There(seat), _kept: kept }
}

/// The service of one client. Written out, as every client has one: with what the runtime adds it has to take at most 128
/// bytes, for the next size is 256.
pub struct Serving<T> {
    step: Step,
    _kept: T,
}

enum Step {
    There(Rc<Seat>),
    Leaving(Pin<Box<dyn Future<Output = ()>>>),
}

impl<T: Unpin> Future for Serving<T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Wakeup<'_>) -> Poll<()> {
        loop {
            match &mut self.step {
                Step::There(seat) => {
                    let end = ready!(seat.poll(cx));
                    seat.leave();
                    if end == End::Now {
                        drop(seat.vacate());
                        return Poll::Ready(());
                    }
                    self.step = Step::Leaving(Box::pin(finish(seat.clone(), end)));
                }
                Step::Leaving(rest) => return rest.as_mut().poll(cx),
            }
        }
    }
}

/// Writes the rest, closes the sending direction, and after an error lets the client read it.
async fn finish(seat: Rc<Seat>, end: End) {
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

#[cfg(test)]
mod tests {
    use std::mem::size_of;

    use super::*;
    use crate::downstream::live::Live;

    #[test]
    fn clients_are_small() {
        // With 104 bytes of the runtime's own.
        assert!(size_of::<Serving<Rc<()>>>() <= 24);
        // The allocator's next size is 768.
        assert!(size_of::<Live>() <= 640, "{}", size_of::<Live>());
    }
}
