//! One client as a value: what it has said and heard decides what is done next.
//!
//! No socket, no task, no clock: inputs are bytes of the client, replies and other news of its connections, the end; what is
//! to be done goes out by [`Ports`] in the same call. What a reply means is applied when it is delivered.

use std::{rc::Rc, sync::Arc};

use bytes::{Bytes, BytesMut};

use super::{
    ports::{Ports, To},
    registry::report::Facts,
    replies::{Meaning, Replies},
    state::{
        buffers::Buffers,
        course::{Course, Stall},
        footing::Footing,
        large::Large,
        leaving::Leaving,
        me::Me,
        mode::{Kind, Mode, Quiet, Tunnel},
        subscriptions::Subscriptions,
    },
};
use crate::{
    command::client::profile::{Flags, Profile},
    resp::{Protocol, RequestScanner},
    session,
    state::{
        ids::{ClientId, Place},
        key::LaneKey,
        label::Label,
        traces::Traces,
    },
};

/// Unread replies below which a client that did not read is served on, in bytes.
const READ_ENOUGH: usize = 256 << 10;

/// What does not change while clients are served.
pub struct Rules {
    /// The state that a new client is in.
    pub initial: Rc<LaneKey>,
    /// Whether every client has an upstream connection of its own.
    pub dedicated: bool,
    /// Namespace and limits of the session commands.
    pub session: session::Settings,
    /// What `INFO` tells of this process.
    pub facts: Arc<Facts>,
    /// What a client is called that has given itself no name. One for all, so that clients are small.
    pub unnamed: Rc<Label>,
    /// Whether clients follow when another server takes the place of one: subscriptions are made again, and what has not been
    /// sent on a connection waits for the next.
    pub follows: bool,
    /// Nodes of a cluster stand behind: a request goes where its keys are.
    pub spreads: bool,
}

/// One client.
pub struct Client {
    pub(super) rules: Rc<Rules>,
    pub(super) me: Me,
    /// User, database and protocol, as the server has confirmed them.
    pub(super) key: Rc<LaneKey>,
    pub(super) mode: Mode,
    pub(super) quiet: Quiet,
    pub(super) subscriptions: Subscriptions,
    /// What requests have left on its own connection, as far as it is not told by mode, subscriptions and replies.
    pub(super) marks: Traces,
    pub(super) footing: Footing,
    pub(super) replies: Replies,
    /// Finds the requests in its input; it has one only while there is input.
    pub(super) scanner: Option<Box<RequestScanner>>,
    pub(super) course: Course,
    pub(super) large: Large,
    pub(super) leaving: Leaving,
}

impl Client {
    /// A client that has come at `now`, by the worker's clock.
    pub fn new(rules: Rc<Rules>, id: ClientId, now: u32) -> Self {
        let key = rules.initial.clone();
        let subscriptions = Subscriptions::none(rules.follows);
        let me = Me::new(id, rules.unnamed.clone(), now);
        Self {
            rules,
            me,
            key,
            mode: Mode::default(),
            quiet: Quiet::default(),
            subscriptions,
            marks: Traces::default(),
            footing: Footing::default(),
            replies: Replies::default(),
            scanner: None,
            course: Course::default(),
            large: Large::default(),
            leaving: Leaving::default(),
        }
    }

    /// The number by which clients know it.
    pub fn id(&self) -> ClientId {
        self.me.id
    }

    /// What there is to write to it. Whoever has written all of it says so by [`Client::written`].
    pub fn output(&mut self) -> &mut BytesMut {
        &mut self.replies.out
    }

    /// Bytes were written to it.
    pub fn wrote(&mut self, bytes: usize) {
        self.me.totals.sent += bytes as u64;
        self.me.buffers.wrote(bytes, self.replies.out.len());
        if self.replies.out.is_empty() {
            self.replies.written();
        }
    }

    /// Bytes were read from it at `now`, by the worker's clock. With what was not handled before, `input` bytes are there.
    pub fn read(&mut self, bytes: usize, input: usize, now: u32) {
        self.me.totals.received += bytes as u64;
        self.me.buffers.read(input);
        self.me.active = now;
    }

    /// What the input waits for, if it does.
    pub fn stall(&self) -> Option<Stall> {
        self.course.stall
    }

    /// Whether there is something to do by [`Client::advance`], or an end to carry out.
    pub fn is_ready(&self) -> bool {
        if self.leaving.end.is_some() || self.wants_own() {
            return true;
        }
        match self.course.stall {
            None => self.leaving.is_leaving() && self.replies.is_idle(),
            Some(Stall::Idle) => self.replies.is_idle(),
            Some(Stall::Room) => self.replies.window.is_worth_while(self.replies.pending()),
            Some(Stall::Calls | Stall::Barrier) => self.course.barrier.is_none(),
            Some(Stall::Grant) => !self.footing.is_asking() && !self.course.left_over,
            Some(Stall::Unread) => self.replies.out.len() < READ_ENOUGH,
            Some(Stall::Opening) => !matches!(self.mode, Mode::Tunnel(Tunnel::Asked(_))),
            Some(Stall::Relief(_) | Stall::Closing) => false,
        }
    }

    /// Everything that `CLIENT LIST` tells of the client at `now`, but for what its socket knows. `input` is what has been
    /// read and is not handled.
    pub fn profile(&self, now: u32, input: &BytesMut) -> Profile {
        let me = &self.me;
        let idle = u64::from(now.saturating_sub(me.active));
        let backlog = self.replies.out.len();
        let reply_peak = me.buffers.reply_peak(idle, backlog);
        Profile {
            id: me.id.0,
            label: me.label.as_ref().clone(),
            age: u64::from(now.saturating_sub(me.born)),
            idle,
            flags: self.flags(),
            database: self.key.database,
            subscriptions: self.subscriptions.counts(),
            queued: self.mode.queued(),
            multi_memory: me.queued_bytes,
            watched: me.watched,
            input: input.len(),
            input_free: me.buffers.input(idle).max(input.capacity()) - input.len(),
            backlog,
            reply_buffer: Buffers::reply(reply_peak),
            reply_peak,
            output_buffered: backlog.min(reply_peak),
            received: me.totals.received,
            sent: me.totals.sent,
            commands: me.totals.commands,
            command: me.last(),
            user: Bytes::copy_from_slice(self.key.identity.user()),
            redirect: me.redirect.map(|id| id.0),
            protocol: match self.key.protocol {
                Protocol::Resp2 => 2,
                Protocol::Resp3 => 3,
            },
            ..Profile::default()
        }
    }

    /// What the client is doing.
    pub fn flags(&self) -> Flags {
        let in_transaction = self.mode.queued().is_some();
        self.me
            .flags
            .with(Flags::BLOCKED, self.may_wait())
            .with(Flags::SUBSCRIBED, self.subscriptions.any())
            .with(Flags::TRANSACTION, in_transaction)
    }

    /// Whether keys are watched for it.
    pub fn watches(&self) -> bool {
        self.marks.any(Traces::WATCHING)
    }

    /// Whether replies to it are due.
    pub(crate) fn awaits(&self) -> bool {
        !self.replies.is_idle()
    }

    /// How its requests are to be understood at present.
    pub(super) fn kind(&self) -> Kind {
        self.mode.kind(self.key.protocol == Protocol::Resp2 && self.subscriptions.any())
    }

    /// Whether the client is not given the reply to its next request.
    pub(super) fn is_quiet(&self) -> bool {
        self.quiet != Quiet::No
    }

    /// Whether its connection carries a stream, or may soon.
    pub(super) fn is_tunnel(&self) -> bool {
        matches!(self.mode, Mode::Tunnel(_))
    }

    /// A request has been handled: if its reply is left out, that to the next one may not be.
    pub(super) fn end_skip(&mut self) {
        if self.quiet == Quiet::Next {
            self.quiet = Quiet::No;
        }
    }

    /// Whether a command that may wait for long is under way.
    pub(crate) fn may_wait(&self) -> bool {
        self.course.waits.is_some_and(|place| self.replies.awaits(place))
    }

    /// A place for a request whose reply means something.
    pub(super) fn place(&mut self, meaning: Meaning) -> Place {
        let place = self.replies.one(meaning);
        if self.is_quiet() {
            self.replies.silence(place, true);
        }
        place
    }

    /// As [`Client::place`]; nothing is sent before the reply is here.
    pub(super) fn place_with_barrier(&mut self, meaning: Meaning) -> Place {
        let place = self.place(meaning);
        self.course.barrier = Some(place);
        place
    }

    /// Sends `request` as it is; its reply means this.
    pub(super) fn pass(
        &mut self,
        to: To,
        meaning: Meaning,
        request: &[u8],
        ports: &mut impl Ports,
    ) {
        let place = self.place(meaning);
        Self::send(ports, to, place, request);
    }

    /// As [`Client::pass`]; nothing is sent before the reply is here.
    pub(super) fn pass_with_barrier(
        &mut self,
        to: To,
        meaning: Meaning,
        request: &[u8],
        ports: &mut impl Ports,
    ) {
        let place = self.place_with_barrier(meaning);
        Self::send(ports, to, place, request);
    }

    /// The reply for the place is here: the next request may go.
    pub(super) fn fill(&mut self, place: Place, write: impl FnOnce(&mut BytesMut)) {
        if self.course.barrier == Some(place) {
            self.course.barrier = None;
        }
        self.replies.fill(place, write);
    }

    /// As [`Client::fill`], with a frame that is complete.
    pub(super) fn fill_frame(&mut self, place: Place, frame: &[u8]) {
        self.fill(place, |out| out.extend_from_slice(frame));
    }

    /// A reply of our own to the request at the front.
    pub(super) fn answer(&mut self, write: impl FnOnce(&mut BytesMut)) {
        if !self.is_quiet() {
            self.replies.answer(write);
        }
    }

    /// As [`Client::answer`], with a frame that is complete.
    pub(super) fn answer_frame(&mut self, frame: &[u8]) {
        self.answer(|out| out.extend_from_slice(frame));
    }

    /// Sends `request` as it is; the reply for the place means what it was given for.
    pub(super) fn send(ports: &mut impl Ports, to: To, place: Place, request: &[u8]) {
        ports.send(to, place, b"", &mut |out| out.extend_from_slice(request));
    }
}
