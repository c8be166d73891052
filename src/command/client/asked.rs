//! What the server is asked about a command that speaks of clients: whether it is right and allowed, with no effect there.
//!
//! The ids that clients know are ours. The server has other connections under the same numbers, which must never be hit.

use bytes::BytesMut;

use crate::{
    command::route::is,
    resp::{Request, encode, parse_integer},
};

/// An id that no connection of a server has.
pub const NOBODY: u64 = i64::MAX as u64;
/// An address that no connection comes from.
const NOWHERE: &[u8] = b"0.0.0.0:0";

/// The filters that have one value, which is no id.
const SINGLE: &[&[u8]] = &[
    b"TYPE",
    b"USER",
    b"ADDR",
    b"LADDR",
    b"IP",
    b"NAME",
    b"LIB-NAME",
    b"LIB-VER",
    b"FLAGS",
    b"DB",
    b"IDLE",
    b"MAXAGE",
    b"SKIPME",
    b"CAPA",
];

/// Appends `CLIENT KILL` with the same words for a connection that does not exist: the server refuses what it refuses, and
/// else ends nobody.
pub fn encode_kill(request: &Request<'_>, out: &mut BytesMut) {
    let nobody = NOBODY.to_string();
    if request.len() == 3 {
        return encode::command(out, [&b"CLIENT"[..], b"KILL", NOWHERE]);
    }
    // Filters add up, so this one makes the request harmless whatever else it says.
    let mut args: Vec<&[u8]> = vec![b"CLIENT", b"KILL", b"ID", nobody.as_bytes()];
    let mut words = request.args().skip(2).peekable();
    while let Some(word) = words.next() {
        // Whatever else the words mean to a later server: no number that may be an id gets there.
        let may_be_id = parse_integer(word).is_some_and(|id| id > 0);
        args.push(if may_be_id { nobody.as_bytes() } else { word });
        if SINGLE.iter().any(|single| is(without_not(word), single)) {
            args.extend(words.next());
        }
    }
    encode::command(out, args);
}

/// The filter that the word names, whether it is negated or not.
fn without_not(word: &[u8]) -> &[u8] {
    word.split_at_checked(4).filter(|(not, _)| is(not, b"NOT-")).map_or(word, |(_, filter)| filter)
}

/// Appends the request with the number at `index` replaced.
pub fn encode_with(request: &Request<'_>, index: usize, number: u64, out: &mut BytesMut) {
    let number = number.to_string();
    let args: Vec<&[u8]> = request
        .args()
        .enumerate()
        .map(|(at, arg)| if at == index { number.as_bytes() } else { arg })
        .collect();
    encode::command(out, args);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::sample::with_request;

    fn asked(words: &str) -> String {
        let mut out = BytesMut::new();
        with_request(words, |request| encode_kill(request, &mut out));
        let text = String::from_utf8(out.to_vec()).unwrap();
        let words: Vec<&str> =
            text.split("\r\n").filter(|line| !line.starts_with(['*', '$'])).collect();
        words.join(" ").trim_end().replace(&NOBODY.to_string(), "NOBODY")
    }

    #[test]
    fn nobody_is_ended_by_asking() {
        assert_eq!(asked("CLIENT KILL 1.2.3.4:5"), "CLIENT KILL 0.0.0.0:0");
        let kill = "CLIENT KILL ID NOBODY";
        assert_eq!(asked("client kill id 5"), format!("{kill} id NOBODY"));
        assert_eq!(asked("CLIENT KILL ID 5 6 USER 7"), format!("{kill} ID NOBODY NOBODY USER 7"));
        let not = "NOT-ID NOBODY NOBODY ID NOBODY";
        assert_eq!(asked("CLIENT KILL NOT-ID 5 6 ID 7"), format!("{kill} {not}"));
        assert_eq!(
            asked("CLIENT KILL NEW 5 ID 7 NOT-DB 3"),
            format!("{kill} NEW NOBODY ID NOBODY NOT-DB 3")
        );
        assert_eq!(asked("CLIENT KILL USER id ID 7"), format!("{kill} USER id ID NOBODY"));
        for same in [
            "ID x",
            "ID 0",
            "TYPE normal",
            "USER joe SKIPME no",
            "USER ID",
            "ADDR x TYPE",
            "not-db 3",
            "Not-User 7 NAME not-id",
            "USER maxage MAXAGE 7",
        ] {
            assert_eq!(asked(&format!("CLIENT KILL {same}")), format!("{kill} {same}"));
        }
    }
}
