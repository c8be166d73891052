//! Finding the replies of a server in its bytes, RESP2 and RESP3.

use memchr::memchr;

use super::error::ReplyError;
use super::number;

/// Deepest nesting of streamed aggregates. Redis sends none at all; nesting of ordinary
/// aggregates needs no memory and has no limit.
const MAX_STREAMED_DEPTH: usize = 32;

/// Longest line that announces a length: a type byte, 20 digits, CR LF, and some to spare.
const MAX_HEADER: usize = 32;

/// Shortest element on the wire, as the null `_` with its line end, in bytes.
const SHORTEST_ELEMENT: u64 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Within {
    /// At the first byte of an element.
    #[default]
    Between,
    /// In a line whose end is searched for from `pos` on.
    Line,
    /// In a payload that ends at `pos`, where CR LF follows.
    Payload,
}

/// Finds complete replies at the front of a growing buffer: every type of RESP2 and RESP3, also
/// attributes (which belong to the frame they precede), pushes, streamed strings and aggregates.
///
/// The caller's buffer begins with the first byte of a reply. While [`scan`](Self::scan) answers
/// `None`, the caller calls again with the same buffer, grown longer; no byte is looked at twice
/// but for the few digits of a length. After an error the scanner is of no further use.
///
/// The payload of a replication stream (`SYNC`, `PSYNC`) is not RESP and not for this scanner.
#[derive(Debug)]
pub struct ReplyScanner {
    within: Within,
    /// Between the parts of a streamed string.
    chunked: bool,
    /// See [`Within`]; may lie behind the end of the buffer.
    pos: usize,
    /// Elements still to come before the innermost streamed aggregate can end, or the frame does
    /// where there is none. Nested aggregates add up, so their depth does not matter.
    pending: u64,
    /// What was pending around each open streamed aggregate.
    streamed: Vec<u64>,
}

impl Default for ReplyScanner {
    fn default() -> Self {
        Self::new()
    }
}

impl ReplyScanner {
    /// A scanner at the first byte of a reply. Allocates nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { within: Within::Between, chunked: false, pos: 0, pending: 1, streamed: Vec::new() }
    }

    /// The length of the complete reply at the front of `buf`, in bytes; `None` while it is not
    /// complete. After a length the scanner is ready for the next reply, right behind it.
    ///
    /// # Errors
    ///
    /// When the bytes are no RESP.
    #[inline]
    pub fn scan(&mut self, buf: &[u8]) -> Result<Option<usize>, ReplyError> {
        if !self.advance(buf)? {
            return Ok(None);
        }
        let len = self.pos;
        self.reset();
        Ok(Some(len))
    }

    /// Follows a reply that is too large to be held, from the present state on.
    ///
    /// The first call gets the buffer from the reply's first byte on, each later call the bytes
    /// right behind those consumed. Returns how many bytes at the front of `buf` belong to the
    /// reply and can be passed on, and whether it ends there. A few last bytes that cannot be
    /// judged yet are not consumed (fewer than 32); they come again, with more behind them, in
    /// the next call. After the end the scanner is ready for the next reply.
    ///
    /// # Errors
    ///
    /// When the bytes are no RESP.
    pub fn stream(&mut self, buf: &[u8]) -> Result<(usize, bool), ReplyError> {
        let ended = self.advance(buf)?;
        let consumed = self.pos.min(buf.len());
        if ended {
            self.reset();
        } else {
            self.pos -= consumed;
        }
        Ok((consumed, ended))
    }

    /// A lower bound of the length of the whole reply, in bytes, from what it has declared so far;
    /// `None` before its first element. Not for a reply that is being streamed.
    #[must_use]
    pub fn needed(&self) -> Option<usize> {
        if self.pos == 0 {
            return None;
        }
        // A line or payload begun is one of the pending, and lacks at least its CR LF.
        let (unended, begun) = match self.within {
            Within::Between => (0, u64::from(self.chunked)),
            Within::Line | Within::Payload => (2, 1),
        };
        let around: u64 = self.streamed.iter().fold(0, |sum, outer| sum.saturating_add(*outer));
        let elements = self.pending.saturating_sub(begun).saturating_add(around);
        let bytes =
            usize::try_from(elements.saturating_mul(SHORTEST_ELEMENT)).unwrap_or(usize::MAX);
        Some(self.pos.saturating_add(unended).saturating_add(bytes))
    }

    fn reset(&mut self) {
        self.within = Within::Between;
        self.pos = 0;
        self.pending = 1;
    }

    /// Goes on as far as `buf` reaches; true when the frame ends at `pos`.
    fn advance(&mut self, buf: &[u8]) -> Result<bool, ReplyError> {
        loop {
            let complete = match self.within {
                Within::Between => self.element(buf)?,
                Within::Line => self.line(buf),
                Within::Payload => self.payload(buf)?,
            };
            if !complete {
                return Ok(false);
            }
            if self.pending == 0 && self.streamed.is_empty() {
                return Ok(true);
            }
        }
    }

    /// Reads the first line of an element, or the type of one that is a line. False when more
    /// bytes are needed.
    #[inline]
    fn element(&mut self, buf: &[u8]) -> Result<bool, ReplyError> {
        let Some(&[kind, ref rest @ ..]) = buf.get(self.pos..) else {
            return Ok(false);
        };
        match kind {
            _ if self.chunked && kind != b';' => Err(ReplyError::Streamed),
            b'+' | b'-' | b':' | b'_' | b'#' | b',' | b'(' => {
                self.pos += 1;
                self.within = Within::Line;
                Ok(true)
            }
            b'$' | b'*' | b'%' | b'~' | b'>' | b'|' | b'=' | b'!' | b';' | b'.' => {
                let Some((length, end)) = header(rest)? else {
                    return Ok(false);
                };
                self.pos += 1 + end;
                self.begin(kind, length)?;
                Ok(true)
            }
            other => Err(ReplyError::Type(other)),
        }
    }

    /// Takes account of an element whose first line has been read.
    #[inline]
    fn begin(&mut self, kind: u8, length: Length) -> Result<(), ReplyError> {
        match (kind, length) {
            (b'$' | b'=' | b'!', Length::Of(length)) => self.begin_payload(length),
            (b'*' | b'~' | b'>', Length::Of(count)) => {
                self.end_element();
                self.expect(count)
            }
            (b'%', Length::Of(pairs)) => {
                self.end_element();
                self.expect(double(pairs)?)
            }
            (b'|', Length::Of(pairs)) => {
                // The element it precedes is still to come, also where any number may come.
                self.pending = self.pending.max(1);
                self.expect(double(pairs)?)
            }
            (b'$' | b'*', Length::Null) => {
                self.end_element();
                Ok(())
            }
            (b'$', Length::Streamed) => {
                self.chunked = true;
                Ok(())
            }
            (b'*' | b'%' | b'~' | b'>', Length::Streamed) => {
                if self.streamed.len() == MAX_STREAMED_DEPTH {
                    return Err(ReplyError::Depth);
                }
                self.end_element();
                self.streamed.push(self.pending);
                self.pending = 0;
                Ok(())
            }
            (b';', Length::Of(0)) if self.chunked => {
                self.chunked = false;
                self.end_element();
                Ok(())
            }
            (b';', Length::Of(length)) if self.chunked => self.begin_payload(length),
            (b'.', Length::Missing) if self.pending == 0 => {
                self.pending = self.streamed.pop().ok_or(ReplyError::Streamed)?;
                Ok(())
            }
            (b';' | b'.', _) => Err(ReplyError::Streamed),
            _ => Err(ReplyError::Length),
        }
    }

    /// One element less to come. Directly in a streamed aggregate none is being counted.
    #[inline]
    fn end_element(&mut self) {
        self.pending = self.pending.saturating_sub(1);
    }

    #[inline]
    fn expect(&mut self, elements: u64) -> Result<(), ReplyError> {
        self.pending = self.pending.checked_add(elements).ok_or(ReplyError::Overflow)?;
        Ok(())
    }

    #[inline]
    fn begin_payload(&mut self, length: u64) -> Result<(), ReplyError> {
        let end = usize::try_from(length).ok().and_then(|length| self.pos.checked_add(length));
        // So far below the maximum that the CR LF behind it can be counted as well.
        self.pos = end.filter(|end| *end < usize::MAX / 2).ok_or(ReplyError::Overflow)?;
        self.within = Within::Payload;
        Ok(())
    }

    /// Looks for the end of a line. A carriage return alone does not end it.
    #[inline]
    fn line(&mut self, buf: &[u8]) -> bool {
        loop {
            let rest = buf.get(self.pos..).unwrap_or_default();
            let Some(place) = memchr(b'\r', rest) else {
                self.pos += rest.len();
                return false;
            };
            self.pos += place;
            match rest.get(place + 1) {
                Some(b'\n') => break,
                Some(_) => self.pos += 1,
                None => return false,
            }
        }
        self.pos += 2;
        self.within = Within::Between;
        self.end_element();
        true
    }

    #[inline]
    fn payload(&mut self, buf: &[u8]) -> Result<bool, ReplyError> {
        match buf.get(self.pos..self.pos + 2) {
            None => Ok(false),
            Some(b"\r\n") => {
                self.pos += 2;
                self.within = Within::Between;
                if !self.chunked {
                    self.end_element();
                }
                Ok(true)
            }
            Some(_) => Err(ReplyError::Terminator),
        }
    }
}

/// What the first line of an element says behind its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    Of(u64),
    /// `-1`, RESP2's null.
    Null,
    /// `?`: the parts follow, their number is not known yet.
    Streamed,
    /// Nothing, as in the end of a streamed aggregate.
    Missing,
}

/// Reads what follows an element's type up to the line's end: the length, and the bytes it takes
/// with its line end. `None` while the line is not complete.
#[inline]
pub(super) fn header(rest: &[u8]) -> Result<Option<(Length, usize)>, ReplyError> {
    if let Some((length, end)) = number::short_length(rest)
        && rest[end + 1] == b'\n'
    {
        return Ok(Some((Length::Of(u64::from(length)), end + 2)));
    }
    if rest.starts_with(b"-1\r\n") {
        return Ok(Some((Length::Null, 4)));
    }
    long_header(rest)
}

#[cold]
fn long_header(rest: &[u8]) -> Result<Option<(Length, usize)>, ReplyError> {
    let window = &rest[..rest.len().min(MAX_HEADER)];
    let Some(end) = memchr(b'\r', window) else {
        return if window.len() < MAX_HEADER { Ok(None) } else { Err(ReplyError::Length) };
    };
    let length = match &rest[..end] {
        b"" => Length::Missing,
        b"?" => Length::Streamed,
        b"-1" => Length::Null,
        digits => number::parse_integer(digits)
            .and_then(|length| u64::try_from(length).ok())
            .map(Length::Of)
            .ok_or(ReplyError::Length)?,
    };
    match rest.get(end + 1) {
        None => Ok(None),
        Some(b'\n') => Ok(Some((length, end + 2))),
        Some(_) => Err(ReplyError::Length),
    }
}

/// The elements of so many pairs.
fn double(pairs: u64) -> Result<u64, ReplyError> {
    pairs.checked_mul(2).ok_or(ReplyError::Overflow)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(buf: impl AsRef<[u8]>) -> Result<Option<usize>, ReplyError> {
        ReplyScanner::new().scan(buf.as_ref())
    }

    #[test]
    fn every_type_ends_where_it_ends() {
        for frame in [
            "+OK\r\n",
            "+\r\n",
            "+a\rb\nc\r\r\n",
            "-ERR x\r\n",
            ":-1\r\n",
            "_\r\n",
            "#t\r\n",
            ",inf\r\n",
            "(12345678901234567890123\r\n",
            "$0\r\n\r\n",
            "$3\r\n\r\n\r\r\n",
            "$-1\r\n",
            "*-1\r\n",
            "*0\r\n",
            "%0\r\n",
            "~0\r\n",
            ">0\r\n",
            "=5\r\ntxt:a\r\n",
            "!3\r\nERR\r\n",
            "*3\r\n*1\r\n*0\r\n$1\r\na\r\n*1\r\n_\r\n",
            "%2\r\n+a\r\n:1\r\n+b\r\n%1\r\n_\r\n_\r\n",
            "|1\r\n+ttl\r\n:1\r\n+OK\r\n",
            "|0\r\n|1\r\n_\r\n*1\r\n_\r\n*1\r\n|1\r\n_\r\n_\r\n_\r\n",
            ">2\r\n+message\r\n$?\r\n;0\r\n",
            "$?\r\n;3\r\nabc\r\n;1\r\nd\r\n;0\r\n",
            "*?\r\n.\r\n",
            "*?\r\n*2\r\n_\r\n*?\r\n:1\r\n.\r\n|1\r\n_\r\n_\r\n_\r\n.\r\n",
            "*2\r\n%?\r\n.\r\n~?\r\n_\r\n.\r\n",
        ] {
            let more = format!("{frame}$1\r\n");
            assert_eq!(scan(&more), Ok(Some(frame.len())), "{frame:?}");
            for end in 0..frame.len() {
                assert_eq!(scan(&frame[..end]), Ok(None), "{:?}", &frame[..end]);
            }
        }
    }

    #[test]
    fn what_is_no_resp_is_refused() {
        let deep = "*?\r\n".repeat(MAX_STREAMED_DEPTH + 1);
        for (bytes, error) in [
            ("PONG\r\n", ReplyError::Type(b'P')),
            ("\r\n", ReplyError::Type(b'\r')),
            ("$x\r\n", ReplyError::Length),
            ("$-2\r\n", ReplyError::Length),
            ("$01\r\n", ReplyError::Length),
            ("$\r\n", ReplyError::Length),
            ("%-1\r\n", ReplyError::Length),
            ("|?\r\n", ReplyError::Length),
            ("=?\r\n", ReplyError::Length),
            ("*1\rx", ReplyError::Length),
            ("*1\n+OK\r\n", ReplyError::Length),
            ("*11111111111111111111111111111111", ReplyError::Length),
            ("$1\r\nab\r\n", ReplyError::Terminator),
            (".\r\n", ReplyError::Streamed),
            (";0\r\n", ReplyError::Streamed),
            ("*1\r\n.\r\n", ReplyError::Streamed),
            ("*?\r\n*1\r\n.\r\n", ReplyError::Streamed),
            ("*?\r\n|1\r\n_\r\n_\r\n.\r\n", ReplyError::Streamed),
            ("$?\r\n+OK\r\n", ReplyError::Streamed),
            ("$9223372036854775807\r\n", ReplyError::Overflow),
            ("%9223372036854775807\r\n%9223372036854775807\r\n", ReplyError::Overflow),
            (deep.as_str(), ReplyError::Depth),
        ] {
            assert_eq!(scan(bytes), Err(error), "{bytes:?}");
        }
    }

    #[test]
    fn a_million_nested_arrays_take_one_counter() {
        let nested = "*1\r\n".repeat(1_000_000);
        let mut scanner = ReplyScanner::new();
        assert_eq!(scanner.scan(nested.as_bytes()), Ok(None));
        assert_eq!((scanner.pending, scanner.streamed.capacity()), (1, 0));
        let ended = nested + "_\r\n";
        assert_eq!(scanner.scan(ended.as_bytes()), Ok(Some(ended.len())));
    }

    #[test]
    fn a_search_goes_on_where_it_stopped() {
        // A line end put among the bytes already searched must stay unseen.
        let mut scanner = ReplyScanner::new();
        assert_eq!(scanner.scan(b"+abcd"), Ok(None));
        assert_eq!(scanner.scan(b"+a\r\ndef"), Ok(None));
    }

    #[test]
    fn no_byte_is_searched_twice() {
        let elements = "$5\r\nabcde\r\n:1234\r\n".repeat(20_000);
        let array = format!("*40002\r\n$600000\r\n{}\r\n{elements}_\r\n", "x".repeat(600_000));
        let line = format!("+{}\r\n", "x".repeat(300_000));
        for buf in [array.as_bytes(), line.as_bytes()] {
            let mut scanner = ReplyScanner::new();
            for end in 1..buf.len() {
                assert_eq!(scanner.scan(&buf[..end]), Ok(None));
                // Ahead lie only the few bytes of a length, or a line end that is not complete.
                assert!(scanner.pos + MAX_HEADER > end, "{} of {end}", scanner.pos);
            }
            assert_eq!(scanner.scan(buf), Ok(Some(buf.len())));
        }
    }

    #[test]
    fn a_declared_length_is_known_long_before_it_arrives() {
        let mut scanner = ReplyScanner::new();
        assert_eq!(scanner.needed(), None);
        assert_eq!(scanner.scan(b"$268435456\r\nab"), Ok(None));
        assert_eq!(scanner.needed(), Some(12 + 268_435_456 + 2));
        let mut scanner = ReplyScanner::new();
        assert_eq!(scanner.scan(b"*1000\r\n$3\r\n"), Ok(None));
        assert_eq!(scanner.needed(), Some(7 + 9 + 999 * 3));
    }

    #[test]
    fn a_stream_of_a_long_line_goes_on_byte_by_byte() {
        let mut scanner = ReplyScanner::new();
        assert_eq!(scanner.stream(b"+abc"), Ok((4, false)));
        assert_eq!(scanner.stream(b"def\r"), Ok((3, false)));
        assert_eq!(scanner.stream(b"\rg"), Ok((2, false)));
        assert_eq!(scanner.stream(b"\r\n+O"), Ok((2, true)));
        assert_eq!(scanner.scan(b"+OK\r\n"), Ok(Some(5)));
    }
}
