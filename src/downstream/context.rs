//! What all clients of a worker share.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    sync::Arc,
};

use super::{
    clock::Clock, pause::WritePause, registry::roster::Roster, seat::Seat, socket::spares::Spares,
};
use crate::{
    command::flags::Known,
    state::ids::ClientId,
    upstream::{fabric::Fabric, pool::Proofs, served::ServedDatabases},
};

/// Everything a client needs that is not its own.
pub struct Context {
    /// The upstream connections.
    pub fabric: Fabric<Seat>,
    /// The age of the server's word on credentials.
    pub proofs: Proofs,
    /// Whether writes wait at the server.
    pub pause: WritePause,
    /// The databases in which session commands were served.
    pub served: Arc<ServedDatabases>,
    /// The way to the clients of all workers.
    pub roster: Roster,
    /// Bytes of replies that a client may leave unread before it is closed.
    pub output_limit: usize,
    /// The worker's clock.
    pub clock: Clock,
    /// The clients that are connected, in the order in which they came.
    pub clients: RefCell<BTreeMap<ClientId, Rc<Seat>>>,
    /// What the server says of commands that are not in our table.
    pub commands: RefCell<Known>,
    /// Read buffers that are not in use.
    pub spares: Spares,
    /// New clients are not served any more.
    pub draining: Cell<bool>,
}

impl Context {
    /// What is to be done about once a second.
    pub fn look_after(&self) {
        self.clock.wind();
        self.fabric.sweep();
    }

    /// Asks every client to end once its answers are delivered.
    pub fn drain(&self) {
        self.draining.set(true);
        self.seats().iter().for_each(Seat::drain);
    }

    /// Ends every client now.
    pub fn end(&self) {
        self.seats().iter().for_each(Seat::cut);
    }

    /// The seats of all clients. What happens to one may bring another to leave.
    pub(super) fn seats(&self) -> Vec<Rc<Seat>> {
        self.clients.borrow().values().cloned().collect()
    }
}
