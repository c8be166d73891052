//! What a link expects: the requests under way, oldest first.

use std::{collections::VecDeque, rc::Rc};

use bytes::{Buf, BytesMut};
use tokio::time::{Duration, Instant};

use crate::state::ids::Place;

/// Room for kept bytes that is given back once most of it is unused.
const KEPT_CAPACITY: usize = 64 << 10;

/// What is expected for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// So many replies that pass as they are.
    Run(u32),
    /// One reply that means something; so many bytes are kept for it.
    One { kept: u32 },
}

/// What is to be minded when the reply comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Care {
    /// Nothing.
    None,
    /// It answers the repetition of a call whose script the server did not know.
    Repeats,
    /// It may be missing: then that to the request behind it comes in its place.
    Guarded,
}

/// A request, or a run of them.
pub(super) struct Entry<R> {
    /// Who takes the reply; nobody for what the pool itself sends.
    pub(super) receiver: Option<Rc<R>>,
    pub(super) place: Place,
    pub(super) expected: Expected,
    pub(super) care: Care,
}

impl<R> Entry<R> {
    pub(super) fn run(receiver: Rc<R>, place: Place, count: u32) -> Self {
        Self { receiver: Some(receiver), place, expected: Expected::Run(count), care: Care::None }
    }

    pub(super) fn one(receiver: Rc<R>, place: Place) -> Self {
        Self {
            receiver: Some(receiver),
            place,
            expected: Expected::One { kept: 0 },
            care: Care::None,
        }
    }

    /// How many replies are expected.
    pub(super) fn count(&self) -> u32 {
        match self.expected {
            Expected::Run(count) => count,
            Expected::One { .. } => 1,
        }
    }

    pub(super) fn unheard() -> Self {
        Self {
            receiver: None,
            place: Place::default(),
            expected: Expected::One { kept: 0 },
            care: Care::None,
        }
    }
}

/// The requests under way.
pub(super) struct Queue<R> {
    entries: VecDeque<Entry<R>>,
    /// What requests under way may be repeated from, in their order.
    kept: BytesMut,
    /// Behind the replies to what is under way come bytes of a stream.
    pub(super) tunnel: bool,
    /// Reading waits for a slow client: the server is not to blame for what does not come.
    pub(super) paused: bool,
    /// Goes on with every reply, and every part of one.
    progress: u32,
    /// What it was at the last look, and since when.
    seen: u32,
    since: Instant,
}

impl<R> Queue<R> {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            entries: VecDeque::new(),
            kept: BytesMut::new(),
            tunnel: false,
            paused: false,
            progress: 0,
            seen: 0,
            since: now,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether what comes next belongs to a stream.
    pub(super) fn is_open_tunnel(&self) -> bool {
        self.tunnel && self.is_empty()
    }

    pub(super) fn push(&mut self, entry: Entry<R>) {
        self.entries.push_back(entry);
    }

    pub(super) fn push_kept(&mut self, mut entry: Entry<R>, kept: &[u8]) {
        if !kept.is_empty() {
            self.kept.extend_from_slice(kept);
            // A request is never as long as 4 GiB.
            entry.expected = Expected::One { kept: kept.len() as u32 };
        }
        self.entries.push_back(entry);
    }

    /// Makes the run at the end longer, if it is the same receiver's and ends where this one begins.
    pub(super) fn join_run(&mut self, receiver: &Rc<R>, place: Place, more: u32) -> bool {
        let Some(Entry {
            receiver: Some(last), place: first, expected: Expected::Run(count), ..
        }) = self.entries.back_mut()
        else {
            return false;
        };
        let joins = Rc::ptr_eq(last, receiver) && first.plus(*count) == place;
        if joins {
            *count += more;
        }
        joins
    }

    pub(super) fn front(&self) -> Option<&Entry<R>> {
        self.entries.front()
    }

    /// Whether everything that is expected is this receiver's.
    pub(super) fn is_all_of(&self, receiver: &Rc<R>) -> bool {
        let is_its = |entry: &Entry<R>| {
            entry.receiver.as_ref().is_none_or(|other| Rc::ptr_eq(other, receiver))
        };
        self.entries.iter().all(is_its)
    }

    /// Takes `count` requests off the front, which is a run.
    pub(super) fn answered(&mut self, count: u32) {
        self.progress = self.progress.wrapping_add(1);
        if let Some(entry) = self.entries.front_mut()
            && let Expected::Run(left) = &mut entry.expected
        {
            *left -= count;
            entry.place = entry.place.plus(count);
            if *left == 0 {
                self.entries.pop_front();
            }
        }
    }

    /// Takes the oldest request off the front.
    pub(super) fn pop(&mut self) -> Option<Entry<R>> {
        self.progress = self.progress.wrapping_add(1);
        if let Some(entry) = self.entries.front_mut()
            && let Expected::Run(left) = &mut entry.expected
            && *left > 1
        {
            *left -= 1;
            let place = entry.place;
            entry.place = place.plus(1);
            let receiver = entry.receiver.clone();
            return Some(Entry { receiver, place, expected: Expected::Run(1), care: Care::None });
        }
        self.entries.pop_front()
    }

    /// Lends what is kept; that of the request that has just been taken off the front stands at its beginning.
    pub(super) fn lend_kept(&mut self) -> BytesMut {
        std::mem::take(&mut self.kept)
    }

    /// Takes back what was lent, of which the first `used` bytes are needed no more.
    pub(super) fn return_kept(&mut self, mut kept: BytesMut, used: usize) {
        kept.advance(used);
        // What was sent meanwhile comes later in the order of requests.
        kept.extend_from_slice(&self.kept);
        if kept.is_empty() {
            kept.clear();
            if kept.capacity() > KEPT_CAPACITY {
                kept = BytesMut::new();
            }
        } else if kept.capacity() > KEPT_CAPACITY && kept.len() < kept.capacity() / 4 {
            kept = BytesMut::from(&kept[..]);
        }
        self.kept = kept;
    }

    /// What was kept of the request that has just been taken off the front is needed no more.
    pub(super) fn forget_kept(&mut self, expected: Expected) {
        if let Expected::One { kept: used @ 1.. } = expected {
            let kept = self.lend_kept();
            self.return_kept(kept, used as usize);
        }
    }

    /// A part of a reply has come.
    pub(super) fn went_on(&mut self) {
        self.progress = self.progress.wrapping_add(1);
    }

    pub(super) fn overdue(&self, now: Instant) -> Duration {
        if self.entries.is_empty() || self.paused || self.progress != self.seen {
            return Duration::ZERO;
        }
        now.saturating_duration_since(self.since)
    }

    pub(super) fn look(&mut self, now: Instant) {
        if self.entries.is_empty() || self.paused || self.progress != self.seen {
            self.seen = self.progress;
            self.since = now;
        }
    }

    pub(super) fn excuse(&mut self, now: Instant) {
        self.since = now;
    }

    /// Takes the `count` last entries off the end, with what is kept for them.
    pub(super) fn take_last(&mut self, count: usize) -> (VecDeque<Entry<R>>, BytesMut) {
        let entries = self.entries.split_off(self.entries.len() - count);
        let kept = entries.iter().map(|entry| match entry.expected {
            Expected::Run(_) => 0,
            Expected::One { kept } => kept as usize,
        });
        let kept = self.kept.len() - kept.sum::<usize>();
        (entries, self.kept.split_off(kept))
    }

    /// Appends entries with what is kept for them.
    pub(super) fn append(&mut self, mut entries: VecDeque<Entry<R>>, kept: &[u8]) {
        self.entries.append(&mut entries);
        self.kept.extend_from_slice(kept);
    }

    /// Gives up what is left.
    pub(super) fn end(&mut self) -> VecDeque<Entry<R>> {
        self.kept.advance(self.kept.len());
        std::mem::take(&mut self.entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_one_receiver_are_one_entry_and_are_answered_in_part() {
        let [a, b] = [Rc::new(1), Rc::new(2)];
        let mut queue = Queue::new(Instant::now());
        let first = Place::default();
        queue.push(Entry::run(a.clone(), first, 2));
        assert!(queue.join_run(&a, first.plus(2), 3));
        assert!(!queue.join_run(&a, first.plus(9), 1), "another place");
        assert!(!queue.join_run(&b, first.plus(5), 1), "another receiver");
        assert!(queue.is_all_of(&a) && !queue.is_all_of(&b));
        queue.answered(2);
        let entry = queue.pop().unwrap();
        assert_eq!((entry.place, entry.expected), (first.plus(2), Expected::Run(1)));
        queue.answered(2);
        assert!(queue.is_empty());
    }

    #[test]
    fn kept_bytes_come_back_in_order() {
        let receiver = Rc::new(());
        let mut queue = Queue::new(Instant::now());
        for kept in [&b"one"[..], b"", b"three"] {
            queue.push_kept(Entry::one(receiver.clone(), Place::default()), kept);
        }
        let mut take = || {
            let Expected::One { kept } = queue.pop().unwrap().expected else { panic!("a run") };
            let lent = queue.lend_kept();
            let text = lent[..kept as usize].to_vec();
            queue.push_kept(Entry::one(receiver.clone(), Place::default()), b"again");
            queue.return_kept(lent, kept as usize);
            text
        };
        let kept = [take(), take(), take(), take()];
        assert_eq!(kept, [&b"one"[..], b"", b"three", b"again"]);
    }

    #[test]
    fn the_last_requests_go_on_in_another_queue() {
        let receiver = Rc::new(());
        let (mut queue, mut other) = (Queue::new(Instant::now()), Queue::new(Instant::now()));
        for kept in [&b"one"[..], b"two", b""] {
            queue.push_kept(Entry::one(receiver.clone(), Place::default()), kept);
        }
        let (entries, kept) = queue.take_last(2);
        assert_eq!((entries.len(), &kept[..], &queue.kept[..]), (2, &b"two"[..], &b"one"[..]));
        other.append(entries, &kept);
        assert_eq!(other.pop().unwrap().expected, Expected::One { kept: 3 });
        assert_eq!(&other.lend_kept()[..], b"two");
        assert!(queue.pop().is_some() && queue.is_empty());
    }

    #[test]
    fn only_a_request_that_waits_is_overdue() {
        let now = Instant::now();
        let later = now + Duration::from_secs(5);
        let mut queue = Queue::new(now);
        assert_eq!(queue.overdue(later), Duration::ZERO, "nothing is expected");
        queue.push(Entry::run(Rc::new(()), Place::default(), 2));
        queue.look(now);
        assert_eq!(queue.overdue(later), Duration::from_secs(5));
        queue.paused = true;
        assert_eq!(queue.overdue(later), Duration::ZERO, "a client is slow");
        queue.paused = false;
        queue.answered(1);
        assert_eq!(queue.overdue(later), Duration::ZERO, "a reply has come");
        queue.look(later);
        assert_eq!(queue.overdue(later + Duration::from_secs(1)), Duration::from_secs(1));
    }
}
