//! Joins the replies of several nodes to the reply that one server would give.
//!
//! Each part is a complete frame as it came from its node. What comes out is never longer than all parts together but
//! for a header and some digits, and costs one look at each byte. A part that is not what the command answers with
//! makes an error of the whole.

mod fields;
mod fold;
mod info;
mod list;
mod newest;
mod places;

use bytes::BytesMut;

pub use self::{fold::Fold, newest::Age, places::Places};
use crate::resp::{
    Protocol, encode,
    reply::{self, Kind},
};

/// A node has answered with something that does not belong to the command.
const UNEXPECTED: &str = "ERR unexpected reply from a node of the cluster";

/// How the replies of several nodes become one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Join {
    /// Arrays whose elements belong to the keys of one request: each goes where its key stood.
    Places(Places),
    /// Integers, or arrays of as many integers, become one.
    Fold(Fold),
    /// The first reply when all went well.
    AllSucceeded,
    /// The first reply that is no error. Of errors one that says more than `NOTBUSY`, which those give that had nothing
    /// to do.
    OneSucceeded,
    /// The elements of all, one part behind the other.
    Concat,
    /// The elements of all, each once.
    Union,
    /// Any reply that is no null.
    Random,
    /// The entries of all logs, the newest first; so many, or all of them.
    Newest(Age, Option<usize>),
    /// Channels and their numbers of subscribers in turn.
    Subscribers,
    /// `INFO`: that of the first, with the numbers of all added up where they add.
    Info,
}

impl Join {
    /// Appends what the parts become. Unless it is [`Join::OneSucceeded`], the first error among them is the reply.
    pub fn join(&self, parts: &[impl AsRef<[u8]>], out: &mut BytesMut) {
        let parts: Vec<_> = parts.iter().map(AsRef::as_ref).collect();
        let begin = out.len();
        let error = parts.iter().find(|part| reply::is_error(part));
        let joined = match (self, error) {
            (Self::OneSucceeded, _) => one_succeeded(&parts, out),
            (_, Some(error)) => whole(error, out),
            (Self::Places(places), None) => places.join(&parts, out),
            (Self::Fold(fold), None) => fold.join(&parts, out),
            (Self::AllSucceeded, None) => parts.first().and_then(|part| whole(part, out)),
            (Self::Concat, None) => list::concat(&parts, out),
            (Self::Union, None) => list::union(&parts, out),
            (Self::Random, None) => random(&parts, out),
            (Self::Newest(age, most), None) => newest::join(*age, *most, &parts, out),
            (Self::Subscribers, None) => list::subscribers(&parts, out),
            (Self::Info, None) => info::join(&parts, out),
        };
        if joined.is_none() {
            out.truncate(begin);
            encode::error(out, UNEXPECTED);
        }
    }
}

/// Appends a part as it is.
fn whole(part: &[u8], out: &mut BytesMut) -> Option<()> {
    reply::kind(part)?;
    out.extend_from_slice(part);
    Some(())
}

fn one_succeeded(parts: &[&[u8]], out: &mut BytesMut) -> Option<()> {
    let says_more =
        |part: &&&[u8]| reply::error_text(part).is_some_and(|text| !text.starts_with(b"NOTBUSY"));
    let succeeded = parts.iter().find(|part| !reply::is_error(part));
    whole(succeeded.or_else(|| parts.iter().find(says_more)).or(parts.first())?, out)
}

/// Each node has chosen a key at random, so the bytes of all are as good as dice (FNV-1a).
fn random(parts: &[&[u8]], out: &mut BytesMut) -> Option<()> {
    let found: Vec<_> = parts.iter().filter(|part| !reply::is_null(part)).collect();
    let Some(last) = found.len().checked_sub(1) else { return whole(parts.first()?, out) };
    let dice = found
        .iter()
        .flat_map(|part| part.iter())
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    whole(found[(dice >> 8) as usize % (last + 1)], out)
}

/// Appends the header of an aggregate of this kind with so many elements, a map's keys and values counted apart.
fn header(kind: Kind, elements: usize, out: &mut BytesMut) -> Option<()> {
    match kind {
        Kind::Array => encode::array_header(out, elements),
        Kind::Set => encode::set_header(out, Protocol::Resp3, elements),
        Kind::Map => encode::map_header(out, Protocol::Resp3, elements / 2),
        _ => return None,
    }
    Some(())
}

/// The elements of an aggregate; `None` for anything else, and when one is missing.
fn elements(frame: &[u8]) -> Option<Vec<&[u8]>> {
    reply::elements(frame)?.collect::<Result<_, _>>().ok()
}

#[cfg(test)]
mod tests;
