//! Commands that work in steps, so that a shared server is never held for long.

use bytes::{Bytes, BytesMut};

use super::limits;
use super::listing::Listing;
use super::reply::Adapt;
use super::script::{Call, Script};
use super::view::Form;
use crate::resp::{Protocol, encode, reply};

/// A command that takes one call after the other, each atomic, until one of them is the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    script: &'static Script,
    keys: Vec<Vec<u8>>,
    /// The arguments that are the same in each call; the largest step and the place to go on
    /// follow.
    args: Vec<Vec<u8>>,
    step: usize,
    progress: Progress,
}

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
    /// Calls answer `{count, place to go on}`; the counts are added up.
    Count { start: &'static [&'static [u8]], total: i64 },
    /// Calls answer `{{place to go on}, sessions}`.
    Walk { listing: Listing },
    /// Calls answer `{{now, place to go on}, sessions}` from the highest score downwards. A session
    /// that is refreshed moves up, out of the part still to come: so what has been refreshed since
    /// a look's beginning is looked at again, until one call sees all of that.
    Window { listing: Listing, lowest: Bytes, began: Option<Bytes>, looks: u32 },
}

impl Batch {
    /// A command whose replies count; `start` is where its first call begins.
    pub(super) fn count(
        script: &'static Script,
        keys: Vec<Vec<u8>>,
        args: Vec<Vec<u8>>,
        start: &'static [&'static [u8]],
    ) -> Self {
        let progress = Progress::Count { start, total: 0 };
        Self { script, keys, args, step: limits::REMOVAL_BATCH, progress }
    }

    /// A command that walks a set in no order.
    pub(super) fn walk(
        script: &'static Script,
        keys: Vec<Vec<u8>>,
        args: Vec<Vec<u8>>,
        form: Form,
    ) -> Self {
        let progress = Progress::Walk { listing: Listing::new(form) };
        Self { script, keys, args, step: limits::LISTING_PAGE, progress }
    }

    /// A command that walks a sorted set down to the beginning of a window.
    pub(super) fn window(
        script: &'static Script,
        keys: Vec<Vec<u8>>,
        args: Vec<Vec<u8>>,
        form: Form,
    ) -> Self {
        let listing = Listing::new(form);
        let progress = Progress::Window { listing, lowest: Bytes::new(), began: None, looks: 1 };
        Self { script, keys, args, step: limits::LISTING_PAGE, progress }
    }

    /// The same with steps of another size.
    #[must_use]
    pub fn with_step(mut self, sessions: usize) -> Self {
        self.step = sessions.max(1);
        self
    }

    /// The first call.
    #[must_use]
    pub fn first(&self) -> Call {
        self.call(self.step, &self.start(), Adapt::Verbatim)
    }

    /// The whole command in one call, however long it takes: for MULTI, which knows no steps.
    #[must_use]
    pub fn whole(&self) -> Call {
        let adapt = match &self.progress {
            Progress::Count { .. } => Adapt::Verbatim,
            Progress::Walk { listing } | Progress::Window { listing, .. } => {
                Adapt::Listing(listing.form())
            }
        };
        self.call(0, &self.start(), adapt)
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
        let mut out = BytesMut::new();
        let place: Vec<Bytes> = match &mut self.progress {
            Progress::Count { total, .. } => {
                let mut elements = reply::elements(frame)?;
                *total += reply::as_integer(elements.next()?.ok()?)?;
                let place: Vec<_> =
                    elements.map(|element| scalar(element.ok()?)).collect::<Option<_>>()?;
                if place.is_empty() {
                    encode::integer(&mut out, *total);
                }
                place
            }
            Progress::Walk { listing } => {
                let place: Vec<_> =
                    listing.add(frame, protocol)?.into_iter().map(Bytes::copy_from_slice).collect();
                if place.is_empty() {
                    listing.write(&mut out);
                }
                place
            }
            Progress::Window { listing, lowest, began, looks } => {
                let page = listing.add(frame, protocol)?;
                let (now, last_seen) = page.split_first()?;
                if let [score, member] = last_seen {
                    began.get_or_insert_with(|| Bytes::copy_from_slice(now));
                    vec![
                        lowest.clone(),
                        Bytes::copy_from_slice(score),
                        Bytes::copy_from_slice(member),
                    ]
                } else if let (Some(since), true) = (began.take(), *looks < limits::LISTING_LOOKS) {
                    *looks += 1;
                    *lowest = since;
                    vec![lowest.clone(), Bytes::new(), Bytes::new()]
                } else {
                    listing.write(&mut out);
                    Vec::new()
                }
            }
        };
        Some(if place.is_empty() {
            Step::Done(out.freeze())
        } else {
            Step::Call(self.call(self.step, &place, Adapt::Verbatim))
        })
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

    fn call(&self, step: usize, place: &[Bytes], adapt: Adapt) -> Call {
        let step = step.to_string();
        let args: Vec<&[u8]> = (self.args.iter().map(Vec::as_slice))
            .chain([step.as_bytes()])
            .chain(place.iter().map(|part| &part[..]))
            .collect();
        Call::new(self.script, &self.keys, &args, adapt)
    }
}

/// The text of a bulk string or an integer.
fn scalar(frame: &[u8]) -> Option<Bytes> {
    let integer = || reply::as_integer(frame).map(|value| Bytes::from(value.to_string()));
    reply::as_bulk(frame).map(Bytes::copy_from_slice).or_else(integer)
}
