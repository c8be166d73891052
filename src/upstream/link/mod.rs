//! One upstream connection: requests go in at one end, their replies come out at the other in the same order.
//!
//! A link is *shared* (a lane: requests of many clients, in the state of its [`LaneKey`]) or *exclusive* (pinned by one
//! client, which may change its state). Both work alike: bytes are appended to one output buffer, and one expectation per
//! request (or per run of requests) waits in a queue. [`driver`] moves the bytes.

mod bypass;
pub(super) mod driver;
mod pace;
pub mod receiver;
mod scripts;

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::{Rc, Weak},
    task::{Context, Poll, Waker},
};

use bytes::BytesMut;

use bypass::Bypass;

use receiver::{Expected, Failure, Receiver};

use crate::state::{key::LaneKey, label::Label};

/// Unwritten request bytes above which senders wait, and below which they go on.
const CONGESTED: usize = 1 << 20;
const RELIEVED: usize = 256 << 10;

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

pub(super) struct Entry<R: Receiver> {
    pub(super) receiver: Rc<R>,
    pub(super) expected: Expected<R::Slot>,
}

/// One upstream connection.
pub struct Link<R: Receiver> {
    /// The server's id of the connection; 0 when it does not tell.
    id: u64,
    key: RefCell<Rc<LaneKey>>,
    label: RefCell<Rc<Label>>,
    exclusive: bool,
    unauthenticated: Cell<bool>,
    misplaced: Cell<bool>,
    repeating: Cell<u32>,
    status: Cell<Status>,
    pub(super) owner: RefCell<Option<Rc<R>>>,
    members: RefCell<Vec<Weak<R>>>,
    pub(super) tunnel: Cell<bool>,
    /// Nothing more is sent.
    pub(super) finished: Cell<bool>,
    pub(super) out: RefCell<BytesMut>,
    pub(super) queue: RefCell<VecDeque<Entry<R>>>,
    /// What requests under way may be repeated from, in their order.
    kept: RefCell<BytesMut>,
    /// The scripts that the server knows, by what tells them apart.
    known: RefCell<Vec<usize>>,
    /// How many entries at the queue's end stand for requests that are still in `out`.
    pub(super) unsent: Cell<usize>,
    waker: RefCell<Option<Waker>>,
    woken: Cell<bool>,
    waiting: RefCell<Vec<Waker>>,
    bypass: RefCell<Bypass<R>>,
}

impl<R: Receiver> Link<R> {
    /// A link in the state that `key` names, which the server knows under `id`. `unauthenticated`: the server answers `NOAUTH` on it. `misplaced`: the server
    /// has not selected the key's database.
    pub(in crate::upstream) fn new(
        id: u64,
        key: Rc<LaneKey>,
        exclusive: bool,
        unauthenticated: bool,
        misplaced: bool,
    ) -> Rc<Self> {
        Rc::new(Self {
            id,
            key: RefCell::new(key),
            label: RefCell::default(),
            exclusive,
            unauthenticated: Cell::new(unauthenticated),
            misplaced: Cell::new(misplaced),
            repeating: Cell::new(0),
            status: Cell::new(Status::Open),
            owner: RefCell::new(None),
            members: RefCell::new(Vec::new()),
            tunnel: Cell::new(false),
            finished: Cell::new(false),
            out: RefCell::new(BytesMut::new()),
            queue: RefCell::new(VecDeque::new()),
            kept: RefCell::new(BytesMut::new()),
            known: RefCell::default(),
            unsent: Cell::new(0),
            waker: RefCell::new(None),
            woken: Cell::new(false),
            waiting: RefCell::new(Vec::new()),
            bypass: RefCell::new(Bypass::None),
        })
    }

    /// Appends `count` complete requests whose replies go to `receiver` as they are.
    pub fn send_run(&self, receiver: &Rc<R>, requests: &[u8], count: u32) {
        if self.status.get() == Status::Closed {
            return R::failed(receiver, Expected::Run(count), &closed());
        }
        self.out.borrow_mut().extend_from_slice(requests);
        let mut queue = self.queue.borrow_mut();
        if self.unsent.get() > 0
            && let Some(Entry { receiver: last, expected: Expected::Run(run) }) = queue.back_mut()
            && Rc::ptr_eq(last, receiver)
        {
            *run += count;
        } else {
            queue.push_back(Entry { receiver: receiver.clone(), expected: Expected::Run(count) });
            self.unsent.set(self.unsent.get() + 1);
        }
        drop(queue);
        self.wake();
    }

    /// Appends one complete request whose reply `slot` stands for.
    pub fn send(&self, receiver: &Rc<R>, request: &[u8], slot: R::Slot) {
        self.send_with(receiver, slot, |out| out.extend_from_slice(request));
    }

    /// As [`Link::send`], for a request that is written in place.
    pub fn send_with(&self, receiver: &Rc<R>, slot: R::Slot, write: impl FnOnce(&mut BytesMut)) {
        let expected = Expected::Slot(slot);
        if self.status.get() == Status::Closed {
            return R::failed(receiver, expected, &closed());
        }
        write(&mut self.out.borrow_mut());
        self.queue.borrow_mut().push_back(Entry { receiver: receiver.clone(), expected });
        self.unsent.set(self.unsent.get() + 1);
        self.wake();
    }

    /// Appends bytes that no reply is expected for: a part of a request, or a request of a client that has switched its
    /// replies off. Only for exclusive links.
    pub fn send_unanswered(&self, bytes: &[u8]) {
        debug_assert!(self.exclusive, "a shared link needs an expectation for every request");
        if self.status.get() == Status::Closed {
            return;
        }
        self.out.borrow_mut().extend_from_slice(bytes);
        self.wake();
    }

    /// Appends the expectation for a request whose bytes go by [`Link::send_unanswered`].
    pub fn expect(&self, receiver: &Rc<R>, expected: Expected<R::Slot>) {
        if self.status.get() == Status::Closed {
            return R::failed(receiver, expected, &closed());
        }
        self.queue.borrow_mut().push_back(Entry { receiver: receiver.clone(), expected });
        self.unsent.set(self.unsent.get() + 1);
    }

    /// Waits until the server has taken most of what was sent: ready at once where it has.
    pub fn poll_relief(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.out.borrow().len() < CONGESTED || self.status.get() == Status::Closed {
            return Poll::Ready(());
        }
        self.waiting.borrow_mut().push(cx.waker().clone());
        Poll::Pending
    }

    /// Whether senders should wait with [`Link::poll_relief`].
    pub fn is_congested(&self) -> bool {
        self.out.borrow().len() >= CONGESTED
    }

    /// From now on bytes from the server go to the owner as they are, and are not read as replies.
    pub fn open_tunnel(&self) {
        debug_assert!(self.exclusive, "a tunnel has one client");
        self.tunnel.set(true);
    }

    /// Closes the sending direction once everything is written, as a client does that only listens from now on. The server
    /// closes the other one when it has read all.
    pub fn finish(&self) {
        debug_assert!(self.exclusive, "others have more to send");
        self.finished.set(true);
        self.wake();
    }

    /// Gives the link to a client: it is told of unasked frames and of the link's end.
    pub fn adopt(&self, owner: &Rc<R>) {
        *self.owner.borrow_mut() = Some(owner.clone());
    }

    /// Takes the link from its client.
    pub fn orphan(&self) {
        *self.owner.borrow_mut() = None;
    }

    /// Asks to be told when a shared link closes: a client has to leave when the server has cut off its user.
    pub fn join(&self, member: &Rc<R>) {
        let mut members = self.members.borrow_mut();
        if members.len() == members.capacity() {
            members.retain(|member| member.strong_count() > 0);
        }
        members.push(Rc::downgrade(member));
    }

    /// Takes no more requests; the link closes after the last reply.
    pub fn retire(&self) {
        if self.status.get() == Status::Open {
            self.status.set(Status::Retired);
            self.drop_bypass();
            self.wake();
        }
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

    /// Where the link stands.
    pub fn status(&self) -> Status {
        self.status.get()
    }

    /// Whether requests may be sent.
    pub fn is_open(&self) -> bool {
        self.status.get() == Status::Open
    }

    /// Whether one client has it for itself.
    pub fn is_exclusive(&self) -> bool {
        self.exclusive
    }

    /// Whether every request has been answered.
    pub fn is_idle(&self) -> bool {
        self.queue.borrow().is_empty() && self.out.borrow().is_empty()
    }

    /// The server's id of the connection; 0 when it is not known.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// What the server calls the connection. Only of exclusive links.
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

    /// Notes a change of state that the server has confirmed. Only for exclusive links.
    pub fn set_key(&self, key: Rc<LaneKey>) {
        debug_assert!(self.exclusive, "a shared link never changes its state");
        self.unauthenticated.set(self.unauthenticated.get() && !key.identity.is_proven());
        self.misplaced.set(false);
        *self.key.borrow_mut() = key;
    }

    /// Whether the server answers `NOAUTH` on it, and closes it on large requests.
    pub fn is_unauthenticated(&self) -> bool {
        self.unauthenticated.get()
    }

    /// Whether the connection may be in another database than its key says.
    pub fn is_misplaced(&self) -> bool {
        self.misplaced.get()
    }

    /// Notes what the server last said about it.
    pub fn set_unauthenticated(&self, unauthenticated: bool) {
        self.unauthenticated.set(unauthenticated);
    }

    /// Ends the link and tells everyone who waits for a reply.
    pub(super) fn close(&self, why: &str) {
        self.status.set(Status::Closed);
        self.drop_bypass();
        let unsent = self.unsent.replace(0);
        let entries = std::mem::take(&mut *self.queue.borrow_mut());
        let sent = entries.len() - unsent;
        let unsent_failure = Failure::Unsent(why.to_owned());
        for (index, entry) in entries.into_iter().enumerate() {
            let failure = if index < sent { &Failure::Lost } else { &unsent_failure };
            R::failed(&entry.receiver, entry.expected, failure);
            if entry.receiver.touch() {
                entry.receiver.flush();
            }
        }
        self.out.borrow_mut().clear();
        self.kept.borrow_mut().clear();
        let owner = self.owner.borrow_mut().take();
        let members = std::mem::take(&mut *self.members.borrow_mut());
        for receiver in owner.into_iter().chain(members.iter().filter_map(Weak::upgrade)) {
            R::link_closed(&receiver);
        }
        self.wake_waiting();
    }

    pub(super) fn register(&self, cx: &Context<'_>) {
        self.woken.set(false);
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }

    pub(super) fn relieve(&self) {
        if self.out.borrow().len() < RELIEVED {
            self.wake_waiting();
        }
    }

    fn wake(&self) {
        if !self.woken.replace(true)
            && let Some(waker) = self.waker.borrow().as_ref()
        {
            waker.wake_by_ref();
        }
    }

    fn wake_waiting(&self) {
        for waker in self.waiting.borrow_mut().drain(..) {
            waker.wake();
        }
    }
}

fn closed() -> Failure {
    Failure::Unsent("the connection to the server has closed".to_owned())
}
