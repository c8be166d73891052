//! Where a command that works in steps is called: once, or once in each of several buckets.

use std::collections::VecDeque;

use bytes::Bytes;

use super::command::Settings;
use super::identity::App;
use super::keys::{AppKeys, Index, Namespace};
use super::layout::Buckets;
use super::limits;
use super::reply::Adapt;
use super::script::{BUCKETS, Call, Script};
use crate::resp::reply;

/// The keys and arguments of a script's calls in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) keys: Vec<Vec<u8>>,
    pub(super) args: Vec<Vec<u8>>,
}

impl Target {
    /// A call there, so far without what follows the arguments.
    pub(super) fn call(&self, script: &'static Script, adapt: Adapt) -> Call {
        Call::new(script, &self.keys, &self.args, adapt)
    }
}

/// One call for many places: how many there are, for each how many keys and arguments it has, and then
/// those, with further arguments behind each.
pub(super) fn call_several(
    script: &'static Script,
    targets: &[Target],
    behind: &[&[u8]],
    adapt: Adapt,
) -> Call {
    let keys: Vec<&[u8]> =
        targets.iter().flat_map(|target| &target.keys).map(Vec::as_slice).collect();
    let mut counts = vec![targets.len().to_string()];
    let mut args: Vec<&[u8]> = Vec::new();
    for target in targets {
        counts.push(target.keys.len().to_string());
        counts.push((target.args.len() + behind.len()).to_string());
        args.extend(target.args.iter().map(Vec::as_slice));
        args.extend(behind);
    }
    let args: Vec<&[u8]> = counts.iter().map(String::as_bytes).chain(args).collect();
    Call::new(script, &keys, &args, adapt)
}

/// The keys and arguments of a script, of which it has the same in each bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    pub(super) keys: &'static [Index],
    pub(super) args: Vec<Argument>,
}

/// An argument of a [`Pattern`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Argument {
    /// What the names of all keys begin with.
    Base,
    /// This, everywhere.
    Fixed(Vec<u8>),
}

impl Pattern {
    fn at(&self, keys: AppKeys<'_>) -> Target {
        let arg = |arg: &Argument| match arg {
            Argument::Base => keys.base().to_vec(),
            Argument::Fixed(bytes) => bytes.clone(),
        };
        Target {
            keys: self.keys.iter().map(|index| keys.index(*index).to_vec()).collect(),
            args: self.args.iter().map(arg).collect(),
        }
    }
}

/// Where a command is still to be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Targets {
    /// There, unless it has been there.
    One(Option<Target>),
    /// There.
    Listed(VecDeque<Target>),
    /// In buckets of an app, one after the other.
    Buckets(Sweep),
    /// In whatever buckets are found.
    Search(Search),
}

/// Where else a command is called.
pub(super) enum Next<'a> {
    /// There.
    Target(Target),
    /// That is found out by a look, see [`Targets::look`].
    Look(&'a Search),
    /// Nowhere, as far as is known.
    End,
}

impl Targets {
    /// Wherever an app's sessions are.
    pub(super) fn of_app(settings: &Settings, app: App<'_>, pattern: Pattern) -> Self {
        let namespace = Namespace::of(settings);
        match namespace.buckets() {
            None => Self::One(Some(pattern.at(namespace.within(app, None)))),
            Some(buckets) => Self::Buckets(Sweep {
                ns: settings.ns.clone(),
                buckets,
                app: app.as_bytes().to_vec(),
                next: 0,
                pattern,
            }),
        }
    }

    /// Where else the command is called.
    pub(super) fn next(&mut self) -> Next<'_> {
        let target = match self {
            Self::One(target) => target.take(),
            Self::Listed(targets) => targets.pop_front(),
            Self::Buckets(sweep) => sweep.next(),
            Self::Search(search) => match search.found.pop_front() {
                None if search.goes_on() => return Next::Look(search),
                found => found,
            },
        };
        target.map_or(Next::End, Next::Target)
    }

    /// The look that [`Next::Look`] asks for.
    pub(super) fn look(&self) -> Call {
        match self {
            Self::Search(search) => search.call(),
            Self::One(_) | Self::Listed(_) | Self::Buckets(_) => {
                unreachable!("only a search is told to look")
            }
        }
    }

    /// Takes the reply to a look; `None` for one that the script does not give.
    pub(super) fn found(&mut self, frame: &[u8]) -> Option<()> {
        match self {
            Self::Search(search) => search.add(frame),
            Self::One(_) | Self::Listed(_) | Self::Buckets(_) => None,
        }
    }
}

/// The buckets of an app that have not been visited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sweep {
    ns: String,
    buckets: Buckets,
    app: Vec<u8>,
    next: u16,
    pattern: Pattern,
}

impl Iterator for Sweep {
    type Item = Target;

    fn next(&mut self) -> Option<Target> {
        if self.next == self.buckets.count() {
            return None;
        }
        let bucket = self.buckets.at(self.next.into());
        self.next += 1;
        let namespace = Namespace::new(&self.ns, Some(self.buckets));
        Some(self.pattern.at(namespace.within(App::parse(&self.app).ok()?, Some(bucket))))
    }
}

/// A look through all keys for buckets that have sessions, whatever their app.
///
/// Nowhere is written down which apps there are: an entry of that kind would be in another slot than
/// the session that it speaks of, so one could be there without the other, and what is missing in it
/// would never be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Search {
    ns: String,
    buckets: Buckets,
    pattern: Pattern,
    /// Where `SCAN` goes on.
    cursor: Bytes,
    stage: Stage,
    found: VecDeque<Target>,
}

/// How far a [`Search`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// A look is to be sent.
    Between,
    /// One is under way.
    Looking,
    /// All keys have been seen.
    Ended,
}

impl Search {
    /// A look for all buckets, in each of which `pattern` is called.
    pub(super) fn new(settings: &Settings, buckets: Buckets, pattern: Pattern) -> Self {
        Self {
            ns: settings.ns.clone(),
            buckets,
            pattern,
            cursor: Bytes::from_static(b"0"),
            stage: Stage::Between,
            found: VecDeque::new(),
        }
    }

    /// Whether it is time for another look, which is then under way.
    fn goes_on(&mut self) -> bool {
        let goes_on = self.stage == Stage::Between;
        if goes_on {
            self.stage = Stage::Looking;
        }
        goes_on
    }

    /// The next look. It has no keys: whoever stands in front of several servers asks each.
    fn call(&self) -> Call {
        let pattern = self.namespace().expiries_pattern();
        let step = limits::SEARCH_STEP.to_string();
        let args = [&self.cursor[..], &pattern, step.as_bytes()];
        Call::new::<&str, _>(&BUCKETS, &[], &args, Adapt::Verbatim)
    }

    /// Takes the reply to a look; `None` for one that the script does not give.
    fn add(&mut self, frame: &[u8]) -> Option<()> {
        let mut elements = reply::elements(frame)?;
        self.cursor = Bytes::copy_from_slice(reply::as_bulk(elements.next()?.ok()?)?);
        self.stage = if self.cursor == "0" { Stage::Ended } else { Stage::Between };
        for element in elements {
            let key = reply::as_bulk(element.ok()?)?;
            // Keys of other programs may look alike.
            let keys = Namespace::new(&self.ns, Some(self.buckets)).read_expiries(key);
            self.found.extend(keys.map(|keys| self.pattern.at(keys)));
        }
        Some(())
    }

    /// The look and all that comes of it in one call, however long it takes.
    pub(super) fn whole(&self, script: &'static Script, behind: &[&[u8]]) -> Call {
        let namespace = self.namespace();
        let (tag, pattern) = (namespace.tag_start(), namespace.expiries_pattern());
        let step = limits::SEARCH_STEP.to_string();
        let count = self.buckets.count().to_string();
        let fixed = self.pattern.args.iter().filter_map(|arg| match arg {
            Argument::Base => None,
            Argument::Fixed(bytes) => Some(&bytes[..]),
        });
        let args: Vec<&[u8]> = [&tag[..], &pattern, step.as_bytes(), count.as_bytes()]
            .into_iter()
            .chain(fixed)
            .chain(behind.iter().copied())
            .collect();
        Call::new::<&str, _>(script, &[], &args, Adapt::Verbatim)
    }

    fn namespace(&self) -> Namespace<'_> {
        Namespace::new(&self.ns, Some(self.buckets))
    }
}
