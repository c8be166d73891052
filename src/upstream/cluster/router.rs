//! A cluster as one client sees it: one connection that takes every request.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::{Rc, Weak},
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;

use super::{
    fleet::{Fleet, Node},
    job::{At, Expects, Goes, Job, Jobs, NodeId},
    plan,
    private::{self, Private},
    roads::{Roads, Way},
};
use crate::{
    command::spread::{Announced, Front, Spread, spread},
    resp::{Request, RequestScanner, Scanned, encode},
    state::{ids::Place, key::LaneKey},
    upstream::{
        connect::DialError,
        link::{
            Standing,
            receiver::{Failure, Receiver},
        },
    },
};

/// How many bytes of requests may wait for nodes before the client has to wait as well.
const MOST_HELD: usize = 1 << 20;
/// How long after a node could not take a request it is sent again.
pub(super) const AGAIN: Duration = Duration::from_millis(20);
/// Sent ahead of a request that a node takes although another one has the slot.
const ASKING: &[u8] = b"*1\r\n$6\r\nASKING\r\n";

/// The way of one client's requests to the nodes, and of the replies back.
pub struct Router<R: Receiver> {
    pub(super) fleet: Rc<Fleet<R>>,
    pub(super) key: RefCell<Rc<LaneKey>>,
    pub(super) client: RefCell<Weak<R>>,
    pub(super) inner: RefCell<Inner<R>>,
    /// Where its transactions are, if nobody else uses its connections.
    pub(super) private: Option<RefCell<Private>>,
    announced: RefCell<Option<Rc<Announced>>>,
    pub(super) standing: Cell<Standing>,
    pub(super) open: Cell<bool>,
    /// Nothing more comes.
    pub(super) finished: Cell<bool>,
    /// It is among those whose requests are looked at.
    pub(super) waits: Cell<bool>,
    /// The node for what any can take, and by what it is chosen.
    pub(super) home: Cell<Option<NodeId>>,
    turn: usize,
}

pub(super) struct Inner<R: Receiver> {
    pub(super) jobs: Jobs,
    /// The numbers of those that wait, in order.
    pub(super) held: VecDeque<Place>,
    held_bytes: usize,
    pub(super) roads: Roads<R>,
    /// Replies that no node has given.
    ready: Vec<(Place, Bytes, Expects)>,
    relief: Vec<Waker>,
}

/// What has come of an attempt to send a request.
pub(super) enum Sent {
    Yes,
    /// Its node cannot be spoken to now; the reason, if there is one.
    NotYet(Option<String>),
    /// Its node does not let the client in.
    Refused(Bytes),
}

impl<R: Receiver> Router<R> {
    pub(super) fn new(
        fleet: &Rc<Fleet<R>>,
        key: &Rc<LaneKey>,
        node: &Node<R>,
        way: Way<R>,
        turn: usize,
    ) -> Rc<Self> {
        let standing = Cell::new(way.link().standing());
        let is_own = matches!(way, Way::Lease(_));
        let inner = Inner {
            jobs: Jobs::default(),
            held: VecDeque::new(),
            held_bytes: 0,
            roads: Roads::new(node, way),
            ready: Vec::new(),
            relief: Vec::new(),
        };
        let router = Rc::new(Self {
            fleet: fleet.clone(),
            key: RefCell::new(key.clone()),
            client: RefCell::default(),
            inner: RefCell::new(inner),
            private: is_own.then(RefCell::default),
            announced: RefCell::default(),
            standing,
            open: Cell::new(true),
            finished: Cell::new(false),
            waits: Cell::new(false),
            home: Cell::new(Some(node.id)),
            turn,
        });
        router.inner.borrow().roads.adopt(&router);
        router
    }

    /// Makes `client` the one who gets the replies. To it the cluster is the one node that is announced.
    pub fn serve(&self, client: &Rc<R>, announced: Option<&Rc<Announced>>) {
        *self.announced.borrow_mut() = announced.cloned();
        *self.client.borrow_mut() = Rc::downgrade(client);
    }

    /// The state that the client is in.
    pub fn key(&self) -> Rc<LaneKey> {
        self.key.borrow().clone()
    }

    /// Which nodes a request is for. `split`: it may become several.
    pub(super) fn spread(&self, request: &Request<'_>, split: bool) -> Spread {
        let announced = self.announced();
        let front = Front { split, protocol: self.key().protocol, announced: &announced };
        spread(request, &self.fleet.specs(), &front)
    }

    /// The one node that the cluster is to the client.
    fn announced(&self) -> Rc<Announced> {
        self.announced.borrow().clone().unwrap_or_default()
    }

    /// What the nodes make of the client, going by the last one that was spoken to.
    pub fn standing(&self) -> Standing {
        self.standing.get()
    }

    /// Whether a node takes requests on it, or refuses them for want of a password.
    pub fn admitted(&self, admitted: bool) {
        self.standing.set(Standing { unauthenticated: !admitted, ..self.standing.get() });
    }

    /// Whether requests may be sent.
    pub fn is_open(&self) -> bool {
        self.open.get()
    }

    /// Whether senders should wait until nodes have taken most of what was sent.
    pub fn is_congested(&self) -> bool {
        let inner = self.inner.borrow();
        inner.held_bytes > MOST_HELD || inner.roads.congested().is_some()
    }

    /// Ready where that is so no longer; else the waker is woken then.
    pub fn poll_relief(&self, cx: &Context<'_>) -> Poll<()> {
        let mut inner = self.inner.borrow_mut();
        if let Some(link) = inner.roads.congested() {
            return link.poll_relief(cx);
        }
        if inner.held_bytes <= MOST_HELD {
            return Poll::Ready(());
        }
        if !inner.relief.iter().any(|waker| waker.will_wake(cx.waker())) {
            inner.relief.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Sends `count` complete requests whose replies go to the places from `place` on as they are.
    pub fn send_run(self: &Rc<Self>, place: Place, requests: &[u8], count: u32) -> bool {
        if !self.is_open() {
            return false;
        }
        let all = Bytes::copy_from_slice(requests);
        let mut scanner = RequestScanner::new();
        let mut at = 0;
        for index in 0..count {
            // Only what has been found to be whole comes here.
            let Ok(Scanned::Frame { len }) = scanner.scan(&all[at..], true) else { break };
            let request = scanner.request(&all[at..]);
            let bytes = match request.is_inline() {
                true => Bytes::copy_from_slice(request.bytes()),
                false => all.slice(at..at + len),
            };
            self.submit(place.plus(index), &request, bytes, Expects::Run);
            scanner.next();
            at += len;
        }
        true
    }

    /// Sends one complete request whose reply means something to the client; `kept` is given back with it.
    pub fn send(
        self: &Rc<Self>,
        place: Place,
        kept: &[u8],
        write: impl FnOnce(&mut BytesMut),
    ) -> bool {
        if !self.is_open() {
            return false;
        }
        let mut bytes = BytesMut::new();
        write(&mut bytes);
        let (all, mut scanner) = (bytes.freeze(), RequestScanner::new());
        if let Ok(Scanned::Frame { len }) = scanner.scan(&all, true) {
            let expects = Expects::One(Bytes::copy_from_slice(kept));
            self.submit(place, &scanner.request(&all), all.slice(..len), expects);
        }
        true
    }

    fn submit(
        self: &Rc<Self>,
        place: Place,
        request: &Request<'_>,
        bytes: Bytes,
        expects: Expects,
    ) {
        let left = match self.private.is_some() && !self.standing().unauthenticated {
            true => private::plan(self, place, request, bytes, expects),
            false => Some((bytes, expects)),
        };
        if let Some((bytes, expects)) = left {
            plan::plan(self, place, request, bytes, expects);
        }
    }

    /// Adds a request, and sends it unless it has to wait.
    pub(super) fn add(self: &Rc<Self>, job: Job) {
        let mut inner = self.inner.borrow_mut();
        let number = inner.jobs.push(job);
        if self.try_send(&mut inner, number) {
            return;
        }
        let size = inner.jobs.get(number).map_or(0, |job| job.request.len());
        inner.held.push_back(number);
        inner.held_bytes += size;
        drop(inner);
        self.fleet.wait_with(self);
    }

    /// Has the reply to a request be `frame`, which no node has given.
    pub(super) fn answer(self: &Rc<Self>, place: Place, frame: Bytes, expects: Expects) {
        self.inner.borrow_mut().ready.push((place, frame, expects));
        // The client is busy with its requests.
        self.fleet.wait_with(self);
    }

    /// Whether a request was sent that came just now.
    fn try_send(self: &Rc<Self>, inner: &mut Inner<R>, number: Place) -> bool {
        let Some(job) = inner.jobs.get(number) else { return true };
        let is_own = self.private.is_some();
        let waits = !inner.held.is_empty()
            && inner
                .held
                .iter()
                .any(|held| is_own || inner.jobs.get(*held).is_some_and(|held| held.holds_up(job)));
        !waits && matches!(self.dispatch(inner, number), Sent::Yes)
    }

    /// Sends a request to the node that it is for.
    fn dispatch(self: &Rc<Self>, inner: &mut Inner<R>, number: Place) -> Sent {
        let version = self.fleet.version();
        let Some(job) = inner.jobs.get(number) else { return Sent::Yes };
        let node = match (&job.asks, job.goes) {
            (Some(address), _) => Some(self.fleet.node_at(address)),
            (None, Goes::Slot(slot) | Goes::Bind(slot)) => self.fleet.owner(slot),
            (None, Goes::Primary(at)) => self.fleet.primary(at),
            (None, Goes::Any | Goes::Unknown) => self.any_node(inner),
            (None, Goes::Bound | Goes::BindAny) => match self.bound() {
                Some(id) => self.fleet.node(id),
                None => self.any_node(inner),
            },
        };
        if self.decides().is_some_and(|decides| decides != number) {
            return Sent::NotYet(None);
        }
        if job.alone && inner.jobs.before(number).next().is_some() {
            return Sent::NotYet(None);
        }
        let Some(node) = node else {
            self.fleet.doubt();
            return Sent::NotYet(None);
        };
        if inner.jobs.begins_before(version) && is_ahead(inner, number, node.id) {
            // What came before it and is for the same slot has not come back from the node that had the slot.
            return Sent::NotYet(None);
        }
        let link = match inner.roads.to(self, &node) {
            Ok(Some(link)) => link,
            Ok(None) => return Sent::NotYet(None),
            Err(DialError::Unreachable(why)) => return Sent::NotYet(Some(why)),
            Err(DialError::Refused(_, frame) | DialError::StateRefused(_, frame)) => {
                return Sent::Refused(frame);
            }
        };
        self.standing.set(link.standing());
        let ahead = self.bind(inner, number, node.id);
        let Some(job) = inner.jobs.get_mut(number) else { return Sent::Yes };
        let sent = match (&job.expects, job.goes) {
            (_, Goes::Unknown) => {
                job.at = At::Inquiry(node.id);
                let request = &job.request;
                link.send(self, number, b"", |out| encode_inquiry(request, out))
            }
            (expects, _) => {
                if job.asks.is_some() {
                    link.send_unheard(ASKING);
                }
                ahead.iter().for_each(|request| link.send_unheard(request));
                job.at = At::Node(node.id, version);
                let request = &job.request;
                match expects {
                    Expects::Run => link.send_run(self, number, request, 1),
                    _ => link.send(self, number, b"", |out| out.extend_from_slice(request)),
                }
            }
        };
        if self.finished.get() {
            link.finish();
        }
        if sent { Sent::Yes } else { Sent::NotYet(None) }
    }

    /// A node for what any can take: always the same, as long as it can be spoken to.
    fn any_node(&self, inner: &Inner<R>) -> Option<Rc<Node<R>>> {
        let is_open = |node: &Rc<Node<R>>| inner.roads.is_open(node.id);
        let home = self.home.get().and_then(|id| self.fleet.node(id)).filter(is_open);
        let node = home.or_else(|| {
            let count = self.fleet.primaries();
            let mut all = (0..count).filter_map(|at| self.fleet.primary((at + self.turn) % count));
            let first = all.next()?;
            Some(if is_open(&first) { first } else { all.find(is_open).unwrap_or(first) })
        });
        self.home.set(node.as_ref().map(|node| node.id));
        node
    }

    /// Sends what waits and can be sent, and answers what has waited too long. True if anything is left.
    pub(super) fn pump(self: &Rc<Self>) -> bool {
        let ready = std::mem::take(&mut self.inner.borrow_mut().ready);
        for (place, frame, expects) in ready {
            self.deliver(place, &frame, expects);
        }
        let (now, hold) = (Instant::now(), self.fleet.hold());
        let waiting: Vec<Place> = self.inner.borrow_mut().held.drain(..).collect();
        let (mut left, mut ends) = (VecDeque::<Place>::new(), Vec::new());
        for number in waiting {
            let mut inner = self.inner.borrow_mut();
            let Some(job) = inner.jobs.get_mut(number) else { continue };
            let since = *job.since.get_or_insert(now);
            let is_over = now.duration_since(since) >= hold;
            let is_early = job.again.is_some_and(|again| now < again);
            let job = inner.jobs.get(number);
            let is_behind = left.iter().any(|held| {
                let held = inner.jobs.get(*held);
                self.private.is_some()
                    || held.zip(job).is_some_and(|(held, job)| held.holds_up(job))
            });
            let sent = match is_early || is_behind {
                true => Sent::NotYet(None),
                false => self.dispatch(&mut inner, number),
            };
            match sent {
                Sent::Yes => {}
                Sent::NotYet(why) if is_over => ends.push((number, Err(why))),
                Sent::NotYet(_) => left.push_back(number),
                Sent::Refused(frame) => ends.push((number, Ok(frame))),
            }
        }
        self.settle_held(left);
        for (number, end) in ends {
            match end {
                Ok(frame) => self.handle(number, &frame),
                Err(why) => {
                    let why = why.unwrap_or_else(|| "no node of the cluster takes it".to_owned());
                    let taken = self.inner.borrow_mut().jobs.take(number);
                    if let Some(job) = taken {
                        self.fail(number, job, &Failure::Unsent(why));
                    }
                }
            }
        }
        self.inner.borrow_mut().jobs.forget();
        self.flush_client();
        let inner = self.inner.borrow();
        !inner.held.is_empty() || !inner.ready.is_empty()
    }

    fn settle_held(&self, mut left: VecDeque<Place>) {
        let mut inner = self.inner.borrow_mut();
        // What was delivered meanwhile may have brought more.
        left.append(&mut inner.held);
        let size = |number: &Place| inner.jobs.get(*number).map_or(0, |job| job.request.len());
        inner.held_bytes = left.iter().map(size).sum();
        inner.held = left;
        if inner.held_bytes <= MOST_HELD / 2 {
            inner.relief.drain(..).for_each(Waker::wake);
        }
    }

    /// Puts a request back among those that wait, in the place that it has by its number.
    pub(super) fn hold(self: &Rc<Self>, number: Place, job: Job) {
        let mut inner = self.inner.borrow_mut();
        inner.held_bytes += job.request.len();
        inner.jobs.put_back(number, Job { at: At::Here, ..job });
        let order = inner.jobs.order(number);
        let at = inner.held.iter().position(|held| inner.jobs.order(*held) > order);
        let at = at.unwrap_or(inner.held.len());
        inner.held.insert(at, number);
    }

    /// Sends a request to every node that is spoken to. Nobody wants to see a reply.
    pub fn send_unheard(&self, request: &[u8]) {
        let inner = self.inner.borrow();
        inner.roads.open().for_each(|(_, link)| link.send_unheard(request));
    }

    fn flush_client(&self) {
        if let Some(client) = self.client.borrow().upgrade()
            && client.touch()
        {
            client.flush();
        }
    }
}

/// Whether a request that came before and is for the same slot is still at another node.
fn is_ahead<R: Receiver>(inner: &Inner<R>, number: Place, node: NodeId) -> bool {
    let Some(job) = inner.jobs.get(number) else { return false };
    inner
        .jobs
        .before(number)
        .any(|other| other.holds_up(job) && matches!(other.at, At::Node(at, _) if at != node))
}

/// Asks where the keys of a request are.
fn encode_inquiry(request: &[u8], out: &mut BytesMut) {
    let mut scanner = RequestScanner::new();
    if let Ok(Scanned::Frame { .. }) = scanner.scan(request, true) {
        let found = scanner.request(request);
        let words = [&b"COMMAND"[..], b"GETKEYS"].into_iter().chain(found.args());
        encode::command(out, words.collect::<Vec<_>>());
    }
}
