//! Entries of several nodes' logs, the newest first.

use bytes::BytesMut;

use super::elements;
use crate::resp::{encode, reply};

/// Where an entry says how old it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// The second element is the time in unix seconds (`SLOWLOG GET`).
    Time,
    /// The field `age-seconds` (`ACL LOG`).
    Seconds,
}

/// Appends the newest entries, `most` or all. Of equally old ones those of the first node come first, in its order.
pub(super) fn join(
    age: Age,
    most: Option<usize>,
    parts: &[&[u8]],
    out: &mut BytesMut,
) -> Option<()> {
    let mut entries = Vec::new();
    for part in parts {
        for entry in elements(part)? {
            entries.push((age.of(entry)?, entry));
        }
    }
    entries.sort_by_key(|(age, _)| *age);
    entries.truncate(most.unwrap_or(usize::MAX));
    encode::array_header(out, entries.len());
    entries.into_iter().for_each(|(_, entry)| out.extend_from_slice(entry));
    Some(())
}

impl Age {
    /// Larger for older entries.
    fn of(self, entry: &[u8]) -> Option<i64> {
        let mut elements = reply::elements(entry)?.map_while(Result::ok);
        match self {
            Self::Time => reply::as_integer(elements.nth(1)?)?.checked_neg(),
            Self::Seconds => {
                elements.find(|name| reply::as_bulk(name) == Some(b"age-seconds"))?;
                let age = elements.next()?;
                let text = reply::as_bulk(age)
                    .or_else(|| reply::value(age)?.strip_prefix(b",")?.strip_suffix(b"\r\n"));
                let seconds: f64 = std::str::from_utf8(text?).ok()?.parse().ok()?;
                // As a cast, it saturates. The server tells milliseconds.
                Some((seconds * 1000.0) as i64)
            }
        }
    }
}
