//! Lists of several nodes become one.

use std::collections::HashSet;

use bytes::BytesMut;

use super::{elements, fold::Fold, header, whole};
use crate::resp::{
    encode,
    reply::{self, Kind},
};

/// What channels of keyspace events begin with: these are subscribed to on every node, so a subscriber counts on each.
const EVERYWHERE: &[u8] = b"__key";

/// Appends the elements of all. Parts that are no aggregates are not for joining: the first stands for all.
pub(super) fn concat(parts: &[&[u8]], out: &mut BytesMut) -> Option<()> {
    let first = parts.first()?;
    let kind = reply::kind(first)?;
    if reply::elements(first).is_none() {
        return whole(first, out);
    }
    let (mut total, mut rests) = (0usize, Vec::with_capacity(parts.len()));
    for part in parts {
        let elements = reply::elements(part).filter(|_| reply::kind(part) == Some(kind))?;
        total = total.checked_add(usize::try_from(elements.remaining()?).ok()?)?;
        rests.push(elements.rest());
    }
    header(kind, total, out)?;
    rests.into_iter().for_each(|rest| out.extend_from_slice(rest));
    Some(())
}

/// Appends the elements of all, each once. Not for maps: a key or a value alone is no element of one.
pub(super) fn union(parts: &[&[u8]], out: &mut BytesMut) -> Option<()> {
    let (mut seen, mut union) = (HashSet::new(), Vec::new());
    for part in parts {
        let elements = elements(part).filter(|_| reply::kind(part) != Some(Kind::Map))?;
        union.extend(elements.into_iter().filter(|element| seen.insert(*element)));
    }
    header(reply::kind(parts.first()?)?, union.len(), out)?;
    union.into_iter().for_each(|element| out.extend_from_slice(element));
    Some(())
}

/// Appends each channel with the number of its subscribers on all nodes.
pub(super) fn subscribers(parts: &[&[u8]], out: &mut BytesMut) -> Option<()> {
    let (first, others) = parts.split_first()?;
    let mut all = channels(first)?;
    for part in others {
        let channels = channels(part).filter(|channels| channels.len() == all.len())?;
        for ((channel, sum), (other, count)) in all.iter_mut().zip(channels) {
            let name = reply::as_bulk(channel).filter(|_| *channel == other)?;
            let fold = if name.starts_with(EVERYWHERE) { Fold::Max } else { Fold::Sum };
            *sum = fold.of(*sum, count);
        }
    }
    header(reply::kind(first)?, 2 * all.len(), out)?;
    for (channel, count) in all {
        out.extend_from_slice(channel);
        encode::integer(out, count);
    }
    Some(())
}

fn channels(frame: &[u8]) -> Option<Vec<(&[u8], i64)>> {
    let elements = elements(frame)?;
    let pairs = elements.chunks_exact(2);
    pairs.map(|pair| Some((pair[0], reply::as_integer(pair[1])?))).collect()
}
