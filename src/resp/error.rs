//! What can be wrong with the bytes of a client or of a server.

use bytes::BytesMut;
use thiserror::Error;

use super::encode;

/// A request that Redis refuses before it looks at the command; the connection is closed after
/// the reply.
///
/// The texts are those of Redis 7 (`networking.c`: `processMultibulkBuffer`,
/// `processInlineBuffer`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum ProtocolError {
    /// No line end within the longest line, where the number of arguments belongs.
    #[error("Protocol error: too big mbulk count string")]
    CountLineTooLong,
    /// The number of arguments is no integer, or larger than Redis takes.
    #[error("Protocol error: invalid multibulk length")]
    Count,
    /// More arguments than a connection may send before it authenticates.
    #[error("Protocol error: unauthenticated multibulk length")]
    CountUnauthenticated,
    /// No line end within the longest line, where the length of an argument belongs.
    #[error("Protocol error: too big bulk count string")]
    LengthLineTooLong,
    /// Another byte stands where the `$` of an argument belongs.
    #[error("Protocol error: expected '$', got '{}'", char::from(*.0))]
    ExpectedBulk(u8),
    /// The length of an argument is no integer, negative, or larger than Redis takes.
    #[error("Protocol error: invalid bulk length")]
    Length,
    /// A longer argument than a connection may send before it authenticates.
    #[error("Protocol error: unauthenticated bulk length")]
    LengthUnauthenticated,
    /// No line end within the longest inline request.
    #[error("Protocol error: too big inline request")]
    InlineTooLong,
    /// A quote of an inline request is not closed, or has text right behind its end.
    #[error("Protocol error: unbalanced quotes in request")]
    UnbalancedQuotes,
}

impl ProtocolError {
    /// Appends the reply that Redis gives: `-ERR Protocol error: ...` with its line end.
    pub fn encode(&self, out: &mut BytesMut) {
        let mut text = b"ERR ".to_vec();
        match self {
            // Redis writes the byte as it is, which need not be UTF-8.
            Self::ExpectedBulk(byte) => {
                text.extend_from_slice(b"Protocol error: expected '$', got '");
                text.extend_from_slice(&[*byte, b'\'']);
            }
            other => text.extend_from_slice(other.to_string().as_bytes()),
        }
        encode::error(out, &text);
    }

    /// A short name of the kind of error, from a fixed set, as a metric's label.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::CountLineTooLong => "count_line_too_long",
            Self::Count => "count",
            Self::CountUnauthenticated => "count_unauthenticated",
            Self::LengthLineTooLong => "length_line_too_long",
            Self::ExpectedBulk(_) => "expected_bulk",
            Self::Length => "length",
            Self::LengthUnauthenticated => "length_unauthenticated",
            Self::InlineTooLong => "inline_too_long",
            Self::UnbalancedQuotes => "unbalanced_quotes",
        }
    }
}

/// Bytes of a server that are no RESP; what follows on that connection cannot be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum ReplyError {
    /// No type of RESP2 or RESP3 begins with this byte.
    #[error("unknown reply type {}", std::ascii::escape_default(*.0))]
    Type(u8),
    /// A length or count is malformed.
    #[error("malformed length in a reply")]
    Length,
    /// A bulk string is not followed by a line end.
    #[error("a bulk string in a reply is not ended by CR LF")]
    Terminator,
    /// A part of a streamed string, or the end of a streamed aggregate, where none can be.
    #[error("a streamed part of a reply stands in a wrong place")]
    Streamed,
    /// Streamed aggregates nested deeper than any server nests them.
    #[error("streamed aggregates are nested too deep in a reply")]
    Depth,
    /// Counts or lengths that add up to more than can be counted.
    #[error("a reply declares more than can be counted")]
    Overflow,
    /// A frame taken for complete ends before its declared end.
    #[error("a reply ends before its declared end")]
    Truncated,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(error: ProtocolError) -> Vec<u8> {
        let mut out = BytesMut::new();
        error.encode(&mut out);
        out.to_vec()
    }

    #[test]
    fn errors_go_on_the_wire_in_one_line() {
        assert_eq!(wire(ProtocolError::Length), b"-ERR Protocol error: invalid bulk length\r\n");
        assert_eq!(
            wire(ProtocolError::ExpectedBulk(0xff)),
            b"-ERR Protocol error: expected '$', got '\xff'\r\n"
        );
        assert_eq!(
            wire(ProtocolError::ExpectedBulk(b'\r')),
            b"-ERR Protocol error: expected '$', got ' '\r\n"
        );
    }
}
