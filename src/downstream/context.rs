//! What all connections of a worker share.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    sync::Arc,
};

use super::{clock::Clock, outbox::Outbox, report::Facts, roster::Roster, spares::Spares};
use crate::{
    session,
    upstream::{hub::Hub, key::LaneKey, served::ServedDatabases},
};

/// Everything a connection needs that is not its own.
pub struct Context {
    /// The upstream connections.
    pub hub: Hub<Outbox>,
    /// The state that a new client is in.
    pub initial: Rc<LaneKey>,
    /// Whether every client has an upstream connection of its own.
    pub dedicated: bool,
    /// Namespace and limits of the session commands.
    pub session: session::Settings,
    /// The databases in which session commands were served.
    pub served: Arc<ServedDatabases>,
    /// The way to the clients of all workers.
    pub roster: Roster,
    /// What `INFO` tells of this process.
    pub facts: Arc<Facts>,
    /// The worker's clock.
    pub clock: Clock,
    /// The clients that are connected.
    pub clients: RefCell<HashMap<u64, Rc<Outbox>>>,
    /// Read buffers that are not in use.
    pub spares: Rc<Spares>,
    /// New clients are not served any more.
    pub draining: Cell<bool>,
}

impl Context {
    /// Asks every client to end once its answers are delivered.
    pub fn drain(&self) {
        self.draining.set(true);
        for client in self.clients.borrow().values() {
            client.drain();
        }
    }

    /// Ends every client now.
    pub fn end(&self) {
        for client in self.clients.borrow().values() {
            client.end();
        }
    }
}
