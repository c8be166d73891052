//! The order of one client's replies.
//!
//! Every request that has a reply gets a place. A run of places whose replies pass as they are is one entry, and bytes for the
//! place at the front go straight to the output; what comes for a later place is held there. Two replies are not told apart
//! by where they come from, so a place may be filled by a lane, by the client's own connection, or by an answer of our own.

use std::{collections::VecDeque, mem};

use bytes::BytesMut;

use super::{Meaning, Window};
use crate::state::ids::Place;

/// Buffers that have grown beyond this are given back when they are empty.
const KEPT_CAPACITY: usize = 16 << 10;

/// The replies of one client.
#[derive(Default)]
pub(crate) struct Replies {
    /// What is to be written to the client.
    pub out: BytesMut,
    /// Places from here on are still to be filled, or wait for one that is.
    first: Place,
    next: Place,
    /// How many places at the front await replies that pass as they are.
    run: u32,
    /// What stands behind them.
    rest: VecDeque<Slot>,
    /// A frame has been handed over in part.
    in_part: bool,
    /// How many requests may be under way.
    pub window: Window,
}

/// Some places of the same kind.
enum Slot {
    /// So many replies are awaited that pass as they are.
    Run(u32),
    /// One reply is awaited that means something.
    One(One),
    /// Bytes for so many places; none for what the server sent of its own accord.
    Here(BytesMut, u32),
    /// The first parts of a large frame: of the reply for the place behind it, or of a message.
    Half(BytesMut),
}

/// A request whose reply means something.
struct One {
    /// [`None`] while it is being found out what has become of it.
    meaning: Option<Meaning>,
    /// How many of the client's requests it answers.
    commands: u32,
    /// The client is shown nothing of it.
    silent: bool,
}

impl One {
    fn new(meaning: Meaning) -> Self {
        let commands = meaning.commands();
        Self { meaning: Some(meaning), commands, silent: false }
    }
}

impl Slot {
    fn count(&self) -> u32 {
        match self {
            Self::Run(count) | Self::Here(_, count) => *count,
            Self::One(one) => one.commands,
            Self::Half(_) => 0,
        }
    }
}

impl Replies {
    /// Gives places to `count` requests whose replies pass as they are.
    pub(crate) fn run(&mut self, count: u32) -> Place {
        let place = self.next;
        self.next = place.plus(count);
        if self.rest.is_empty() {
            self.run += count;
        } else if let Some(Slot::Run(run)) = self.rest.back_mut() {
            *run += count;
        } else {
            self.rest.push_back(Slot::Run(count));
        }
        place
    }

    /// Gives a place to a request (or to several that one reply answers, [`Meaning::commands`]) whose reply means something.
    pub(crate) fn one(&mut self, meaning: Meaning) -> Place {
        let (place, one) = (self.next, One::new(meaning));
        self.next = place.plus(one.commands);
        self.rest.push_back(Slot::One(one));
        place
    }

    /// Says whether the client is shown nothing of the reply for this place.
    pub(crate) fn silence(&mut self, place: Place, silent: bool) {
        if let Some(one) = self.one_at(place) {
            one.silent = silent;
        }
    }

    /// Whether the client is shown nothing of the reply for this place.
    pub(crate) fn is_silent(&mut self, place: Place) -> bool {
        self.one_at(place).is_some_and(|one| one.silent)
    }

    /// A reply of our own to the next request.
    pub(crate) fn answer(&mut self, write: impl FnOnce(&mut BytesMut)) {
        if self.is_idle() {
            write(&mut self.out);
            return;
        }
        self.next = self.next.plus(1);
        let mut bytes = BytesMut::new();
        write(&mut bytes);
        self.rest.push_back(Slot::Here(bytes, 1));
    }

    /// How many requests have a place that is not given yet.
    pub(crate) fn pending(&self) -> u32 {
        self.next.since(self.first)
    }

    /// Whether every reply has been given, and the last one whole.
    pub(crate) fn is_idle(&self) -> bool {
        self.next == self.first && !self.in_part
    }

    /// Whether half a reply has been given.
    pub(crate) fn is_in_part(&self) -> bool {
        self.in_part
    }

    /// Whether the reply for this place is still to come.
    pub(crate) fn awaits(&self, place: Place) -> bool {
        place.since(self.first) < self.pending()
            && !matches!(self.find(place), Some((at, _)) if matches!(self.rest[at], Slot::Here(..)))
    }

    /// `count` replies for the places from `place` on, which pass as they are.
    #[inline]
    pub(crate) fn replies(&mut self, place: Place, frames: &[u8], count: u32) {
        self.window.measure(frames.len(), count);
        if place == self.first && self.run >= count {
            self.out.extend_from_slice(frames);
            self.advance_run(count);
        } else {
            self.fill_run(place, count, frames);
        }
    }

    /// What the reply for this place means. The place stays, until it is filled or has another meaning.
    pub(crate) fn take(&mut self, place: Place) -> Option<Meaning> {
        self.one_at(place)?.meaning.take()
    }

    /// What the reply for this place means.
    pub(crate) fn meaning(&mut self, place: Place) -> Option<&mut Meaning> {
        self.one_at(place)?.meaning.as_mut()
    }

    /// The request at this place, whose meaning was taken, goes on with another reply to come.
    pub(crate) fn put(&mut self, place: Place, meaning: Meaning) {
        if let Some(one) = self.one_at(place) {
            one.meaning = Some(meaning);
        }
    }

    /// In place of one request that answered several there are now these, each with a reply of its own.
    pub(crate) fn split(&mut self, place: Place, meanings: impl IntoIterator<Item = Meaning>) {
        if let Some((at, 0)) = self.find(place) {
            let behind = self.rest.split_off(at + 1);
            self.rest.pop_back();
            self.rest.extend(meanings.into_iter().map(|meaning| Slot::One(One::new(meaning))));
            self.rest.extend(behind);
        }
    }

    /// The reply, or the replies, for this place, whose meaning was taken.
    pub(crate) fn fill(&mut self, place: Place, write: impl FnOnce(&mut BytesMut)) {
        let Some((at, 0)) = self.find(place) else { return };
        let Slot::One(One { commands, silent, .. }) = self.rest[at] else { return };
        if at == 0 && self.run == 0 && !self.in_part {
            if !silent {
                write(&mut self.out);
            }
            self.rest.pop_front();
            self.first = self.first.plus(commands);
            self.settle();
        } else {
            let mut bytes = BytesMut::new();
            if !silent {
                write(&mut bytes);
            }
            self.rest[at] = Slot::Here(bytes, commands);
        }
    }

    /// The same bytes as the reply to each of `count` requests of a run.
    pub(crate) fn fail_run(&mut self, place: Place, count: u32, error: &[u8]) {
        self.fill_run(place, count, &error.repeat(count as usize));
    }

    /// Bytes that no request asked for, or that answer the oldest request of the same connection only in part: they come
    /// behind everything that the server has answered.
    pub(crate) fn push(&mut self, write: impl FnOnce(&mut BytesMut)) {
        let front = self.first_to_come();
        if front == 0 {
            write(&mut self.out);
        } else {
            let mut bytes = BytesMut::new();
            write(&mut bytes);
            self.rest.insert(front, Slot::Here(bytes, 0));
        }
    }

    /// As [`Replies::push`], for one part of a large frame.
    pub(crate) fn push_part(&mut self, bytes: &[u8], ended: bool) {
        let at = self.first_to_come();
        if at == 0 {
            self.out.extend_from_slice(bytes);
            self.in_part = !ended;
        } else {
            self.hold_half(at, bytes);
            if ended {
                self.end_half(at);
            }
        }
        if ended {
            self.settle();
        }
    }

    /// How many slots stand before the first reply that the server has yet to give, or has begun to.
    fn first_to_come(&self) -> usize {
        if self.run > 0 || self.in_part {
            return 0;
        }
        let is_to_come = |slot: &Slot| match slot {
            Slot::Run(_) | Slot::Half(_) => true,
            Slot::One(one) => !one.meaning.as_ref().is_some_and(Meaning::is_answered),
            Slot::Here(..) => false,
        };
        self.rest.iter().take_while(|slot| !is_to_come(slot)).count()
    }

    /// A part of the reply for the place at the front, or for one that has to wait for others.
    pub(crate) fn part(&mut self, place: Place, bytes: &[u8], ended: bool) {
        let is_front = place == self.first;
        let silent = self.is_silent(place);
        match (silent, is_front) {
            (true, _) => {}
            (false, true) => self.out.extend_from_slice(bytes),
            (false, false) => self.hold_part(place, bytes),
        }
        self.in_part = !ended && is_front;
        if !ended {
            return;
        }
        self.window.measure(bytes.len(), 1);
        if is_front && self.run > 0 {
            self.advance_run(1);
        } else if is_front {
            self.rest.pop_front();
            self.first = self.first.plus(1);
            self.settle();
        } else {
            if !silent && let Some((at, _)) = self.find(place) {
                self.end_half(at.saturating_sub(1));
            }
            self.fill_run(place, 1, b"");
            self.fill(place, |_| {});
        }
    }

    /// The parts of the reply for this place that wait for their turn will not be followed by others.
    pub(crate) fn forget_half(&mut self, place: Place) {
        if let Some((at @ 1.., _)) = self.find(place)
            && matches!(self.rest[at - 1], Slot::Half(_))
        {
            self.rest.remove(at - 1);
        }
    }

    /// Empties the output, and gives back a buffer that has grown.
    pub(crate) fn written(&mut self) {
        self.out.clear();
        if self.out.capacity() > KEPT_CAPACITY {
            self.out = BytesMut::new();
        }
    }

    #[inline]
    fn advance_run(&mut self, count: u32) {
        self.first = self.first.plus(count);
        self.run -= count;
        if self.run == 0 && !self.rest.is_empty() {
            self.settle();
        }
    }

    /// Gives what stands ready at the front.
    fn settle(&mut self) {
        while self.run == 0
            && !self.in_part
            && let Some(slot) = self.rest.front_mut()
        {
            match slot {
                Slot::Here(bytes, count) => {
                    self.out.extend_from_slice(bytes);
                    self.first = self.first.plus(*count);
                    self.rest.pop_front();
                }
                Slot::Run(count) => {
                    self.run = *count;
                    self.rest.pop_front();
                    break;
                }
                Slot::Half(bytes) => {
                    self.out.extend_from_slice(bytes);
                    self.rest.pop_front();
                    self.in_part = true;
                }
                Slot::One(_) => break,
            }
        }
        if self.rest.is_empty() && self.rest.capacity() > 16 {
            self.rest = VecDeque::new();
        }
    }

    /// The request at this place, if its reply means something and is still to come.
    fn one_at(&mut self, place: Place) -> Option<&mut One> {
        match self.find(place) {
            Some((at, 0)) => match &mut self.rest[at] {
                Slot::One(one) => Some(one),
                Slot::Run(_) | Slot::Here(..) | Slot::Half(_) => None,
            },
            _ => None,
        }
    }

    /// Where in `rest` the place is, and how many places of its slot stand before it; `None` for one of the run at the front,
    /// or one that is gone.
    fn find(&self, place: Place) -> Option<(usize, u32)> {
        let mut offset = place.since(self.first);
        if offset >= self.pending() || offset < self.run {
            return None;
        }
        offset -= self.run;
        for (at, slot) in self.rest.iter().enumerate() {
            let count = slot.count();
            // Bytes without a place of their own stand before the place that they belong to.
            if offset < count {
                return Some((at, offset));
            }
            offset -= count;
        }
        None
    }

    /// Replies to `count` requests of a run, of which some may stand at the front.
    fn fill_run(&mut self, place: Place, count: u32, bytes: &[u8]) {
        if place == self.first && self.run >= count {
            self.out.extend_from_slice(bytes);
            self.advance_run(count);
            return;
        }
        let offset = place.since(self.first);
        if offset < self.run {
            // What stands before it in the run at the front goes another way, and is still to come.
            let count = count.min(self.run - offset);
            let after = self.run - offset - count;
            if after > 0 {
                self.rest.push_front(Slot::Run(after));
            }
            self.rest.push_front(Slot::Here(BytesMut::from(bytes), count));
            self.run = offset;
            return;
        }
        let Some((at, before)) = self.find(place) else { return };
        let Slot::Run(run) = self.rest[at] else { return };
        // What has come of this run in parts stands right before it.
        let mut here = BytesMut::from(bytes);
        let after = run - before - count.min(run - before);
        let mut slots = Vec::with_capacity(3);
        if before > 0 {
            slots.push(Slot::Run(before));
        } else if at > 0
            && let Slot::Here(earlier, 0) = &mut self.rest[at - 1]
        {
            let mut whole = mem::take(earlier);
            whole.extend_from_slice(&here);
            here = whole;
        }
        slots.push(Slot::Here(here, run - before - after));
        if after > 0 {
            slots.push(Slot::Run(after));
        }
        let behind = self.rest.split_off(at + 1);
        self.rest.pop_back();
        self.rest.extend(slots);
        self.rest.extend(behind);
    }

    /// A part of a reply that has to wait.
    fn hold_part(&mut self, place: Place, bytes: &[u8]) {
        if let Some((at, _)) = self.find(place) {
            let half =
                at.checked_sub(1).filter(|&before| matches!(self.rest[before], Slot::Half(_)));
            self.hold_half(half.unwrap_or(at), bytes);
        }
    }

    /// Appends to the half at `at`, or puts one there.
    fn hold_half(&mut self, at: usize, bytes: &[u8]) {
        match self.rest.get_mut(at) {
            Some(Slot::Half(earlier)) => earlier.extend_from_slice(bytes),
            _ => self.rest.insert(at, Slot::Half(BytesMut::from(bytes))),
        }
    }

    /// The half at `at`, if there is one, is whole.
    fn end_half(&mut self, at: usize) {
        if let Some(slot) = self.rest.get_mut(at)
            && let Slot::Half(bytes) = slot
        {
            *slot = Slot::Here(mem::take(bytes), 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::meaning::Asking, *};

    fn text(replies: &mut Replies) -> String {
        let text = String::from_utf8(replies.out.to_vec()).unwrap();
        replies.written();
        text
    }

    fn filled(replies: &mut Replies, place: Place, bytes: &str) {
        assert!(replies.take(place).is_some(), "no such place");
        replies.fill(place, |out| out.extend_from_slice(bytes.as_bytes()));
    }

    #[test]
    fn what_comes_for_a_later_place_waits_for_the_earlier_ones() {
        let mut replies = Replies::default();
        let run = replies.run(2);
        let one = replies.one(Meaning::Waited);
        let later = replies.run(3);
        replies.answer(|out| out.extend_from_slice(b"own "));
        assert_eq!(replies.pending(), 7);
        replies.replies(later, b"d ", 1);
        filled(&mut replies, one, "c ");
        assert_eq!(text(&mut replies), "");
        replies.replies(run, b"a ", 1);
        assert_eq!(text(&mut replies), "a ");
        replies.replies(run.plus(1), b"b ", 1);
        assert_eq!(text(&mut replies), "b c d ");
        replies.replies(later.plus(1), b"e f ", 2);
        assert_eq!(text(&mut replies), "e f own ");
        assert!(replies.is_idle());
    }

    #[test]
    fn an_answer_of_our_own_goes_out_at_once_where_nothing_is_awaited() {
        let mut replies = Replies::default();
        replies.answer(|out| out.extend_from_slice(b"x"));
        assert_eq!(text(&mut replies), "x");
        assert!(replies.is_idle());
    }

    #[test]
    fn pushes_come_behind_what_the_server_has_answered_before() {
        let mut replies = Replies::default();
        let push = |replies: &mut Replies, text: &str| {
            replies.push(|out| out.extend_from_slice(text.as_bytes()));
        };
        push(&mut replies, "p0 ");
        let asked = replies.one(Meaning::Waited);
        let run = replies.run(1);
        push(&mut replies, "p1 ");
        assert_eq!(text(&mut replies), "p0 p1 ");
        // The server has answered, and other clients are being asked.
        replies.take(asked);
        replies.put(asked, Meaning::Asking(Box::new(Asking::Front)));
        push(&mut replies, "p2 ");
        replies.replies(run, b"r ", 1);
        push(&mut replies, "p3 ");
        assert_eq!(text(&mut replies), "");
        filled(&mut replies, asked, "a ");
        assert_eq!(text(&mut replies), "a p2 r p3 ");
    }

    #[test]
    fn parts_pass_at_the_front_and_wait_elsewhere() {
        let mut replies = Replies::default();
        let one = replies.one(Meaning::Waited);
        let run = replies.run(2);
        replies.part(run, b"b1 ", false);
        assert!(!replies.is_in_part());
        replies.part(run, b"b2 ", true);
        filled(&mut replies, one, "a ");
        assert_eq!(text(&mut replies), "a b1 b2 ");
        replies.part(run.plus(1), b"c1 ", false);
        assert!(replies.is_in_part() && !replies.is_idle());
        assert_eq!(text(&mut replies), "c1 ");
        replies.part(run.plus(1), b"c2 ", true);
        assert_eq!(text(&mut replies), "c2 ");
        assert!(replies.is_idle());
    }

    #[test]
    fn a_half_that_waits_is_not_shown_when_it_fails() {
        let mut replies = Replies::default();
        let one = replies.one(Meaning::Waited);
        let run = replies.run(1);
        replies.part(run, b"$9\r\nhalf", false);
        replies.forget_half(run);
        replies.fail_run(run, 1, b"-e ");
        filled(&mut replies, one, "a ");
        assert_eq!(text(&mut replies), "a -e ");
        assert!(replies.is_idle());
    }

    #[test]
    fn a_half_whose_turn_comes_is_shown_and_followed_by_its_rest_alone() {
        let mut replies = Replies::default();
        let one = replies.one(Meaning::Waited);
        let run = replies.run(1);
        replies.part(run, b"b1 ", false);
        filled(&mut replies, one, "a ");
        assert_eq!(text(&mut replies), "a b1 ");
        assert!(replies.is_in_part());
        replies.answer(|out| out.extend_from_slice(b"own "));
        replies.part(run, b"b2 ", true);
        assert_eq!(text(&mut replies), "b2 own ");
        assert!(replies.is_idle());
    }

    #[test]
    fn an_answer_of_our_own_waits_for_the_end_of_a_message() {
        let mut replies = Replies::default();
        replies.push_part(b"m1 ", false);
        replies.answer(|out| out.extend_from_slice(b"own "));
        replies.push_part(b"m2 ", false);
        replies.push_part(b"m3 ", true);
        assert_eq!(text(&mut replies), "m1 m2 m3 own ");
        assert!(replies.is_idle());
        // The server has answered, and other clients are being asked: the message comes behind that.
        let asked = replies.one(Meaning::Asking(Box::new(Asking::Front)));
        let run = replies.run(1);
        replies.push_part(b"m1 ", false);
        replies.push_part(b"m2 ", true);
        replies.replies(run, b"r ", 1);
        filled(&mut replies, asked, "a ");
        assert_eq!(text(&mut replies), "a m1 m2 r ");
    }

    #[test]
    fn one_place_can_become_several() {
        let mut replies = Replies::default();
        let first = replies.one(Meaning::Waited);
        let next = replies.run(1);
        replies.take(first);
        replies.split(first, [Meaning::Waited]);
        replies.replies(next, b"b", 1);
        filled(&mut replies, first, "a");
        assert_eq!(text(&mut replies), "ab");
    }

    #[test]
    fn the_end_of_the_run_at_the_front_may_come_before_its_beginning() {
        let mut replies = Replies::default();
        let place = replies.run(6);
        replies.replies(place.plus(3), b"+d+e", 2);
        assert_eq!((&replies.out[..], replies.pending()), (&b""[..], 6));
        replies.fail_run(place, 3, b"-x");
        assert_eq!((&replies.out[..], replies.pending()), (&b"-x-x-x+d+e"[..], 1));
        replies.replies(place.plus(5), b"+f", 1);
        assert_eq!(&replies.out[..], b"-x-x-x+d+e+f");
        assert!(replies.is_idle());
    }

    #[test]
    fn who_has_failed_is_told_for_each_request() {
        let mut replies = Replies::default();
        let one = replies.one(Meaning::Waited);
        let run = replies.run(3);
        replies.fail_run(run.plus(1), 2, b"-e ");
        replies.fail_run(run, 1, b"-f ");
        filled(&mut replies, one, "a ");
        assert_eq!(text(&mut replies), "a -f -e -e ");
        assert!(replies.is_idle());
    }

    #[test]
    fn places_are_found_after_they_have_wrapped_around() {
        let mut replies = Replies { first: Place::default().plus(u32::MAX), ..Replies::default() };
        replies.next = replies.first;
        let run = replies.run(2);
        let one = replies.one(Meaning::Waited);
        assert!(replies.awaits(one));
        replies.replies(run, b"ab", 2);
        filled(&mut replies, one, "c");
        assert!(!replies.awaits(one));
        assert_eq!(text(&mut replies), "abc");
    }
}
