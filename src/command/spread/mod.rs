//! Where a request goes in front of several primaries.

mod announced;
mod cluster;
mod scan;
mod split;
mod table;

use bytes::{Bytes, BytesMut};

use self::table::Way;
pub use self::{
    announced::Announced,
    scan::{Cursor, Leg},
    split::{Part, Split},
};
use super::{
    join::{Fold, Join},
    route::is,
    specs::{Ask, Combine, Spec, Specs},
};
use crate::{
    resp::{Protocol, Request, encode},
    state::slot::Slot,
};

/// Where a request goes, and what becomes of its replies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spread {
    /// To the node that has the slot of its first key.
    Slot {
        /// The slot of the first key.
        slot: Slot,
        /// All keys are in this slot. Where they are not, the node refuses the request with `CROSSSLOT`.
        together: bool,
    },
    /// One part to each slot that its keys are in.
    Split(Split),
    /// To each primary.
    All(Join),
    /// To one primary after the other, as the cursor says.
    Scan(Cursor),
    /// To any primary.
    Any,
    /// To where its keys are, and these only `COMMAND GETKEYS` tells. If that is an error the command has no keys, or is
    /// for any primary to refuse.
    Ask,
    /// Nowhere: this is the reply.
    Answer(Bytes),
    /// Nowhere: what it asks for cannot be had from a cluster, as this reply says.
    Refused(Bytes),
}

/// What a client sees in place of the cluster.
#[derive(Clone, Copy, Debug)]
pub struct Front<'a> {
    /// Whether requests over several slots may be split: not within a transaction, and not where that is switched off.
    pub split: bool,
    /// What the client has been told to speak.
    pub protocol: Protocol,
    /// The one node that the cluster seems to be.
    pub announced: &'a Announced,
}

/// Decides for one complete request that is for the server. Session commands, and what changes the connection itself,
/// such as `MULTI` or `SUBSCRIBE`, are to be dealt with before; of these only the slot of their keys is told.
#[must_use]
pub fn spread(request: &Request<'_>, specs: &Specs, front: &Front<'_>) -> Spread {
    let spec = specs.of(request);
    if let Some(spec) = spec
        && !spec.has_hidden_keys()
        && let Some((slot, together)) = slot_of_keys(request, spec)
    {
        let migrates = is(request.name(), b"MIGRATE");
        return match () {
            () if migrates => refused("MIGRATE"),
            () if together || !front.split => Spread::Slot { slot, together },
            () => split::split(request, spec).unwrap_or(Spread::Slot { slot, together }),
        };
    }
    match (table::way(request), spec) {
        (Some(Way::Any), _) => Spread::Any,
        (Some(Way::All(join)), _) => Spread::All(join),
        (Some(Way::Scan), _) => Cursor::of(request).map_or(Spread::Any, Spread::Scan),
        (Some(Way::Done), _) if request.len() == 1 => answer(|out| encode::simple(out, "OK")),
        (Some(Way::Done), _) => wrong_arity(&request.name().to_ascii_lowercase()),
        (Some(Way::Cluster), _) => cluster::spread(request, specs, front),
        (Some(Way::Refused(name)), _) => refused(name),
        (None, Some(spec)) if !spec.has_hidden_keys() => by_tips(spec),
        (None, _) => Spread::Ask,
    }
}

/// The slot of the first key, and whether the others are in it; `None` where there are no keys.
fn slot_of_keys(request: &Request<'_>, spec: &Spec) -> Option<(Slot, bool)> {
    let (mut first, mut together) = (None, true);
    spec.each_key(request, |place| {
        let slot = Slot::of(request.arg(place).unwrap_or_default());
        together &= *first.get_or_insert(slot) == slot;
    });
    first.map(|slot| (slot, together))
}

/// Where a command without keys goes that the table does not have.
fn by_tips(spec: &Spec) -> Spread {
    if !matches!(spec.ask(), Some(Ask::AllNodes | Ask::AllShards)) {
        return Spread::Any;
    }
    Spread::All(match spec.combine() {
        None => Join::Concat,
        Some(Combine::OneSucceeded) => Join::OneSucceeded,
        Some(Combine::AllSucceeded) => Join::AllSucceeded,
        Some(Combine::And) => Join::Fold(Fold::And),
        Some(Combine::Or) => Join::Fold(Fold::Or),
        Some(Combine::Min) => Join::Fold(Fold::Min),
        Some(Combine::Max) => Join::Fold(Fold::Max),
        Some(Combine::Sum) => Join::Fold(Fold::Sum),
        // Rules that nobody here knows.
        Some(Combine::Special) => return Spread::Any,
    })
}

fn answer(write: impl FnOnce(&mut BytesMut)) -> Spread {
    let mut out = BytesMut::new();
    write(&mut out);
    Spread::Answer(out.freeze())
}

fn refused(name: &str) -> Spread {
    let mut out = BytesMut::new();
    encode::error(&mut out, format!("ERR {name} is not available in front of a cluster"));
    Spread::Refused(out.freeze())
}

/// In the words of Redis 7 (`commandCheckArity` in server.c).
fn wrong_arity(name: &[u8]) -> Spread {
    let text = [b"ERR wrong number of arguments for '", name, b"' command"].concat();
    answer(|out| encode::error(out, text))
}

#[cfg(test)]
mod tests;
