//! A session as scripts give it, and as replies show it.

use std::fmt::Write as _;

use bytes::{BufMut, BytesMut};
use serde_json::value::RawValue;

use crate::resp::{
    Protocol, encode, parse_integer,
    reply::{self, Scalar},
};

/// How sessions are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As a map of the protocol.
    Map,
    /// As a bulk string with a JSON object.
    Json,
}

impl Form {
    /// JSON when it was asked for.
    pub(super) fn json_if(asked: bool) -> Self {
        if asked { Form::Json } else { Form::Map }
    }
}

/// A session out of a script's reply `{id, w, ttl, idle, ip, d, no_resave, r}`, in listings
/// followed by `la, token`. The scripts leave to us what costs the server more: names and numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct View<'a> {
    id: &'a [u8],
    r: i64,
    w: i64,
    ttl: i64,
    idle: i64,
    ip: &'a [u8],
    d: Option<&'a [u8]>,
    no_resave: bool,
    /// Last activity in unix seconds; 0 outside of listings.
    pub(super) la: i64,
    /// Empty outside of listings.
    pub(super) token: &'a [u8],
}

impl<'a> View<'a> {
    /// Reads a script's reply; `None` for what is none of them.
    pub(super) fn read(frame: &'a [u8]) -> Option<Self> {
        Self::read_front(frame).map(|(view, _)| view)
    }

    /// As [`View::read`], where other bytes may follow, which are given back.
    pub(super) fn read_front(frame: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let mut scalars = reply::scalars(frame)?;
        let mut next = || scalars.next();
        let view = Self {
            id: next()?.bulk()?,
            w: integer(next()?),
            ttl: integer(next()?),
            idle: integer(next()?),
            // Another client may have stored none: the field is never missing in a reply.
            ip: next()?.bulk().unwrap_or_default(),
            d: next()?.bulk(),
            no_resave: next()?.bulk() == Some(b"1"),
            r: integer(next()?),
            la: next().map_or(0, integer),
            token: next().and_then(Scalar::bulk).unwrap_or_default(),
        };
        Some((view, scalars.behind()?))
    }

    /// Appends the session as the protocol's map.
    pub(super) fn write_map(&self, protocol: Protocol, out: &mut BytesMut) {
        out.reserve(160 + self.id.len() + self.ip.len() + self.d.map_or(0, <[u8]>::len));
        let fields = 6 + usize::from(self.d.is_some()) + usize::from(self.no_resave);
        encode::map_header(out, protocol, fields);
        out.put_slice(b"$2\r\nid\r\n");
        encode::bulk(out, self.id);
        for (name, value) in [
            (&b"$1\r\nr\r\n"[..], self.r),
            (b"$1\r\nw\r\n", self.w),
            (b"$3\r\nttl\r\n", self.ttl),
            (b"$4\r\nidle\r\n", self.idle),
        ] {
            out.put_slice(name);
            encode::integer(out, value);
        }
        out.put_slice(b"$2\r\nip\r\n");
        encode::bulk(out, self.ip);
        if let Some(d) = self.d {
            out.put_slice(b"$1\r\nd\r\n");
            encode::bulk(out, d);
        }
        if self.no_resave {
            out.put_slice(b"$9\r\nno_resave\r\n");
            encode::bool(out, protocol, true);
        }
    }

    /// Appends the session as a JSON object.
    pub(super) fn write_json(&self, json: &mut String) {
        json.push_str("{\"id\":");
        write_string(self.id, json);
        let Self { r, w, ttl, idle, .. } = self;
        // Writing to a string cannot fail.
        let _ = write!(json, ",\"r\":{r},\"w\":{w},\"ttl\":{ttl},\"idle\":{idle},\"ip\":");
        write_string(self.ip, json);
        if let Some(d) = self.d {
            json.push_str(",\"d\":");
            let nested = std::str::from_utf8(d).ok();
            match nested.and_then(|d| serde_json::from_str::<&RawValue>(d).ok()) {
                Some(d) => json.push_str(d.get()),
                None => write_string(d, json),
            }
        }
        if self.no_resave {
            json.push_str(",\"no_resave\":true");
        }
        json.push('}');
    }
}

/// Appends bytes as a JSON string; what is no UTF-8 becomes U+FFFD.
fn write_string(bytes: &[u8], json: &mut String) {
    let text = String::from_utf8_lossy(bytes);
    json.push_str(&serde_json::Value::from(text).to_string());
}

/// The value of an integer, or of a bulk string with one; 0 where another client stored none.
fn integer(scalar: Scalar<'_>) -> i64 {
    match scalar {
        Scalar::Integer(value) => value,
        Scalar::Bulk(text) => parse_integer(text).unwrap_or(0),
        Scalar::Null => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &[u8] = b"*8\r\n$2\r\na:\r\n$2\r\n12\r\n:7200\r\n:3\r\n$3\r\n::1\r\n\
        $12\r\n{\"a\":1.10,\r\n\r\n$1\r\n1\r\n:5\r\n";

    fn json(frame: &[u8]) -> String {
        let mut json = String::new();
        View::read(frame).unwrap().write_json(&mut json);
        json
    }

    fn map(frame: &[u8], protocol: Protocol) -> String {
        let mut out = BytesMut::new();
        View::read(frame).unwrap().write_map(protocol, &mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    /// A session with this data.
    fn with_data(d: &[u8]) -> Vec<u8> {
        let head =
            format!("*8\r\n$1\r\na\r\n$1\r\n1\r\n$2\r\n10\r\n:0\r\n$1\r\nx\r\n${}\r\n", d.len());
        [head.as_bytes(), d, b"\r\n$-1\r\n$1\r\n2\r\n"].concat()
    }

    #[test]
    fn maps() {
        let fields = "$2\r\nid\r\n$2\r\na:\r\n$1\r\nr\r\n:5\r\n$1\r\nw\r\n:12\r\n$3\r\nttl\r\n:7200\r\n\
            $4\r\nidle\r\n:3\r\n$2\r\nip\r\n$3\r\n::1\r\n$1\r\nd\r\n$12\r\n{\"a\":1.10,\r\n\r\n\
            $9\r\nno_resave\r\n";
        assert_eq!(map(FULL, Protocol::Resp2), format!("*16\r\n{fields}:1\r\n"));
        assert_eq!(map(FULL, Protocol::Resp3), format!("%8\r\n{fields}#t\r\n"));
    }

    #[test]
    fn what_is_not_stored_is_not_shown() {
        let bare = b"*8\r\n$1\r\na\r\n_\r\n$2\r\n10\r\n:0\r\n_\r\n_\r\n$4\r\ntrue\r\n_\r\n";
        let fields = "$2\r\nid\r\n$1\r\na\r\n$1\r\nr\r\n:0\r\n$1\r\nw\r\n:0\r\n$3\r\nttl\r\n:10\r\n\
            $4\r\nidle\r\n:0\r\n$2\r\nip\r\n$0\r\n\r\n";
        assert_eq!(map(bare, Protocol::Resp3), format!("%6\r\n{fields}"));
        assert_eq!(map(bare, Protocol::Resp2), format!("*12\r\n{fields}"));
        assert_eq!(json(bare), r#"{"id":"a","r":0,"w":0,"ttl":10,"idle":0,"ip":""}"#);
    }

    #[test]
    fn data_in_json_keeps_its_text_where_it_is_json() {
        let start = r#"{"id":"a","r":2,"w":1,"ttl":10,"idle":0,"ip":"x","d":"#;
        for (d, shown) in [
            (&br#"{"a": 12345678901234567890,"b":1.10,"c":"\u00e4\/","d":[{}]}"#[..], None),
            (b"[1]", None),
            (b"null", None),
            (b"  {} ", Some("{}")),
            (b"", Some("\"\"")),
            (b"{\"a\":", Some(r#""{\"a\":""#)),
            (b"{\"a\":01}", Some(r#""{\"a\":01}""#)),
            (b"{\"\xff\":1}\n", Some("\"{\\\"\u{fffd}\\\":1}\\n\"")),
        ] {
            let shown = shown.unwrap_or_else(|| std::str::from_utf8(d).unwrap());
            assert_eq!(json(&with_data(d)), format!("{start}{shown}}}"));
        }
    }

    #[test]
    fn other_replies_are_none() {
        for frame in [&b":1\r\n"[..], b"*0\r\n", b"*1\r\n$1\r\na\r\n", b"$-1\r\n", b"-ERR\r\n"] {
            assert_eq!(View::read(frame), None);
        }
    }
}
