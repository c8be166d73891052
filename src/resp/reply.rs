//! Reading a complete reply in place, without building a tree of it.
//!
//! Every function takes a frame as [`ReplyScanner`] delimits it, and sees through attributes ahead
//! of it. Bytes that are no such frame give `None` or an error, never a panic.

use memchr::memchr;

use super::error::ReplyError;
use super::number;
use super::reply_scan::{Length, ReplyScanner, header as read_header};

/// What a reply is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `+`
    Simple,
    /// `-`
    Error,
    /// `:`
    Integer,
    /// `$`, also a streamed one; not the null `$-1`
    Bulk,
    /// `*`; not the null `*-1`
    Array,
    /// `_`, and RESP2's `$-1` and `*-1`
    Null,
    /// `#`
    Boolean,
    /// `,`
    Double,
    /// `(`
    BigNumber,
    /// `!`
    BulkError,
    /// `=`
    Verbatim,
    /// `%`
    Map,
    /// `~`
    Set,
    /// `>`
    Push,
}

/// What the reply is; `None` for bytes that begin no reply.
#[must_use]
pub fn kind(frame: &[u8]) -> Option<Kind> {
    Some(match value(frame)? {
        [b'+', ..] => Kind::Simple,
        [b'-', ..] => Kind::Error,
        [b':', ..] => Kind::Integer,
        [b'_', ..] | [b'$' | b'*', b'-', ..] => Kind::Null,
        [b'$', ..] => Kind::Bulk,
        [b'*', ..] => Kind::Array,
        [b'#', ..] => Kind::Boolean,
        [b',', ..] => Kind::Double,
        [b'(', ..] => Kind::BigNumber,
        [b'!', ..] => Kind::BulkError,
        [b'=', ..] => Kind::Verbatim,
        [b'%', ..] => Kind::Map,
        [b'~', ..] => Kind::Set,
        [b'>', ..] => Kind::Push,
        _ => return None,
    })
}

/// The frame without the attributes ahead of it.
#[must_use]
pub fn value(mut frame: &[u8]) -> Option<&[u8]> {
    while let [b'|', rest @ ..] = frame {
        let Ok(Some((Length::Of(pairs), end))) = read_header(rest) else {
            return None;
        };
        let mut attributes = Elements { rest: &rest[end..], left: Some(pairs.checked_mul(2)?) };
        if attributes.by_ref().any(|element| element.is_err()) {
            return None;
        }
        frame = attributes.rest;
    }
    Some(frame)
}

/// Whether the reply is an error, of either form.
#[must_use]
pub fn is_error(frame: &[u8]) -> bool {
    matches!(kind(frame), Some(Kind::Error | Kind::BulkError))
}

/// Whether the reply is a null, in any of its three forms.
#[must_use]
pub fn is_null(frame: &[u8]) -> bool {
    kind(frame) == Some(Kind::Null)
}

/// The text of an error of either form, beginning with its code, without `-` and line end.
#[must_use]
pub fn error_text(frame: &[u8]) -> Option<&[u8]> {
    match value(frame)? {
        [b'!', rest @ ..] => payload(rest),
        [b'-', rest @ ..] => rest.strip_suffix(b"\r\n"),
        _ => None,
    }
}

/// The bytes of a bulk string; `None` for a null, and for a streamed string, whose bytes do not lie
/// together.
#[must_use]
pub fn as_bulk(frame: &[u8]) -> Option<&[u8]> {
    payload(value(frame)?.strip_prefix(b"$")?)
}

/// The text of a simple string.
#[must_use]
pub fn as_simple(frame: &[u8]) -> Option<&[u8]> {
    value(frame)?.strip_prefix(b"+")?.strip_suffix(b"\r\n")
}

/// The value of an integer.
#[must_use]
pub fn as_integer(frame: &[u8]) -> Option<i64> {
    number::parse_integer(value(frame)?.strip_prefix(b":")?.strip_suffix(b"\r\n")?)
}

/// The elements of an array, set or push, or of a map, which gives key, value, key, value, and
/// so on; `None` for a null and for what has no elements.
#[must_use]
pub fn elements(frame: &[u8]) -> Option<Elements<'_>> {
    let [kind, rest @ ..] = value(frame)? else {
        return None;
    };
    let Ok(Some((length, end))) = read_header(rest) else {
        return None;
    };
    let left = match (kind, length) {
        (b'*' | b'~' | b'>', Length::Of(count)) => Some(count),
        (b'%', Length::Of(pairs)) => Some(pairs.checked_mul(2)?),
        (b'*' | b'~' | b'>' | b'%', Length::Streamed) => None,
        _ => return None,
    };
    Some(Elements { rest: &rest[end..], left })
}

/// The elements of an aggregate, each a complete frame with the attributes that belong to it.
///
/// Ends with an error where the bytes do not hold what the aggregate declares.
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    rest: &'a [u8],
    /// Elements to come; `None` when a streamed aggregate's end decides.
    left: Option<u64>,
}

impl<'a> Elements<'a> {
    /// How many elements are still to come (a map's pairs count twice); `None` for a streamed
    /// aggregate. A peer's word: nothing to reserve memory by.
    #[must_use]
    pub fn remaining(&self) -> Option<u64> {
        self.left
    }

    /// The bytes behind the elements taken so far.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Takes an element that the caller has read out of [`Elements::rest`]; `behind` is what is
    /// left of that.
    pub fn skip_to(&mut self, behind: &'a [u8]) {
        self.rest = behind;
        self.left = self.left.map(|left| left.saturating_sub(1));
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<&'a [u8], ReplyError>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.left {
            Some(0) => return None,
            Some(left) => *left -= 1,
            None if self.rest.starts_with(b".\r\n") => {
                self.rest = &self.rest[3..];
                self.left = Some(0);
                return None;
            }
            None => {}
        }
        let scanned = ReplyScanner::new().scan(self.rest);
        let element = scanned.and_then(|len| {
            len.and_then(|len| self.rest.split_at_checked(len)).ok_or(ReplyError::Truncated)
        });
        match element {
            Ok((element, rest)) => {
                self.rest = rest;
                Some(Ok(element))
            }
            Err(error) => {
                self.left = Some(0);
                Some(Err(error))
            }
        }
    }
}

/// An element that has no elements of its own, of the kinds that scripts and their commands give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar<'a> {
    /// `$`
    Bulk(&'a [u8]),
    /// `:`
    Integer(i64),
    /// `_` and `$-1`
    Null,
}

impl<'a> Scalar<'a> {
    /// The bytes of a bulk string.
    #[must_use]
    pub fn bulk(self) -> Option<&'a [u8]> {
        match self {
            Self::Bulk(bytes) => Some(bytes),
            Self::Integer(_) | Self::Null => None,
        }
    }
}

/// The elements of an aggregate as [`Scalar`]s, as far as they are some; `None` for what is no
/// aggregate of so many elements. The frame may have other bytes behind it, and need not have been
/// scanned: each byte is looked at once, which [`elements`] does twice.
#[must_use]
pub fn scalars(frame: &[u8]) -> Option<Scalars<'_>> {
    let Elements { rest, left } = elements(frame)?;
    Some(Scalars { rest, left: left? })
}

/// The elements of an aggregate, see [`scalars`].
#[derive(Debug, Clone)]
pub struct Scalars<'a> {
    rest: &'a [u8],
    left: u64,
}

impl<'a> Scalars<'a> {
    /// The bytes behind the aggregate; `None` unless all elements have been taken.
    #[must_use]
    pub fn behind(&self) -> Option<&'a [u8]> {
        (self.left == 0).then_some(self.rest)
    }
}

impl<'a> Iterator for Scalars<'a> {
    type Item = Scalar<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let left = self.left.checked_sub(1)?;
        let (scalar, rest) = take_scalar(self.rest)?;
        *self = Self { rest, left };
        Some(scalar)
    }
}

fn take_scalar(bytes: &[u8]) -> Option<(Scalar<'_>, &[u8])> {
    match bytes {
        [b'$', rest @ ..] => {
            let (length, end) = read_header(rest).ok()??;
            let rest = &rest[end..];
            match length {
                Length::Of(length) => {
                    let (payload, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
                    Some((Scalar::Bulk(payload), rest.strip_prefix(b"\r\n")?))
                }
                Length::Null => Some((Scalar::Null, rest)),
                Length::Streamed | Length::Missing => None,
            }
        }
        [b':', rest @ ..] => {
            let (digits, behind) = rest.split_at(memchr(b'\r', rest)?);
            Some((Scalar::Integer(number::parse_integer(digits)?), behind.strip_prefix(b"\r\n")?))
        }
        [b'_', b'\r', b'\n', rest @ ..] => Some((Scalar::Null, rest)),
        _ => None,
    }
}

/// The payload of a bulk string from which the type has been taken.
fn payload(rest: &[u8]) -> Option<&[u8]> {
    let Ok(Some((Length::Of(length), start))) = read_header(rest) else {
        return None;
    };
    let (payload, end) = rest[start..].split_at_checked(usize::try_from(length).ok()?)?;
    (end == b"\r\n").then_some(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts<'a>(elements: impl Iterator<Item = Result<&'a [u8], ReplyError>>) -> Vec<String> {
        elements.map(|element| element.unwrap().escape_ascii().to_string()).collect()
    }

    #[test]
    fn scalars_are_read_in_place() {
        assert_eq!(as_simple(b"+OK\r\n"), Some(&b"OK"[..]));
        assert_eq!(as_bulk(b"$3\r\na\r\n\r\n"), Some(&b"a\r\n"[..]));
        assert_eq!(as_bulk(b"$-1\r\n"), None);
        assert_eq!(as_integer(b":-12\r\n"), Some(-12));
        assert_eq!(as_integer(b"|1\r\n+a\r\n*1\r\n_\r\n|0\r\n:1\r\n"), Some(1));
        assert_eq!(error_text(b"-ERR x\r\n"), Some(&b"ERR x"[..]));
        assert_eq!(error_text(b"!5\r\nERR x\r\n"), Some(&b"ERR x"[..]));
        for null in ["_\r\n", "$-1\r\n", "*-1\r\n"] {
            assert!(is_null(null.as_bytes()) && elements(null.as_bytes()).is_none());
        }
        assert!(is_error(b"-x\r\n") && is_error(b"!1\r\nx\r\n") && !is_error(b"+x\r\n"));
        assert_eq!(kind(b"$?\r\n;0\r\n"), Some(Kind::Bulk));
    }

    #[test]
    fn elements_come_in_order_with_their_attributes() {
        let map = b"%2\r\n+a\r\n*2\r\n:1\r\n_\r\n$1\r\nb\r\n|1\r\n_\r\n_\r\n#t\r\n";
        let items = elements(map).unwrap();
        assert_eq!(items.remaining(), Some(4));
        assert_eq!(
            texts(items),
            [
                "+a\\r\\n",
                "*2\\r\\n:1\\r\\n_\\r\\n",
                "$1\\r\\nb\\r\\n",
                "|1\\r\\n_\\r\\n_\\r\\n#t\\r\\n"
            ]
        );
        let streamed = b"*?\r\n:1\r\n*?\r\n.\r\n.\r\n";
        assert_eq!(texts(elements(streamed).unwrap()), [":1\\r\\n", "*?\\r\\n.\\r\\n"]);
        assert!(elements(b"$1\r\na\r\n").is_none());
    }

    #[test]
    fn scalars_end_where_something_else_begins() {
        let all = |frame: &'static [u8]| scalars(frame).map(Iterator::collect::<Vec<_>>);
        let (bulk, one) = (Scalar::Bulk(b"a\r\n"), Scalar::Integer(-1));
        let frame = b"*5\r\n$3\r\na\r\n\r\n:-1\r\n$-1\r\n_\r\n$0\r\n\r\n";
        let (null, empty) = (Scalar::Null, Scalar::Bulk(b""));
        assert_eq!(all(frame), Some(vec![bulk, one, null, null, empty]));
        assert_eq!(all(b"*3\r\n:-1\r\n*0\r\n:-1\r\n"), Some(vec![one]));
        for cut in [
            &b"*2\r\n:-1\r\n$3\r\nab"[..],
            b"*2\r\n:-1\r\n$2\r\nabcd",
            b"*2\r\n:-1\r\n:x\r\n",
            b"*2\r\n:-1\r\n",
        ] {
            assert_eq!(scalars(cut).unwrap().collect::<Vec<_>>(), [one]);
        }
        assert_eq!((all(b":1\r\n"), all(b"*-1\r\n"), all(b"-x\r\n")), (None, None, None));
    }

    #[test]
    fn bytes_that_are_no_frame_give_no_value() {
        let items: Vec<_> = elements(b"*3\r\n:1\r\n:2").unwrap().collect();
        assert_eq!(items, [Ok(&b":1\r\n"[..]), Err(ReplyError::Truncated)]);
        let items: Vec<_> = elements(b"*9\r\nx").unwrap().collect();
        assert_eq!(items, [Err(ReplyError::Type(b'x'))]);
        for bytes in
            ["", "$", "$5\r\nab\r\n", "$1\r\nabcd", "|1\r\n:1\r\n", "|", "+", ":x\r\n", ":", "%"]
        {
            let bytes = bytes.as_bytes();
            assert_eq!((as_bulk(bytes), as_integer(bytes), as_simple(bytes)), (None, None, None));
        }
    }
}
