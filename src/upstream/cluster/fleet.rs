//! The nodes of a cluster, as one worker knows them.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::Notify,
    task::spawn_local,
    time::{Instant, sleep, timeout_at},
};

use super::{job::NodeId, redirect, roads::Way, router::Router};
use crate::{
    command::specs::Specs,
    state::{key::LaneKey, slot::Slot},
    upstream::{
        address::Address,
        connect::DialError,
        doubt::Doubt,
        link::receiver::Receiver,
        pool::{Hub, Proofs, Times},
        topology::{Topology, map::Map},
    },
};

/// How often what waits for a node is looked at.
const TICK: Duration = Duration::from_millis(20);
/// Why there is no node before anything is known of the cluster.
const UNKNOWN: &str = "no node of the cluster is known yet";

/// All nodes of a cluster.
pub struct Fleet<R: Receiver> {
    topology: Topology,
    times: Times,
    proofs: Proofs,
    view: RefCell<View<R>>,
    change: Notify,
    /// Clients whose requests wait for a node.
    waiting: RefCell<Vec<Rc<Router<R>>>>,
    ticks: Cell<bool>,
    routers: Cell<usize>,
    /// Whether requests over several slots are split.
    splits: bool,
}

/// A node, and the connections to it.
pub(super) struct Node<R: Receiver> {
    pub(super) id: NodeId,
    pub(super) address: Address,
    pub(super) hub: Rc<Hub<Router<R>>>,
}

struct View<R: Receiver> {
    /// What the control plane has found out.
    published: Option<Arc<Map>>,
    /// That, with what nodes have said since.
    map: Option<Rc<Map>>,
    /// Goes on with each change of the map.
    version: u64,
    specs: Arc<Specs>,
    nodes: HashMap<Address, Rc<Node<R>>>,
    /// In the order of the map.
    primaries: Vec<Rc<Node<R>>>,
    last_id: u32,
}

impl<R: Receiver> Fleet<R> {
    /// The nodes that `topology` names. `proofs` are shared by all workers.
    pub fn new(topology: Topology, times: Times, proofs: Proofs, splits: bool) -> Rc<Self> {
        let view = View {
            published: None,
            map: None,
            version: 0,
            specs: Arc::default(),
            nodes: HashMap::new(),
            primaries: Vec::new(),
            last_id: 0,
        };
        let fleet = Rc::new(Self {
            topology,
            times,
            proofs,
            view: RefCell::new(view),
            change: Notify::new(),
            waiting: RefCell::default(),
            ticks: Cell::new(false),
            routers: Cell::new(0),
            splits,
        });
        fleet.moved();
        fleet
    }

    /// There is news of the topology.
    pub fn moved(self: &Rc<Self>) {
        if let Some(specs) = self.topology.specs() {
            self.view.borrow_mut().specs = specs;
        }
        if let Some(map) = self.topology.map() {
            let is_new = self.view.borrow().published.as_ref() != Some(&map);
            if is_new {
                self.view.borrow_mut().published = Some(map.clone());
                self.set(Rc::new(map.as_ref().clone()));
            }
        }
        self.change.notify_waiters();
        self.tick();
    }

    /// A node has said that another one has this slot.
    pub(super) fn learn(&self, slot: Slot, address: &Address) {
        let map = self.view.borrow().map.clone();
        let Some(map) = map else { return };
        self.doubt();
        let owner = map.owner(slot).and_then(|owner| map.primaries().get(owner));
        if owner != Some(address) {
            self.set(Rc::new(map.with(slot, address.clone())));
        }
    }

    /// Something is not as the map says.
    pub(super) fn doubt(&self) {
        self.topology.doubt().iter().for_each(Doubt::raise);
    }

    fn set(&self, map: Rc<Map>) {
        let primaries = map.primaries().iter().map(|address| self.node_at(address)).collect();
        let mut view = self.view.borrow_mut();
        view.map = Some(map);
        view.version += 1;
        view.primaries = primaries;
        let gone: Vec<Rc<Node<R>>> = {
            let stays = |node: &Rc<Node<R>>| view.primaries.iter().any(|one| one.id == node.id);
            view.nodes.values().filter(|node| !stays(node)).cloned().collect()
        };
        for node in &gone {
            view.nodes.remove(&node.address);
        }
        drop(view);
        // What is on its way there has a moment to come back.
        gone.iter().for_each(|node| node.hub.moved());
    }

    /// The node at this address, whether or not it has any slot.
    pub(super) fn node_at(&self, address: &Address) -> Rc<Node<R>> {
        let mut view = self.view.borrow_mut();
        if let Some(node) = view.nodes.get(address) {
            return node.clone();
        }
        view.last_id += 1;
        let way = self.topology.way_to(address.clone(), self.times.connect);
        // Whoever waits for a node may be sent to another one meanwhile: it waits here.
        let times = Times { hold: Duration::ZERO, ..self.times };
        let hub = Hub::new(way, times, self.proofs.clone());
        let node = Rc::new(Node { id: NodeId(view.last_id), address: address.clone(), hub });
        view.nodes.insert(address.clone(), node.clone());
        node
    }

    /// The address that `target` names in the words of `node`.
    pub(super) fn resolve(&self, target: redirect::Target<'_>, node: &Address) -> Address {
        let name = |host: &String| match target.host {
            "" => host.clone(),
            host => host.to_owned(),
        };
        match node {
            Address::Tls { host, .. } => Address::Tls { host: name(host), port: target.port },
            Address::Tcp { host, .. } => Address::Tcp { host: name(host), port: target.port },
            Address::Unix(_) => Address::Tcp { host: target.host.to_owned(), port: target.port },
        }
    }

    pub(super) fn owner(&self, slot: Slot) -> Option<Rc<Node<R>>> {
        let view = self.view.borrow();
        let owner = view.map.as_ref()?.owner(slot)?;
        view.primaries.get(owner).cloned()
    }

    pub(super) fn primary(&self, at: usize) -> Option<Rc<Node<R>>> {
        self.view.borrow().primaries.get(at).cloned()
    }

    pub(super) fn node(&self, id: NodeId) -> Option<Rc<Node<R>>> {
        self.view.borrow().nodes.values().find(|node| node.id == id).cloned()
    }

    pub(super) fn primaries(&self) -> usize {
        self.view.borrow().primaries.len()
    }

    pub(super) fn version(&self) -> u64 {
        self.view.borrow().version
    }

    pub(super) fn specs(&self) -> Arc<Specs> {
        self.view.borrow().specs.clone()
    }

    pub(super) fn splits(&self) -> bool {
        self.splits
    }

    pub(super) fn hold(&self) -> Duration {
        self.times.hold
    }

    /// The cluster for a client in the state of `key`, if a node can be spoken to at once; the error, if it is known already
    /// that no node lets it in.
    pub fn at_once(self: &Rc<Self>, key: &Rc<LaneKey>) -> Option<Result<Rc<Router<R>>, DialError>> {
        if !self.is_known() {
            return None;
        }
        let primaries = self.view.borrow().primaries.clone();
        let lane = primaries.iter().find_map(|node| {
            let lane = node.hub.lane_at_once(key)?.ok()?;
            Some((node.clone(), lane))
        });
        lane.map(|(node, lane)| Ok(Router::new(self, key, &node, Way::Lane(lane), self.turn())))
    }

    /// As [`Fleet::at_once`], dialled when it has to be. `login` is what the client has said to get into that state.
    pub async fn router(
        self: &Rc<Self>,
        key: &Rc<LaneKey>,
        login: Option<&[u8]>,
    ) -> Result<(Rc<Router<R>>, Option<Bytes>), DialError> {
        let dial = async |node: &Node<R>| {
            let joined = node.hub.lane(key, login).await?;
            Ok((Way::Lane(joined.link), joined.welcome))
        };
        self.held(async || self.reach(key, &dial).await).await
    }

    /// The first primary in turn that can be reached.
    async fn reach<T>(
        self: &Rc<Self>,
        key: &Rc<LaneKey>,
        dial: &impl AsyncFn(&Node<R>) -> Result<(Way<R>, T), DialError>,
    ) -> Result<(Rc<Router<R>>, T), DialError> {
        let mut error = DialError::Unreachable(UNKNOWN.to_owned());
        if !self.is_known() {
            return Err(error);
        }
        let (primaries, turn) = (self.view.borrow().primaries.clone(), self.turn());
        for at in 0..primaries.len() {
            let node = &primaries[(at + turn) % primaries.len()];
            match dial(node).await {
                Ok((way, told)) => return Ok((Router::new(self, key, node, way, turn), told)),
                Err(found @ DialError::Unreachable(_)) => error = found,
                Err(refused) => return Err(refused),
            }
        }
        Err(error)
    }

    /// Connections to nodes for one client in the state of `key`, if one is there.
    pub(in crate::upstream) fn own_at_once(
        self: &Rc<Self>,
        key: &Rc<LaneKey>,
        unauthenticated: bool,
    ) -> Option<Rc<Router<R>>> {
        let primaries = self.view.borrow().primaries.clone();
        let (turn, count) = (self.turn(), primaries.len());
        (0..count).find_map(|at| {
            let node = &primaries[(at + turn) % count];
            let lease = node.hub.pinned_at_once(key, unauthenticated)?.ok()?;
            Some(Router::new(self, key, node, Way::Lease(lease), turn))
        })
    }

    /// As [`Fleet::own_at_once`], dialled when there is none.
    pub(in crate::upstream) async fn own(
        self: &Rc<Self>,
        key: &Rc<LaneKey>,
        unauthenticated: bool,
    ) -> Result<Rc<Router<R>>, DialError> {
        let dial = async |node: &Node<R>| {
            node.hub.pinned(key, unauthenticated).await.map(|lease| (Way::Lease(lease), ()))
        };
        self.held(async || self.reach(key, &dial).await).await.map(|(router, ())| router)
    }

    /// Attempts to get a connection as long as no node can be reached, and those who wait may be held.
    async fn held<T>(
        &self,
        attempt: impl AsyncFn() -> Result<T, DialError>,
    ) -> Result<T, DialError> {
        let end = Instant::now() + self.times.hold;
        loop {
            let change = self.change.notified();
            let outcome = attempt().await;
            let passes = matches!(outcome, Err(DialError::Unreachable(_)));
            let now = Instant::now();
            if !passes || now >= end {
                return outcome;
            }
            // That nothing has changed by then is found out by the next attempt.
            let _ = timeout_at((now + TICK).min(end), change).await;
        }
    }

    fn is_known(&self) -> bool {
        let view = self.view.borrow();
        !view.primaries.is_empty() && !view.specs.is_empty()
    }

    fn turn(&self) -> usize {
        self.routers.replace(self.routers.get().wrapping_add(1))
    }

    /// Has the requests of `router` that wait looked at until none is left.
    pub(super) fn wait_with(self: &Rc<Self>, router: &Rc<Router<R>>) {
        if router.waits.replace(true) {
            return;
        }
        self.waiting.borrow_mut().push(router.clone());
        if self.ticks.replace(true) {
            return;
        }
        let fleet = self.clone();
        spawn_local(async move {
            loop {
                // The first look is not before the sender has done what it is about.
                tokio::task::yield_now().await;
                fleet.tick();
                if fleet.waiting.borrow().is_empty() {
                    break;
                }
                sleep(TICK).await;
            }
            fleet.ticks.set(false);
        });
    }

    fn tick(&self) {
        let waiting = self.waiting.take();
        let left = waiting.into_iter().filter(|router| {
            router.waits.set(router.pump());
            router.waits.get()
        });
        let left: Vec<_> = left.collect();
        self.waiting.borrow_mut().extend(left);
    }

    /// Looks after all connections. To be called about once a second.
    pub fn sweep(&self) {
        self.hubs().iter().for_each(|hub| hub.sweep());
    }

    /// How many connections clients share, and how many nobody uses.
    pub fn counts(&self) -> (usize, usize) {
        let counts = self.hubs().into_iter().map(|hub| hub.counts());
        counts.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
    }

    /// Closes every idle connection now.
    pub fn close_idle(&self) {
        self.hubs().iter().for_each(|hub| hub.close_idle());
    }

    fn hubs(&self) -> Vec<Rc<Hub<Router<R>>>> {
        self.view.borrow().nodes.values().map(|node| node.hub.clone()).collect()
    }
}
