//! One upstream connection: requests go in at one end, their replies come out at the other in the same order.
//!
//! A link is *shared* (a lane: requests of many clients, in the state of its [`LaneKey`]) or *pinned* (one client's own, which
//! may change its state). Both work alike: bytes are appended to one output buffer, and one expectation per request (or per
//! run of requests) waits in a queue. A link knows its requests; who sent them may have gone. [`driver`] moves the bytes.

mod bypass;
pub(super) mod driver;
mod heir;
mod intake;
mod login;
mod outgoing;
mod pace;
mod queue;
pub mod receiver;
mod scripts;
mod send;
mod standing;

use std::{
    cell::{Cell, RefCell, RefMut},
    collections::HashSet,
    rc::{Rc, Weak},
    task::{Context, Poll, Waker},
};

use tokio::time::{Duration, Instant};

use self::{
    bypass::Bypass,
    heir::Heir,
    outgoing::Outgoing,
    queue::Queue,
    receiver::{Failure, Receiver},
};
use crate::{
    state::{ids::ServerId, key::LaneKey, label::Label},
    upstream::doubt::Doubt,
};

pub use self::{heir::Unsent, scripts::Scripts, standing::Standing};

/// What a replica answers to a request that would write. Whoever is told so goes on with the next connection.
const READONLY: &[u8] = b"-READONLY ";

/// How long the server has to answer what a client that has left has sent, and to see its end.
const LEFT_BEHIND: Duration = Duration::from_secs(10);

/// Where a link stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Takes requests.
    Open,
    /// Takes no more requests; closes when the last reply has arrived.
    Retired,
    /// Gone.
    Closed,
}

/// One upstream connection. More than 25 methods, because a sender, the driver, the pool and the watchdog each ask for a few.
pub struct Link<R: Receiver> {
    id: ServerId,
    pinned: bool,
    key: RefCell<Rc<LaneKey>>,
    label: RefCell<Rc<Label>>,
    standing: Cell<Standing>,
    status: Cell<Status>,
    people: RefCell<People<R>>,
    outgoing: RefCell<Outgoing>,
    queue: RefCell<Queue<R>>,
    scripts: RefCell<Scripts>,
    wakers: Wakers,
    bypass: RefCell<Bypass<R>>,
    doubt: Option<Doubt>,
    heir: RefCell<Option<Heir<R>>>,
    /// Why it is closed, if it is closed from here.
    given_up: Cell<&'static str>,
    /// When its client left it behind.
    left: Cell<Option<Instant>>,
}

/// Who is told of a link's end.
struct People<R> {
    /// The client whose own it is.
    owner: Option<Rc<R>>,
    /// Clients on a lane who have to show that the server still takes them when it cuts the lane.
    members: Vec<Weak<R>>,
}

impl<R> People<R> {
    /// A client may come again and again.
    fn join(&mut self, member: &Rc<R>) {
        if self.members.len() == self.members.capacity() {
            let mut seen = HashSet::new();
            self.members.retain(|member| member.strong_count() > 0 && seen.insert(member.as_ptr()));
        }
        self.members.push(Rc::downgrade(member));
    }

    fn end(&mut self) -> (Option<Rc<R>>, Vec<Weak<R>>) {
        (self.owner.take(), std::mem::take(&mut self.members))
    }
}

#[derive(Default)]
struct Wakers {
    driver: RefCell<Option<Waker>>,
    woken: Cell<bool>,
    /// Senders that wait for the server to take what was sent.
    congested: RefCell<Vec<Waker>>,
}

impl<R: Receiver> Link<R> {
    /// A link in the state that `key` names, which the server knows under `id`. Where another server may take the place of
    /// this one, `doubt` is raised as soon as there is reason to think that one has.
    pub(in crate::upstream) fn new(
        id: ServerId,
        key: Rc<LaneKey>,
        pinned: bool,
        standing: Standing,
        doubt: Option<Doubt>,
        now: Instant,
    ) -> Rc<Self> {
        Rc::new(Self {
            id,
            pinned,
            key: RefCell::new(key),
            label: RefCell::default(),
            standing: Cell::new(standing),
            status: Cell::new(Status::Open),
            people: RefCell::new(People { owner: None, members: Vec::new() }),
            outgoing: RefCell::default(),
            queue: RefCell::new(Queue::new(now)),
            scripts: RefCell::default(),
            wakers: Wakers::default(),
            bypass: RefCell::new(Bypass::None),
            doubt,
            heir: RefCell::new(None),
            given_up: Cell::new("closed by the client"),
            left: Cell::new(None),
        })
    }

    /// Whether senders should wait until the server has taken most of what was sent.
    pub fn is_congested(&self) -> bool {
        self.outgoing.borrow().is_congested()
    }

    /// Ready where the server has taken most of what was sent; else the waker is woken then.
    pub fn poll_relief(&self, cx: &Context<'_>) -> Poll<()> {
        if !self.is_congested() || self.status.get() == Status::Closed {
            return Poll::Ready(());
        }
        let mut waiting = self.wakers.congested.borrow_mut();
        if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// From now on bytes from the server go to the owner as they are, and are not read as replies; or they are again.
    pub fn set_tunnel(&self, open: bool) {
        debug_assert!(self.pinned, "a tunnel has one client");
        self.queue.borrow_mut().tunnel = open;
    }

    /// Closes the sending direction once everything is written, as a client does that only listens from now on. The server
    /// closes the other one when it has read all.
    pub fn finish(&self) {
        debug_assert!(self.pinned, "others have more to send");
        self.outgoing.borrow_mut().finished = true;
        self.wake();
    }

    /// Gives the link to a client: it is told of unasked frames and of the link's end.
    pub fn adopt(&self, owner: &Rc<R>) {
        self.people.borrow_mut().owner = Some(owner.clone());
    }

    /// Takes the link from its client.
    pub fn orphan(&self) {
        self.people.borrow_mut().owner = None;
    }

    /// Asks to be told when a shared link is cut: a client has to leave when the server has cut off its user.
    pub fn join(&self, member: &Rc<R>) {
        self.people.borrow_mut().join(member);
    }

    /// Takes no more requests; the link closes after the last reply.
    pub fn retire(&self) {
        if self.status.get() == Status::Open {
            self.status.set(Status::Retired);
            self.drop_bypass();
            self.wake();
        }
    }

    /// Takes the link from its client, which has left at `now`: the server sees the end behind what was sent, and has
    /// [`LEFT_BEHIND`] to close.
    pub(in crate::upstream) fn leave_behind(&self, now: Instant) {
        self.left.set(Some(now));
        self.orphan();
        self.finish();
        self.retire();
    }

    /// Takes the link from its client, if it has one, and closes it now, whatever is under way.
    pub fn abort(&self) {
        self.orphan();
        if self.status.get() != Status::Closed {
            self.status.set(Status::Closed);
            self.drop_bypass();
            self.wake();
        }
    }

    /// Gives the link up: what is under way is lost, and its client is told.
    pub(in crate::upstream) fn lose(&self, why: &'static str) {
        self.status.set(Status::Closed);
        self.given_up.set(why);
        self.wake();
    }

    /// Whether there is something that has not been sent.
    pub(in crate::upstream) fn has_unsent(&self) -> bool {
        !self.outgoing.borrow().bytes.is_empty()
    }

    /// Where the link stands.
    pub fn status(&self) -> Status {
        self.status.get()
    }

    /// Whether requests may be sent.
    pub fn is_open(&self) -> bool {
        self.status.get() == Status::Open
    }

    /// Whether one client has it for itself.
    pub fn is_pinned(&self) -> bool {
        self.pinned
    }

    /// Whether every request has been answered.
    pub fn is_idle(&self) -> bool {
        self.queue.borrow().is_empty() && self.outgoing.borrow().bytes.is_empty()
    }

    /// How long the oldest request has waited without any reply having come since, as far as looks at the link can tell: it is
    /// never more than it really was.
    pub fn overdue(&self, now: Instant) -> Duration {
        self.queue.borrow().overdue(now)
    }

    /// Looks at how far the replies have come. To be called about once a second.
    pub(in crate::upstream) fn look(&self, now: Instant) {
        if self.left.get().is_some_and(|left| now - left >= LEFT_BEHIND) {
            return self.abort();
        }
        self.queue.borrow_mut().look(now);
    }

    /// The wait for the oldest request begins anew: there is a reason for it.
    pub(in crate::upstream) fn excuse(&self, now: Instant) {
        self.queue.borrow_mut().excuse(now);
    }

    /// The server's id of the connection.
    pub fn id(&self) -> ServerId {
        self.id
    }

    /// What the server calls the connection. Only of pinned links.
    pub fn label(&self) -> Rc<Label> {
        self.label.borrow().clone()
    }

    /// Notes what the server calls the connection now.
    pub fn set_label(&self, label: Rc<Label>) {
        *self.label.borrow_mut() = label;
    }

    /// The state the connection is in.
    pub fn key(&self) -> Rc<LaneKey> {
        self.key.borrow().clone()
    }

    /// Notes a change of state that the server has confirmed. Only for pinned links.
    pub fn set_key(&self, key: Rc<LaneKey>) {
        debug_assert!(self.pinned, "a shared link never changes its state");
        let standing = self.standing.get();
        self.standing.set(Standing {
            unauthenticated: standing.unauthenticated && !key.identity.is_proven(),
            misplaced: false,
            ..standing
        });
        *self.key.borrow_mut() = key;
    }

    /// What is known of the server's scripts.
    pub fn scripts(&self) -> RefMut<'_, Scripts> {
        self.scripts.borrow_mut()
    }

    /// What the server makes of the connection.
    pub fn standing(&self) -> Standing {
        self.standing.get()
    }

    /// Whether the server takes requests on it, or refuses them for want of a password.
    pub fn admitted(&self, admitted: bool) {
        self.standing.set(Standing { unauthenticated: !admitted, ..self.standing.get() });
    }

    /// Looks at an error that the server has answered with.
    #[cold]
    fn heed(&self, error: &[u8]) {
        if let Some(doubt) = &self.doubt
            && error.starts_with(READONLY)
        {
            doubt.raise();
            self.retire();
        }
    }

    /// Ends the link and tells everyone who waits for a reply.
    pub(super) fn close(this: &Rc<Self>, why: &str) {
        let cut = this.status.get() == Status::Open;
        if cut {
            this.doubt.iter().for_each(Doubt::raise);
        }
        this.status.set(Status::Closed);
        this.drop_bypass();
        this.fail_all(why);
        let (owner, members) = this.people.borrow_mut().end();
        // Of a lane that has ended in order nobody has to know: who needs one gets another.
        let members = members.into_iter().filter(|_| cut);
        for receiver in owner.into_iter().chain(members.filter_map(|member| member.upgrade())) {
            R::closed(&receiver, Some(this));
        }
        this.wakers.wake_congested();
    }

    fn register(&self, cx: &Context<'_>) {
        self.wakers.woken.set(false);
        let mut waker = self.wakers.driver.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }

    fn wake(&self) {
        if !self.wakers.woken.replace(true)
            && let Some(waker) = self.wakers.driver.borrow().as_ref()
        {
            waker.wake_by_ref();
        }
    }
}

impl Wakers {
    fn wake_congested(&self) {
        for waker in self.congested.borrow_mut().drain(..) {
            waker.wake();
        }
    }
}

/// Why a request could not be sent on a link that has closed.
pub fn closed() -> Failure {
    Failure::Unsent("the connection to the server has closed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_again_and_again_is_remembered_a_few_times_at_most() {
        let mut people = People { owner: None, members: Vec::new() };
        let (often, once) = (Rc::new(1), Rc::new(2));
        people.join(&once);
        (0..1000).for_each(|_| people.join(&often));
        assert!(people.members.len() <= 8, "{}", people.members.len());
        let (_, members) = people.end();
        assert!(members.iter().any(|member| member.upgrade() == Some(once.clone())));
    }
}
