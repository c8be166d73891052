//! One client's connections to the nodes: lanes that it shares with others, or some that it has for itself.

use std::rc::Rc;

use tokio::task::spawn_local;

use super::{fleet::Node, job::NodeId, router::Router};
use crate::upstream::{
    connect::DialError,
    link::{Link, receiver::Receiver},
    pool::Lease,
};

/// The connections, few as the nodes are.
pub(super) struct Roads<R: Receiver>(Vec<Road<R>>);

struct Road<R: Receiver> {
    node: NodeId,
    state: State<R>,
}

enum State<R: Receiver> {
    Open(Way<R>),
    Dialling,
    /// The last dial has failed; the error is told once.
    Failed(DialError),
}

/// One connection to a node.
pub(super) enum Way<R: Receiver> {
    /// Others use it as well.
    Lane(Rc<Link<Router<R>>>),
    /// Nobody else does.
    Lease(Lease<Router<R>>),
}

impl<R: Receiver> Way<R> {
    /// Nobody has used it.
    pub(super) fn give_back_unused(self) {
        match self {
            Self::Lane(_) => {}
            Self::Lease(lease) => lease.give_back_unused(),
        }
    }

    pub(super) fn link(&self) -> &Rc<Link<Router<R>>> {
        match self {
            Self::Lane(link) => link,
            Self::Lease(lease) => lease,
        }
    }
}

impl<R: Receiver> Roads<R> {
    /// There is one to this node.
    pub(super) fn new(node: &Node<R>, way: Way<R>) -> Self {
        Self(vec![Road { node: node.id, state: State::Open(way) }])
    }

    /// The connection to a node; none as long as it is dialled.
    pub(super) fn to(
        &mut self,
        router: &Rc<Router<R>>,
        node: &Rc<Node<R>>,
    ) -> Result<Option<Rc<Link<Router<R>>>>, DialError> {
        let at = self.0.iter().position(|road| road.node == node.id);
        match at.map(|at| &self.0[at].state) {
            Some(State::Open(way)) if way.link().is_open() => return Ok(Some(way.link().clone())),
            Some(State::Dialling) => return Ok(None),
            Some(State::Failed(_)) => {
                let road = at.map(|at| self.0.swap_remove(at));
                if let Some(Road { state: State::Failed(error), .. }) = road {
                    return Err(error);
                }
            }
            _ => {}
        }
        match router.way_at_once(node) {
            Some(Ok(way)) => {
                let link = way.link().clone();
                self.set(node.id, State::Open(way));
                self.adopt(router);
                Ok(Some(link))
            }
            Some(Err(error)) => Err(error),
            None => {
                self.set(node.id, State::Dialling);
                dial(router, node);
                Ok(None)
            }
        }
    }

    /// A dial has come to its end.
    pub(super) fn dialled(&mut self, node: NodeId, outcome: Result<Way<R>, DialError>) {
        self.set(node, outcome.map_or_else(State::Failed, State::Open));
    }

    /// Has the router hear what comes unasked on connections of its own.
    pub(super) fn adopt(&self, router: &Rc<Router<R>>) {
        for road in &self.0 {
            if let State::Open(Way::Lease(lease)) = &road.state {
                lease.adopt(router);
                router.name(lease);
            }
        }
    }

    /// The node that a connection leads to.
    pub(super) fn leads(&self, link: &Rc<Link<Router<R>>>) -> Option<NodeId> {
        let is = |road: &&Road<R>| matches!(&road.state, State::Open(way) if Rc::ptr_eq(way.link(), link));
        self.0.iter().find(is).map(|road| road.node)
    }

    pub(super) fn is_open(&self, node: NodeId) -> bool {
        self.open().any(|(open, _)| open == node)
    }

    /// The connections that requests can be sent on.
    pub(super) fn open(&self) -> impl Iterator<Item = (NodeId, &Rc<Link<Router<R>>>)> {
        self.0.iter().filter_map(|road| match &road.state {
            State::Open(way) if way.link().is_open() => Some((road.node, way.link())),
            _ => None,
        })
    }

    /// A connection on which much has yet to be taken by its node.
    pub(super) fn congested(&self) -> Option<&Rc<Link<Router<R>>>> {
        self.open().map(|(_, link)| link).find(|link| link.is_congested())
    }

    /// Gives up those to other nodes than this one.
    pub(super) fn leave_others(&mut self, node: Option<NodeId>) -> Vec<Way<R>> {
        let (kept, left) = std::mem::take(&mut self.0)
            .into_iter()
            .partition(|road| Some(road.node) == node || matches!(road.state, State::Dialling));
        self.0 = kept;
        Self(left).end().collect()
    }

    /// There is none to this node.
    pub(super) fn forget(&mut self, node: NodeId) {
        self.0.retain(|road| road.node != node);
    }

    /// Gives up all of them.
    pub(super) fn end(&mut self) -> impl Iterator<Item = Way<R>> + use<R> {
        std::mem::take(&mut self.0).into_iter().filter_map(|road| match road.state {
            State::Open(way) => Some(way),
            State::Dialling | State::Failed(_) => None,
        })
    }

    fn set(&mut self, node: NodeId, state: State<R>) {
        // Roads to nodes that are gone lead nowhere.
        self.0.retain(|road| {
            road.node != node && !matches!(&road.state, State::Open(way) if !way.link().is_open())
        });
        self.0.push(Road { node, state });
    }
}

fn dial<R: Receiver>(router: &Rc<Router<R>>, node: &Rc<Node<R>>) {
    let (router, node) = (Rc::downgrade(router), node.clone());
    spawn_local(async move {
        let wanted =
            |router: Rc<Router<R>>| (router.key(), router.private.is_some(), router.is_shut_out());
        let Some((key, is_own, is_shut_out)) = router.upgrade().map(wanted) else { return };
        let outcome = match is_own {
            false => node.hub.lane(&key, None).await.map(|joined| Way::Lane(joined.link)),
            true => node.hub.pinned(&key, is_shut_out).await.map(Way::Lease),
        };
        match (router.upgrade(), outcome) {
            (Some(router), outcome) => router.dialled(node.id, outcome),
            (None, Ok(way)) => way.give_back_unused(),
            (None, Err(_)) => {}
        }
    });
}
