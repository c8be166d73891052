//! Requests as they are read from a client: in frames or inline, whatever the pieces they arrive in.

use super::{Args, Text, number};

/// No line may be longer.
const LINE_MAX: usize = 64 * 1024;
/// No argument may be longer.
const BULK_MAX: i64 = 512 * 1024 * 1024;
/// Limits for who has not said a password yet.
const UNPROVEN_ARGS: i64 = 10;
const UNPROVEN_BULK: i64 = 16_384;

/// Bytes of a client that are not executed yet.
#[derive(Clone, Default)]
pub(super) struct Requests {
    buffer: Text,
    at: usize,
    /// Arguments of the current frame that are still to come; 0 between requests.
    missing: i64,
    /// The length of the argument that comes, once it is known.
    length: Option<usize>,
    args: Args,
}

/// Why a client is closed.
pub(super) type ProtocolError = Text;

impl Requests {
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        if self.at > 0 {
            self.buffer.drain(..self.at);
            self.at = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    pub(super) fn unread(&self) -> usize {
        self.buffer.len() - self.at
    }

    /// The next whole request; without arguments it is an empty one. `unproven` clients may not send as much.
    pub(super) fn next(&mut self, unproven: bool) -> Option<Result<Args, ProtocolError>> {
        if self.missing > 0 {
            return self.frame(unproven);
        }
        match self.buffer.get(self.at)? {
            b'*' => self.frame(unproven),
            _ => self.inline(),
        }
    }

    /// The end of a line that begins here; Redis looks no further than a zero byte.
    fn find(&self, end: u8) -> Option<usize> {
        let rest = &self.buffer[self.at..];
        let place = rest.iter().position(|byte| *byte == end || *byte == 0)?;
        (rest[place] == end).then_some(place)
    }

    fn inline(&mut self) -> Option<Result<Args, ProtocolError>> {
        let place = self.find(b'\n');
        if place.unwrap_or(self.unread()) > LINE_MAX {
            return Some(Err(b"Protocol error: too big inline request".to_vec()));
        }
        let place = place?;
        let line = &self.buffer[self.at..self.at + place];
        let args = split_line(line.strip_suffix(b"\r").unwrap_or(line));
        if args.is_some() {
            self.at += place + 1;
        }
        Some(args.ok_or_else(|| b"Protocol error: unbalanced quotes in request".to_vec()))
    }

    /// The number behind the first byte of a line, and the line's length; `None` when it has not arrived.
    fn header(&self, what: &str) -> Option<Result<(Option<i64>, usize), ProtocolError>> {
        let place = self.find(b'\r');
        if place.unwrap_or(self.unread()) > LINE_MAX {
            return Some(Err(format!("Protocol error: too big {what} count string").into_bytes()));
        }
        let place = place?;
        if place + 2 > self.unread() {
            return None;
        }
        let number = number::integer(&self.buffer[self.at + 1..self.at + place.max(1)]);
        Some(Ok((number, place + 2)))
    }

    fn frame(&mut self, unproven: bool) -> Option<Result<Args, ProtocolError>> {
        if self.missing == 0 {
            let (count, length) = match self.header("mbulk")? {
                Ok(header) => header,
                Err(error) => return Some(Err(error)),
            };
            let Some(count) = count.filter(|count| *count <= i64::from(i32::MAX)) else {
                return Some(Err(b"Protocol error: invalid multibulk length".to_vec()));
            };
            if count > UNPROVEN_ARGS && unproven {
                return Some(Err(b"Protocol error: unauthenticated multibulk length".to_vec()));
            }
            self.at += length;
            if count <= 0 {
                return Some(Ok(Args::new()));
            }
            self.missing = count;
        }
        while self.missing > 0 {
            let length = match self.length {
                Some(length) => length,
                None => match self.bulk_length(unproven)? {
                    Ok(length) => length,
                    Err(error) => return Some(Err(error)),
                },
            };
            self.length = Some(length);
            if self.unread() < length + 2 {
                return None;
            }
            self.args.push(self.buffer[self.at..self.at + length].to_vec());
            // Redis does not look at the two bytes behind it.
            self.at += length + 2;
            self.length = None;
            self.missing -= 1;
        }
        Some(Ok(std::mem::take(&mut self.args)))
    }

    fn bulk_length(&mut self, unproven: bool) -> Option<Result<usize, ProtocolError>> {
        let header = self.header("bulk")?;
        let (length, line) = match header {
            Ok(header) => header,
            Err(error) => return Some(Err(error)),
        };
        let first = self.buffer[self.at];
        if first != b'$' {
            return Some(
                Err([b"Protocol error: expected '$', got '", &[first][..], b"'"].concat()),
            );
        }
        let Some(length) = length.filter(|length| (0..=BULK_MAX).contains(length)) else {
            return Some(Err(b"Protocol error: invalid bulk length".to_vec()));
        };
        if length > UNPROVEN_BULK && unproven {
            return Some(Err(b"Protocol error: unauthenticated bulk length".to_vec()));
        }
        self.at += line;
        Some(Ok(usize::try_from(length).unwrap_or(0)))
    }
}

/// The words of an inline request; `None` when a quote does not end.
fn split_line(line: &[u8]) -> Option<Args> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c);
    let mut words = Args::new();
    let mut rest = line;
    loop {
        while let Some((first, tail)) = rest.split_first()
            && blank(first)
        {
            rest = tail;
        }
        if rest.is_empty() {
            return Some(words);
        }
        let mut word = Text::new();
        let mut quote = None;
        loop {
            let Some((first, tail)) = rest.split_first() else {
                if quote.is_some() {
                    return None;
                }
                break;
            };
            rest = tail;
            match (quote, first) {
                (Some(b'"'), b'\\') => rest = unescape(rest, &mut word)?,
                (Some(b'\''), b'\\') if rest.first() == Some(&b'\'') => {
                    word.push(b'\'');
                    rest = &rest[1..];
                }
                (Some(open), byte) if open == *byte => {
                    // Behind a closing quote the word has to end.
                    if rest.first().is_some_and(|next| !blank(next)) {
                        return None;
                    }
                    break;
                }
                (None, b' ' | b'\n' | b'\r' | b'\t') => break,
                (None, b'"' | b'\'') => quote = Some(*first),
                (_, byte) => word.push(*byte),
            }
        }
        words.push(word);
    }
}

/// What follows a backslash between double quotes; gives the rest.
fn unescape<'a>(rest: &'a [u8], word: &mut Text) -> Option<&'a [u8]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    if let [b'x', high, low, tail @ ..] = rest
        && let (Some(high), Some(low)) = (digit(*high), digit(*low))
    {
        word.push(high * 16 + low);
        return Some(tail);
    }
    let Some((first, tail)) = rest.split_first() else {
        // A backslash at the end stands for itself, in a quote that does not end.
        return None;
    };
    word.push(match first {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        other => *other,
    });
    Some(tail)
}
