//! `SCAN` over several primaries with one cursor.
//!
//! The cursor of the node `index` among `n` is told as `cursor * n + index`, so each number that a client may come up with
//! is the cursor of some node. A node that is done hands over to the next, whose cursor 0 is told as its index: 0 is
//! told only in the end.

use bytes::{Bytes, BytesMut};

use crate::resp::{Request, encode, reply};

/// A cursor as the client gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor(u64);

/// What one `SCAN` asks: one node, and its own cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    index: u64,
    nodes: u64,
    cursor: u64,
}

/// A node's cursor that has no place in ours. No server has so many keys.
const TOO_LARGE: &str = "ERR the cursor of a node of the cluster is too large";
/// A reply that has no cursor.
const UNEXPECTED: &str = "ERR unexpected reply from a node of the cluster";

impl Cursor {
    /// The cursor of a `SCAN` request; `None` when it is none, which any node says (`parseScanCursorOrReply` in db.c).
    pub(super) fn of(request: &Request<'_>) -> Option<Self> {
        let text = request.arg(1)?;
        // The server reads it with `strtoul`: nothing is 0, and a sign turns a number around.
        let (negative, digits) = match text {
            [b'-', digits @ ..] => (true, digits),
            [b'+', digits @ ..] | digits => (false, digits),
        };
        if text.is_empty() {
            return Some(Self(0));
        }
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
        Some(Self(if negative { number.wrapping_neg() } else { number }))
    }

    /// What it means where there are so many primaries, which have to be in the same order each time.
    #[must_use]
    pub fn leg(self, nodes: usize) -> Leg {
        let nodes = u64::try_from(nodes).unwrap_or(u64::MAX).max(1);
        Leg { index: self.0 % nodes, nodes, cursor: self.0 / nodes }
    }
}

impl Leg {
    /// Which of the primaries is asked.
    #[must_use]
    pub fn index(self) -> usize {
        // It is less than their number.
        usize::try_from(self.index).unwrap_or_default()
    }

    /// The request that the primary gets in place of the client's.
    #[must_use]
    pub fn request(self, request: &Request<'_>) -> Bytes {
        let cursor = self.cursor.to_string();
        let args = request.args().enumerate();
        let args: Vec<_> =
            args.map(|(place, arg)| if place == 1 { cursor.as_bytes() } else { arg }).collect();
        let mut out = BytesMut::new();
        encode::command(&mut out, args);
        out.freeze()
    }

    /// Appends the primary's reply with the cursor for the client. An error stays as it is.
    pub fn reply(self, frame: &[u8], out: &mut BytesMut) {
        if reply::is_error(frame) {
            return out.extend_from_slice(frame);
        }
        let Some((cursor, rest)) = cursor_and_rest(frame) else {
            return encode::error(out, UNEXPECTED);
        };
        match self.next(cursor) {
            Some(next) => {
                encode::array_header(out, 2);
                encode::bulk_number(out, next);
                out.extend_from_slice(rest);
            }
            None => encode::error(out, TOO_LARGE),
        }
    }

    /// The client's cursor when the primary's is `cursor`; `None` when it is too large.
    fn next(self, cursor: u64) -> Option<u64> {
        let Self { index, nodes, .. } = self;
        match cursor {
            0 if index + 1 < nodes => Some(index + 1),
            0 => Some(0),
            _ => cursor.checked_mul(nodes)?.checked_add(index),
        }
    }
}

/// The cursor, and the frame of what was found.
fn cursor_and_rest(frame: &[u8]) -> Option<(u64, &[u8])> {
    let mut elements = reply::elements(frame).filter(|elements| elements.remaining() == Some(2))?;
    let cursor = reply::as_bulk(elements.next()?.ok()?)?;
    let found = elements.next()?.ok()?;
    Some((std::str::from_utf8(cursor).ok()?.parse().ok()?, found))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::command::sample::with_request;

    fn cursor(text: &str) -> Option<u64> {
        with_request(&format!("SCAN {text}"), Cursor::of).map(|cursor| cursor.0)
    }

    #[test]
    fn cursors_are_read_as_the_server_reads_them() {
        for (text, number) in [
            ("0", Some(0)),
            ("", Some(0)),
            ("007", Some(7)),
            ("+7", Some(7)),
            ("-1", Some(u64::MAX)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("x", None),
            ("-", None),
            ("+", None),
            ("+-1", None),
            ("++1", None),
            ("1x", None),
        ] {
            assert_eq!(cursor(text), number, "{text}");
        }
    }

    fn replied(leg: Leg, frame: &[u8]) -> String {
        let mut out = BytesMut::new();
        leg.reply(frame, &mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn the_reply_has_the_cursor_of_all() {
        let leg = Cursor(7).leg(3);
        assert_eq!((leg.index(), leg.cursor), (1, 2));
        let found = "*1\r\n$1\r\nk\r\n";
        let of = |cursor: &str| format!("*2\r\n${}\r\n{cursor}\r\n{found}", cursor.len());
        assert_eq!(replied(leg, of("5").as_bytes()), of("16"));
        assert_eq!(replied(leg, of("0").as_bytes()), of("2"));
        assert_eq!(replied(Cursor(2).leg(3), of("0").as_bytes()), of("0"));
        let large = replied(leg, of("18446744073709551615").as_bytes());
        assert_eq!(large, format!("-{TOO_LARGE}\r\n"));
        assert_eq!(replied(leg, b"-LOADING x\r\n"), "-LOADING x\r\n");
        for frame in [&b""[..], b":1\r\n", b"*1\r\n$1\r\n0\r\n", b"*2\r\n$1\r\nx\r\n*0\r\n"] {
            assert_eq!(replied(leg, frame), format!("-{UNEXPECTED}\r\n"));
        }
    }

    #[test]
    fn the_node_gets_its_own_cursor() {
        let request =
            with_request("scan 7 MATCH a COUNT 9", |request| Cursor(7).leg(3).request(request));
        let expected =
            "*6\r\n$4\r\nscan\r\n$1\r\n2\r\n$5\r\nMATCH\r\n$1\r\na\r\n$5\r\nCOUNT\r\n$1\r\n9\r\n";
        assert_eq!(request, expected);
    }

    proptest! {
        #[test]
        fn a_cursor_comes_back_as_it_was(nodes in 1..2000usize, cursor in 1..u64::MAX / 2000, index in 0..2000usize) {
            let leg = Cursor((index % nodes) as u64).leg(nodes);
            let next = leg.next(cursor).unwrap();
            prop_assert_ne!(next, 0);
            let back = Cursor(next).leg(nodes);
            prop_assert_eq!((back.index(), back.cursor), (index % nodes, cursor));
        }

        #[test]
        fn each_node_is_walked_once(lengths in prop::collection::vec(1..5u64, 1..9)) {
            let (mut cursor, mut walked) = (0, Vec::new());
            loop {
                let leg = Cursor(cursor).leg(lengths.len());
                walked.push((leg.index(), leg.cursor));
                let last = leg.cursor + 1 == lengths[leg.index()];
                cursor = leg.next(if last { 0 } else { leg.cursor + 1 }).unwrap();
                if cursor == 0 {
                    break;
                }
            }
            let each = lengths.iter().enumerate();
            let expected: Vec<_> = each.flat_map(|(node, n)| (0..*n).map(move |at| (node, at))).collect();
            prop_assert_eq!(walked, expected);
        }

        #[test]
        fn any_cursor_is_one(cursor in any::<u64>(), nodes in 0..9usize, theirs in any::<u64>()) {
            let leg = Cursor(cursor).leg(nodes);
            prop_assert!(leg.index() < nodes.max(1));
            let _ = leg.next(theirs);
        }
    }
}
