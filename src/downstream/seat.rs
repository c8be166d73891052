//! Where a client sits: the client itself, its socket, and its connections to the server.
//!
//! A seat outlives its client: the server's replies to one that has gone find an empty seat, and are dropped.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    task::{Context as Wakeup, Poll, Waker},
    time::Duration,
};

use super::{
    actions::Actions,
    client::{Client, Rules},
    context::Context,
    live::Live,
    ports::To,
    registry::question::Told,
    state::leaving::End,
};
use crate::{
    command::client::profile::{Flags, Profile},
    net::Stream,
    state::{
        ids::{ClientId, Place, ServerId},
        key::LaneKey,
    },
    upstream::{
        conduit::Conduit,
        connect::DialError,
        fabric::Entered,
        link::{
            Link, Unsent,
            receiver::{Failure, Receiver, Verdict},
        },
        own::Own,
    },
};

/// One client's seat.
pub struct Seat {
    id: ClientId,
    touched: Cell<bool>,
    live: RefCell<Option<Box<Live>>>,
}

impl Seat {
    /// A client that has come.
    pub fn new(context: &Rc<Context>, rules: &Rc<Rules>, id: ClientId, stream: Stream) -> Rc<Self> {
        let live = Live::new(context, rules, id, stream);
        Rc::new(Self { id, touched: Cell::new(false), live: RefCell::new(Some(Box::new(live))) })
    }

    /// The client's id, as `CLIENT ID` tells it.
    pub fn id(&self) -> ClientId {
        self.id
    }

    /// Reads, handles and writes what there is. Ready when the client is to leave.
    pub fn poll(self: &Rc<Self>, cx: &mut Wakeup<'_>) -> Poll<End> {
        let mut guard = self.live.borrow_mut();
        let Some(live) = guard.as_mut() else { return Poll::Ready(End::Now) };
        live.register(cx);
        loop {
            live.poll_write(cx);
            live.socket.poked |= live.client.is_ready();
            if live.socket.poked {
                live.socket.poked = false;
                live.advance(self);
            }
            if let Some(end) = live.client.end() {
                return Poll::Ready(end);
            }
            if live.poll_read(cx).is_ready() {
                continue;
            }
            if live.poll_waits(cx).is_ready() {
                live.socket.poked = true;
                continue;
            }
            return Poll::Pending;
        }
    }

    /// Writes the rest. Ready when it is written, or cannot be.
    pub fn poll_rest(&self, cx: &mut Wakeup<'_>) -> Poll<()> {
        let mut guard = self.live.borrow_mut();
        let Some(live) = guard.as_mut() else { return Poll::Ready(()) };
        live.register(cx);
        live.poll_write(cx);
        let done = live.client.output().is_empty() || live.client.end() == Some(End::Now);
        if done { Poll::Ready(()) } else { Poll::Pending }
    }

    /// How much is left to write.
    pub fn left_to_write(&self) -> usize {
        self.with(|live| live.client.output().len()).unwrap_or_default()
    }

    /// The client leaves: nobody finds it any more, and its connections are given up.
    pub fn leave(self: &Rc<Self>) {
        let mut guard = self.live.borrow_mut();
        let Some(live) = guard.as_mut() else { return };
        live.context.clients.borrow_mut().remove(&self.id);
        let (client, mut actions) = live.parts(self);
        client.left(&mut actions);
        live.links.leave_lane();
        if let Some(own) = live.links.own.take() {
            own.leave_behind();
        }
    }

    /// The client has gone: nothing of it is left here. Gives its socket, for the last of what there is to say.
    pub fn vacate(&self) -> Option<Stream> {
        let mut live = self.live.borrow_mut().take()?;
        live.links.wake_drained();
        Some(live.stream)
    }

    /// What was asked of the pool is there, or will not be.
    pub(super) fn granted(self: &Rc<Self>, granted: Result<Granted, DialError>) {
        self.act(|live, seat| {
            let outcome = match granted {
                Ok(Granted::Lane(Entered { conduit, welcome })) => {
                    live.links.enter(seat, conduit);
                    Ok(welcome)
                }
                Ok(Granted::Own(own)) => {
                    live.links.take(seat, own);
                    Ok(None)
                }
                Err(error) => Err(error),
            };
            let (client, mut actions) = live.parts(seat);
            client.granted(outcome, &mut actions);
            live.socket.poked = true;
        });
    }

    /// It is known whether there can be a lane for clients in the state of `key`.
    pub(super) fn proved(self: &Rc<Self>, key: &LaneKey, there_is: bool) {
        self.poke(|client, actions| client.proved(key, there_is, actions));
    }

    /// What was asked of other clients has been answered.
    pub(super) fn answered(self: &Rc<Self>, place: Place, told: Vec<Told>) {
        self.poke(|client, actions| client.answered(place, told, actions));
    }

    /// Ends the client's connection: nothing more is written.
    pub fn cut(self: &Rc<Self>) {
        self.act(|live, _| live.client.cut());
    }

    /// Asks the client to leave once its answers are given.
    pub fn drain(self: &Rc<Self>) {
        self.act(|live, _| {
            live.drain();
            live.socket.poked = true;
        });
    }

    /// Everything that `CLIENT LIST` tells of the client; [`None`] when it is leaving.
    pub fn profile(&self) -> Option<Profile> {
        self.with(|live| live.profile()).flatten()
    }

    /// What the client is doing.
    pub(super) fn doing(&self) -> Option<Doing> {
        self.with(|live| Doing {
            flags: live.client.flags(),
            is_pinned: live.links.own.is_some(),
            watches: live.client.watches(),
            awaits: live.client.awaits(),
        })
    }

    /// The server's id of the client's own connection, which may be used from now on.
    pub(super) fn tell_own(&self) -> Option<ServerId> {
        let told = self.with(|live| live.client.tell_own());
        match told {
            Some(Told::Pinned(id)) => id,
            _ => None,
        }
    }

    /// Has the client keep a connection of its own, and tells the server's id of it: now, or once there is one.
    pub(super) fn keep(self: &Rc<Self>, answer: tokio::sync::oneshot::Sender<Option<ServerId>>) {
        self.act(|live, _| {
            live.client.keep();
            live.client.tell_own();
            match live.links.own.as_ref() {
                // An asker that has left needs no answer.
                Some(own) => drop(answer.send(Some(own.id()))),
                None => live.links.await_own(answer),
            }
            live.socket.poked = true;
        });
    }

    /// One of those is gone for whom the client kept its connection.
    pub(super) fn unkeep(self: &Rc<Self>) {
        self.act(|live, seat| {
            let (client, mut actions) = live.parts(seat);
            client.unkeep(&mut actions);
        });
    }

    fn with<T>(&self, look: impl FnOnce(&mut Live) -> T) -> Option<T> {
        self.live.borrow_mut().as_mut().map(|live| look(live))
    }

    /// Has something happen to the client, and writes or wakes whatever follows of it.
    fn act(self: &Rc<Self>, happen: impl FnOnce(&mut Live, &Rc<Self>)) {
        self.happen(happen);
        self.flush();
    }

    /// Has the client do something that it may go on with at once.
    fn poke(self: &Rc<Self>, happen: impl FnOnce(&mut Client, &mut Actions<'_>)) {
        self.act(|live, seat| {
            let (client, mut actions) = live.parts(seat);
            happen(client, &mut actions);
            live.socket.poked = true;
        });
    }

    /// Tells the client what its connections have brought, without writing: there may be more to write soon.
    #[inline]
    fn tell(self: &Rc<Self>, happen: impl FnOnce(&mut Client, &mut Actions<'_>)) {
        self.happen(|live, seat| {
            let (client, mut actions) = live.parts(seat);
            happen(client, &mut actions);
        });
    }

    /// As [`Seat::act`], without writing: there may be more to write soon.
    #[inline]
    fn happen(self: &Rc<Self>, happen: impl FnOnce(&mut Live, &Rc<Self>)) {
        let mut guard = self.live.borrow_mut();
        let Some(live) = guard.as_mut() else { return };
        happen(live, self);
        live.settle(self);
        live.wake_if_ready();
    }
}

/// What a client is doing, as it is counted.
pub(super) struct Doing {
    pub(super) flags: Flags,
    /// It has a connection of its own.
    pub(super) is_pinned: bool,
    /// It watches keys.
    pub(super) watches: bool,
    /// Replies to it are due.
    pub(super) awaits: bool,
}

/// What the pool gives.
pub(super) enum Granted {
    /// A lane to join.
    Lane(Entered<Seat>),
    /// A connection for this client alone.
    Own(Own<Seat>),
}

impl Receiver for Seat {
    #[inline]
    fn replies(this: &Rc<Self>, place: Place, frames: &[u8], count: u32) {
        this.tell(|client, actions| client.replies(place, frames, count, actions));
    }

    fn reply(
        this: &Rc<Self>,
        link: Option<&Rc<Link<Self>>>,
        place: Place,
        frame: &[u8],
        kept: &[u8],
    ) {
        this.happen(|live, seat| {
            if let Some(link) = link {
                live.links.follow(link);
            }
            let (client, mut actions) = live.parts(seat);
            client.reply(place, frame, kept, &mut actions);
        });
    }

    fn takes_parts(this: &Rc<Self>, place: Place) -> bool {
        // For a client that has gone the reply is dropped, in parts as well.
        this.with(|live| live.client.takes_parts(place)).unwrap_or(true)
    }

    fn part(this: &Rc<Self>, place: Place, bytes: &[u8], ended: bool) {
        this.tell(|client, actions| client.part(place, bytes, ended, actions));
    }

    fn partable(this: &Rc<Self>, front: Option<Place>, beginning: &[u8]) -> Option<bool> {
        this.with(|live| live.client.partable(front, beginning)).unwrap_or(Some(front.is_some()))
    }

    fn judge(this: &Rc<Self>, front: Option<Place>, frame: &[u8]) -> Verdict {
        this.with(|live| live.client.judge(front, frame)).unwrap_or(Verdict::Unasked)
    }

    fn interrupts(this: &Rc<Self>, frame: &[u8]) -> bool {
        this.with(|live| live.client.interrupts(frame)).unwrap_or_default()
    }

    fn unasked(this: &Rc<Self>, bytes: &[u8], complete: bool) {
        this.tell(|client, actions| client.unasked(bytes, complete, actions));
    }

    fn failed(this: &Rc<Self>, place: Place, count: u32, failure: &Failure) {
        this.tell(|client, actions| client.failed(place, count, failure, actions));
    }

    fn takes_back(this: &Rc<Self>) -> bool {
        this.with(|live| live.client.may_follow()).unwrap_or_default()
    }

    fn unsent(this: &Rc<Self>, unsent: Unsent<Self>) {
        this.with(|live| {
            live.links.keep_left(unsent);
            live.client.leave_over();
        });
    }

    fn closed(this: &Rc<Self>, link: Option<&Rc<Link<Self>>>) {
        this.act(|live, seat| {
            let is = |conduit: &Conduit<Self>| match link {
                Some(link) => conduit.is(link),
                None => conduit.link().is_none(),
            };
            let to = if live.links.conduit(To::Own).is_some_and(is) {
                To::Own
            } else if link.is_some() && live.links.lane.as_ref().is_some_and(is) {
                To::Lane
            } else {
                return;
            };
            let (client, mut actions) = live.parts(seat);
            client.closed(to, &mut actions);
            live.socket.poked = true;
        });
    }

    fn touch(&self) -> bool {
        !self.touched.replace(true)
    }

    fn flush(&self) -> usize {
        self.touched.set(false);
        self.with(|live| {
            live.try_write();
            live.backlog()
        })
        .unwrap_or_default()
    }

    fn backlog(&self) -> usize {
        self.with(Live::backlog).unwrap_or_default()
    }

    fn on_drain(&self, waker: &Waker) {
        self.with(|live| live.links.await_drain(waker));
    }
}

/// How long a client that is leaving may read nothing of what is left for it.
pub(super) const STALLED: Duration = Duration::from_secs(10);
