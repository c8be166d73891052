//! Everything that a worker's clients can be connected to.

use std::rc::Rc;

use bytes::Bytes;

use super::{
    cluster::Fleet,
    conduit::Conduit,
    connect::DialError,
    link::receiver::Receiver,
    own::Own,
    pool::{Hub, Proofs, Times},
    topology::Topology,
};
use crate::state::key::LaneKey;

/// The upstream connections of one worker.
pub enum Fabric<R: Receiver> {
    /// Those to the one server that there is at a time.
    Server(Rc<Hub<R>>),
    /// Those to the nodes of a cluster.
    Cluster(Rc<Fleet<R>>),
}

/// A connection to share.
pub struct Entered<R: Receiver> {
    /// It.
    pub conduit: Conduit<R>,
    /// What the server has answered to the client's login, if it was dialled with that.
    pub welcome: Option<Bytes>,
}

impl<R: Receiver> Clone for Fabric<R> {
    fn clone(&self) -> Self {
        match self {
            Self::Server(hub) => Self::Server(hub.clone()),
            Self::Cluster(fleet) => Self::Cluster(fleet.clone()),
        }
    }
}

impl<R: Receiver> Fabric<R> {
    /// The connections to what `topology` names.
    pub fn of(topology: &Topology, times: Times, proofs: &Proofs) -> Self {
        if topology.map().is_some() {
            return Self::Cluster(Fleet::new(topology.clone(), times, proofs.clone(), true));
        }
        Self::Server(Hub::new(topology.way(times.connect), times, proofs.clone()))
    }

    /// As [`Hub::lane_at_once`].
    pub fn shared_at_once(&self, key: &Rc<LaneKey>) -> Option<Result<Conduit<R>, DialError>> {
        Some(match self {
            Self::Server(hub) => hub.lane_at_once(key)?.map(Conduit::Link),
            Self::Cluster(fleet) => fleet.at_once(key)?.map(Conduit::Router),
        })
    }

    /// As [`Hub::lane`].
    ///
    /// # Errors
    /// There is no connection in that state.
    pub async fn shared(
        &self,
        key: &Rc<LaneKey>,
        login: Option<&[u8]>,
    ) -> Result<Entered<R>, DialError> {
        match self {
            Self::Server(hub) => {
                let joined = hub.lane(key, login).await?;
                Ok(Entered { conduit: Conduit::Link(joined.link), welcome: joined.welcome })
            }
            Self::Cluster(fleet) => {
                let (router, welcome) = fleet.router(key, login).await?;
                Ok(Entered { conduit: Conduit::Router(router), welcome })
            }
        }
    }

    /// As [`Hub::pinned_at_once`].
    pub fn own_at_once(
        &self,
        key: &Rc<LaneKey>,
        unauthenticated: bool,
    ) -> Option<Result<Own<R>, DialError>> {
        match self {
            Self::Server(hub) => Some(hub.pinned_at_once(key, unauthenticated)?.map(Own::of)),
            Self::Cluster(fleet) => Some(Ok(Own::over(fleet.own_at_once(key, unauthenticated)?))),
        }
    }

    /// As [`Hub::pinned`].
    ///
    /// # Errors
    /// There is no connection in that state.
    pub async fn own(&self, key: &Rc<LaneKey>, unauthenticated: bool) -> Result<Own<R>, DialError> {
        match self {
            Self::Server(hub) => hub.pinned(key, unauthenticated).await.map(Own::of),
            Self::Cluster(fleet) => fleet.own(key, unauthenticated).await.map(Own::over),
        }
    }

    /// As [`Hub::takes_back`].
    pub fn takes_back(&self, conduit: &Conduit<R>, key: &LaneKey) -> bool {
        match (self, conduit) {
            (Self::Server(hub), Conduit::Link(link)) => hub.takes_back(link, key),
            _ => false,
        }
    }

    /// There is news of what stands behind.
    pub fn moved(&self) {
        match self {
            Self::Server(hub) => hub.moved(),
            Self::Cluster(fleet) => fleet.moved(),
        }
    }

    /// Looks after all connections, and closes what nobody has used for a while. To be called about once a second.
    pub fn sweep(&self) {
        match self {
            Self::Server(hub) => hub.sweep(),
            Self::Cluster(fleet) => fleet.sweep(),
        }
    }

    /// How many connections clients share, and how many nobody uses.
    pub fn counts(&self) -> (usize, usize) {
        match self {
            Self::Server(hub) => hub.counts(),
            Self::Cluster(fleet) => fleet.counts(),
        }
    }

    /// Closes every idle connection now.
    pub fn close_idle(&self) {
        match self {
            Self::Server(hub) => hub.close_idle(),
            Self::Cluster(fleet) => fleet.close_idle(),
        }
    }
}
