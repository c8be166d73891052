//! Reading the reply to `COMMAND`.

use std::borrow::Cow;

use super::{
    Ask, Combine, Flags, Keys, LONGEST_NAME, Spec, Table,
    find::{Begin, Find, KeySpec},
    grammar::Grammar,
};
use crate::resp::reply::{self, Kind};

/// The places in an entry; tips and all behind them since Redis 7.
const NAME: usize = 0;
const FLAGS: usize = 2;
const FIRST: usize = 3;
const LAST: usize = 4;
const STEP: usize = 5;
const TIPS: usize = 7;
const KEYS: usize = 8;
const SUBCOMMANDS: usize = 9;

/// Most commands, and most subcommands of one: Redis 8 with its modules has under 600, and no container over 40.
const MOST_COMMANDS: usize = 8192;
const MOST_SUBCOMMANDS: usize = 256;
/// Most elements of an entry, flags, tips and key specifications that are looked at.
const MOST_PARTS: usize = 32;

/// The commands of the reply; `None` when it is no array.
pub(super) fn table(frame: &[u8]) -> Option<Table> {
    read_table(frame, MOST_COMMANDS, true)
}

fn read_table(frame: &[u8], most: usize, with_subcommands: bool) -> Option<Table> {
    if !matches!(reply::kind(frame)?, Kind::Array | Kind::Set) {
        return None;
    }
    let entries = reply::elements(frame)?.map_while(Result::ok).take(most);
    Some(entries.filter_map(|entry| read_entry(entry, with_subcommands)).collect())
}

fn read_entry(frame: &[u8], with_subcommands: bool) -> Option<(Box<[u8]>, Spec)> {
    let entry = list(frame);
    let full = word(entry.get(NAME).filter(|_| entry.len() > STEP)?)?.to_ascii_lowercase();
    // Subcommands are called `container|subcommand`.
    let name =
        full.rsplit(|byte| *byte == b'|').next().filter(|name| name.len() <= LONGEST_NAME)?;
    let flags = read_flags(entry[FLAGS]);
    let tips = entry.get(TIPS).map(|tips| list(tips)).unwrap_or_default();
    let tips: Vec<_> = tips.into_iter().filter_map(word).collect();
    let subcommands = entry.get(SUBCOMMANDS).filter(|_| with_subcommands);
    let spec = Spec {
        flags,
        keys: read_keys(&full, &entry, flags),
        ask: tips.iter().find_map(|tip| Ask::of(tip)),
        combine: tips.iter().find_map(|tip| Combine::of(tip)),
        subcommands: subcommands
            .and_then(|frame| read_table(frame, MOST_SUBCOMMANDS, false))
            .unwrap_or_default(),
    };
    Some((name.into(), spec))
}

fn read_flags(frame: &[u8]) -> Flags {
    let mut flags = Flags::default();
    for flag in list(frame).into_iter().filter_map(word) {
        match flag {
            b"write" => flags.write = true,
            b"readonly" => flags.readonly = true,
            b"blocking" => flags.blocking = true,
            b"noscript" => flags.noscript = true,
            b"pubsub" => flags.pubsub = true,
            b"admin" => flags.admin = true,
            b"movablekeys" => flags.movablekeys = true,
            _ => {}
        }
    }
    flags
}

fn read_keys(name: &[u8], entry: &[&[u8]], flags: Flags) -> Keys {
    if let Some(grammar) = Grammar::always(name) {
        return Keys::Grammar(grammar);
    }
    let given = entry.get(KEYS).map(|specs| list(specs)).unwrap_or_default();
    let (mut specs, mut complete) = (Vec::new(), true);
    for frame in &given {
        let (spec, whole) = read_spec(frame);
        specs.extend(spec);
        complete &= whole;
    }
    if given.is_empty() {
        let number = |place: usize| reply::as_integer(entry[place]);
        let range = || KeySpec::of_range(number(FIRST)?, number(LAST)?, number(STEP)?);
        specs.extend(range());
        complete = !flags.movablekeys;
        // Before Redis 6.2 `MEMORY` does not say that its keys move, nor where they are.
        if let Some(grammar) = Grammar::without_specs(name)
            && (flags.movablekeys || specs.is_empty())
            && entry.get(SUBCOMMANDS).is_none_or(|frame| list(frame).is_empty())
        {
            return Keys::Grammar(grammar);
        }
    }
    match Grammar::without_specs(name).filter(|_| !complete) {
        Some(grammar) => Keys::Grammar(grammar),
        None if complete => Keys::Specs(specs.into()),
        None => Keys::Asked(specs.into()),
    }
}

/// A key specification, if it is one that can be followed, and whether it tells all there is.
fn read_spec(frame: &[u8]) -> (Option<KeySpec>, bool) {
    let read = || {
        let begin = Named::of(field(frame, b"begin_search")?)?;
        let keys = Named::of(field(frame, b"find_keys")?)?;
        Some(KeySpec { begin: read_begin(begin)?, keys: read_find(keys)? })
    };
    let spec = read();
    let flags = field(frame, b"flags").map(list).unwrap_or_default();
    let incomplete = flags.into_iter().filter_map(word).any(|flag| flag == b"incomplete");
    let whole = spec.is_some() && !incomplete;
    (spec, whole)
}

/// A part of a key specification: a type, and what belongs to it.
struct Named<'a> {
    kind: &'a [u8],
    fields: &'a [u8],
}

impl<'a> Named<'a> {
    fn of(frame: &'a [u8]) -> Option<Self> {
        Some(Self { kind: word(field(frame, b"type")?)?, fields: field(frame, b"spec")? })
    }

    fn number(&self, name: &[u8]) -> Option<i64> {
        reply::as_integer(field(self.fields, name)?)
    }
}

fn read_begin(begin: Named<'_>) -> Option<Begin> {
    Some(match begin.kind {
        b"index" => Begin::Index(begin.number(b"index")?),
        b"keyword" => {
            let text = word(field(begin.fields, b"keyword")?)?;
            let text = (text.len() <= LONGEST_NAME).then(|| text.to_vec())?;
            Begin::Keyword { word: Cow::Owned(text), from: begin.number(b"startfrom")? }
        }
        _ => return None,
    })
}

fn read_find(keys: Named<'_>) -> Option<Find> {
    let step = keys.number(b"keystep");
    Some(match keys.kind {
        b"range" => Find::Range {
            last: keys.number(b"lastkey")?,
            step: step?,
            limit: keys.number(b"limit")?,
        },
        b"keynum" => Find::Count {
            count: keys.number(b"keynumidx")?,
            first: keys.number(b"firstkey")?,
            step: step?,
        },
        _ => return None,
    })
}

/// The value of a field of a map, which in RESP2 is an array.
fn field<'a>(frame: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    list(frame).chunks_exact(2).find(|pair| word(pair[0]) == Some(name)).map(|pair| pair[1])
}

/// The elements of an aggregate; none for anything else.
fn list(frame: &[u8]) -> Vec<&[u8]> {
    let elements = reply::elements(frame).into_iter().flatten();
    elements.map_while(Result::ok).take(MOST_PARTS).collect()
}

/// A word, which is a simple string or a bulk string.
fn word(frame: &[u8]) -> Option<&[u8]> {
    reply::as_simple(frame).or_else(|| reply::as_bulk(frame))
}
