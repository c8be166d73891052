//! All upstream connections of one worker: the lanes its clients share, and the idle exclusive ones.

use std::{cell::RefCell, collections::HashMap, rc::Rc, time::Duration};

use tokio::{
    sync::{Mutex, Semaphore},
    task::spawn_local,
    time::{Instant, sleep},
};

use crate::{
    state::key::LaneKey,
    upstream::{
        address::Endpoint,
        connect::dialer::{DialError, Dialer},
        link::{Link, Status, receiver::Receiver},
    },
};

/// How long the server's word on a lane's credentials counts for clients that join it. What Redis stops allowing has to
/// take effect within five seconds.
const VOUCHED: Duration = Duration::from_secs(2);
/// Idle exclusive connections kept per state, and for how long; lanes that nobody uses are closed after the same time.
const KEPT_IDLE: usize = 64;
const IDLE_FOR: Duration = Duration::from_secs(3);
/// How long after a failure no other bypass is dialled for the same lane.
const BYPASS_HOLDOFF: Duration = Duration::from_secs(5);
/// Exclusive connections dialled at a time. When thousands of clients come at once, those who wait for their turn mostly
/// find a connection that others have given back by then.
const DIALS: usize = 32;

/// The upstream connections of one worker.
pub struct Hub<R: Receiver> {
    dialer: Rc<Dialer>,
    lanes: RefCell<HashMap<Rc<LaneKey>, Lane<R>>>,
    /// One dial at a time for each lane: those who wait for it find its result.
    dialing: RefCell<HashMap<Rc<LaneKey>, Rc<Mutex<()>>>>,
    idle: RefCell<HashMap<Rc<LaneKey>, Vec<Idle<R>>>>,
    dials: Semaphore,
    /// Lanes that take no newcomers but still serve the clients they have.
    closed_to_newcomers: RefCell<Vec<Rc<Link<R>>>>,
}

struct Lane<R: Receiver> {
    link: Rc<Link<R>>,
    vouched: Instant,
    used: Instant,
}

struct Idle<R: Receiver> {
    link: Rc<Link<R>>,
    since: Instant,
}

impl<R: Receiver> Hub<R> {
    /// A hub for the server at `endpoint`; one attempt to connect may take `timeout`.
    pub fn new(endpoint: Endpoint, timeout: Duration) -> Self {
        Self {
            dialer: Rc::new(Dialer::new(endpoint, timeout)),
            lanes: RefCell::default(),
            dialing: RefCell::default(),
            idle: RefCell::default(),
            dials: Semaphore::new(DIALS),
            closed_to_newcomers: RefCell::default(),
        }
    }

    /// The shared connection for clients in the state of `key`, dialled when there is none. The server has accepted the
    /// key's credentials within the last two seconds.
    pub async fn lane(&self, key: &Rc<LaneKey>) -> Result<Rc<Link<R>>, DialError> {
        if let Some(link) = self.open_lane(key, Instant::now()) {
            return Ok(link);
        }
        let turn = self.dialing.borrow_mut().entry(key.clone()).or_default().clone();
        let guard = turn.lock().await;
        let found = match self.open_lane(key, Instant::now()) {
            Some(link) => Ok(link),
            None => self.vouch_or_dial(key).await,
        };
        drop(guard);
        drop(turn);
        self.dialing.borrow_mut().retain(|_, turn| Rc::strong_count(turn) > 1);
        found
    }

    /// Has a lane get its bypass ([`Link::bypass`]) unless it has one. Nobody waits for it.
    pub fn prepare_bypass(&self, lane: &Rc<Link<R>>) {
        if !lane.wants_bypass() {
            return;
        }
        let (dialer, key, lane) = (self.dialer.clone(), lane.key(), Rc::downgrade(lane));
        spawn_local(async move {
            let opened = dialer.open(key, false).await;
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

    /// Notes that the server has just accepted the credentials of `key`.
    pub fn vouch(&self, key: &LaneKey) {
        if let Some(lane) = self.lanes.borrow_mut().get_mut(key) {
            lane.vouched = Instant::now();
        }
    }

    /// An exclusive connection in the state of `key`: a clean one that was given back, or a new one. `unauthenticated`: the
    /// server wanted a password when the client came; it then gets none of the connections from before that.
    pub async fn exclusive(
        &self,
        key: &Rc<LaneKey>,
        unauthenticated: bool,
    ) -> Result<Rc<Link<R>>, DialError> {
        if let Some(link) = self.take_idle(key, unauthenticated) {
            return Ok(link);
        }
        let _turn = self.dials.acquire().await.expect("the semaphore is never closed");
        match self.take_idle(key, unauthenticated) {
            Some(link) => Ok(link),
            None => self.dialer.open(key.clone(), true).await,
        }
    }

    /// Takes back an exclusive connection that has no state but that of its key.
    pub fn give_back(&self, link: Rc<Link<R>>) {
        link.orphan();
        if !link.is_open() || !link.is_idle() || link.is_misplaced() {
            link.abort();
            return;
        }
        let mut idle = self.idle.borrow_mut();
        let kept = idle.entry(link.key()).or_default();
        if kept.len() < KEPT_IDLE {
            kept.push(Idle { link, since: Instant::now() });
        } else {
            link.abort();
        }
    }

    /// Closes what nobody has used for a while. To be called about once a second.
    pub fn sweep(&self) {
        let now = Instant::now();
        self.idle.borrow_mut().retain(|_, kept| {
            kept.retain(|idle| {
                let keep = idle.link.is_open() && now < idle.since + IDLE_FOR;
                if !keep {
                    idle.link.abort();
                }
                keep
            });
            !kept.is_empty()
        });
        self.lanes.borrow_mut().retain(|_, lane| {
            if is_used(&lane.link) {
                lane.used = now;
            }
            let keep = lane.link.is_open() && now < lane.used + IDLE_FOR;
            if !keep {
                lane.link.retire();
            }
            keep
        });
        self.closed_to_newcomers.borrow_mut().retain(|link| {
            let keep = link.is_open() && is_used(link);
            if !keep {
                link.retire();
            }
            keep
        });
    }

    /// How many connections clients share, and how many nobody uses.
    pub fn counts(&self) -> (usize, usize) {
        let idle = self.idle.borrow().values().map(Vec::len).sum();
        let lanes = self.lanes.borrow();
        let bypasses = lanes.values().filter(|lane| lane.link.bypass().is_some()).count();
        (lanes.len() + bypasses + self.closed_to_newcomers.borrow().len(), idle)
    }

    /// Closes every idle connection now.
    pub fn close_idle(&self) {
        for (_, kept) in self.idle.borrow_mut().drain() {
            for idle in kept {
                idle.link.abort();
            }
        }
    }

    fn open_lane(&self, key: &LaneKey, now: Instant) -> Option<Rc<Link<R>>> {
        let lanes = self.lanes.borrow();
        let lane = lanes.get(key)?;
        // A connection that was opened without a password while one was needed stays without rights, even if none is needed
        // now: newcomers would be worse off than with a connection of their own, so the server is always asked.
        let vouched = !lane.link.is_unauthenticated() && now < lane.vouched + VOUCHED;
        (lane.link.is_open() && vouched).then(|| lane.link.clone())
    }

    /// There is no lane, or the server's word on it is old: a fresh connection shows what the server says today.
    async fn vouch_or_dial(&self, key: &Rc<LaneKey>) -> Result<Rc<Link<R>>, DialError> {
        let old = self.lanes.borrow().get(key).map(|lane| lane.link.clone());
        let Some(old) = old.filter(|link| link.is_open()) else {
            let link = self.dialer.open(key.clone(), false).await?;
            self.put_lane(key, &link);
            return Ok(link);
        };
        let probe: Rc<Link<R>> = match self.dialer.open(key.clone(), true).await {
            Ok(probe) => probe,
            Err(DialError::Unreachable(_)) if old.is_open() => return Ok(old),
            Err(error) => {
                self.lanes.borrow_mut().remove(key);
                self.closed_to_newcomers.borrow_mut().push(old);
                return Err(error);
            }
        };
        if old.is_open() && old.is_unauthenticated() == probe.is_unauthenticated() {
            self.vouch(key);
            self.give_back(probe);
            return Ok(old);
        }
        probe.abort();
        let link = self.dialer.open(key.clone(), false).await?;
        self.put_lane(key, &link);
        Ok(link)
    }

    fn put_lane(&self, key: &Rc<LaneKey>, link: &Rc<Link<R>>) {
        let now = Instant::now();
        let lane = Lane { link: link.clone(), vouched: now, used: now };
        if let Some(old) = self.lanes.borrow_mut().insert(key.clone(), lane) {
            self.closed_to_newcomers.borrow_mut().push(old.link);
        }
    }

    fn take_idle(&self, key: &LaneKey, unauthenticated: bool) -> Option<Rc<Link<R>>> {
        let mut idle = self.idle.borrow_mut();
        let kept = idle.get_mut(key)?;
        kept.retain(|idle| idle.link.status() == Status::Open);
        let fits = |idle: &Idle<R>| idle.link.is_unauthenticated() == unauthenticated;
        let at = kept.iter().rposition(fits)?;
        Some(kept.swap_remove(at).link)
    }
}

/// Whether a lane has clients, or replies to come. It has two owners: a table of the hub and the driver; everybody else who
/// holds it is a client.
fn is_used<R: Receiver>(link: &Rc<Link<R>>) -> bool {
    Rc::strong_count(link) > 2 || !link.is_idle()
}
