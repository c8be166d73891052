//! Requests over several slots that may be split: one part for each slot.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};

use super::{Spread, wrong_arity};
use crate::{
    command::{
        join::{Fold, Join, Places},
        route::is,
        specs::Spec,
    },
    resp::{Request, encode},
    state::slot::Slot,
};

/// A request in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// One for each slot, in the order in which the slots come up in the request.
    pub parts: Vec<Part>,
    /// What their replies become, in the order of the parts.
    pub join: Join,
}

/// The part of a request that is for one slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The slot.
    pub slot: Slot,
    /// The request for it.
    pub request: Bytes,
    /// The places of its keys among the arguments of the whole request.
    pub keys: Vec<usize>,
}

/// What can be split.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Mget,
    Mset,
    /// Each answers how many of the keys there were.
    Counted,
}

impl Kind {
    fn of(name: &[u8]) -> Option<Self> {
        Some(match name {
            name if is(name, b"MGET") => Self::Mget,
            name if is(name, b"MSET") => Self::Mset,
            name if [&b"DEL"[..], b"UNLINK", b"EXISTS", b"TOUCH"]
                .iter()
                .any(|word| is(name, word)) =>
            {
                Self::Counted
            }
            _ => return None,
        })
    }
}

/// The parts of a request; `None` when its command cannot be split.
pub(super) fn split(request: &Request<'_>, spec: &Spec) -> Option<Spread> {
    let kind = Kind::of(request.name())?;
    // The last key has no value. A node that gets it all would see the slots first.
    if kind == Kind::Mset && request.len().is_multiple_of(2) {
        return Some(wrong_arity(b"mset"));
    }
    let width = if kind == Kind::Mset { 2 } else { 1 };
    let (mut parts, mut places) = (Vec::<(Slot, Vec<usize>)>::new(), Places::new());
    let mut of_slot = HashMap::new();
    spec.each_key(request, |place| {
        let slot = Slot::of(request.arg(place).unwrap_or_default());
        let part = *of_slot.entry(slot).or_insert_with(|| {
            parts.push((slot, Vec::new()));
            parts.len() - 1
        });
        parts[part].1.push(place);
        places.push(part);
    });
    let part = |(slot, keys): (Slot, Vec<usize>)| {
        let mut args = vec![request.name()];
        let places = keys.iter().flat_map(|place| *place..*place + width);
        args.extend(places.filter_map(|place| request.arg(place)));
        let mut out = BytesMut::new();
        encode::command(&mut out, args);
        Part { slot, request: out.freeze(), keys }
    };
    let join = match kind {
        Kind::Mget => Join::Places(places),
        Kind::Mset => Join::AllSucceeded,
        Kind::Counted => Join::Fold(Fold::Sum),
    };
    Some(Spread::Split(Split { parts: parts.into_iter().map(part).collect(), join }))
}
