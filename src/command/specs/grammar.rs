//! Commands whose keys key specifications do not tell: all movable ones before Redis 7, a few since.

use std::{borrow::Cow, ops::ControlFlow};

use super::{
    super::route::is,
    find::{self, Begin, Find, KeySpec},
};
use crate::resp::Request;

/// Where the keys of a command are that has to be read to find them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Grammar {
    /// `SORT key ... [STORE destination]`
    Sort,
    /// `SORT_RO key ...`
    SortReadOnly,
    /// `MIGRATE host port key|"" database timeout ... [KEYS key ...]`
    Migrate,
    /// `MEMORY USAGE key`, where subcommands have no specifications of their own.
    Memory,
    /// What key specifications would say if there were any.
    Specs(Box<[KeySpec]>),
}

impl Grammar {
    /// That of a command which the server's specifications never tell in full.
    pub(super) fn always(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"sort" => Self::Sort,
            b"sort_ro" => Self::SortReadOnly,
            b"migrate" => Self::Migrate,
            _ => return None,
        })
    }

    /// That of a command for which the server has given none.
    pub(super) fn without_specs(name: &[u8]) -> Option<Self> {
        let at = |index| Begin::Index(index);
        let counted = |begin| spec(begin, Find::Count { count: 0, first: 1, step: 1 });
        let one = |begin| spec(begin, Find::Range { last: 0, step: 1, limit: 0 });
        let behind = |word: &'static [u8], from| Begin::Keyword { word: Cow::Borrowed(word), from };
        let streams =
            |from| spec(behind(b"STREAMS", from), Find::Range { last: -1, step: 1, limit: 2 });
        Some(Self::Specs(match name {
            b"memory" => return Some(Self::Memory),
            b"eval" | b"evalsha" | b"eval_ro" | b"evalsha_ro" | b"fcall" | b"fcall_ro"
            | b"blmpop" | b"bzmpop" => Box::new([counted(at(2))]),
            b"zunion" | b"zinter" | b"zdiff" | b"zintercard" | b"sintercard" | b"lmpop"
            | b"zmpop" => Box::new([counted(at(1))]),
            b"zunionstore" | b"zinterstore" | b"zdiffstore" => {
                Box::new([one(at(1)), counted(at(2))])
            }
            b"georadius" | b"georadiusbymember" => {
                let from = if name.len() == b"georadius".len() { 6 } else { 5 };
                Box::new([one(at(1)), one(behind(b"STORE", from)), one(behind(b"STOREDIST", from))])
            }
            b"xread" => Box::new([streams(1)]),
            b"xreadgroup" => Box::new([streams(4)]),
            b"stralgo" => {
                Box::new([spec(behind(b"KEYS", 2), Find::Range { last: 1, step: 1, limit: 0 })])
            }
            _ => return None,
        }))
    }

    /// Calls `look` with the place of each key until it breaks.
    pub(super) fn find<B>(
        &self,
        request: &Request<'_>,
        look: &mut impl FnMut(usize) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let len = request.len();
        match self {
            Self::Sort if len > 1 => {
                look(1)?;
                sort_destination(request).map_or(ControlFlow::Continue(()), look)
            }
            Self::SortReadOnly if len > 1 => look(1),
            Self::Migrate if len > 3 => match migrated(request) {
                Some(first) => (first..len).try_for_each(look),
                None => look(3),
            },
            Self::Memory if len > 2 && request.arg(1).is_some_and(|sub| is(sub, b"USAGE")) => {
                look(2)
            }
            Self::Specs(specs) => find::in_all(specs, request, look),
            _ => ControlFlow::Continue(()),
        }
    }
}

fn spec(begin: Begin, keys: Find) -> KeySpec {
    KeySpec { begin, keys }
}

/// The destination of `SORT`: of several the last counts (`sortGetKeys` in db.c).
fn sort_destination(request: &Request<'_>) -> Option<usize> {
    let (mut place, mut found) = (2, None);
    while let Some(option) = request.arg(place) {
        if is(option, b"LIMIT") {
            place += 2;
        } else if is(option, b"GET") || is(option, b"BY") {
            place += 1;
        } else if is(option, b"STORE") && place + 1 < request.len() {
            found = Some(place + 1);
            place += 1;
        }
        place += 1;
    }
    found
}

/// Where the keys of `MIGRATE` begin that stand in place of the single one (`migrateGetKeys` in db.c).
fn migrated(request: &Request<'_>) -> Option<usize> {
    let mut place = 6;
    while let Some(option) = request.arg(place) {
        if is(option, b"KEYS") {
            return request.arg(3).is_some_and(<[u8]>::is_empty).then_some(place + 1);
        }
        place += match option {
            option if is(option, b"AUTH") => 2,
            option if is(option, b"AUTH2") => 3,
            _ => 1,
        };
    }
    None
}
