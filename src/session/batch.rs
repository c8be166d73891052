//! Commands that work in steps, so that a shared server is never held for long.

use std::cmp::Reverse;

use bytes::{Bytes, BytesMut};

use super::limits;
use super::listing::Listing;
use super::reply::Adapt;
use super::script::{Call, Script};
use super::target::{self, Next, Target, Targets};
use super::view::Form;
use crate::resp::{Protocol, encode, reply};

/// A command that takes calls, each atomic, until nothing is left to be called.
///
/// Calls in different places do not depend on each other: so a step is a call in each of several
/// places at once, and the next one begins when all of its replies are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    scripts: Scripts,
    /// Where it is called at present.
    visits: Vec<Visit>,
    /// Where else it is called after that.
    targets: Targets,
    /// How much a step may do in all, of a script that can be told how much a call may do: that and
    /// the place to go on follow the arguments.
    step: Option<usize>,
    /// How many places are called, of those at the front, and how much each call may do.
    called: usize,
    share: usize,
    /// How many replies are to come.
    awaited: usize,
    /// The first error.
    failed: Option<Bytes>,
    progress: Progress,
}

/// The script of a command, and the one that does its work in many places at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scripts(pub(super) &'static Script, pub(super) &'static Script);

/// A call of a [`Batch`] that is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    number: u8,
    call: Call,
    in_full: bool,
}

/// What to do after a reply to a call of a [`Batch`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Other replies are to come.
    Wait,
    /// More calls, all at once.
    Calls(Vec<Part>),
    /// Nothing: this is the command's reply, one complete frame.
    Done(Bytes),
}

/// A place where a command is called.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Visit {
    /// Nothing while it is found out where else.
    target: Option<Target>,
    state: State,
    /// How often it has been called.
    calls: u32,
    /// The place to go on; nothing at the beginning.
    place: Vec<Bytes>,
    /// Of a [`Progress::Window`]: when the present look began, if it takes several calls.
    began: Option<Bytes>,
    /// And which look it is.
    looks: u32,
}

/// What is known of the last call in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It has not been answered; true when the script's text was sent with it.
    Awaited(bool),
    /// The server does not know the script.
    Unknown,
    /// There is more to do.
    GoesOn,
    /// There is not.
    Ended,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Progress {
    /// Calls answer `{count, place to go on}`, or a count; the counts are added up.
    Count { start: &'static [&'static [u8]], total: i64 },
    /// Calls answer `{{place to go on}, sessions}`.
    Walk { listing: Listing },
    /// Calls answer `{{now, place to go on}, sessions}` from the highest score downwards. A session
    /// that is refreshed moves up, out of the part still to come: so what has been refreshed since
    /// a look's beginning is looked at again, until one call sees all of that.
    Window { listing: Listing },
}

impl Part {
    /// By what the reply is given back: none, or one byte.
    #[must_use]
    pub fn number(&self) -> &[u8] {
        let number = std::slice::from_ref(&self.number);
        // What is not there costs nothing to keep.
        if self.number == 0 { &[] } else { number }
    }

    /// Appends the request.
    pub fn write(&self, out: &mut BytesMut) {
        match self.in_full {
            false => self.call.write_evalsha(out),
            true => self.call.write_eval(out),
        }
    }
}

impl Batch {
    /// A command whose replies count, in steps; `start` is where the first call in each place begins.
    pub(super) fn count(
        scripts: Scripts,
        targets: Targets,
        start: &'static [&'static [u8]],
    ) -> Self {
        let progress = Progress::Count { start, total: 0 };
        Self::new(scripts, targets, Some(limits::REMOVAL_BATCH), progress)
    }

    /// A command whose replies count, with one call in each place.
    pub(super) fn sum(scripts: Scripts, targets: Targets) -> Self {
        Self::new(scripts, targets, None, Progress::Count { start: &[], total: 0 })
    }

    /// A command that walks a set in no order.
    pub(super) fn walk(script: &'static Script, target: Target, form: Form) -> Self {
        let progress = Progress::Walk { listing: Listing::new(form) };
        let targets = Targets::One(Some(target));
        Self::new(Scripts(script, script), targets, Some(limits::LISTING_PAGE), progress)
    }

    /// A command that walks sorted sets down to the beginning of a window.
    pub(super) fn window(scripts: Scripts, targets: Targets, form: Form) -> Self {
        let progress = Progress::Window { listing: Listing::new(form) };
        Self::new(scripts, targets, Some(limits::LISTING_PAGE), progress)
    }

    fn new(scripts: Scripts, targets: Targets, step: Option<usize>, progress: Progress) -> Self {
        Self {
            scripts,
            visits: Vec::new(),
            targets,
            step,
            called: 0,
            share: 0,
            awaited: 0,
            failed: None,
            progress,
        }
    }

    /// The same with steps of another size.
    #[must_use]
    pub fn with_step(mut self, sessions: usize) -> Self {
        self.step = self.step.map(|_| sessions.max(1));
        self
    }

    /// The first calls.
    #[must_use]
    pub fn begin(&mut self) -> Vec<Part> {
        self.gather();
        self.parts()
    }

    /// The whole command in one call, however long it takes: for MULTI, which knows no steps. Where
    /// there are buckets, it is the only call with keys of more than one of them.
    #[must_use]
    pub fn whole(mut self) -> Call {
        let adapt = match &self.progress {
            Progress::Count { .. } => Adapt::Verbatim,
            Progress::Walk { listing } | Progress::Window { listing } => {
                Adapt::Listing(listing.form())
            }
        };
        let step = self.step.map(|_| &b"0"[..]);
        let all_at_once: Vec<&[u8]> =
            step.into_iter().chain(self.progress.start().iter().copied()).collect();
        let mut targets = Vec::new();
        loop {
            match self.targets.next() {
                Next::Target(target) => targets.push(target),
                Next::Look(search) => return search.whole(self.scripts.1, &all_at_once),
                Next::End => break,
            }
        }
        match &targets[..] {
            [target] => {
                let mut call = target.call(self.scripts.0, adapt);
                all_at_once.iter().for_each(|arg| call.arg(arg));
                call
            }
            targets => target::call_several(self.scripts.1, targets, &all_at_once, adapt),
        }
    }

    /// Takes the reply to the call of this number, one complete frame. An error ends the command and
    /// is its reply; what was done in other places and in the steps before remains done.
    pub fn next(&mut self, number: &[u8], frame: &[u8], protocol: Protocol) -> Step {
        let number = number.first().map_or(0, |number| usize::from(*number));
        let Some(State::Awaited(in_full)) = self.visits.get(number).map(|visit| visit.state) else {
            return Step::Wait;
        };
        self.awaited -= 1;
        let is_unknown = frame.starts_with(b"-NOSCRIPT") && !in_full;
        self.visits[number].state = match self.take(number, frame, protocol) {
            _ if is_unknown => State::Unknown,
            Some(state) => state,
            None => {
                self.failed.get_or_insert_with(|| match reply::is_error(frame) {
                    true => Bytes::copy_from_slice(frame),
                    false => unexpected(),
                });
                State::Ended
            }
        };
        if self.awaited > 0 {
            return Step::Wait;
        }
        if let Some(error) = self.failed.take() {
            return Step::Done(error);
        }
        if !self.visits.iter().any(|visit| visit.state == State::Unknown) {
            self.visits.retain(|visit| visit.state == State::GoesOn);
            self.gather();
        }
        if self.visits.is_empty() {
            let mut out = BytesMut::new();
            self.progress.write(&mut out);
            return Step::Done(out.freeze());
        }
        Step::Calls(self.parts())
    }

    /// Takes a reply; `None` for one that the scripts do not give.
    fn take(&mut self, number: usize, frame: &[u8], protocol: Protocol) -> Option<State> {
        if reply::is_error(frame) {
            return None;
        }
        let visit = &mut self.visits[number];
        if visit.target.is_none() {
            return self.targets.found(frame).map(|()| State::Ended);
        }
        visit.place = self.progress.add(visit, frame, protocol)?;
        Some(if visit.place.is_empty() { State::Ended } else { State::GoesOn })
    }

    /// Finds out where to call next: elsewhere once nothing is left to do in the present places.
    fn gather(&mut self) {
        if self.visits.is_empty() {
            self.draw();
        }
        // Where there is much to do, larger calls in fewer places cost the server less.
        self.visits.sort_by_key(|visit| Reverse(visit.calls));
        let calls = self.visits.first().map_or(0, |visit| visit.calls);
        let most = (limits::MOST_CALLS >> (2 * calls).min(8)).max(limits::LEAST_CALLS);
        self.called = self.visits.len().min(most);
        let step = self.step.unwrap_or_default();
        self.share = (step / self.called.max(1)).max(limits::LEAST_SHARE.min(step));
    }

    /// Takes as many other places as can be called at once.
    fn draw(&mut self) {
        let mut keys = 0;
        while self.visits.len() < limits::MOST_CALLS && keys < limits::MOST_KEYS {
            let target = match self.targets.next() {
                Next::Target(target) => Some(target),
                Next::Look(_) => None,
                Next::End => break,
            };
            keys += target.as_ref().map_or(0, |target| target.keys.len());
            self.visits.push(Visit {
                target,
                state: State::GoesOn,
                calls: 0,
                place: Vec::new(),
                began: None,
                looks: 1,
            });
        }
    }

    /// The calls that are due. Of those whose script the server does not know the first one brings it.
    fn parts(&mut self) -> Vec<Part> {
        let repeats = self.visits.iter().any(|visit| visit.state == State::Unknown);
        let due = if repeats { State::Unknown } else { State::GoesOn };
        let mut parts: Vec<Part> = Vec::with_capacity(self.called);
        for number in 0..self.called {
            if self.visits[number].state != due {
                continue;
            }
            let call = self.call(&self.visits[number]);
            let brought = parts.iter().any(|part| part.call.script() == call.script());
            let in_full = repeats && !brought;
            self.visits[number].state = State::Awaited(in_full);
            self.visits[number].calls += u32::from(!repeats);
            parts.push(Part { number: number as u8, call, in_full });
        }
        self.awaited = parts.len();
        parts
    }

    fn call(&self, visit: &Visit) -> Call {
        let Some(target) = &visit.target else {
            return self.targets.look();
        };
        let mut call = target.call(self.scripts.0, Adapt::Verbatim);
        if self.step.is_some() {
            call.number(self.share as u64);
        }
        if visit.place.is_empty() {
            self.progress.start().iter().for_each(|arg| call.arg(arg));
        }
        visit.place.iter().for_each(|arg| call.arg(arg));
        call
    }
}

fn unexpected() -> Bytes {
    let mut out = BytesMut::new();
    encode::error(&mut out, "ERR unexpected reply to a session script");
    out.freeze()
}

impl Progress {
    /// Where the first call in each place begins.
    fn start(&self) -> &'static [&'static [u8]] {
        match self {
            Progress::Count { start, .. } => start,
            Progress::Walk { .. } => &[b""],
            Progress::Window { .. } => &[b"", b"", b""],
        }
    }

    /// Adds the reply to a call, and gives the place to go on: nothing when there is no more.
    fn add(&mut self, visit: &mut Visit, frame: &[u8], protocol: Protocol) -> Option<Vec<Bytes>> {
        match self {
            Progress::Count { total, .. } => {
                if let Some(count) = reply::as_integer(frame) {
                    *total += count;
                    return Some(Vec::new());
                }
                let mut elements = reply::elements(frame)?;
                *total += reply::as_integer(elements.next()?.ok()?)?;
                elements.map(|element| scalar(element.ok()?)).collect()
            }
            Progress::Walk { listing } => {
                let place = listing.add(frame, protocol)?;
                Some(place.into_iter().map(Bytes::copy_from_slice).collect())
            }
            Progress::Window { listing } => {
                let page = listing.add(frame, protocol)?;
                let (now, last_seen) = page.split_first()?;
                if let [score, member] = last_seen {
                    visit.began.get_or_insert_with(|| Bytes::copy_from_slice(now));
                    let lowest = visit.place.first().cloned().unwrap_or_default();
                    let [score, member] = [*score, *member].map(Bytes::copy_from_slice);
                    return Some(vec![lowest, score, member]);
                }
                if let (Some(since), true) =
                    (visit.began.take(), visit.looks < limits::LISTING_LOOKS)
                {
                    visit.looks += 1;
                    return Some(vec![since, Bytes::new(), Bytes::new()]);
                }
                Some(Vec::new())
            }
        }
    }

    /// Appends the command's reply.
    fn write(&mut self, out: &mut BytesMut) {
        match self {
            Progress::Count { total, .. } => encode::integer(out, *total),
            Progress::Walk { listing } | Progress::Window { listing } => listing.write(out),
        }
    }
}

/// The text of a bulk string or an integer.
fn scalar(frame: &[u8]) -> Option<Bytes> {
    let integer = || reply::as_integer(frame).map(|value| Bytes::from(value.to_string()));
    reply::as_bulk(frame).map(Bytes::copy_from_slice).or_else(integer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Buckets, Layout, Plan, Settings, lookup};

    const NO_SCRIPT: &[u8] = b"-NOSCRIPT No matching script.\r\n";

    fn batch(buckets: u16, name: &str, args: &[&[u8]]) -> Batch {
        let buckets = Buckets::new(buckets).unwrap();
        let settings = Settings { layout: Layout::Buckets, buckets, ..Settings::default() };
        assert!(settings.agree(buckets.count().to_string().as_bytes()));
        match lookup(name.as_bytes()).unwrap().plan(&settings, args) {
            Ok(Plan::Batched(batch)) => *batch,
            other => panic!("{name} works in steps: {other:?}"),
        }
    }

    /// Gives each call the same reply, the last call first, and what comes of that.
    fn all(batch: &mut Batch, parts: &[Part], frame: &[u8]) -> Step {
        let (first, others) = parts.split_first().unwrap();
        for part in others.iter().rev() {
            assert_eq!(batch.next(part.number(), frame, Protocol::Resp3), Step::Wait);
        }
        batch.next(first.number(), frame, Protocol::Resp3)
    }

    fn calls(step: Step) -> Vec<Part> {
        match step {
            Step::Calls(parts) => parts,
            other => panic!("not calls: {other:?}"),
        }
    }

    fn bucket(part: &Part) -> String {
        String::from_utf8_lossy(&part.call.arguments()[1]).into_owned()
    }

    #[test]
    fn many_buckets_are_called_at_once() {
        let mut batch = batch(256, "session.activity", &[b"app"]);
        let mut parts = batch.begin();
        for step in 1..=4 {
            assert_eq!(parts.len(), 64);
            assert_eq!(bucket(&parts[0]), format!("{{rs:app:{:04}}}:_users", (step - 1) * 64));
            match all(&mut batch, &parts, b":3\r\n") {
                Step::Done(total) => assert_eq!((step, &total[..]), (4, &b":768\r\n"[..])),
                next => parts = calls(next),
            }
        }
    }

    #[test]
    fn calls_share_what_a_step_may_do() {
        let mut batch = batch(64, "session.killall", &[b"app"]);
        let mut parts = batch.begin();
        let share = |part: &Part| part.call.arguments()[7].clone();
        assert_eq!(share(&parts[0]), limits::LEAST_SHARE.to_string());
        for part in &parts {
            let number = usize::from(part.number);
            let frame: &[u8] =
                if number % 32 == 7 { b"*2\r\n:2\r\n:1\r\n" } else { b"*1\r\n:0\r\n" };
            if let Step::Calls(next) = batch.next(part.number(), frame, Protocol::Resp3) {
                parts = next;
                break;
            }
        }
        // Where there was more, and nowhere else.
        let names: Vec<_> = parts.iter().map(bucket).collect();
        assert_eq!(names, ["{rs:app:0007}:_sessions", "{rs:app:0039}:_sessions"]);
        assert_eq!(share(&parts[1]), (limits::REMOVAL_BATCH / 2).to_string());
        let done = Step::Done(Bytes::from_static(b":6\r\n"));
        assert_eq!(all(&mut batch, &parts, b"*1\r\n:1\r\n"), done);
    }

    #[test]
    fn where_there_is_much_to_do_calls_are_larger_and_fewer() {
        let mut batch = batch(256, "session.killall", &[b"app"]);
        let mut parts = batch.begin();
        let mut seen = Vec::new();
        for _ in 0..30 {
            let share = String::from_utf8(parts[0].call.arguments()[7].to_vec()).unwrap();
            seen.push((parts.len(), share.parse::<usize>().unwrap()));
            parts = calls(all(&mut batch, &parts, b"*2\r\n:1\r\n:1\r\n"));
        }
        assert_eq!(seen[..4], [(64, 2), (16, 4), (4, 18), (2, 37)]);
        // One after the other is brought to its end.
        assert!(seen[4..].iter().all(|step| *step == (2, 37)), "{seen:?}");
        for others in [2, 4] {
            parts = calls(all(&mut batch, &parts, b"*1\r\n:1\r\n"));
            assert_eq!(parts.len(), others);
        }
    }

    #[test]
    fn a_script_that_is_not_known_is_sent_once() {
        let mut batch = batch(4, "session.activity", &[b"app"]);
        let parts = batch.begin();
        for part in &parts[1..] {
            assert_eq!(batch.next(part.number(), NO_SCRIPT, Protocol::Resp3), Step::Wait);
        }
        let parts = calls(batch.next(parts[0].number(), b":1\r\n", Protocol::Resp3));
        let texts = |parts: &[Part]| parts.iter().map(|part| part.in_full).collect::<Vec<_>>();
        assert_eq!(texts(&parts), [true, false, false]);
        // It is forgotten again.
        assert_eq!(batch.next(parts[0].number(), b":1\r\n", Protocol::Resp3), Step::Wait);
        let parts = calls(all(&mut batch, &parts[1..], NO_SCRIPT));
        assert_eq!(texts(&parts), [true, false]);
        let done = Step::Done(Bytes::from_static(b":4\r\n"));
        assert_eq!(all(&mut batch, &parts, b":1\r\n"), done);
    }

    #[test]
    fn an_error_ends_it_when_all_replies_are_there() {
        let mut batch = batch(256, "session.activity", &[b"app"]);
        let parts = batch.begin();
        for part in &parts[1..] {
            let frame = if part.number == 7 { &b"-NOPERM no\r\n"[..] } else { b":1\r\n" };
            assert_eq!(batch.next(part.number(), frame, Protocol::Resp3), Step::Wait);
        }
        let done = Step::Done(Bytes::from_static(b"-NOPERM no\r\n"));
        assert_eq!(batch.next(parts[0].number(), b"+what\r\n", Protocol::Resp3), done);
    }

    #[test]
    fn a_wipe_looks_on_while_it_wipes() {
        let mut batch = batch(256, "session.wipe", &[]);
        let looks = batch.begin();
        assert_eq!(looks.len(), 1);
        let page =
            b"*4\r\n$1\r\n5\r\n$22\r\n{rs:app:0001}:SESSIONS\r\n$22\r\n{rs:app:0256}:SESSIONS\r\n\
            $22\r\n{rs:app:0003}:SESSIONS\r\n";
        let parts = calls(batch.next(looks[0].number(), page, Protocol::Resp3));
        let names: Vec<_> = parts.iter().map(|part| part.call.script().name()).collect();
        assert_eq!(names, ["wipe_bucket", "wipe_bucket", "buckets"]);
        batch.next(parts[0].number(), b"*1\r\n:2\r\n", Protocol::Resp3);
        batch.next(parts[2].number(), b"*1\r\n$1\r\n0\r\n", Protocol::Resp3);
        let done = Step::Done(Bytes::from_static(b":3\r\n"));
        assert_eq!(batch.next(parts[1].number(), b"*1\r\n:1\r\n", Protocol::Resp3), done);
    }
}
