//! A connection that one client has for itself, as long as it has it.

use std::{
    ops::Deref,
    rc::{Rc, Weak},
};

use tokio::time::Instant;

use super::idle::Idle;
use crate::{
    state::traces::Clean,
    upstream::link::{Link, receiver::Receiver},
};

/// A pinned connection. It goes back to the pool with a proof that it is clean; dropped otherwise, it is closed.
pub struct Lease<R: Receiver> {
    link: Option<Rc<Link<R>>>,
    idle: Weak<Idle<R>>,
}

impl<R: Receiver> Lease<R> {
    pub(super) fn new(link: Rc<Link<R>>, idle: Weak<Idle<R>>) -> Self {
        Self { link: Some(link), idle }
    }

    /// Gives the connection back.
    pub fn give_back(mut self, _: Clean) {
        self.put_back();
    }

    /// Gives back a connection that its client has left before it got it.
    pub fn give_back_unused(mut self) {
        self.put_back();
    }

    /// Leaves the connection behind, as its client has left its own: what has been sent is still written, and behind that the
    /// server sees the end. So it runs what it has read, and what waits there waits no longer.
    pub fn leave_behind(mut self) {
        if let Some(link) = self.link.take() {
            link.leave_behind(Instant::now());
        }
    }

    fn put_back(&mut self) {
        if let (Some(link), Some(idle)) = (self.link.take(), self.idle.upgrade()) {
            idle.put(link);
        }
    }
}

impl<R: Receiver> Deref for Lease<R> {
    type Target = Rc<Link<R>>;

    fn deref(&self) -> &Rc<Link<R>> {
        self.link.as_ref().expect("a lease has its link until it ends")
    }
}

impl<R: Receiver> Drop for Lease<R> {
    fn drop(&mut self) {
        if let Some(link) = self.link.take() {
            link.abort();
        }
    }
}
