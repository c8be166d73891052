//! All upstream connections of one worker: the lanes its clients share, and those that one client has for itself.

use std::{cell::RefCell, rc::Rc, time::Duration};

use bytes::Bytes;
use tokio::{
    sync::{Mutex, OwnedMutexGuard, Semaphore},
    task::spawn_local,
    time::{Instant, sleep},
};

use super::{
    Lease, Map, Proofs, Times,
    hold::Hold,
    idle::Idle,
    lane::{Lanes, is_stuck},
    watchdog::Watchdog,
};
use crate::{
    state::key::LaneKey,
    upstream::{
        connect::{Connect, DialError, dialer::Dialer},
        link::{Link, receiver::Receiver},
    },
};

/// How long after a failure no other bypass is dialled for the same lane.
const BYPASS_HOLDOFF: Duration = Duration::from_secs(5);
/// Connections dialled at a time. When thousands of clients come at once, those who wait for their turn mostly find a
/// connection that others have given back by then.
const DIALS: usize = 32;

/// The upstream connections of one worker.
pub struct Hub<R: Receiver> {
    pub(super) dialer: Dialer,
    pub(super) lanes: Lanes<R>,
    pub(super) watchdog: Watchdog<R>,
    /// One dial at a time for each lane: those who wait for it find its result.
    turns: RefCell<Map<Rc<LaneKey>, Turn>>,
    pub(super) idle: Rc<Idle<R>>,
    dials: Semaphore,
    pub(super) hold: Hold,
}

/// A lane to join.
pub struct Joined<R: Receiver> {
    /// The lane.
    pub link: Rc<Link<R>>,
    /// What the server has answered to the client's login, if the lane was dialled with it.
    pub welcome: Option<Bytes>,
}

type Turn = std::sync::Arc<Mutex<()>>;

impl<R: Receiver> Hub<R> {
    /// A hub in front of `server`. `proofs` are shared by all workers.
    pub fn new(server: Rc<dyn Connect>, times: Times, proofs: Proofs) -> Rc<Self> {
        Rc::new(Self {
            dialer: Dialer::new(server, times.connect, !times.hold.is_zero()),
            lanes: Lanes::new(proofs),
            watchdog: Watchdog::new(times.silence),
            turns: RefCell::default(),
            idle: Rc::new(Idle::new()),
            dials: Semaphore::new(DIALS),
            hold: Hold::new(times.hold),
        })
    }

    /// Whether a client without credentials of its own that was on `lane` may go on there: on the server its connection would
    /// be the same all the while, whoever else would be let in by now.
    pub fn takes_back(&self, lane: &Link<R>, key: &LaneKey) -> bool {
        let is_same = !key.identity.is_proven() && *lane.key() == *key;
        is_same && lane.is_open() && !is_stuck(lane, Instant::now())
    }

    /// The lane for clients in the state of `key`, if there is one that may be joined at once; the error, if it is known
    /// already that there will be none.
    pub fn lane_at_once(&self, key: &LaneKey) -> Option<Result<Rc<Link<R>>, DialError>> {
        if let Some(link) = self.lanes.joinable(key, Instant::now()) {
            return Some(Ok(link));
        }
        self.refused_at_once().map(Err)
    }

    /// Why there is no connection, where that is known already and nobody waits for one.
    fn refused_at_once(&self) -> Option<DialError> {
        if self.hold.holds_anybody() { None } else { self.dialer.holds() }
    }

    /// The lane for clients in the state of `key`, dialled when there is none. A client without credentials joins it only on
    /// a word of the server that is fresh. `login` is what the client has said to get into that state: if the lane is dialled,
    /// it is dialled with that.
    pub async fn lane(
        self: &Rc<Self>,
        key: &Rc<LaneKey>,
        login: Option<&[u8]>,
    ) -> Result<Joined<R>, DialError> {
        self.held(async || {
            let guard = self.turn(key).lock_owned().await;
            let found = match self.lanes.joinable(key, Instant::now()) {
                Some(link) => Ok(Joined { link, welcome: None }),
                None => self.vouch_or_dial(key, login).await,
            };
            self.end_turn(guard);
            found
        })
        .await
    }

    /// Has a lane get its bypass ([`Link::bypass`]) unless it has one. Nobody waits for it.
    pub fn prepare_bypass(self: &Rc<Self>, lane: &Rc<Link<R>>) {
        if !lane.wants_bypass() {
            return;
        }
        let (hub, key, lane) = (self.clone(), lane.key(), Rc::downgrade(lane));
        spawn_local(async move {
            let opened = hub.open(&key, false).await;
            match (opened, lane.upgrade()) {
                (Ok(link), Some(lane)) if lane.take_bypass(link.clone()) => return,
                (Ok(link), None) => link.abort(),
                (Ok(_), Some(_)) | (Err(_), _) => {}
            }
            sleep(BYPASS_HOLDOFF).await;
            if let Some(lane) = lane.upgrade() {
                lane.drop_bypass();
            }
        });
    }

    /// A connection for one client in the state of `key`, if one is there: a clean one that was given back. The error, if it
    /// is known already that there will be none. `unauthenticated`: the server wanted a password when the client came.
    pub fn pinned_at_once(
        &self,
        key: &LaneKey,
        unauthenticated: bool,
    ) -> Option<Result<Lease<R>, DialError>> {
        match self.idle.take(key, unauthenticated) {
            Some(link) => Some(Ok(self.lease(link))),
            None => self.refused_at_once().map(Err),
        }
    }

    /// As [`Hub::pinned_at_once`], dialled when there is none.
    pub async fn pinned(
        &self,
        key: &Rc<LaneKey>,
        unauthenticated: bool,
    ) -> Result<Lease<R>, DialError> {
        self.held(async || {
            let _turn = self.dials.acquire().await.expect("the semaphore is never closed");
            let link = match self.idle.take(key, unauthenticated) {
                Some(link) => link,
                None => self.dial(key, true, None).await?.0,
            };
            Ok(self.lease(link))
        })
        .await
    }

    /// Looks after all connections, and closes what nobody has used for a while. To be called about once a second.
    pub fn sweep(self: &Rc<Self>) {
        let now = Instant::now();
        self.watch(now);
        self.idle.sweep(now);
        self.lanes.sweep(now);
    }

    /// How many connections clients share, and how many nobody uses.
    pub fn counts(&self) -> (usize, usize) {
        (self.lanes.count(), self.idle.count())
    }

    /// Closes every idle connection now.
    pub fn close_idle(&self) {
        self.idle.close();
    }

    fn lease(&self, link: Rc<Link<R>>) -> Lease<R> {
        Lease::new(link, Rc::downgrade(&self.idle))
    }

    async fn open(&self, key: &Rc<LaneKey>, pinned: bool) -> Result<Rc<Link<R>>, DialError> {
        let _turn = self.dials.acquire().await.expect("the semaphore is never closed");
        self.dial(key, pinned, None).await.map(|(link, _)| link)
    }

    /// To be called with a permit to dial.
    async fn dial(
        &self,
        key: &Rc<LaneKey>,
        pinned: bool,
        login: Option<&[u8]>,
    ) -> Result<(Rc<Link<R>>, Option<Bytes>), DialError> {
        let opened = self.dialer.open(key.clone(), pinned, login).await?;
        self.watchdog.watch(&opened.0);
        Ok(opened)
    }

    /// There is no lane that may be joined at once.
    async fn vouch_or_dial(
        self: &Rc<Self>,
        key: &Rc<LaneKey>,
        login: Option<&[u8]>,
    ) -> Result<Joined<R>, DialError> {
        let Some(old) = self.lanes.open(key) else { return self.dial_lane(key, login).await };
        if is_stuck(&old, Instant::now()) {
            return self.dial_lane(key, login).await;
        }
        // The server's word is old: a fresh connection shows what it says today.
        let probe = match self.open(key, true).await {
            Ok(probe) => probe,
            Err(DialError::Unreachable(_)) if old.is_open() && !is_stuck(&old, Instant::now()) => {
                return Ok(Joined { link: old, welcome: None });
            }
            Err(error @ DialError::Unreachable(_)) => return Err(error),
            Err(error) => {
                self.lanes.close_to_newcomers(key);
                return Err(error);
            }
        };
        let is_same = old.standing().unauthenticated == probe.standing().unauthenticated;
        if old.is_open() && is_same && !is_stuck(&old, Instant::now()) {
            self.lanes.vouch(key, Instant::now());
            self.idle.put(probe);
            return Ok(Joined { link: old, welcome: None });
        }
        probe.abort();
        self.dial_lane(key, login).await
    }

    /// Dials the lane of `key`, in the place of one that there may be.
    pub(super) async fn dial_lane(
        self: &Rc<Self>,
        key: &Rc<LaneKey>,
        login: Option<&[u8]>,
    ) -> Result<Joined<R>, DialError> {
        let _turn = self.dials.acquire().await.expect("the semaphore is never closed");
        let (link, welcome) = self.dial(key, false, login).await?;
        self.provide_heir(&link);
        self.lanes.put(link.clone(), Instant::now());
        Ok(Joined { link, welcome })
    }

    pub(super) fn turn_if_free(&self, key: &Rc<LaneKey>) -> Option<OwnedMutexGuard<()>> {
        self.turn(key).try_lock_owned().ok()
    }

    fn turn(&self, key: &Rc<LaneKey>) -> Turn {
        self.turns.borrow_mut().entry(key.clone()).or_default().clone()
    }

    pub(super) fn end_turn(&self, turn: OwnedMutexGuard<()>) {
        drop(turn);
        self.turns.borrow_mut().retain(|_, turn| std::sync::Arc::strong_count(turn) > 1);
    }
}
