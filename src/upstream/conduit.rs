//! What a client sends its requests to: a connection to a server, or the nodes of a cluster as if they were one.

use std::{
    rc::Rc,
    task::{Context, Poll},
};

use bytes::BytesMut;

use super::{
    cluster::Router,
    link::{Link, Standing, receiver::Receiver},
};
use crate::state::{
    ids::{Place, ServerId},
    key::LaneKey,
};

/// One connection, or what stands for one.
pub enum Conduit<R: Receiver> {
    /// To the one server that there is.
    Link(Rc<Link<R>>),
    /// To all nodes of a cluster.
    Router(Rc<Router<R>>),
}

impl<R: Receiver> Clone for Conduit<R> {
    fn clone(&self) -> Self {
        match self {
            Self::Link(link) => Self::Link(link.clone()),
            Self::Router(router) => Self::Router(router.clone()),
        }
    }
}

impl<R: Receiver> Conduit<R> {
    /// The link, where it is one.
    pub fn link(&self) -> Option<&Rc<Link<R>>> {
        match self {
            Self::Link(link) => Some(link),
            Self::Router(_) => None,
        }
    }

    /// Whether it is this link.
    pub fn is(&self, link: &Rc<Link<R>>) -> bool {
        self.link().is_some_and(|own| Rc::ptr_eq(own, link))
    }

    /// Whether requests may be sent.
    #[inline]
    pub fn is_open(&self) -> bool {
        match self {
            Self::Link(link) => link.is_open(),
            Self::Router(router) => router.is_open(),
        }
    }

    /// The state that the connection is in.
    pub fn key(&self) -> Rc<LaneKey> {
        match self {
            Self::Link(link) => link.key(),
            Self::Router(router) => router.key(),
        }
    }

    /// The server's id of the connection, where it is one.
    pub fn id(&self) -> ServerId {
        self.link().map(|link| link.id()).unwrap_or_default()
    }

    /// What the server makes of the connection.
    #[inline]
    pub fn standing(&self) -> Standing {
        match self {
            Self::Link(link) => link.standing(),
            Self::Router(router) => router.standing(),
        }
    }

    /// Whether the server takes requests on it, or refuses them for want of a password.
    pub fn admitted(&self, admitted: bool) {
        match self {
            Self::Link(link) => link.admitted(admitted),
            Self::Router(router) => router.admitted(admitted),
        }
    }

    /// As [`Link::is_congested`].
    #[inline]
    pub fn is_congested(&self) -> bool {
        match self {
            Self::Link(link) => link.is_congested(),
            Self::Router(router) => router.is_congested(),
        }
    }

    /// As [`Link::poll_relief`].
    pub fn poll_relief(&self, cx: &Context<'_>) -> Poll<()> {
        match self {
            Self::Link(link) => link.poll_relief(cx),
            Self::Router(router) => router.poll_relief(cx),
        }
    }

    /// As [`Link::send_run`].
    #[inline]
    #[must_use]
    pub fn send_run(&self, receiver: &Rc<R>, place: Place, requests: &[u8], count: u32) -> bool {
        match self {
            Self::Link(link) => link.send_run(receiver, place, requests, count),
            Self::Router(router) => router.send_run(place, requests, count),
        }
    }

    /// As [`Link::send`].
    #[inline]
    #[must_use]
    pub fn send(
        &self,
        receiver: &Rc<R>,
        place: Place,
        kept: &[u8],
        write: impl FnOnce(&mut BytesMut),
    ) -> bool {
        match self {
            Self::Link(link) => link.send(receiver, place, kept, write),
            Self::Router(router) => router.send(place, kept, write),
        }
    }

    /// As [`Link::send_login`].
    #[must_use]
    pub fn send_login(&self, receiver: &Rc<R>, place: Place, request: &[u8]) -> bool {
        match self {
            Self::Link(link) => link.send_login(receiver, place, request),
            Self::Router(router) => router.send(place, b"", |out| out.extend_from_slice(request)),
        }
    }

    /// As [`Link::send_unheard`].
    pub fn send_unheard(&self, request: &[u8]) {
        match self {
            Self::Link(link) => link.send_unheard(request),
            Self::Router(router) => router.send_unheard(request),
        }
    }

    /// Sends a call once more, whose script a server did not know ([`Link::repeat`]).
    #[must_use]
    pub fn repeat(
        &self,
        receiver: &Rc<R>,
        place: Place,
        write: impl FnOnce(&mut BytesMut),
    ) -> bool {
        match self {
            Self::Link(link) => link.repeat(receiver, place, write),
            Self::Router(router) => router.send(place, b"", write),
        }
    }

    /// Whether the server knows the script on this connection, and no call is being repeated there.
    #[inline]
    pub fn knows(&self, script: usize) -> bool {
        self.link().is_some_and(|link| {
            let scripts = link.scripts();
            scripts.knows(script) && !scripts.is_repeating()
        })
    }

    /// Notes whether the server knows the script.
    pub fn learn(&self, script: usize, known: bool) {
        if let Some(link) = self.link() {
            link.scripts().learn(script, known);
        }
    }
}
