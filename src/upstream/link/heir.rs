//! Requests of a lane that has ended before it could send them: another lane takes them over.

use std::collections::VecDeque;

use bytes::BytesMut;

use super::{
    Link, Status,
    queue::Entry,
    receiver::{Failure, Receiver},
};
use crate::state::ids::Place;

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
    /// The places that they were given, and how many from each on.
    pub fn places(&self) -> impl Iterator<Item = (Place, u32)> + '_ {
        let heard = self.entries.iter().filter(|entry| entry.receiver.is_some());
        heard.map(|entry| (entry.place, entry.count()))
    }

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

    /// Sends nothing more: what is not sent by now goes to the heir, or back to the client whose own the link is. Where
    /// nobody takes it, it stays.
    pub(in crate::upstream) fn pass_on(&self) {
        let heir = self.heir.borrow();
        let owner = self.people.borrow().owner.clone();
        match (heir.as_ref(), owner) {
            (Some(heir), _) => self.take_unsent().into_iter().for_each(heir),
            (None, Some(owner)) if R::takes_back(&owner) => {
                self.take_unsent().into_iter().for_each(|unsent| R::unsent(&owner, unsent));
            }
            _ => {}
        }
    }

    fn take_unsent(&self) -> Option<Unsent<R>> {
        let mut outgoing = self.outgoing.borrow_mut();
        if outgoing.raw || outgoing.unsent == 0 {
            return None;
        }
        let (unsent, bytes) = outgoing.end();
        let (entries, kept) = self.queue.borrow_mut().take_last(unsent);
        Some(Unsent { bytes, entries, kept })
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
        let count = entry.count();
        let Some(receiver) = entry.receiver else { continue };
        R::failed(&receiver, entry.place, count, failure);
        if receiver.touch() {
            receiver.flush();
        }
    }
}
