//! The commands there are: how many arguments, which keys, what kind, and the function that runs them.

use super::{Args, Server, Text, execute};

#[path = "rows.rs"]
mod rows;

/// One command or subcommand.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: &'static str,
    /// As in Redis: the number of words, or with a minus sign the least number.
    pub(super) arity: i64,
    flags: u32,
    /// The first and last key and the step between two.
    pub(super) key_range: [i64; 3],
    /// Categories that do not follow from the flags.
    groups: &'static str,
    /// What happens to the keys.
    pub(super) access: &'static str,
    pub(super) tips: &'static str,
    pub(super) run: fn(&mut Server, u64, &Args),
}

/// Names of flags, in the order of `COMMAND INFO`. Those that are not shown are empty.
pub(super) const FLAGS: [&str; 21] = [
    "write",
    "readonly",
    "denyoom",
    "module",
    "admin",
    "pubsub",
    "noscript",
    "blocking",
    "loading",
    "stale",
    "skip_monitor",
    "skip_slowlog",
    "fast",
    "no_auth",
    "no_mandatory_keys",
    "no_async_loading",
    "no_multi",
    "movablekeys",
    "allow_busy",
    "",
    "",
];

const fn flag(name: u32) -> u32 {
    1 << name
}

pub(super) const WRITE: u32 = flag(0);
pub(super) const READONLY: u32 = flag(1);
pub(super) const DENYOOM: u32 = flag(2);
pub(super) const MODULE: u32 = flag(3);
pub(super) const ADMIN: u32 = flag(4);
pub(super) const PUBSUB: u32 = flag(5);
pub(super) const NOSCRIPT: u32 = flag(6);
pub(super) const BLOCKING: u32 = flag(7);
pub(super) const LOADING: u32 = flag(8);
pub(super) const STALE: u32 = flag(9);
pub(super) const SKIP_MONITOR: u32 = flag(10);
pub(super) const SKIP_SLOWLOG: u32 = flag(11);
pub(super) const FAST: u32 = flag(12);
pub(super) const NO_AUTH: u32 = flag(13);
pub(super) const NO_MANDATORY_KEYS: u32 = flag(14);
pub(super) const MOVABLEKEYS: u32 = flag(17);
pub(super) const ALLOW_BUSY: u32 = flag(18);
/// It may reach replicas without writing, so `CLIENT PAUSE WRITE` holds it.
pub(super) const MAY_REPLICATE: u32 = flag(19);
/// Older servers do not know it.
pub(super) const SINCE_7_2: u32 = flag(20);

/// What a monitoring client may not do.
pub(super) const WRITES: u32 = WRITE | MAY_REPLICATE;

/// Categories in the order of `COMMAND INFO`, and the flag from which one follows.
const CATEGORIES: [(&str, u32); 18] = [
    ("keyspace", 0),
    ("read", READONLY),
    ("write", WRITE),
    ("set", 0),
    ("list", 0),
    ("hash", 0),
    ("string", 0),
    ("stream", 0),
    ("pubsub", PUBSUB),
    ("admin", ADMIN),
    ("fast", FAST),
    ("slow", 0),
    ("blocking", BLOCKING),
    ("dangerous", ADMIN),
    ("connection", 0),
    ("transaction", 0),
    ("scripting", 0),
    ("sortedset", 0),
];

impl Entry {
    /// A command that says nothing of itself.
    pub(super) fn plain(name: &'static str, arity: i64, run: fn(&mut Server, u64, &Args)) -> Self {
        Self { name, arity, flags: 0, key_range: [0, 0, 0], groups: "", access: "", tips: "", run }
    }

    /// Whether it has one of these flags.
    pub(super) fn is(&self, flags: u32) -> bool {
        self.flags & flags != 0
    }

    pub(super) fn takes(&self, words: usize) -> bool {
        let words = i64::try_from(words).unwrap_or(i64::MAX);
        if self.arity < 0 { words >= -self.arity } else { words == self.arity }
    }

    /// Whether its first argument is a command of its own.
    fn is_container(&self) -> bool {
        self.subcommands().next().is_some()
    }

    pub(super) fn subcommands(&self) -> impl Iterator<Item = &'static Entry> {
        let name = self.name;
        let below = move |entry: &&Entry| {
            entry.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('|'))
        };
        rows::ROWS.iter().filter(below)
    }

    pub(super) fn flag_names(&self) -> Vec<&'static str> {
        let shown = FLAGS.iter().enumerate();
        let shown = shown.filter(|(at, name)| !name.is_empty() && self.flags & (1 << at) != 0);
        shown.map(|(_, name)| *name).collect()
    }

    pub(super) fn categories(&self) -> impl Iterator<Item = &'static str> {
        let belongs = |(name, flag): &(&str, u32)| {
            self.is(*flag)
                || (*name == "slow" && !self.is(FAST))
                || self.groups.split(' ').any(|group| group == *name)
        };
        CATEGORIES.into_iter().filter(belongs).map(|(name, _)| name).collect::<Vec<_>>().into_iter()
    }

    /// The keys among the arguments.
    pub(super) fn keys<'a>(&self, args: &'a [Text]) -> Vec<&'a Text> {
        if self.is(MOVABLEKEYS) {
            let count = args.get(2).and_then(|count| super::number::integer(count));
            let count = count.and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
            return args.get(3..3 + count).unwrap_or_default().iter().collect();
        }
        let [first, last, step] = self.key_range;
        let (Ok(first), Ok(step)) = (usize::try_from(first), usize::try_from(step)) else {
            return Vec::new();
        };
        if first == 0 || self.is(PUBSUB) {
            return Vec::new();
        }
        let end = match usize::try_from(last) {
            Ok(last) => last + 1,
            Err(_) => args.len() + 1 - usize::try_from(-last).unwrap_or(0),
        };
        args.get(first..end).unwrap_or_default().iter().step_by(step).collect()
    }
}

/// The commands that are not subcommands.
pub(super) fn commands() -> impl Iterator<Item = &'static Entry> {
    rows::ROWS.iter().filter(|entry| !entry.name.contains('|'))
}

/// A command or subcommand by its whole name, in any case.
pub(super) fn named(name: &[u8]) -> Option<&'static Entry> {
    let lower = name.to_ascii_lowercase();
    let place = rows::ROWS.binary_search_by(|entry| entry.name.as_bytes().cmp(&lower)).ok()?;
    Some(&rows::ROWS[place])
}

pub(super) fn exists(name: &[u8]) -> bool {
    named(name).is_some()
}

pub(super) fn is_category(name: &[u8]) -> bool {
    CATEGORIES.iter().any(|(category, _)| super::text::is(name, category))
}

/// What a request asks for, or the error for it.
pub(super) fn find(args: &[Text], version: (u32, u32, u32)) -> Result<&'static Entry, Text> {
    let command = named(&args[0]).filter(|entry| !entry.name.contains('|'));
    let Some(command) = command else { return Err(execute::unknown(args)) };
    let Some(word) = args.get(1).filter(|_| command.is_container()) else { return Ok(command) };
    let known = |entry: &&Entry| version >= (7, 2, 0) || !entry.is(SINCE_7_2);
    let name = [command.name.as_bytes(), b"|", word].concat();
    named(&name).filter(known).ok_or_else(|| execute::unknown_subcommand(args))
}

/// A container without a subcommand is refused for its arity, so nothing runs.
pub(super) fn nothing(_: &mut Server, _: u64, _: &Args) {}

#[test]
fn rows_are_sorted_by_name() {
    assert!(rows::ROWS.is_sorted_by_key(|entry| entry.name));
}

#[test]
fn keys_are_found_by_their_places() {
    let keys = |line: &str| {
        let args: Vec<Text> = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        find(&args, (7, 0, 15)).unwrap().keys(&args).len()
    };
    for (line, count) in
        [("get a", 1), ("mset a 1 b 2", 2), ("blpop a b 0", 2), ("eval x 2 a b c", 2), ("ping", 0)]
    {
        assert_eq!(keys(line), count, "{line}");
    }
}
