//! Replies that are known without asking the server, as frames and as calls.

use bytes::BytesMut;

use super::error::Error;
use super::reply::Adapt;
use super::script::{Call, Script};
use crate::resp::encode;

static ERROR: Script = Script::new("error", &["return redis.error_reply(ARGV[1])"]);

static LINES: Script = Script::new(
    "lines",
    &["local lines = {}
    for i = 1, #ARGV do lines[i] = redis.status_reply(ARGV[i]) end
    return lines"],
);

/// Appends the error as a reply to the client.
pub fn write_error(error: &Error, out: &mut BytesMut) {
    encode::error(out, error.to_string());
}

/// A call that the server answers with the error: inside MULTI it is queued, and its error stands
/// in its slot of the EXEC reply. To be sent as `EVAL`, since nobody loads its script.
#[must_use]
pub fn error_call(error: &Error) -> Call {
    Call::new::<&str, _>(&ERROR, &[], &[error.to_string()], Adapt::Verbatim)
}

/// Appends lines as a reply to the client: an array of simple strings.
pub fn write_lines(lines: &[String], out: &mut BytesMut) {
    encode::array_header(out, lines.len());
    lines.iter().for_each(|line| encode::simple(out, line));
}

/// A call that the server answers with the lines, for MULTI as [`error_call`].
#[must_use]
pub fn lines_call(lines: &[String]) -> Call {
    Call::new::<&str, _>(&LINES, &[], lines, Adapt::Verbatim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames() {
        let mut out = BytesMut::new();
        write_error(&Error::TooLarge(7), &mut out);
        assert_eq!(out, "-INVALIDVALUE d is larger than 7 bytes\r\n");
        out.clear();
        write_lines(&["a".to_owned(), "b".to_owned()], &mut out);
        assert_eq!(out, "*2\r\n+a\r\n+b\r\n");
    }

    #[test]
    fn calls() {
        assert_eq!(error_call(&Error::Syntax).arguments(), ["0", "ERR syntax error"]);
        assert_eq!(lines_call(&["a".to_owned()]).arguments(), ["0", "a"]);
    }
}
