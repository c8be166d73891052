//! Commands that work in steps, so that a shared server is never held for long.

use bytes::{Bytes, BytesMut};

use super::limits;
use super::listing::Listing;
use super::reply::Adapt;
use super::script::{Call, Script};
use super::target::{self, Next, Target, Targets};
use super::view::Form;
use crate::resp::{Protocol, encode, reply};

/// A command that takes one call after the other, each atomic, until one of them is the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    scripts: Scripts,
    /// Where it is called at present; nothing while it is found out where else.
    target: Option<Target>,
    /// Where else it is called after that.
    targets: Targets,
    /// The largest step, of a script that takes one: it and the place to go on follow the arguments.
    step: Option<usize>,
    progress: Progress,
}

/// The script of a command, and the one that does its work in many places at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scripts(pub(super) &'static Script, pub(super) &'static Script);

/// What to do after a call of a [`Batch`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Another call.
    Call(Call),
    /// Nothing: this is the command's reply, one complete frame.
    Done(Bytes),
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
    Window { listing: Listing, lowest: Bytes, began: Option<Bytes>, looks: u32 },
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
        Self {
            scripts: Scripts(script, script),
            target: Some(target),
            targets: Targets::default(),
            step: Some(limits::LISTING_PAGE),
            progress: Progress::Walk { listing: Listing::new(form) },
        }
    }

    /// A command that walks sorted sets down to the beginning of a window.
    pub(super) fn window(scripts: Scripts, targets: Targets, form: Form) -> Self {
        let listing = Listing::new(form);
        let progress = Progress::Window { listing, lowest: Bytes::new(), began: None, looks: 1 };
        Self::new(scripts, targets, Some(limits::LISTING_PAGE), progress)
    }

    fn new(
        scripts: Scripts,
        mut targets: Targets,
        step: Option<usize>,
        progress: Progress,
    ) -> Self {
        let target = match targets.next() {
            Next::Target(target) => Some(target),
            Next::Look | Next::End => None,
        };
        Self { scripts, target, targets, step, progress }
    }

    /// The same with steps of another size.
    #[must_use]
    pub fn with_step(mut self, sessions: usize) -> Self {
        self.step = self.step.map(|_| sessions.max(1));
        self
    }

    /// The first call.
    #[must_use]
    pub fn first(&self) -> Call {
        match (&self.target, &self.targets) {
            (Some(target), _) => self.call(target, &self.start()),
            (None, Targets::Search(search)) => search.call(),
            (None, _) => unreachable!("a command is called somewhere"),
        }
    }

    /// The whole command in one call, however long it takes: for MULTI, which knows no steps. Where
    /// there are buckets, it is the only call with keys of more than one of them.
    #[must_use]
    pub fn whole(&self) -> Call {
        let adapt = match &self.progress {
            Progress::Count { .. } => Adapt::Verbatim,
            Progress::Walk { listing } | Progress::Window { listing, .. } => {
                Adapt::Listing(listing.form())
            }
        };
        let step = self.step.map(|_| Bytes::from_static(b"0"));
        let all_at_once: Vec<Bytes> = step.into_iter().chain(self.start()).collect();
        if let Targets::Search(search) = &self.targets {
            return search.whole(self.scripts.1, &all_at_once);
        }
        let mut targets: Vec<_> = self.target.iter().cloned().collect();
        let mut rest = self.targets.clone();
        while let Next::Target(target) = rest.next() {
            targets.push(target);
        }
        match &targets[..] {
            [target] => target.call(self.scripts.0, all_at_once.iter().map(|arg| &arg[..]), adapt),
            targets => target::call_several(self.scripts.1, targets, &all_at_once, adapt),
        }
    }

    /// Takes the reply of the last call, one complete frame. An error ends the command and is its
    /// reply; the steps before it remain done.
    pub fn next(&mut self, frame: &[u8], protocol: Protocol) -> Step {
        if reply::is_error(frame) {
            return Step::Done(Bytes::copy_from_slice(frame));
        }
        self.advance(frame, protocol).unwrap_or_else(|| {
            let mut out = BytesMut::new();
            encode::error(&mut out, "ERR unexpected reply to a session script");
            Step::Done(out.freeze())
        })
    }

    /// As [`Batch::next`]; `None` for a reply that the scripts do not give.
    fn advance(&mut self, frame: &[u8], protocol: Protocol) -> Option<Step> {
        match (&self.target, &mut self.targets) {
            (None, Targets::Search(search)) => search.add(frame)?,
            (target, _) => {
                let place = self.progress.add(frame, protocol)?;
                if let Some(target) = target.as_ref().filter(|_| !place.is_empty()) {
                    return Some(Step::Call(self.call(target, &place)));
                }
            }
        }
        self.target = match self.targets.next() {
            Next::Target(target) => Some(target),
            Next::Look => None,
            Next::End => {
                let mut out = BytesMut::new();
                self.progress.write(&mut out);
                return Some(Step::Done(out.freeze()));
            }
        };
        self.progress.begin_anew();
        Some(Step::Call(self.first()))
    }

    fn start(&self) -> Vec<Bytes> {
        match &self.progress {
            Progress::Count { start, .. } => {
                start.iter().copied().map(Bytes::from_static).collect()
            }
            Progress::Walk { .. } => vec![Bytes::new()],
            Progress::Window { .. } => vec![Bytes::new(); 3],
        }
    }

    fn call(&self, target: &Target, place: &[Bytes]) -> Call {
        let step = self.step.map(|step| step.to_string());
        let step = step.as_deref().map(str::as_bytes);
        let behind = step.into_iter().chain(place.iter().map(|part| &part[..]));
        target.call(self.scripts.0, behind, Adapt::Verbatim)
    }
}

impl Progress {
    /// Adds the reply to a call, and gives the place to go on: nothing when there is no more.
    fn add(&mut self, frame: &[u8], protocol: Protocol) -> Option<Vec<Bytes>> {
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
            Progress::Window { listing, lowest, began, looks } => {
                let page = listing.add(frame, protocol)?;
                let (now, last_seen) = page.split_first()?;
                if let [score, member] = last_seen {
                    began.get_or_insert_with(|| Bytes::copy_from_slice(now));
                    return Some(vec![
                        lowest.clone(),
                        Bytes::copy_from_slice(score),
                        Bytes::copy_from_slice(member),
                    ]);
                }
                if let (Some(since), true) = (began.take(), *looks < limits::LISTING_LOOKS) {
                    *looks += 1;
                    *lowest = since;
                    return Some(vec![lowest.clone(), Bytes::new(), Bytes::new()]);
                }
                Some(Vec::new())
            }
        }
    }

    /// Goes on in another place, to which what is known of this one's steps does not apply.
    fn begin_anew(&mut self) {
        match self {
            Progress::Count { .. } => {}
            Progress::Walk { listing } => listing.forget_tokens(),
            Progress::Window { listing, lowest, began, looks } => {
                listing.forget_tokens();
                (*lowest, *began, *looks) = (Bytes::new(), None, 1);
            }
        }
    }

    /// Appends the command's reply.
    fn write(&mut self, out: &mut BytesMut) {
        match self {
            Progress::Count { total, .. } => encode::integer(out, *total),
            Progress::Walk { listing } | Progress::Window { listing, .. } => listing.write(out),
        }
    }
}

/// The text of a bulk string or an integer.
fn scalar(frame: &[u8]) -> Option<Bytes> {
    let integer = || reply::as_integer(frame).map(|value| Bytes::from(value.to_string()));
    reply::as_bulk(frame).map(Bytes::copy_from_slice).or_else(integer)
}
