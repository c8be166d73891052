//! Script calls by digest: which are under way, and in what order the replies of those that are repeated come.

use std::rc::Rc;

use bytes::{Bytes, BytesMut};

use super::{Held, Outbox};
use crate::{
    downstream::slot::Slot,
    session::{Adapt, Call, Script},
    upstream::link::Link,
};

impl Outbox {
    /// Sends a script call by digest. The bytes for its repetition are kept by the link.
    pub(in crate::downstream) fn call(self: &Rc<Self>, link: &Link<Self>, call: &Call) {
        let (head, body) = (call.head(), call.body());
        let commands = head.adapt().commands();
        self.script.set(call.script());
        self.calls.set(self.calls.get() + commands);
        self.sent(commands);
        link.keep(body);
        // A request is never as long as 4 GiB.
        let slot = Slot::Session(head, body.len() as u32);
        link.send_with(self, slot, |out| call.write_evalsha(out));
    }

    /// Whether a script call by digest may be sent: none of another script is under way. A call that the server does not
    /// know is repeated, and must not be overtaken by a later one that it does know.
    /// While a call of anyone is being repeated on the link, those that are under way may have to be as well; and so may a
    /// first call that nobody has heard of yet, while others of the server's clients make the script known to it.
    pub(in crate::downstream) fn admits_call(
        &self,
        script: *const Script,
        link: &Link<Self>,
    ) -> bool {
        self.calls.get() == 0
            || (self.script.get() == script && link.repeating() == 0 && link.knows(script.addr()))
    }

    /// Whether a request other than a script call may be sent.
    pub(in crate::downstream) fn admits_requests(&self) -> bool {
        self.calls.get() == 0
    }

    /// Commands that a script call by digest stood for are under way no longer.
    pub(super) fn called(&self, commands: u32) {
        self.calls.set(self.calls.get().saturating_sub(commands));
        self.settle(commands);
    }

    /// Sends one of the reads again that a call stood for, by its digest, in its place in the order of replies.
    pub(super) fn repeat_single(self: &Rc<Self>, link: &Link<Self>, call: Call) {
        let hold = self.hold();
        link.repeats();
        link.send_with(self, Slot::Single(hold, Box::new(call.clone())), |out| {
            call.write_evalsha(out);
        });
    }

    /// Keeps a place in the order of replies.
    fn hold(&self) -> u64 {
        let hold = self.holds.get();
        self.holds.set(hold + 1);
        self.held.borrow_mut().push_back(Held::Awaited(hold));
        hold
    }

    /// Sends a call again, whose place in the order of replies is kept.
    pub(super) fn repeat(
        self: &Rc<Self>,
        link: &Link<Self>,
        adapt: Adapt,
        write: impl FnOnce(&mut BytesMut),
    ) {
        let hold = self.hold();
        link.repeats();
        link.send_with(self, Slot::Again(hold, adapt), write);
    }

    /// The reply to a repeated call is here.
    pub(super) fn repeated(&self, link: &Link<Self>, hold: u64, adapt: Adapt, frame: &[u8]) {
        link.repeated();
        let mut out = BytesMut::new();
        adapt.apply(frame, self.protocol.get(), &mut out);
        self.release(hold, &out);
        self.called(adapt.commands());
    }

    /// The reply that others had to wait for is here.
    pub(super) fn release(&self, hold: u64, bytes: &[u8]) {
        let mut held = self.held.borrow_mut();
        let awaited = |one: &&mut Held| matches!(one, Held::Awaited(of) if *of == hold);
        if let Some(place) = held.iter_mut().find(awaited) {
            *place = Held::Here(Bytes::copy_from_slice(bytes));
        }
        let mut out = self.out.borrow_mut();
        while let Some(Held::Here(bytes)) = held.front() {
            if !self.ended.get() {
                out.extend_from_slice(bytes);
            }
            held.pop_front();
        }
    }
}
