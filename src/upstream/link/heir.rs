//! Requests of a lane that has ended before it could send them: another lane takes them over.

use std::collections::VecDeque;

use bytes::BytesMut;

use super::{
    Link, Status,
    queue::{Entry, Expected},
    receiver::{Failure, Receiver},
};

/// Requests of which no byte has been sent, in order, and what is expected for them.
pub struct Unsent<R: Receiver> {
    bytes: BytesMut,
    entries: VecDeque<Entry<R>>,
    /// What is kept for them.
    kept: BytesMut,
}

/// Who takes them over.
pub(super) type Heir<R> = Box<dyn Fn(Unsent<R>)>;

impl<R: Receiver> Unsent<R> {
    /// None of them will be sent.
    pub fn fail(self, why: &str) {
        fail(self.entries, &Failure::Unsent(why.to_owned()));
    }
}

impl<R: Receiver> Link<R> {
    /// Has `heir` take over what the link cannot send any more.
    pub fn set_heir(&self, heir: impl Fn(Unsent<R>) + 'static) {
        *self.heir.borrow_mut() = Some(Box::new(heir));
    }

    /// Takes over what another link could not send; gives it back when this one has closed as well.
    pub fn inherit(&self, unsent: Unsent<R>) -> Result<(), Unsent<R>> {
        if self.status.get() == Status::Closed {
            return Err(unsent);
        }
        let Unsent { bytes, entries, kept } = unsent;
        let mut outgoing = self.outgoing.borrow_mut();
        outgoing.bytes.extend_from_slice(&bytes);
        outgoing.unsent += entries.len();
        self.queue.borrow_mut().append(entries, &kept);
        drop(outgoing);
        self.wake();
        Ok(())
    }

    /// Sends nothing more: what is not sent by now is somebody else's. Without an heir it stays.
    pub(in crate::upstream) fn pass_on(&self) {
        let heir = self.heir.borrow();
        let Some(heir) = heir.as_ref() else { return };
        let (unsent, bytes) = self.outgoing.borrow_mut().end();
        if unsent > 0 {
            let (entries, kept) = self.queue.borrow_mut().take_last(unsent);
            heir(Unsent { bytes, entries, kept });
        }
    }

    /// Gives up everything that is under way, as it was said that it has been sent or has not.
    pub(super) fn fail_all(&self, why: &str) {
        self.pass_on();
        let (unsent, _) = self.outgoing.borrow_mut().end();
        let mut entries = self.queue.borrow_mut().end();
        let unsent = entries.split_off(entries.len() - unsent);
        fail(entries, &Failure::Lost);
        fail(unsent, &Failure::Unsent(why.to_owned()));
    }
}

fn fail<R: Receiver>(entries: VecDeque<Entry<R>>, failure: &Failure) {
    for entry in entries {
        let Some(receiver) = entry.receiver else { continue };
        let count = match entry.expected {
            Expected::Run(count) => count,
            Expected::One { .. } => 1,
        };
        R::failed(&receiver, entry.place, count, failure);
        if receiver.touch() {
            receiver.flush();
        }
    }
}
