//! What goes in at one end of a link: requests, and what is expected for them.

use std::rc::Rc;

use bytes::BytesMut;

use super::{
    Link, Status,
    queue::{Care, Entry},
    receiver::Receiver,
};
use crate::state::ids::Place;

impl<R: Receiver> Link<R> {
    /// Appends `count` complete requests whose replies go to the places from `place` on as they are. False when the link has
    /// closed: then nothing was sent.
    #[must_use]
    pub fn send_run(&self, receiver: &Rc<R>, place: Place, requests: &[u8], count: u32) -> bool {
        if self.status.get() == Status::Closed {
            return false;
        }
        let mut outgoing = self.outgoing.borrow_mut();
        outgoing.bytes.extend_from_slice(requests);
        let joined =
            outgoing.unsent > 0 && self.queue.borrow_mut().join_run(receiver, place, count);
        if !joined {
            self.queue.borrow_mut().push(Entry::run(receiver.clone(), place, count));
            outgoing.unsent += 1;
        }
        drop(outgoing);
        self.wake();
        true
    }

    /// Appends one complete request whose reply means something to the receiver; `kept` is given back with the reply. False
    /// when the link has closed: then nothing was sent.
    #[must_use]
    pub fn send(
        &self,
        receiver: &Rc<R>,
        place: Place,
        kept: &[u8],
        write: impl FnOnce(&mut BytesMut),
    ) -> bool {
        if self.status.get() == Status::Closed {
            return false;
        }
        write(&mut self.outgoing.borrow_mut().bytes);
        self.expect(receiver, place, kept)
    }

    /// Appends a call once more, whose script the server did not know. As long as its reply is to come, whoever sent it, other
    /// calls under way may have to be repeated as well. False when the link has closed: then nothing was sent.
    #[must_use]
    pub fn repeat(
        &self,
        receiver: &Rc<R>,
        place: Place,
        write: impl FnOnce(&mut BytesMut),
    ) -> bool {
        if self.status.get() == Status::Closed {
            return false;
        }
        write(&mut self.outgoing.borrow_mut().bytes);
        self.enqueue(Entry { care: Care::Repeats, ..Entry::one(receiver.clone(), place) }, b"");
        self.scripts.borrow_mut().repeats();
        true
    }

    /// Appends the expectation for a request whose bytes go by [`Link::send_raw`]. False when the link has closed.
    #[must_use]
    pub fn expect(&self, receiver: &Rc<R>, place: Place, kept: &[u8]) -> bool {
        if self.status.get() == Status::Closed {
            return false;
        }
        self.enqueue(Entry::one(receiver.clone(), place), kept);
        true
    }

    /// Appends a complete request whose reply nobody wants to see.
    pub fn send_unheard(&self, request: &[u8]) {
        if self.status.get() == Status::Closed {
            return;
        }
        self.outgoing.borrow_mut().bytes.extend_from_slice(request);
        self.enqueue(Entry::unheard(), b"");
    }

    /// Appends bytes that no reply is expected for: a part of a request, or a request of a client that has switched its
    /// replies off. Only for pinned links.
    pub fn send_raw(&self, bytes: &[u8]) {
        debug_assert!(self.pinned, "a shared link needs an expectation for every request");
        if self.status.get() == Status::Closed {
            return;
        }
        let mut outgoing = self.outgoing.borrow_mut();
        outgoing.bytes.extend_from_slice(bytes);
        outgoing.raw = true;
        drop(outgoing);
        self.wake();
    }

    /// Has a reply expected for what was appended.
    pub(super) fn enqueue(&self, entry: Entry<R>, kept: &[u8]) {
        self.queue.borrow_mut().push_kept(entry, kept);
        self.outgoing.borrow_mut().unsent += 1;
        self.wake();
    }
}
