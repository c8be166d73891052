//! Writing requests and replies.

use bytes::{BufMut, BytesMut};

use super::Protocol;

/// Appends a simple string, `+text`. A line break in `text` becomes a space.
pub fn simple(out: &mut BytesMut, text: impl AsRef<[u8]>) {
    line(out, b'+', text.as_ref());
}

/// Appends an error, `-text`; `text` begins with the error's code, as in `ERR syntax error`.
/// A line break in `text` becomes a space, as in Redis' own error replies.
pub fn error(out: &mut BytesMut, text: impl AsRef<[u8]>) {
    line(out, b'-', text.as_ref());
}

/// Appends an integer, `:value`.
pub fn integer(out: &mut BytesMut, value: i64) {
    if value < 0 {
        out.put_slice(b":-");
        decimal(out, value.unsigned_abs());
        out.put_slice(b"\r\n");
    } else {
        header(out, b':', value.unsigned_abs());
    }
}

/// Appends a bulk string of any bytes, `$length` and the bytes.
pub fn bulk(out: &mut BytesMut, bytes: impl AsRef<[u8]>) {
    let bytes = bytes.as_ref();
    out.reserve(bytes.len() + 2 * "$18446744073709551615\r\n".len());
    header(out, b'$', bytes.len() as u64);
    out.put_slice(bytes);
    out.put_slice(b"\r\n");
}

/// Appends a bulk string with a number in decimal digits.
pub fn bulk_number(out: &mut BytesMut, value: u64) {
    header(out, b'$', u64::from(value.checked_ilog10().unwrap_or(0)) + 1);
    decimal(out, value);
    out.put_slice(b"\r\n");
}

/// Appends a bulk string of several pieces, one right behind the other.
pub fn bulk_of<'a>(out: &mut BytesMut, pieces: impl Iterator<Item = &'a [u8]> + Clone) {
    let len = pieces.clone().map(<[u8]>::len).sum::<usize>();
    out.reserve(len + 2 * "$18446744073709551615\r\n".len());
    header(out, b'$', len as u64);
    pieces.for_each(|piece| out.put_slice(piece));
    out.put_slice(b"\r\n");
}

/// Appends a null: `_` in RESP3, the null bulk string `$-1` in RESP2.
pub fn null(out: &mut BytesMut, protocol: Protocol) {
    out.put_slice(match protocol {
        Protocol::Resp2 => b"$-1\r\n",
        Protocol::Resp3 => b"_\r\n",
    });
}

/// Appends a boolean: `#t` or `#f` in RESP3, the integer 1 or 0 in RESP2.
pub fn bool(out: &mut BytesMut, protocol: Protocol, value: bool) {
    out.put_slice(match (protocol, value) {
        (Protocol::Resp2, false) => b":0\r\n",
        (Protocol::Resp2, true) => b":1\r\n",
        (Protocol::Resp3, false) => b"#f\r\n",
        (Protocol::Resp3, true) => b"#t\r\n",
    });
}

/// Appends the header of an array of `len` elements, which the caller appends next.
pub fn array_header(out: &mut BytesMut, len: usize) {
    header(out, b'*', len as u64);
}

/// Appends the header of a map of `len` pairs, which the caller appends next, each as a key and
/// a value; in RESP2 that is an array of twice as many elements.
pub fn map_header(out: &mut BytesMut, protocol: Protocol, len: usize) {
    match protocol {
        Protocol::Resp2 => header(out, b'*', 2 * len as u64),
        Protocol::Resp3 => header(out, b'%', len as u64),
    }
}

/// Appends the header of a set of `len` elements, which the caller appends next; in RESP2 an
/// array's.
pub fn set_header(out: &mut BytesMut, protocol: Protocol, len: usize) {
    match protocol {
        Protocol::Resp2 => header(out, b'*', len as u64),
        Protocol::Resp3 => header(out, b'~', len as u64),
    }
}

/// Appends the header of a push of `len` elements, which the caller appends next; in RESP2,
/// where pushes are ordinary replies, an array's.
pub fn push_header(out: &mut BytesMut, protocol: Protocol, len: usize) {
    match protocol {
        Protocol::Resp2 => header(out, b'*', len as u64),
        Protocol::Resp3 => header(out, b'>', len as u64),
    }
}

/// Appends a request: a multibulk of bulk strings, the command name first.
pub fn command<I>(out: &mut BytesMut, args: I)
where
    I: IntoIterator<Item: AsRef<[u8]>, IntoIter: ExactSizeIterator>,
{
    let args = args.into_iter();
    array_header(out, args.len());
    for arg in args {
        bulk(out, arg);
    }
}

/// Appends an inline request: a line of words in quotes, in which bytes that are not printable are escaped.
pub fn inline<'a>(out: &mut BytesMut, words: impl IntoIterator<Item = &'a [u8]>) {
    for (place, word) in words.into_iter().enumerate() {
        out.put_slice(if place == 0 { b"\"" } else { b" \"" });
        for &byte in word {
            match byte {
                b'"' | b'\\' => out.put_slice(&[b'\\', byte]),
                b' '..=b'~' => out.put_u8(byte),
                _ => out.put_slice(format!("\\x{byte:02x}").as_bytes()),
            }
        }
        out.put_u8(b'"');
    }
    out.put_slice(b"\r\n");
}

fn line(out: &mut BytesMut, kind: u8, text: &[u8]) {
    out.reserve(text.len() + 3);
    out.put_u8(kind);
    out.extend(text.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }));
    out.put_slice(b"\r\n");
}

/// Appends a type and a number. Most numbers are short, and a few bytes of known length are appended at once.
#[inline]
fn header(out: &mut BytesMut, kind: u8, number: u64) {
    match number {
        0..10 => out.put_slice(&[kind, b'0' + number as u8, b'\r', b'\n']),
        10..100 => {
            let (tens, ones) = (number as u8 / 10, number as u8 % 10);
            out.put_slice(&[kind, b'0' + tens, b'0' + ones, b'\r', b'\n']);
        }
        _ => {
            out.put_u8(kind);
            decimal(out, number);
            out.put_slice(b"\r\n");
        }
    }
}

fn decimal(out: &mut BytesMut, mut value: u64) {
    if value < 10 {
        return out.put_u8(b'0' + value as u8);
    }
    let mut digits = *b"00000000000000000000";
    let mut first = digits.len() - 1;
    loop {
        digits[first] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
        first -= 1;
    }
    out.put_slice(&digits[first..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut BytesMut)) -> String {
        let mut out = BytesMut::new();
        write(&mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn scalars() {
        assert_eq!(written(|out| simple(out, "OK")), "+OK\r\n");
        assert_eq!(written(|out| error(out, "ERR a\r\nb")), "-ERR a  b\r\n");
        for value in [0, 7, -7, 10, i64::MAX, i64::MIN] {
            assert_eq!(written(|out| integer(out, value)), format!(":{value}\r\n"));
        }
        assert_eq!(written(|out| bulk(out, "a\r\n")), "$3\r\na\r\n\r\n");
        assert_eq!(written(|out| bulk(out, "")), "$0\r\n\r\n");
        for value in [0, 9, 10, 99, 100, u64::MAX] {
            let text = value.to_string();
            assert_eq!(written(|out| bulk_number(out, value)), written(|out| bulk(out, text)));
        }
        let pieces = [&b"a"[..], b"", b"bc"];
        assert_eq!(written(|out| bulk_of(out, pieces.into_iter())), "$3\r\nabc\r\n");
    }

    #[test]
    fn what_differs_between_the_protocols() {
        let both = |write: fn(&mut BytesMut, Protocol)| {
            [Protocol::Resp2, Protocol::Resp3].map(|protocol| written(|out| write(out, protocol)))
        };
        assert_eq!(both(null), ["$-1\r\n", "_\r\n"]);
        assert_eq!(both(|out, protocol| bool(out, protocol, true)), [":1\r\n", "#t\r\n"]);
        assert_eq!(both(|out, protocol| bool(out, protocol, false)), [":0\r\n", "#f\r\n"]);
        assert_eq!(both(|out, protocol| map_header(out, protocol, 6)), ["*12\r\n", "%6\r\n"]);
        assert_eq!(both(|out, protocol| set_header(out, protocol, 3)), ["*3\r\n", "~3\r\n"]);
        assert_eq!(both(|out, protocol| push_header(out, protocol, 3)), ["*3\r\n", ">3\r\n"]);
    }

    #[test]
    fn inline_requests_mean_the_same() {
        let words = [&b"SET"[..], b"a \"b\" \\", b"\r\n\xff", b""];
        let line = written(|out| inline(out, words));
        assert_eq!(line, "\"SET\" \"a \\\"b\\\" \\\\\" \"\\x0d\\x0a\\xff\" \"\"\r\n");
        let mut scanner = crate::resp::RequestScanner::new();
        scanner.scan(line.as_bytes(), true).unwrap();
        assert_eq!(scanner.request(line.as_bytes()).args().collect::<Vec<_>>(), words);
    }

    #[test]
    fn commands() {
        assert_eq!(
            written(|out| command(out, ["SET", "k", ""])),
            "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n"
        );
    }
}
