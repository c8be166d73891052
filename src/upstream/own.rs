//! A connection that one client has for itself: to a server, or to as many nodes of a cluster as it needs.

use std::{ops::Deref, rc::Rc};

use super::{
    cluster::Router,
    conduit::Conduit,
    link::{Unsent, receiver::Receiver},
    pool::Lease,
};
use crate::command::spread::Announced;
use crate::state::{ids::Place, key::LaneKey, label::Label, traces::Clean};

/// Such a connection. It goes back to the pool with a proof that it is clean; dropped otherwise, it is closed.
pub struct Own<R: Receiver> {
    conduit: Conduit<R>,
    /// What becomes of it in the end, where it is one connection.
    lease: Option<Lease<R>>,
}

impl<R: Receiver> Own<R> {
    /// A connection to the one server.
    pub fn of(lease: Lease<R>) -> Self {
        Self { conduit: Conduit::Link(Rc::clone(&lease)), lease: Some(lease) }
    }

    /// Connections to the nodes of a cluster.
    pub fn over(router: Rc<Router<R>>) -> Self {
        Self { conduit: Conduit::Router(router), lease: None }
    }

    /// Gives it to its client.
    pub fn adopt(&self, owner: &Rc<R>, announced: Option<&Rc<Announced>>) {
        match &self.conduit {
            Conduit::Link(link) => link.adopt(owner),
            Conduit::Router(router) => router.serve(owner, announced),
        }
    }

    /// Gives it back.
    pub fn give_back(self, _: Clean) {
        self.end(Lease::give_back_unused, |router| router.end(Lease::give_back_unused));
    }

    /// Gives back what its client has left before it got it.
    pub fn give_back_unused(self) {
        self.end(Lease::give_back_unused, |router| router.end(Lease::give_back_unused));
    }

    /// As [`Lease::leave_behind`].
    pub fn leave_behind(self) {
        self.end(Lease::leave_behind, |router| router.end(Lease::leave_behind));
    }

    fn end(mut self, one: impl FnOnce(Lease<R>), all: impl FnOnce(&Rc<Router<R>>)) {
        match (self.lease.take(), &self.conduit) {
            (Some(lease), _) => one(lease),
            (None, Conduit::Router(router)) => all(router),
            (None, Conduit::Link(_)) => {}
        }
    }

    /// As [`Link::label`].
    pub fn label(&self) -> Rc<Label> {
        match &self.conduit {
            Conduit::Link(link) => link.label(),
            Conduit::Router(router) => router.label(),
        }
    }

    /// As [`Link::set_label`].
    pub fn set_label(&self, label: Rc<Label>) {
        match &self.conduit {
            Conduit::Link(link) => link.set_label(label),
            Conduit::Router(router) => router.set_label(&label),
        }
    }

    /// As [`Link::set_key`].
    pub fn set_key(&self, key: Rc<LaneKey>) {
        match &self.conduit {
            Conduit::Link(link) => link.set_key(key),
            Conduit::Router(router) => router.set_key(&key),
        }
    }

    /// As [`Link::inherit`].
    ///
    /// # Errors
    /// It has closed as well.
    pub fn inherit(&self, unsent: Unsent<R>) -> Result<(), Unsent<R>> {
        match self.link() {
            Some(link) => link.inherit(unsent),
            None => Err(unsent),
        }
    }

    /// As [`Link::finish`].
    pub fn finish(&self) {
        match &self.conduit {
            Conduit::Link(link) => link.finish(),
            Conduit::Router(router) => router.finish(),
        }
    }

    /// As [`Link::set_tunnel`].
    pub fn set_tunnel(&self, open: bool) {
        if let Some(link) = self.link() {
            link.set_tunnel(open);
        }
    }

    /// As [`Link::send_raw`].
    pub fn send_raw(&self, bytes: &[u8]) {
        match &self.conduit {
            Conduit::Link(link) => link.send_raw(bytes),
            Conduit::Router(router) => router.send_raw(bytes),
        }
    }

    /// As [`Link::expect`].
    #[must_use]
    pub fn expect(&self, receiver: &Rc<R>, place: Place) -> bool {
        self.link().is_some_and(|link| link.expect(receiver, place, b""))
    }
}

impl<R: Receiver> Deref for Own<R> {
    type Target = Conduit<R>;

    fn deref(&self) -> &Conduit<R> {
        &self.conduit
    }
}

impl<R: Receiver> Drop for Own<R> {
    fn drop(&mut self) {
        if let Conduit::Router(router) = &self.conduit {
            router.end(drop);
        }
    }
}
