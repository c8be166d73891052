//! What a client does with connections that nobody else has. All of them are in its state. Transactions are on one node,
//! which their first key decides.

use std::rc::Rc;

use bytes::Bytes;

use super::{
    fleet::Node,
    job::{Expects, Goes, Job, NodeId},
    roads::Way,
    router::{Inner, Router},
};
use crate::{
    command::{
        Route, route,
        spread::Spread,
        table::{State, Transaction as Step},
    },
    resp::Request,
    state::{ids::Place, key::LaneKey, label::Label, slot::Slot},
    upstream::{
        connect::DialError,
        link::{Link, receiver::Receiver},
        pool::Lease,
    },
};

const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
const DISCARD: &[u8] = b"*1\r\n$7\r\nDISCARD\r\n";
const OK: &[u8] = b"+OK\r\n";
/// A request that every node refuses for its number of arguments, which ends the transaction as well.
const REFUSED: &[u8] = b"*1\r\n$3\r\nGET\r\n";
/// As nodes refuse it (`getNodeByQuery` in cluster.c).
const CROSS_SLOT: &[u8] = b"-CROSSSLOT Keys in request don't hash to the same slot\r\n";

/// Where the client's transaction is.
#[derive(Default)]
pub(super) struct Private {
    open: Option<Open>,
    /// The slot of the keys that are watched.
    watched: Option<Slot>,
    /// The node that watches keys or queues commands.
    node: Option<NodeId>,
    /// The node whose reply is being dealt with.
    answering: Option<NodeId>,
    /// What the client is called.
    label: Rc<Label>,
    /// It has subscribed, or something else that only its connections know.
    lasts: bool,
    /// Nothing is sent before this request is answered: it decides the node.
    decides: Option<Place>,
}

/// What a reply means to a client's own connections.
pub(super) enum Note {
    /// A transaction or a watch is over with it.
    End,
    /// The same, and the connection is as it was in the beginning.
    Reset,
    /// Keys are watched, unless it is an error.
    Watched,
    /// This was queued, unless it is an error.
    Queued(Bytes),
    /// The client is shown this in its place.
    Instead(&'static [u8]),
}

/// A transaction.
#[derive(Default)]
struct Open {
    /// What has been queued, as long as it may have to go to another node.
    queued: Vec<Bytes>,
    slot: Option<Slot>,
    /// A command has been refused: it is not executed.
    spoiled: bool,
}

impl Private {
    /// What has to be said on a node that has heard nothing of the transaction so far.
    fn so_far(&self) -> Vec<Bytes> {
        let Some(open) = &self.open else { return Vec::new() };
        let mut said = vec![Bytes::from_static(MULTI)];
        said.extend(open.queued.iter().cloned());
        said.extend(open.spoiled.then_some(Bytes::from_static(REFUSED)));
        said
    }

    /// Whether keys are watched: the transaction is where they are.
    fn watches(&self) -> bool {
        self.watched.is_some()
    }

    /// Whether the client would miss something if the connection to this node closed.
    fn needs(&self, node: NodeId) -> bool {
        self.lasts || self.node == Some(node) && (self.watches() || self.open.is_some())
    }

    /// Where its requests go that have no keys.
    fn goes(&self) -> Goes {
        if self.node.is_some() { Goes::Bound } else { Goes::BindAny }
    }

    fn end(&mut self) {
        (self.open, self.watched, self.node) = (None, None, None);
    }
}

/// Has `router` send a request of a client with connections of its own, if it is of special interest to them; else it is
/// given back.
pub(super) fn plan<R: Receiver>(
    router: &Rc<Router<R>>,
    place: Place,
    request: &Request<'_>,
    bytes: Bytes,
    expects: Expects,
) -> Option<(Bytes, Expects)> {
    let mut state = router.private.as_ref()?.borrow_mut();
    let in_transaction = state.open.is_some();
    let is_bare = request.len() == 1;
    let end = |note, expects| Expects::Noted(note, Box::new(expects));
    let (goes, expects) = match route(request) {
        Route::Transaction(Step::Multi) if !in_transaction && is_bare => {
            state.open = Some(Open { slot: state.watched, ..Open::default() });
            if !state.watches() {
                drop(state);
                router.answer(place, Bytes::from_static(OK), expects);
                return None;
            }
            (Goes::Bound, expects)
        }
        Route::Transaction(Step::Exec) if in_transaction && is_bare => {
            let job = Job::new(place, bytes, state.goes(), end(Note::End, expects));
            drop(state);
            // Changes of the client's state come with it.
            router.add(job.alone());
            return None;
        }
        Route::Transaction(Step::Discard) if in_transaction && is_bare => {
            if state.node.is_none() {
                state.end();
                drop(state);
                router.answer(place, Bytes::from_static(OK), expects);
                return None;
            }
            (Goes::Bound, end(Note::End, expects))
        }
        Route::Transaction(Step::Unwatch) if !in_transaction && state.watches() => {
            (Goes::Bound, end(Note::End, expects))
        }
        Route::State(State::Reset) if is_bare => {
            let job = Job::new(place, bytes, state.goes(), end(Note::Reset, expects));
            drop(state);
            router.add(job.alone());
            return None;
        }
        Route::State(_) if !in_transaction => {
            drop(state);
            // What runs elsewhere runs in the state before.
            router.add(Job::new(place, bytes, Goes::Any, expects).alone());
            return None;
        }
        Route::Transaction(Step::Watch) if !in_transaction => {
            drop(state);
            return watch(router, place, request, bytes, expects);
        }
        _ if in_transaction => {
            drop(state);
            queue(router, place, request, bytes, expects);
            return None;
        }
        Route::Subscription(_) | Route::Stream(_) | Route::Lasting | Route::Client(_) => {
            state.lasts = true;
            return Some((bytes, expects));
        }
        _ => return Some((bytes, expects)),
    };
    drop(state);
    router.add(Job::new(place, bytes, goes, expects));
    None
}

fn watch<R: Receiver>(
    router: &Rc<Router<R>>,
    place: Place,
    request: &Request<'_>,
    bytes: Bytes,
    expects: Expects,
) -> Option<(Bytes, Expects)> {
    let Spread::Slot { slot, together: true } = router.spread(request, false) else {
        // A node refuses it.
        return Some((bytes, expects));
    };
    let mut state = router.private.as_ref()?.borrow_mut();
    let before = state.watched;
    state.watched = before.or(Some(slot));
    drop(state);
    match before {
        None => {
            let expects = Expects::Noted(Note::Watched, Box::new(expects));
            router.add(Job::new(place, bytes, Goes::Bind(slot), expects).alone());
        }
        Some(before) if before == slot => {
            router.add(Job::new(place, bytes, Goes::Bound, expects));
        }
        Some(_) => router.answer(place, Bytes::from_static(CROSS_SLOT), expects),
    }
    None
}

/// Queues a command of a transaction.
fn queue<R: Receiver>(
    router: &Rc<Router<R>>,
    place: Place,
    request: &Request<'_>,
    bytes: Bytes,
    expects: Expects,
) {
    let spread = router.spread(request, false);
    let Some(private) = &router.private else { return };
    let mut state = private.borrow_mut();
    let (goes, watches) = (state.goes(), state.watches());
    let Some(open) = &mut state.open else { return };
    let (goes, bytes, note) = match spread {
        Spread::Slot { slot, together }
            if !together || open.slot.is_some_and(|first| first != slot) =>
        {
            (goes, Bytes::from_static(REFUSED), Some(Note::Instead(CROSS_SLOT)))
        }
        // Refused, without harm to the transaction.
        _ if matches!(route(request), Route::Transaction(Step::Multi | Step::Watch)) => {
            (goes, bytes, None)
        }
        Spread::Slot { slot, .. } if open.slot.is_none() && !watches => {
            open.slot = Some(slot);
            (Goes::Bind(slot), bytes.clone(), Some(Note::Queued(bytes)))
        }
        _ => (goes, bytes.clone(), Some(Note::Queued(bytes))),
    };
    drop(state);
    let expects = match note {
        Some(note) => Expects::Noted(note, Box::new(expects)),
        None => expects,
    };
    // What was queued before has to be known: it may have to go to another node.
    let alone = matches!(goes, Goes::Bind(_));
    router.add(Job { alone, ..Job::new(place, bytes, goes, expects) });
}

impl<R: Receiver> Router<R> {
    /// The node that the client's transaction is on, or its watched keys are.
    pub(super) fn bound(&self) -> Option<NodeId> {
        self.private.as_ref()?.borrow().node
    }

    /// The request that has to be answered before any other is sent.
    pub(super) fn decides(&self) -> Option<Place> {
        self.private.as_ref()?.borrow().decides
    }

    /// The request that is sent to `node` now decides where the client's transaction is, if it is one of those. Gives what
    /// has to be said there first.
    pub(super) fn bind(&self, inner: &Inner<R>, number: Place, node: NodeId) -> Vec<Bytes> {
        let goes = inner.jobs.get(number).map(|job| job.goes);
        let (Some(private), Some(goes @ (Goes::Bind(_) | Goes::BindAny))) = (&self.private, goes)
        else {
            return Vec::new();
        };
        let mut private = private.borrow_mut();
        if matches!(goes, Goes::Bind(_)) {
            private.decides = Some(number);
        }
        if private.node == Some(node) {
            return Vec::new();
        }
        let ahead = private.so_far();
        if let Some(before) = private.node.replace(node)
            && !ahead.is_empty()
            && let Some((_, link)) = inner.roads.open().find(|(id, _)| *id == before)
        {
            link.send_unheard(DISCARD);
        }
        ahead
    }

    /// This request has been answered by a node, or will not be.
    pub(super) fn decided(&self, number: Place, by: Option<NodeId>) {
        if let Some(private) = &self.private {
            let mut private = private.borrow_mut();
            private.answering = by;
            if private.decides == Some(number) {
                private.decides = None;
            }
        }
    }

    /// What a reply means to the client's own connections has happened. Gives what the client is shown in its place, if it is.
    pub(super) fn noted(&self, note: Note, frame: &[u8]) -> Option<&'static [u8]> {
        let mut state = self.private.as_ref()?.borrow_mut();
        let is_error = frame.first() == Some(&b'-');
        match note {
            // Only a wrong number of arguments leaves it open, and that does not come here.
            Note::End => state.end(),
            Note::Reset => {
                state.end();
                drop(state);
                self.leave_others();
            }
            Note::Watched if is_error => (state.watched, state.node) = (None, None),
            Note::Watched => {}
            Note::Queued(bytes) => match &mut state.open {
                Some(open) if is_error => open.spoiled = true,
                Some(open) => open.queued.push(bytes),
                None => {}
            },
            Note::Instead(instead) => return Some(instead),
        }
        None
    }

    /// Only the node that has answered knows of a change: the client's connections to others are given up.
    fn leave_others(&self) -> Option<Rc<Link<Self>>> {
        let answering = self.private.as_ref()?.borrow().answering;
        let others = self.inner.borrow_mut().roads.leave_others(answering);
        // Whatever is on them, nobody else is to have it.
        drop(others);
        self.home.set(answering);
        self.links().first().cloned()
    }

    /// The node that has just answered has brought the client into this state.
    pub fn set_key(&self, key: &Rc<LaneKey>) {
        *self.key.borrow_mut() = key.clone();
        if let Some(link) = self.leave_others() {
            link.set_key(key.clone());
            self.standing.set(link.standing());
        }
    }

    /// What the nodes call the client's connections.
    pub fn label(&self) -> Rc<Label> {
        self.links().first().map(|link| link.label()).unwrap_or_default()
    }

    /// The node that has just answered, or all that are spoken to, call the client so now.
    pub fn set_label(&self, label: &Rc<Label>) {
        if let Some(private) = &self.private {
            private.borrow_mut().label = label.clone();
            self.links().iter().for_each(|link| self.name(link));
        }
    }

    /// Has a node call its connection as the client is called.
    pub(super) fn name(&self, link: &Link<Self>) {
        if let Some(private) = &self.private {
            let label = private.borrow().label.clone();
            label.encode_changes(&link.label(), |request| link.send_unheard(&request));
            link.set_label(label);
        }
    }

    /// A connection to a node, if there is one that may be used at once.
    pub(super) fn way_at_once(&self, node: &Node<R>) -> Option<Result<Way<R>, DialError>> {
        let key = self.key();
        Some(match self.private.is_some() {
            false => node.hub.lane_at_once(&key)?.map(Way::Lane),
            true => node.hub.pinned_at_once(&key, self.is_shut_out())?.map(Way::Lease),
        })
    }

    /// Whether nodes want a password from the client.
    pub(super) fn is_shut_out(&self) -> bool {
        self.standing().unauthenticated && !self.key().identity.is_proven()
    }

    /// Whether the client would miss something if its connection to this node closed.
    pub(super) fn would_miss(&self, node: NodeId) -> bool {
        self.private.as_ref().is_some_and(|private| private.borrow().needs(node))
    }

    /// Shows the nodes that nothing more comes, as [`Link::finish`] does.
    pub fn finish(&self) {
        if let Some(private) = &self.private {
            private.borrow_mut().lasts = true;
            self.finished.set(true);
            self.links().iter().for_each(|link| link.finish());
        }
    }

    /// Sends bytes to a node for which no reply is expected.
    pub fn send_raw(&self, bytes: &[u8]) {
        if let Some(private) = &self.private {
            private.borrow_mut().lasts = true;
            self.links().first().into_iter().for_each(|link| link.send_raw(bytes));
        }
    }

    fn links(&self) -> Vec<Rc<Link<Self>>> {
        self.inner.borrow().roads.open().map(|(_, link)| link.clone()).collect()
    }

    /// Gives up its connections: to whoever comes next, if they are clean, or behind what was sent.
    pub(in crate::upstream) fn end(&self, end: impl Fn(Lease<Self>)) {
        let ways: Vec<Way<R>> = self.inner.borrow_mut().roads.end().collect();
        for way in ways {
            if let Way::Lease(lease) = way {
                end(lease);
            }
        }
    }

    /// A dial that this client has waited for has come to its end.
    pub(super) fn dialled(self: &Rc<Self>, node: NodeId, outcome: Result<Way<R>, DialError>) {
        let mut inner = self.inner.borrow_mut();
        match outcome {
            // The client is in another state by now.
            Ok(way) if *way.link().key() != *self.key() => {
                inner.roads.forget(node);
                way.give_back_unused();
            }
            outcome => {
                inner.roads.dialled(node, outcome);
                inner.roads.adopt(self);
            }
        }
        drop(inner);
        self.pump();
    }
}
