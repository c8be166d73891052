//! What a client does with connections that nobody else has: transactions are on one node, which their first key decides.

use std::rc::Rc;

use bytes::Bytes;

use super::{
    job::{Expects, Goes, Job, NodeId},
    router::Router,
};
use crate::{
    command::{
        Route, route,
        spread::{Front, Spread, spread},
        table::{State, Transaction as Step},
    },
    resp::Request,
    state::{ids::Place, slot::Slot},
    upstream::link::receiver::Receiver,
};

pub(super) const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
pub(super) const DISCARD: &[u8] = b"*1\r\n$7\r\nDISCARD\r\n";
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
    pub(super) node: Option<NodeId>,
    /// It has subscribed, or something else that only its connections know.
    pub(super) lasts: bool,
    /// Nothing is sent before this request is answered: it decides the node.
    pub(super) decides: Option<Place>,
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
    pub(super) fn so_far(&self, out: &mut Vec<Bytes>) {
        if let Some(open) = &self.open {
            out.push(Bytes::from_static(MULTI));
            out.extend(open.queued.iter().cloned());
            if open.spoiled {
                out.push(Bytes::from_static(REFUSED));
            }
        }
    }

    /// Whether keys are watched: the transaction is where they are.
    pub(super) fn watches(&self) -> bool {
        self.watched.is_some()
    }

    /// Whether the client would miss something if the connection to this node closed.
    pub(super) fn needs(&self, node: NodeId) -> bool {
        self.lasts || self.node == Some(node) && (self.watches() || self.open.is_some())
    }

    fn end(&mut self) {
        (self.open, self.watched) = (None, None);
    }
}

/// Has `router` send a request of a client with connections of its own, if it has to do with a transaction; else it is given
/// back.
pub(super) fn plan<R: Receiver>(
    router: &Rc<Router<R>>,
    place: Place,
    request: &Request<'_>,
    bytes: Bytes,
    expects: Expects,
) -> Option<(Bytes, Expects)> {
    let private = router.private.as_ref()?;
    let add = |goes, bytes, expects| {
        router.add(Job::new(place, bytes, goes, expects));
        None
    };
    let mut state = private.borrow_mut();
    let in_transaction = state.open.is_some();
    let bound = if state.node.is_some() { Goes::Bound } else { Goes::BindAny };
    match route(request) {
        Route::Transaction(Step::Multi) if !in_transaction && request.len() == 1 => {
            state.open = Some(Open { slot: state.watched, ..Open::default() });
            let watches = state.watches();
            drop(state);
            if watches {
                return add(Goes::Bound, bytes, expects);
            }
            router.answer(place, Bytes::from_static(b"+OK\r\n"), expects);
            None
        }
        Route::Transaction(Step::Exec) if in_transaction && request.len() == 1 => {
            drop(state);
            add(bound, bytes, Expects::End(Box::new(expects)))
        }
        Route::Transaction(Step::Discard) if in_transaction && request.len() == 1 => {
            let has_begun = state.node.is_some();
            if !has_begun {
                state.end();
            }
            drop(state);
            if has_begun {
                return add(Goes::Bound, bytes, Expects::End(Box::new(expects)));
            }
            router.answer(place, Bytes::from_static(b"+OK\r\n"), expects);
            None
        }
        Route::Transaction(Step::Unwatch) if !in_transaction && state.watches() => {
            drop(state);
            add(Goes::Bound, bytes, Expects::End(Box::new(expects)))
        }
        Route::State(State::Reset) if request.len() == 1 => {
            drop(state);
            add(bound, bytes, Expects::End(Box::new(expects)))
        }
        Route::Transaction(Step::Watch) if !in_transaction => {
            drop(state);
            watch(router, place, request, bytes, expects)
        }
        Route::Subscription(_) | Route::Stream(_) | Route::Lasting | Route::Client(_)
            if !in_transaction =>
        {
            state.lasts = true;
            Some((bytes, expects))
        }
        _ if in_transaction => {
            drop(state);
            queue(router, place, request, bytes, expects);
            None
        }
        _ => Some((bytes, expects)),
    }
}

fn watch<R: Receiver>(
    router: &Rc<Router<R>>,
    place: Place,
    request: &Request<'_>,
    bytes: Bytes,
    expects: Expects,
) -> Option<(Bytes, Expects)> {
    let Some((slot, true)) = slot_of(router, request) else {
        // A node refuses it.
        return Some((bytes, expects));
    };
    let private = router.private.as_ref()?;
    let mut state = private.borrow_mut();
    match state.watched {
        Some(before) if before != slot => {
            drop(state);
            router.answer(place, Bytes::from_static(CROSS_SLOT), expects);
        }
        Some(_) => {
            drop(state);
            router.add(Job::new(place, bytes, Goes::Bound, expects));
        }
        None => {
            state.watched = Some(slot);
            drop(state);
            let expects = Expects::Watch(Box::new(expects));
            router.add(Job::new(place, bytes, Goes::Bind(slot), expects));
        }
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
    let slot = slot_of(router, request);
    let Some(private) = &router.private else { return };
    let mut state = private.borrow_mut();
    let (node, watches) = (state.node, state.watches());
    let Some(open) = &mut state.open else { return };
    let goes = match slot {
        Some((slot, together)) if !together || open.slot.is_some_and(|first| first != slot) => {
            drop(state);
            let expects = Expects::Instead(Bytes::from_static(CROSS_SLOT), Box::new(expects));
            let goes = if node.is_some() { Goes::Bound } else { Goes::BindAny };
            return router.add(Job::new(place, Bytes::from_static(REFUSED), goes, expects));
        }
        Some((slot, _)) if open.slot.is_none() && !watches => {
            open.slot = Some(slot);
            Goes::Bind(slot)
        }
        _ if node.is_some() => Goes::Bound,
        _ => Goes::BindAny,
    };
    drop(state);
    let expects = match route(request) {
        // Refused, without harm to the transaction.
        Route::Transaction(Step::Multi | Step::Watch) => expects,
        _ => Expects::Queued(bytes.clone(), Box::new(expects)),
    };
    router.add(Job::new(place, bytes, goes, expects));
}

/// The slot of the first key, and whether all keys are in it.
fn slot_of<R: Receiver>(router: &Rc<Router<R>>, request: &Request<'_>) -> Option<(Slot, bool)> {
    let (specs, announced) = (router.fleet.specs(), router.announced());
    let front = Front { split: false, protocol: router.key().protocol, announced: &announced };
    match spread(request, &specs, &front) {
        Spread::Slot { slot, together } => Some((slot, together)),
        _ => None,
    }
}

impl<R: Receiver> Router<R> {
    /// The reply to a request that has to do with the client's transaction. Gives what it is to the client.
    pub(super) fn settle_private(&self, frame: &[u8], expects: &mut Expects) -> Option<Bytes> {
        let private = self.private.as_ref()?;
        let mut state = private.borrow_mut();
        let is_error = frame.first() == Some(&b'-');
        let inner = match expects {
            Expects::End(inner) => {
                // Only a wrong number of arguments leaves it open, and that does not come here.
                state.end();
                state.node = None;
                inner
            }
            Expects::Watch(inner) => {
                if is_error {
                    state.watched = None;
                    state.node = None;
                }
                inner
            }
            Expects::Queued(bytes, inner) => {
                match &mut state.open {
                    Some(open) if is_error => open.spoiled = true,
                    Some(open) => open.queued.push(bytes.clone()),
                    None => {}
                }
                inner
            }
            Expects::Instead(instead, inner) => {
                let instead = instead.clone();
                let inner = std::mem::replace(inner.as_mut(), Expects::Run);
                *expects = inner;
                return Some(instead);
            }
            _ => return None,
        };
        let inner = std::mem::replace(inner.as_mut(), Expects::Run);
        *expects = inner;
        None
    }
}
