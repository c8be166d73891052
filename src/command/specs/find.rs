//! Key specifications: where keys begin and which arguments from there on are keys.
//!
//! The arithmetic is that of `getKeysUsingKeySpecs` in db.c.

use std::{borrow::Cow, ops::ControlFlow};

use super::super::route::is;
use crate::resp::{Request, parse_integer};

/// Where some of a command's keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeySpec {
    pub(super) begin: Begin,
    pub(super) keys: Find,
}

/// Where the keys begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// At this argument.
    Index(i64),
    /// Behind this word, looked for from an argument on; from the end backwards when that is negative.
    Keyword { word: Cow<'static, [u8]>, from: i64 },
}

/// Which arguments are keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Find {
    /// From the beginning to `last`, which counts from there, or from the end when it is negative. With a limit
    /// only the first of so many equal parts of the rest holds keys.
    Range { last: i64, step: i64, limit: i64 },
    /// As many as the argument at `count` says, from `first` on; both count from the beginning.
    Count { count: i64, first: i64, step: i64 },
}

/// Calls `look` with the place of each key until it breaks.
pub(super) fn in_all<B>(
    specs: &[KeySpec],
    request: &Request<'_>,
    look: &mut impl FnMut(usize) -> ControlFlow<B>,
) -> ControlFlow<B> {
    specs.iter().try_for_each(|spec| spec.find(request, look))
}

impl KeySpec {
    /// The specification that the numbers first, last and step make; `None` where there are no keys.
    pub(super) fn of_range(first: i64, last: i64, step: i64) -> Option<Self> {
        // A last key that is not counted from the end is counted from the first argument.
        let last =
            if last < 0 { last } else { last.checked_sub(first).filter(|last| *last >= 0)? };
        (first > 0).then_some(Self {
            begin: Begin::Index(first),
            keys: Find::Range { last, step, limit: 0 },
        })
    }

    fn find<B>(
        &self,
        request: &Request<'_>,
        look: &mut impl FnMut(usize) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let Some((first, last, step)) = self.places(request) else {
            return ControlFlow::Continue(());
        };
        (first..=last).step_by(step).try_for_each(look)
    }

    /// The first and the last place and the step between them; `None` when there are none, or the arguments are too few.
    fn places(&self, request: &Request<'_>) -> Option<(usize, usize, usize)> {
        let len = i64::try_from(request.len()).ok()?;
        let begin = self.begin.place(request)?;
        let (first, last, step) = match self.keys {
            Find::Range { last, step, .. } if last >= 0 => (begin, begin.checked_add(last)?, step),
            Find::Range { last, step, limit } if limit <= 1 => {
                (begin, len.checked_add(last)?, step)
            }
            Find::Range { last, step, limit } => {
                let part = len.checked_sub(begin)? / limit;
                (begin, begin.checked_add(part)?.checked_add(last)?, step)
            }
            Find::Count { count, first, step } => {
                let count = usize::try_from(begin.checked_add(count)?).ok()?;
                let keys = parse_integer(request.arg(count)?).filter(|keys| *keys > 0)?;
                let first = begin.checked_add(first)?;
                (first, first.checked_add((keys - 1).checked_mul(step)?)?, step)
            }
        };
        // The command name is no key.
        let fits = first > 0 && first <= last && last < len;
        let place = |place| usize::try_from(place).ok();
        if fits { Some((place(first)?, place(last)?, place(step.max(1))?)) } else { None }
    }
}

impl Begin {
    fn place(&self, request: &Request<'_>) -> Option<i64> {
        match self {
            Self::Index(index) => Some(*index),
            Self::Keyword { word, from } => {
                let len = request.len();
                let is_word = |place: usize| request.arg(place).is_some_and(|arg| is(arg, word));
                let found = if *from >= 0 {
                    (usize::try_from(*from).ok()?..len).find(|place| is_word(*place))
                } else {
                    let back = usize::try_from(from.unsigned_abs()).ok()?;
                    (1..=len.checked_sub(back)?).rev().find(|place| is_word(*place))
                };
                i64::try_from(found?).ok()?.checked_add(1)
            }
        }
    }
}
