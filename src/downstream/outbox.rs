//! The replies of one client, in the order of its requests: taken from upstream connections, written to its socket.

mod calls;
mod profile;
mod receiver;
mod writing;

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    mem,
    rc::Rc,
    task::Waker,
};

use bytes::{Bytes, BytesMut};
use tokio::net::tcp::OwnedWriteHalf;

use super::{
    presence::Presence,
    roster::Waiting,
    slot::{Effect, Substitute},
    subscriptions::Subscriptions,
    transaction::Transaction,
};
use crate::{
    resp::{Protocol, reply},
    session::Script,
    upstream::{link::Link, receiver::Failure},
};

/// Buffers that have grown beyond this are given back when they are empty.
const KEPT_CAPACITY: usize = 16 << 10;
/// Requests of one client that may be under way at a time: enough to keep any connection busy, and no more than have
/// replies of [`REPLY_BUDGET`] bytes, going by the size of the last ones. All of them may have to be held for a client that
/// does not read.
const PENDING: std::ops::RangeInclusive<u32> = 16..=512;
const REPLY_BUDGET: u32 = 4 << 20;
/// The size that replies are taken to have before the first has come.
const UNKNOWN_SIZE: u32 = 64 << 10;

/// The replies of one client.
pub struct Outbox {
    id: u64,
    limit: usize,
    write: RefCell<OwnedWriteHalf>,
    out: RefCell<BytesMut>,
    /// Replies that have to wait for an earlier one, while a script call is repeated.
    held: RefCell<VecDeque<Held>>,
    holds: Cell<u64>,
    /// Requests whose reply is still to come.
    pending: Cell<u32>,
    /// Of those, commands that are script calls by digest, and which script.
    calls: Cell<u32>,
    script: Cell<*const Script>,
    /// Replies to come until a command that may wait has its own.
    waits: Cell<u32>,
    /// How large the client's replies have been lately, in bytes.
    reply_size: Cell<u32>,
    /// The task waits for fewer requests to be under way.
    crowded: Cell<bool>,
    /// What the connection's task waits for.
    outcome: RefCell<Option<Result<Bytes, Failure>>>,
    pub(super) protocol: Cell<Protocol>,
    pub(super) presence: Presence,
    /// Those who wait for the client to have an upstream connection of its own.
    pub(super) waiting: Waiting,
    pub(super) subscriptions: Cell<Subscriptions>,
    pub(super) transaction: RefCell<Option<Transaction>>,
    touched: Cell<bool>,
    /// The socket takes no more: the connection's task writes on when it does.
    blocked: Cell<bool>,
    /// A frame has been handed over in part.
    in_part: Cell<bool>,
    ended: Cell<bool>,
    link_closed: Cell<bool>,
    quiet: Cell<Quiet>,
    draining: Cell<bool>,
    waker: RefCell<Option<Waker>>,
    drained: RefCell<Vec<Waker>>,
}

/// Whether a client that sends nothing more is told of requests that have no reply.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Quiet {
    /// It is.
    #[default]
    No,
    /// It is not, and there has been none.
    Yes,
    /// It is not, and there has been one.
    Failed,
}

enum Held {
    Awaited(u64),
    Here(Bytes),
}

impl Outbox {
    /// The outbox of client `id`. With more than `limit` bytes unread the client is closed.
    pub fn new(id: u64, write: OwnedWriteHalf, limit: usize, presence: Presence) -> Rc<Self> {
        let protocol = presence.key.borrow().protocol;
        Rc::new(Self {
            id,
            limit,
            write: RefCell::new(write),
            out: RefCell::default(),
            held: RefCell::default(),
            holds: Cell::new(0),
            pending: Cell::new(0),
            calls: Cell::new(0),
            waits: Cell::new(0),
            reply_size: Cell::new(UNKNOWN_SIZE),
            crowded: Cell::new(false),
            script: Cell::new(std::ptr::null()),
            outcome: RefCell::default(),
            protocol: Cell::new(protocol),
            presence,
            waiting: Waiting::default(),
            subscriptions: Cell::default(),
            transaction: RefCell::default(),
            touched: Cell::new(false),
            blocked: Cell::new(false),
            in_part: Cell::new(false),
            ended: Cell::new(false),
            link_closed: Cell::new(false),
            quiet: Cell::default(),
            draining: Cell::new(false),
            waker: RefCell::default(),
            drained: RefCell::default(),
        })
    }

    /// The client's id, as `CLIENT ID` tells it.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Ends the client's connection: nothing more is written.
    pub fn end(&self) {
        self.ended.set(true);
        self.out.borrow_mut().clear();
        self.wake_drained();
        self.wake();
    }

    /// Asks the connection to end once the answers in flight are delivered.
    pub fn drain(&self) {
        self.draining.set(true);
        self.wake();
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.get()
    }

    pub(super) fn is_ended(&self) -> bool {
        self.ended.get()
    }

    /// Notes that `count` requests were sent whose replies the client will see.
    pub(super) fn sent(&self, count: u32) {
        self.pending.set(self.pending.get() + count);
    }

    /// How many more requests may be sent now.
    pub(super) fn room(&self) -> u32 {
        self.most_pending().saturating_sub(self.pending.get())
    }

    fn most_pending(&self) -> u32 {
        self.fitting(REPLY_BUDGET).clamp(*PENDING.start(), *PENDING.end())
    }

    /// How many replies have so many bytes together, going by the size of the last ones.
    pub(super) fn fitting(&self, bytes: u32) -> u32 {
        bytes / self.reply_size.get().max(1)
    }

    /// Notes the size of replies: what is large counts at once, what is small by and by.
    fn measure(&self, bytes: usize, replies: u32) {
        let size = u32::try_from(bytes).unwrap_or(u32::MAX) / replies.max(1);
        let before = self.reply_size.get();
        self.reply_size.set(if size > before {
            size
        } else {
            before - (before - size).div_ceil(4)
        });
    }

    /// Whether enough replies have arrived for it to be worth while to go on sending. Wakes the task when that is so.
    pub(super) fn has_room(&self) -> bool {
        let has_room = self.pending.get() <= self.most_pending() / 2;
        self.crowded.set(!has_room);
        has_room
    }

    /// Whether every reply has arrived, and the last one whole.
    pub(super) fn is_idle(&self) -> bool {
        self.pending.get() == 0 && !self.in_part.get()
    }

    /// From now on requests that have no reply are forgotten: the client has left while one of them was waiting.
    pub(super) fn leave_quietly(&self) {
        self.quiet.set(Quiet::Yes);
    }

    /// Whether all requests had their reply since then. Those that come now are no longer forgotten.
    pub(super) fn has_left_quietly(&self) -> bool {
        self.quiet.take() == Quiet::Yes
    }

    /// Takes the outcome of a captured or observed request.
    pub(super) fn take_outcome(&self) -> Option<Result<Bytes, Failure>> {
        self.outcome.borrow_mut().take()
    }

    pub(super) fn has_outcome(&self) -> bool {
        self.outcome.borrow().is_some()
    }

    /// Whether the exclusive connection has closed since this was last asked.
    pub(super) fn take_link_closed(&self) -> bool {
        self.link_closed.replace(false)
    }

    /// Whether the exclusive connection has closed.
    pub(super) fn is_link_closed(&self) -> bool {
        self.link_closed.get()
    }

    /// Appends a reply of our own. To be called when idle.
    pub(super) fn append(&self, write: impl FnOnce(&mut BytesMut)) {
        write(&mut self.out.borrow_mut());
    }

    /// Whether a frame may be a message or a confirmation. In RESP2 those are arrays like others; only a client that is
    /// subscribed, or waits for a confirmation, gets any.
    fn may_be_notice(&self, confirms: bool, frame: &[u8]) -> bool {
        match frame.first() {
            Some(b'>') => true,
            Some(b'*') if self.protocol.get() == Protocol::Resp2 => {
                confirms || self.subscriptions.get().any()
            }
            _ => false,
        }
    }

    fn pass(&self, frames: &[u8]) {
        self.pass_written(|out| out.extend_from_slice(frames));
    }

    /// As [`Outbox::pass`], for a reply that is written in place.
    fn pass_written(&self, write: impl FnOnce(&mut BytesMut)) {
        if self.ended.get() {
            return;
        }
        let mut held = self.held.borrow_mut();
        if held.is_empty() {
            write(&mut self.out.borrow_mut());
        } else {
            let mut out = BytesMut::new();
            write(&mut out);
            held.push_back(Held::Here(out.freeze()));
        }
    }

    /// Notes that the request sent next may wait for its reply.
    pub(super) fn will_wait(&self) {
        self.waits.set(self.pending.get() + 1);
    }

    /// Whether a command that may wait is under way.
    pub(super) fn may_wait(&self) -> bool {
        self.waits.get() > 0
    }

    fn settle(&self, count: u32) {
        self.waits.set(self.waits.get().saturating_sub(count));
        let pending = self.pending.get().saturating_sub(count);
        self.pending.set(pending);
        if pending == 0 || (self.crowded.get() && self.has_room()) {
            self.wake();
        }
    }

    fn conclude(&self, outcome: Result<Bytes, Failure>) {
        *self.outcome.borrow_mut() = Some(outcome);
        self.wake();
    }

    fn substituted(&self, link: &Link<Self>, substitute: Substitute, frame: &[u8]) {
        let label = self.presence.label();
        self.pass_written(|out| substitute.write(frame, &label, self.protocol.get(), out));
        if let Substitute::Naming(naming) = substitute
            && !reply::is_error(frame)
        {
            let label = self.presence.name(&naming);
            if link.is_exclusive() {
                link.set_label(label);
            }
        }
    }

    fn queued(&self, effect: Option<Effect>, frame: &[u8]) {
        self.pass(frame);
        if !reply::is_error(frame)
            && let Some(transaction) = self.transaction.borrow_mut().as_mut()
        {
            transaction.queue(effect);
        }
    }

    pub(super) fn wake(&self) {
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }

    fn wake_drained(&self) {
        for waker in mem::take(&mut *self.drained.borrow_mut()) {
            waker.wake();
        }
    }
}

/// Empties a buffer of replies, and gives back one that has grown.
fn empty(out: &mut BytesMut) {
    out.clear();
    if out.capacity() > KEPT_CAPACITY {
        *out = BytesMut::new();
    }
}
