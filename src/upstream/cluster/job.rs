//! Requests under way to a cluster.

use std::{collections::VecDeque, rc::Rc};

use bytes::Bytes;
use tokio::time::Instant;

use super::{joint::Joint, private::Note};
use crate::{
    command::spread::Leg,
    state::{ids::Place, slot::Slot},
    upstream::address::Address,
};

/// A node, as one worker numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NodeId(pub(super) u32);

/// One request for one node.
pub(super) struct Job {
    /// Where the client has its reply.
    pub(super) place: Place,
    pub(super) request: Bytes,
    pub(super) goes: Goes,
    pub(super) expects: Expects,
    pub(super) at: At,
    /// It is sent when all that came before it has been answered.
    pub(super) alone: bool,
    /// The node that takes this one request, though another one has the slot.
    pub(super) asks: Option<Address>,
    /// How often it has been sent on in a row.
    pub(super) hops: u8,
    /// Since when it has met nodes that could not take it.
    pub(super) since: Option<Instant>,
    /// When it is sent again, if not at once.
    pub(super) again: Option<Instant>,
}

/// Which node a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goes {
    /// The one that has the slot.
    Slot(Slot),
    /// The primary at this place in the map.
    Primary(usize),
    /// Any primary.
    Any,
    /// A node has to be asked where its keys are.
    Unknown,
    /// The one that the client's transaction is on, or its watched keys are.
    Bound,
    /// The one that has the slot, and the transaction with it from now on.
    Bind(Slot),
    /// Any, and the transaction with it as long as it has no keys.
    BindAny,
}

/// Who takes the reply, and how.
pub(super) enum Expects {
    /// It passes as it is.
    Run,
    /// It means something to the client, to whom these bytes are given back with it.
    One(Bytes),
    /// It is a part of another one.
    Part(Rc<Joint>, usize),
    /// The cursor in it is one node's.
    Leg(Leg, Box<Expects>),
    /// It means something to connections that nobody else has.
    Noted(Note, Box<Expects>),
}

/// Where a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// It waits here.
    Here,
    /// It was sent to this node, when the map had this version.
    Node(NodeId, u64),
    /// This node was asked where its keys are.
    Inquiry(NodeId),
}

impl Job {
    pub(super) fn new(place: Place, request: Bytes, goes: Goes, expects: Expects) -> Self {
        let (at, alone, asks, hops, since, again) = (At::Here, false, None, 0, None, None);
        Self { place, request, goes, expects, at, alone, asks, hops, since, again }
    }

    /// The same, sent when all that came before it has been answered.
    pub(super) fn alone(self) -> Self {
        Self { alone: true, ..self }
    }

    /// The node that has it.
    pub(super) fn node(&self) -> Option<NodeId> {
        match self.at {
            At::Here => None,
            At::Node(node, _) | At::Inquiry(node) => Some(node),
        }
    }

    /// Whether it waits for nothing but its node: what is behind it and for the same slot, or may be, runs later.
    pub(super) fn holds_up(&self, other: &Job) -> bool {
        match (self.goes, other.goes) {
            (Goes::Slot(one), Goes::Slot(other)) => one == other,
            (Goes::Unknown, _) | (_, Goes::Unknown) => true,
            _ => false,
        }
    }
}

/// The requests under way, by their numbers in the order in which they came.
#[derive(Default)]
pub(super) struct Jobs {
    first: Place,
    jobs: VecDeque<Option<Job>>,
}

impl Jobs {
    /// Adds a request, and gives its number.
    pub(super) fn push(&mut self, job: Job) -> Place {
        self.jobs.push_back(Some(job));
        self.first.plus(self.jobs.len() as u32 - 1)
    }

    pub(super) fn get_mut(&mut self, number: Place) -> Option<&mut Job> {
        self.jobs.get_mut(number.since(self.first) as usize)?.as_mut()
    }

    pub(super) fn get(&self, number: Place) -> Option<&Job> {
        self.jobs.get(number.since(self.first) as usize)?.as_ref()
    }

    /// Takes a request out; it may be put back as long as [`Jobs::forget`] has not been called.
    pub(super) fn take(&mut self, number: Place) -> Option<Job> {
        self.jobs.get_mut(number.since(self.first) as usize)?.take()
    }

    pub(super) fn put_back(&mut self, number: Place, job: Job) {
        if let Some(place) = self.jobs.get_mut(number.since(self.first) as usize) {
            *place = Some(job);
        }
    }

    /// Forgets the requests at the front that have been taken out.
    pub(super) fn forget(&mut self) {
        while let Some(None) = self.jobs.front() {
            self.jobs.pop_front();
            self.first = self.first.plus(1);
        }
    }

    /// Whether the oldest request was sent by an older version of the map than this one.
    pub(super) fn begins_before(&self, version: u64) -> bool {
        let oldest = self.jobs.front().and_then(Option::as_ref);
        oldest.is_some_and(|job| !matches!(job.at, At::Node(_, sent) if sent == version))
    }

    /// The requests that came before `number`.
    pub(super) fn before(&self, number: Place) -> impl Iterator<Item = &Job> {
        self.jobs.iter().take(number.since(self.first) as usize).flatten()
    }

    /// How far behind the oldest request this one is.
    pub(super) fn order(&self, number: Place) -> u32 {
        number.since(self.first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(slot: u16) -> Job {
        let goes = Goes::Slot(Slot::new(slot).unwrap());
        Job::new(Place::default(), Bytes::new(), goes, Expects::Run)
    }

    #[test]
    fn requests_are_found_by_number_until_they_are_forgotten() {
        let mut jobs = Jobs::default();
        let numbers = [jobs.push(job(0)), jobs.push(job(1)), jobs.push(job(2))];
        let taken = jobs.take(numbers[1]).unwrap();
        jobs.forget();
        jobs.put_back(numbers[1], taken);
        assert_eq!(jobs.before(numbers[2]).count(), 2);
        jobs.take(numbers[0]).unwrap();
        jobs.take(numbers[1]).unwrap();
        jobs.forget();
        assert!(jobs.get(numbers[0]).is_none() && jobs.get(numbers[2]).is_some());
        assert_eq!(jobs.order(numbers[2]), 0);
    }

    #[test]
    fn requests_for_one_slot_stay_in_order() {
        let unknown = Job::new(Place::default(), Bytes::new(), Goes::Unknown, Expects::Run);
        let any = Job::new(Place::default(), Bytes::new(), Goes::Any, Expects::Run);
        assert!(job(1).holds_up(&job(1)) && !job(1).holds_up(&job(2)));
        assert!(unknown.holds_up(&job(1)) && job(1).holds_up(&unknown));
        assert!(!any.holds_up(&job(1)) && !job(1).holds_up(&any));
    }

    #[test]
    fn the_oldest_request_tells_whether_all_were_sent_by_the_present_map() {
        let mut jobs = Jobs::default();
        assert!(!jobs.begins_before(2));
        let number = jobs.push(job(0));
        jobs.get_mut(number).unwrap().at = At::Node(NodeId(0), 1);
        assert!(jobs.begins_before(2) && !jobs.begins_before(1));
    }
}
