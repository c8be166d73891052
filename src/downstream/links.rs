//! A client's connections to the server.

use std::{mem, rc::Rc, task::Waker, time::Duration};

use tokio::sync::oneshot;

use super::{ports::To, registry::roster::Waiting, seat::Seat};
use crate::{
    command::spread::Announced,
    state::ids::{Place, ServerId},
    upstream::{
        conduit::Conduit,
        link::{Link, Unsent},
        own::Own,
    },
};

/// The connections of one client.
#[derive(Default)]
pub(super) struct Links {
    pub(super) lane: Option<Conduit<Seat>>,
    pub(super) own: Option<Box<Own<Seat>>>,
    /// The lane before that, as long as the client may have to go back.
    pub(super) previous: Option<Conduit<Seat>>,
    /// The lane that the client has entered last. One of clients with credentials tells it when it is cut.
    pub(super) joined: std::rc::Weak<Link<Seat>>,
    /// The one node that a cluster is to the client: the address that it has connected to.
    pub(super) announced: Option<Rc<Announced>>,
    pub(super) seldom: Option<Box<Seldom>>,
}

/// What a client has only now and then. It is apart, so that a client at rest takes little memory.
#[derive(Default)]
pub(super) struct Seldom {
    /// Requests that could not be sent.
    pub(super) unsent: Vec<(Place, u32)>,
    /// Requests that the client's own connection has left, for the next.
    pub(super) left: Option<Unsent<Seat>>,
    /// A time after which the client wants to be woken.
    pub(super) alarm: Option<Duration>,
    /// Those who wait for it to have a connection of its own.
    pub(super) waiting: Waiting,
    /// Those who wait for it to read.
    pub(super) drained: Vec<Waker>,
}

impl Links {
    pub(super) fn conduit(&self, to: To) -> Option<&Conduit<Seat>> {
        match to {
            To::Lane => self.lane.as_ref(),
            To::Own => self.own.as_ref().map(|own| &***own),
        }
    }

    /// Makes `conduit` the client's lane.
    pub(super) fn enter(&mut self, seat: &Rc<Seat>, conduit: Conduit<Seat>) {
        match &conduit {
            Conduit::Link(link) => self.join(seat, link),
            Conduit::Router(router) => router.serve(seat, self.announced.as_ref()),
        }
        self.previous = self.lane.replace(conduit);
    }

    fn join(&mut self, seat: &Rc<Seat>, link: &Rc<Link<Seat>>) {
        if self.joined.as_ptr() != Rc::as_ptr(link) {
            if link.key().identity.is_proven() {
                link.join(seat);
            }
            self.joined = Rc::downgrade(link);
        }
    }

    /// A reply has come on `link`. If the client's lane has ended, this one has taken over what was not sent there.
    #[inline]
    pub(super) fn follow(&mut self, link: &Rc<Link<Seat>>) {
        if let Some(Conduit::Link(lane)) = &mut self.lane
            && !Rc::ptr_eq(lane, link)
            && !lane.is_open()
            && !link.is_pinned()
            && link.is_open()
        {
            *lane = link.clone();
        }
    }

    /// Notes `count` requests from `place` on, if they could not be sent.
    pub(super) fn note(&mut self, sent: bool, place: Place, count: u32) {
        if !sent {
            self.seldom().unsent.push((place, count));
        }
    }

    /// The requests that could not be sent since this was last asked, if there are any.
    #[inline]
    pub(super) fn take_unsent(&mut self) -> Option<Vec<(Place, u32)>> {
        let unsent = &mut self.seldom.as_mut()?.unsent;
        (!unsent.is_empty()).then(|| mem::take(unsent))
    }

    /// A time after which the client wants to be woken, if it was named since this was last asked.
    #[inline]
    pub(super) fn take_alarm(&mut self) -> Option<Duration> {
        self.seldom.as_mut()?.alarm.take()
    }

    /// Has `answer` sent once there is a connection of its own.
    pub(super) fn await_own(&mut self, answer: oneshot::Sender<Option<ServerId>>) {
        self.seldom().waiting.add(answer);
    }

    /// Keeps what the client's own connection has left.
    pub(super) fn keep_left(&mut self, unsent: Unsent<Seat>) {
        self.seldom().left = Some(unsent);
    }

    pub(super) fn take_left(&mut self) -> Option<Unsent<Seat>> {
        self.seldom.as_mut()?.left.take()
    }

    /// Has `waker` woken once the client has read.
    pub(super) fn await_drain(&mut self, waker: &Waker) {
        let drained = &mut self.seldom().drained;
        if !drained.iter().any(|known| known.will_wake(waker)) {
            drained.push(waker.clone());
        }
    }

    /// Wakes those who wait for the client to read.
    pub(super) fn wake_drained(&mut self) {
        if let Some(seldom) = &mut self.seldom {
            seldom.drained.drain(..).for_each(Waker::wake);
        }
    }

    pub(super) fn seldom(&mut self) -> &mut Seldom {
        self.seldom.get_or_insert_default()
    }

    pub(super) fn leave_lane(&mut self) {
        self.lane = None;
        self.previous = None;
    }

    /// Makes `own` the client's own connection.
    pub(super) fn take(&mut self, seat: &Rc<Seat>, own: Own<Seat>) {
        own.adopt(seat, self.announced.as_ref());
        self.own = Some(Box::new(own));
        self.leave_lane();
    }
}
