//! A client that is there: what is read from its socket goes to it, and what it has to say is written.

use std::{
    io,
    pin::Pin,
    rc::Rc,
    task::{Context as Wakeup, Poll, Waker},
    time::Duration,
};

use bytes::{Buf, BytesMut};
use tokio::{
    io::AsyncWrite,
    time::{Sleep, sleep},
};

use super::{
    actions::Actions,
    client::{Client, Rules},
    context::Context,
    links::Links,
    seat::Seat,
    state::{course::Stall, large::LARGE_REQUEST, leaving::End},
};
use crate::{
    command::client::profile::Profile, command::spread::Announced, net::Stream,
    state::ids::ClientId, upstream::link::closed,
};

/// Unread bytes below which an upstream connection that waited for this client goes on.
const DRAINED: usize = 256 << 10;
/// How much of what a client has sent is still handled when it is asked to leave.
const DRAINED_INPUT: usize = 16 << 10;
/// How often it is looked whether a client has gone that waits and is not read from.
const LOOK: Duration = Duration::from_millis(250);
/// How much is read at once.
const READ_SIZE: usize = 16 << 10;
/// How far a client may write ahead of what has been handled. It is not read from beyond that.
const READ_AHEAD: usize = LARGE_REQUEST;

/// A client that is there.
pub(super) struct Live {
    pub(super) client: Client,
    pub(super) stream: Stream,
    /// What has been read and not been handled.
    pub(super) input: BytesMut,
    pub(super) links: Links,
    pub(super) context: Rc<Context>,
    pub(super) socket: Socket,
    pub(super) alarm: Option<Pin<Box<Sleep>>>,
    /// When it is looked whether a client that is not read from has gone.
    pub(super) look: Option<Pin<Box<Sleep>>>,
    pub(super) waker: Option<Waker>,
}

/// How the socket stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Socket {
    /// It takes no more: the client's task writes on when it does.
    pub(super) blocked: bool,
    /// The client sends no more.
    pub(super) eof: bool,
    /// There is something to do besides reading.
    pub(super) poked: bool,
}

impl Live {
    pub(super) fn new(
        context: &Rc<Context>,
        rules: &Rc<Rules>,
        id: ClientId,
        stream: Stream,
    ) -> Self {
        let announced = rules.spreads.then(|| Rc::new(announced(&stream)));
        Self {
            client: Client::new(rules.clone(), id, context.clock.now()),
            stream,
            input: BytesMut::new(),
            links: Links { announced, ..Links::default() },
            context: context.clone(),
            socket: Socket::default(),
            alarm: None,
            look: None,
            waker: None,
        }
    }

    /// The client is to leave: what it has sent without waiting for replies is not handled to its end.
    pub(super) fn drain(&mut self) {
        self.client.drain();
        self.input.truncate(DRAINED_INPUT);
    }

    pub(super) fn parts<'a>(&'a mut self, seat: &'a Rc<Seat>) -> (&'a mut Client, Actions<'a>) {
        let Self { client, links, context, .. } = self;
        (client, Actions::new(seat, context, links))
    }

    pub(super) fn register(&mut self, cx: &Wakeup<'_>) {
        if !self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
        }
    }

    /// Handles what has been read.
    pub(super) fn advance(&mut self, seat: &Rc<Seat>) {
        let Self { client, links, context, input, .. } = self;
        let mut actions = Actions::new(seat, context, links);
        client.advance(input, &mut actions);
        self.settle(seat);
        self.try_write();
        if self.is_jammed() {
            // Who waits for this client to read waits in vain.
            self.links.wake_drained();
        }
        if self.input.is_empty() && self.input.capacity() > 0 {
            self.context.spares.give_back(std::mem::take(&mut self.input));
        }
    }

    /// Requests that could not be sent have failed; alarms begin to run.
    pub(super) fn settle(&mut self, seat: &Rc<Seat>) {
        while let Some(unsent) = self.links.take_unsent() {
            for (place, count) in unsent {
                let (client, mut actions) = self.parts(seat);
                client.failed(place, count, &closed(), &mut actions);
            }
        }
        if let Some(time) = self.links.take_alarm() {
            self.alarm = Some(Box::pin(sleep(time)));
            self.wake();
        }
    }

    pub(super) fn wake_if_ready(&mut self) {
        if self.socket.poked || self.client.is_ready() {
            self.socket.poked = true;
            self.wake();
        }
    }

    pub(super) fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    /// Reads if the client may be read from. Ready when anything has come of it.
    pub(super) fn poll_read(&mut self, cx: &mut Wakeup<'_>) -> Poll<()> {
        let within = self.input.len() < READ_AHEAD || self.client.reads_on();
        if self.socket.eof || self.client.is_draining() || !within {
            return Poll::Pending;
        }
        if self.input.capacity() == 0 {
            self.input = self.context.spares.take();
        } else if self.input.capacity() - self.input.len() < READ_SIZE / 4 {
            self.input.reserve(READ_SIZE);
        }
        match self.stream.poll_read_buf(cx, &mut self.input) {
            Poll::Ready(Ok(0)) => {
                self.socket.eof = true;
                self.client.half_closed();
            }
            Poll::Ready(Ok(read)) => {
                self.client.read(read, self.input.len(), self.context.clock.now());
            }
            // It has gone, and what it sent before is done, as far as it need not be told of that.
            Poll::Ready(Err(_)) if !self.input.is_empty() => {
                self.socket.eof = true;
                self.client.half_closed();
            }
            Poll::Ready(Err(_)) => self.client.cut(),
            Poll::Pending => {
                if self.input.is_empty() {
                    self.context.spares.give_back(std::mem::take(&mut self.input));
                }
                return Poll::Pending;
            }
        }
        self.socket.poked = true;
        Poll::Ready(())
    }

    /// Waits for whatever the client waits for that does not come by itself.
    pub(super) fn poll_waits(&mut self, cx: &mut Wakeup<'_>) -> Poll<()> {
        if let Some(alarm) = &mut self.alarm
            && alarm.as_mut().poll(cx).is_ready()
        {
            self.alarm = None;
            self.client.time_passed();
            return Poll::Ready(());
        }
        if self.input.len() >= READ_AHEAD && self.client.may_wait() && !self.client.is_gone() {
            // What a client that waits has sent is not read to its end, where it would be seen that it has gone.
            let look = self.look.get_or_insert_with(|| Box::pin(sleep(LOOK)));
            if look.as_mut().poll(cx).is_ready() {
                self.look = None;
                if self.stream.is_hung_up() {
                    self.client.gone();
                }
                return Poll::Ready(());
            }
        }
        match self.client.stall() {
            Some(Stall::Relief(to)) => match self.links.conduit(to) {
                Some(conduit) => conduit.poll_relief(cx),
                None => Poll::Ready(()),
            },
            _ => Poll::Pending,
        }
    }

    /// Writes what the socket takes; the task is woken when it takes more.
    pub(super) fn poll_write(&mut self, cx: &mut Wakeup<'_>) {
        loop {
            let out = self.client.output();
            if out.is_empty() {
                break;
            }
            match Pin::new(&mut self.stream).poll_write(cx, out) {
                Poll::Ready(Ok(written)) => {
                    out.advance(written);
                    self.client.wrote(written);
                }
                Poll::Ready(Err(_)) => {
                    self.client.cut();
                    self.client.output().clear();
                }
                Poll::Pending => {
                    self.socket.blocked = true;
                    break;
                }
            }
        }
        let left = self.client.output().len();
        if left == 0 {
            self.socket.blocked = false;
            if self.stream.needs_flush() {
                let _ = Pin::new(&mut self.stream).poll_flush(cx);
            }
        }
        if left < DRAINED {
            self.links.wake_drained();
        }
    }

    /// Writes what the socket takes at once.
    pub(super) fn try_write(&mut self) {
        loop {
            let out = self.client.output();
            if out.is_empty() || self.socket.blocked {
                break;
            }
            match self.stream.try_write(out) {
                Ok(written) => {
                    out.advance(written);
                    self.client.wrote(written);
                    if self.stream.needs_flush() {
                        self.socket.blocked = true;
                        self.wake();
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.socket.blocked = true;
                    self.wake();
                }
                Err(_) => {
                    out.clear();
                    self.client.cut();
                    self.wake();
                }
            }
        }
        let unread = self.client.output().len();
        if unread > self.context.output_limit {
            tracing::warn!(
                client = self.client.id().0,
                unread,
                "closing a client that reads no replies"
            );
            self.client.output().clear();
            self.client.cut();
            self.wake();
        }
    }

    /// Whether the client sends more than is handled and does not read what it gets. If it were waited for it would never read.
    pub(super) fn is_jammed(&self) -> bool {
        self.input.len() >= READ_AHEAD
            || matches!(self.client.stall(), Some(Stall::Relief(_)) if !self.input.is_empty())
    }

    pub(super) fn backlog(&mut self) -> usize {
        if self.client.end() == Some(End::Now) || self.is_jammed() {
            return 0;
        }
        self.client.output().len()
    }

    pub(super) fn profile(&mut self) -> Option<Profile> {
        if self.client.end() == Some(End::Now) {
            return None;
        }
        let (address, local_address) = self.stream.addresses();
        let profile = self.client.profile(self.context.clock.now(), &self.input);
        Some(Profile {
            address,
            local_address,
            descriptor: self.stream.descriptor(),
            itself: size_of::<Seat>() + size_of::<Self>(),
            unread: self.input.len() >= READ_AHEAD,
            ..profile
        })
    }
}

/// The address that a client has connected to, as that of the one node that a cluster is to it.
fn announced(stream: &Stream) -> Announced {
    let (_, address) = stream.addresses();
    let (host, port) = address.rsplit_once(':').unwrap_or((&address, "0"));
    Announced::new(host.trim_matches(['[', ']']), port.parse().unwrap_or_default())
}
