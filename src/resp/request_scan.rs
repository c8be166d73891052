//! Finding the requests of a client in its bytes, by the rules and limits of Redis.

use bytes::BytesMut;
use memchr::memchr2;

use super::error::ProtocolError;
use super::request::{Request, Span};
use super::{encode, inline, limits, number};

/// Most argument places kept for the next request, so that an idle client costs little.
const KEPT_SPANS: usize = 64;

/// Bytes behind a payload. Redis skips them unseen, and so do we: it decides upstream.
const TERMINATOR: usize = 2;

/// What stands at the front of the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scanned {
    /// The beginning of a request; more bytes are needed.
    Partial,
    /// `len` bytes that ask for nothing and get no reply: `*0`, `*-1`, or a line without words.
    Nothing {
        /// Bytes to drop from the front of the buffer.
        len: usize,
    },
    /// A complete request; [`RequestScanner::request`] gives it.
    Frame {
        /// Bytes of the request on the wire.
        len: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Form {
    #[default]
    Unknown,
    Multibulk,
    Inline,
}

/// Finds requests at the front of a growing buffer.
///
/// The caller's buffer begins with the first byte of a request. While [`scan`](Self::scan) answers
/// [`Scanned::Partial`], the caller calls again with the same buffer, grown longer; no byte is
/// looked at twice but for the few digits of a length. After a frame the caller uses it, calls
/// [`next`](Self::next), and drops the frame's bytes. After an error the scanner is of no further
/// use.
#[derive(Debug, Default)]
pub struct RequestScanner {
    form: Form,
    /// The next length line, or the end of a payload that the buffer may not hold yet.
    pos: usize,
    /// Behind the bytes already searched for the end of the line at `pos`.
    searched: usize,
    /// Arguments of the request; 0 until the count is known.
    declared: usize,
    /// Arguments whose length is not known yet.
    remaining: usize,
    spans: Vec<Span>,
    /// An inline request as a multibulk request.
    words: BytesMut,
}

impl RequestScanner {
    /// A scanner at the first byte of a request. Allocates nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks for a complete request at the front of `buf`.
    ///
    /// # Errors
    ///
    /// When Redis would refuse the bytes. `authenticated` says whether the connection needs no
    /// (more) authentication; until then Redis allows only few and short arguments.
    pub fn scan(&mut self, buf: &[u8], authenticated: bool) -> Result<Scanned, ProtocolError> {
        self.advance(buf, authenticated, true)
    }

    /// The request that [`scan`](Self::scan) has just found in the same `buf`.
    #[must_use]
    pub fn request<'a>(&'a self, buf: &'a [u8]) -> Request<'a> {
        if self.form == Form::Inline {
            return Request::new(&self.words, &self.spans, true);
        }
        Request::new(buf.get(..self.pos).unwrap_or(buf), &self.spans, false)
    }

    /// The request that has only begun in `buf`, with its arguments that are complete. `None`
    /// while the command name is not, for an inline request, and once it is being streamed.
    #[must_use]
    pub fn begun<'a>(&'a self, buf: &'a [u8]) -> Option<Request<'a>> {
        let complete = self.spans.len().saturating_sub(usize::from(self.pos > buf.len()));
        if self.form != Form::Multibulk || complete == 0 {
            return None;
        }
        let bytes = buf.get(..self.pos).unwrap_or(buf);
        Some(Request::new(bytes, &self.spans[..complete], false))
    }

    /// How many arguments the request says it has, the command name included; 0 until known.
    #[must_use]
    pub fn declared_args(&self) -> usize {
        self.declared
    }

    /// Forgets the request, ready for the next one at byte 0 of the caller's advanced buffer.
    pub fn next(&mut self) {
        self.spans.clear();
        if self.spans.capacity() > KEPT_SPANS {
            self.spans = Vec::new();
        }
        if self.form == Form::Inline {
            self.words = BytesMut::new();
        }
        self.form = Form::Unknown;
        self.pos = 0;
        self.searched = 0;
        self.declared = 0;
        self.remaining = 0;
    }

    /// Follows a request that is too large to be held, from the present state on.
    ///
    /// The first call gets the buffer from the request's first byte on, each later call the bytes
    /// right behind those consumed. Returns how many bytes at the front of `buf` belong to the
    /// request and can be passed on, and whether it ends there. Bytes of an unfinished length line
    /// (at most [`limits::MAX_LINE`] and one) are not consumed; they come again, grown longer, in
    /// the next call. After the end the scanner is ready for the next request.
    ///
    /// # Errors
    ///
    /// As [`scan`](Self::scan) on an authenticated connection; none other may send that much.
    pub fn stream(&mut self, buf: &[u8]) -> Result<(usize, bool), ProtocolError> {
        self.spans = Vec::new();
        match self.advance(buf, true, false)? {
            Scanned::Nothing { len } | Scanned::Frame { len } => {
                self.next();
                Ok((len, true))
            }
            Scanned::Partial => {
                let consumed = self.pos.min(buf.len());
                self.pos -= consumed;
                self.searched = self.searched.saturating_sub(consumed);
                Ok((consumed, false))
            }
        }
    }

    #[inline]
    fn advance(
        &mut self,
        buf: &[u8],
        authenticated: bool,
        record: bool,
    ) -> Result<Scanned, ProtocolError> {
        match (self.form, buf.first()) {
            (Form::Multibulk, _) | (Form::Unknown, Some(b'*')) => {
                self.form = Form::Multibulk;
                self.advance_multibulk(buf, authenticated, record)
            }
            (Form::Unknown, None) => Ok(Scanned::Partial),
            (Form::Unknown | Form::Inline, _) => {
                self.form = Form::Inline;
                self.advance_inline(buf)
            }
        }
    }

    fn advance_multibulk(
        &mut self,
        buf: &[u8],
        authenticated: bool,
        record: bool,
    ) -> Result<Scanned, ProtocolError> {
        if self.declared == 0 {
            let Some(count) = self.count(buf, authenticated)? else {
                return Ok(Scanned::Partial);
            };
            if count == 0 {
                let len = self.pos;
                self.next();
                return Ok(Scanned::Nothing { len });
            }
            self.declared = count;
            self.remaining = count;
        }
        while self.pos <= buf.len() {
            if self.remaining == 0 {
                return Ok(Scanned::Frame { len: self.pos });
            }
            let Some(len) = self.bulk_length(buf, authenticated)? else {
                break;
            };
            if record {
                self.spans.push(Span { start: self.pos, len });
            }
            self.pos += len + TERMINATOR;
            self.remaining -= 1;
        }
        Ok(Scanned::Partial)
    }

    /// The number of arguments, 0 also for a negative one; `None` until its line is complete.
    #[inline]
    fn count(&mut self, buf: &[u8], authenticated: bool) -> Result<Option<usize>, ProtocolError> {
        let (count, end) = match number::short_length(buf.get(1..).unwrap_or_default()) {
            Some((count, end)) => (u64::from(count), end + 1),
            None => match self.long_count(buf)? {
                Some(found) => found,
                None => return Ok(None),
            },
        };
        if count > limits::MAX_ARGUMENTS {
            return Err(ProtocolError::Count);
        }
        if count > limits::MAX_ARGUMENTS_UNAUTHENTICATED && !authenticated {
            return Err(ProtocolError::CountUnauthenticated);
        }
        self.pos = end + TERMINATOR;
        usize::try_from(count).map(Some).map_err(|_| ProtocolError::Count)
    }

    /// The number of arguments and the end of its line, found the careful way.
    #[cold]
    fn long_count(&mut self, buf: &[u8]) -> Result<Option<(u64, usize)>, ProtocolError> {
        let Some(end) = self.line_end(buf, ProtocolError::CountLineTooLong)? else {
            return Ok(None);
        };
        let count = number::parse_integer(&buf[1..end]).ok_or(ProtocolError::Count)?;
        Ok(Some((u64::try_from(count).unwrap_or(0), end)))
    }

    /// The length of the next argument; `None` until its line is complete.
    #[inline]
    fn bulk_length(
        &mut self,
        buf: &[u8],
        authenticated: bool,
    ) -> Result<Option<usize>, ProtocolError> {
        let (length, end) = match quick_length(&buf[self.pos..]) {
            Some((length, end)) => (u64::from(length), self.pos + end),
            None => match self.long_bulk_length(buf)? {
                Some(found) => found,
                None => return Ok(None),
            },
        };
        if length > limits::MAX_BULK {
            return Err(ProtocolError::Length);
        }
        if length > limits::MAX_BULK_UNAUTHENTICATED && !authenticated {
            return Err(ProtocolError::LengthUnauthenticated);
        }
        self.pos = end + TERMINATOR;
        usize::try_from(length).map(Some).map_err(|_| ProtocolError::Length)
    }

    /// The length of the next argument and the end of its line, found the careful way.
    #[cold]
    fn long_bulk_length(&mut self, buf: &[u8]) -> Result<Option<(u64, usize)>, ProtocolError> {
        let Some(end) = self.line_end(buf, ProtocolError::LengthLineTooLong)? else {
            return Ok(None);
        };
        if buf[self.pos] != b'$' {
            return Err(ProtocolError::ExpectedBulk(buf[self.pos]));
        }
        number::parse_integer(&buf[self.pos + 1..end])
            .and_then(|length| u64::try_from(length).ok())
            .map(|length| Some((length, end)))
            .ok_or(ProtocolError::Length)
    }

    /// Where the line at `pos` ends in a carriage return, with the byte behind it there as well.
    fn line_end(
        &mut self,
        buf: &[u8],
        too_long: ProtocolError,
    ) -> Result<Option<usize>, ProtocolError> {
        let end = self.search(buf, b'\r', too_long)?;
        Ok(end.filter(|end| end + 1 < buf.len()))
    }

    /// Where the line at `pos` has its `end`. Redis searches with `strchr`, from which a NUL byte
    /// hides all that follows; so a line with a NUL ahead of its end never ends.
    fn search(
        &mut self,
        buf: &[u8],
        end: u8,
        too_long: ProtocolError,
    ) -> Result<Option<usize>, ProtocolError> {
        let from = self.searched.max(self.pos);
        let until = buf.len().min(self.pos + limits::MAX_LINE + 1);
        let window = buf.get(from..until).unwrap_or_default();
        let found = memchr2(end, 0, window).map(|place| from + place);
        self.searched = found.unwrap_or(from + window.len());
        match found {
            Some(place) if buf[place] == end => Ok(Some(place)),
            _ if buf.len() > self.pos + limits::MAX_LINE => Err(too_long),
            _ => Ok(None),
        }
    }

    fn advance_inline(&mut self, buf: &[u8]) -> Result<Scanned, ProtocolError> {
        if self.declared > 0 {
            return Ok(Scanned::Frame { len: self.pos });
        }
        let Some(end) = self.search(buf, b'\n', ProtocolError::InlineTooLong)? else {
            return Ok(Scanned::Partial);
        };
        // A carriage return ahead of the end is white space to the words.
        let words = inline::split(&buf[..end]).ok_or(ProtocolError::UnbalancedQuotes)?;
        let len = end + 1;
        if words.is_empty() {
            self.next();
            return Ok(Scanned::Nothing { len });
        }
        self.pos = len;
        self.declared = words.len();
        encode::array_header(&mut self.words, words.len());
        for word in &words {
            encode::bulk(&mut self.words, word);
            let start = self.words.len() - TERMINATOR - word.len();
            self.spans.push(Span { start, len: word.len() });
        }
        Ok(Scanned::Frame { len })
    }
}

/// The length and the line's end of an argument, when `rest` begins with a whole ordinary one.
#[inline]
fn quick_length(rest: &[u8]) -> Option<(u32, usize)> {
    let [b'$', digits @ ..] = rest else {
        return None;
    };
    number::short_length(digits).map(|(length, end)| (length, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the scanner makes of `buf`, given as a whole.
    fn scan(buf: impl AsRef<[u8]>) -> Result<Scanned, ProtocolError> {
        RequestScanner::new().scan(buf.as_ref(), true)
    }

    fn args(buf: &[u8]) -> Vec<String> {
        let mut scanner = RequestScanner::new();
        assert!(matches!(scanner.scan(buf, true), Ok(Scanned::Frame { .. })));
        let request = scanner.request(buf);
        request.args().map(|arg| arg.escape_ascii().to_string()).collect()
    }

    #[test]
    fn the_bytes_behind_lines_and_payloads_are_not_looked_at() {
        assert_eq!(args(b"*2\r\n$4\r\nECHO\r\n$3\r\na\r\n\r\n"), ["ECHO", "a\\r\\n"]);
        assert_eq!(args(b"*1\rX$4\rYPINGzz"), ["PING"]);
        assert_eq!(scan("*1\r\n$4\r\nPING\r\n*1\r\n"), Ok(Scanned::Frame { len: 14 }));
    }

    #[test]
    fn what_asks_for_nothing() {
        for nothing in ["*0\r\n", "*-1\r\n", "*-9223372036854775808\r\n", "\r\n", "\n", " \t\r\n"] {
            assert_eq!(scan(nothing), Ok(Scanned::Nothing { len: nothing.len() }), "{nothing}");
        }
    }

    #[test]
    fn an_inline_request_is_kept_as_a_multibulk_request() {
        let buf = b"set k \"a\\x00b\"\r\nPING\r\n";
        let mut scanner = RequestScanner::new();
        assert_eq!(scanner.scan(buf, true), Ok(Scanned::Frame { len: 16 }));
        let request = scanner.request(buf);
        assert_eq!(request.bytes(), b"*3\r\n$3\r\nset\r\n$1\r\nk\r\n$3\r\na\0b\r\n");
        assert_eq!((request.name(), request.arg(2)), (&b"set"[..], Some(&b"a\0b"[..])));
        assert!(request.is_inline());
        assert_eq!(scanner.declared_args(), 3);
        scanner.next();
        assert_eq!(scanner.scan(&buf[16..], true), Ok(Scanned::Frame { len: 6 }));
    }

    #[test]
    fn limits_before_and_after_authentication() {
        let long = format!("*2\r\n$4\r\nECHO\r\n$16385\r\n{}\r\n", "x".repeat(16385));
        for (buf, error) in [
            ("*11\r\n", ProtocolError::CountUnauthenticated),
            (long.as_str(), ProtocolError::LengthUnauthenticated),
        ] {
            assert_eq!(RequestScanner::new().scan(buf.as_bytes(), false), Err(error));
            assert!(scan(buf).is_ok());
        }
        for buf in ["*10\r\n", "*-9223372036854775808\r\n", "*1\r\n$16384\r\n"] {
            assert!(RequestScanner::new().scan(buf.as_bytes(), false).is_ok(), "{buf}");
        }
        assert_eq!(scan("*2147483647\r\n"), Ok(Scanned::Partial));
        assert_eq!(scan("*2147483648\r\n"), Err(ProtocolError::Count));
        assert_eq!(scan("*1\r\n$536870912\r\n"), Ok(Scanned::Partial));
        assert_eq!(scan("*1\r\n$536870913\r\n"), Err(ProtocolError::Length));
    }

    #[test]
    fn lines_without_an_end_are_refused_at_the_limit() {
        for (start, error) in [
            ("", ProtocolError::InlineTooLong),
            ("*", ProtocolError::CountLineTooLong),
            ("*1\r\n", ProtocolError::LengthLineTooLong),
            // A NUL hides the line's end.
            ("\0\r\n", ProtocolError::InlineTooLong),
            ("*1\0\r\n", ProtocolError::CountLineTooLong),
            ("*1\r\n$1\0\r\n", ProtocolError::LengthLineTooLong),
        ] {
            let line = start.strip_prefix("*1\r\n").unwrap_or(start).len();
            let longest = format!("{start}{}", "1".repeat(limits::MAX_LINE - line));
            assert_eq!(scan(&longest), Ok(Scanned::Partial), "{start:?}");
            assert_eq!(scan(longest + "1"), Err(error), "{start:?}");
        }
        assert_eq!(scan("x".repeat(10_000_000)), Err(ProtocolError::InlineTooLong));
    }

    #[test]
    fn the_longest_line_is_taken_in_every_split() {
        let longest = format!("{}\n", "x".repeat(limits::MAX_LINE));
        let (most, last) = longest.as_bytes().split_at(limits::MAX_LINE);
        assert_eq!(last, b"\n");
        let mut scanner = RequestScanner::new();
        assert_eq!(scanner.scan(most, true), Ok(Scanned::Partial));
        let frame = Ok(Scanned::Frame { len: longest.len() });
        assert_eq!(scanner.scan(longest.as_bytes(), true), frame);
        assert_eq!(scan(&longest), frame);
        assert_eq!(scan(format!("x{longest}")), Err(ProtocolError::InlineTooLong));
    }

    #[test]
    fn nested_arrays_end_at_the_second() {
        let nested = "*1\r\n".repeat(1_000_000);
        assert_eq!(scan(nested), Err(ProtocolError::ExpectedBulk(b'*')));
    }

    #[test]
    fn nothing_is_reserved_for_what_is_only_declared() {
        let mut scanner = RequestScanner::new();
        assert_eq!(scanner.scan(b"*2147483647\r\n$536870912\r\nab", true), Ok(Scanned::Partial));
        assert!(scanner.spans.capacity() <= 8);
        assert_eq!(scanner.declared_args(), 2_147_483_647);
    }

    #[test]
    fn capacity_is_given_back_after_a_large_request() {
        let many = format!("*10000\r\n{}", "$1\r\nx\r\n".repeat(10_000));
        let mut scanner = RequestScanner::new();
        assert_eq!(scanner.scan(many.as_bytes(), true), Ok(Scanned::Frame { len: many.len() }));
        scanner.next();
        assert!(scanner.spans.capacity() <= KEPT_SPANS);
    }

    #[test]
    fn a_search_goes_on_where_it_stopped() {
        // A line end put among the bytes already searched must stay unseen.
        for (before, after) in
            [("abcd", "a\n\ndef"), ("*xabcd", "*x\r\ncdef"), ("*1\r\n$xabcd", "*1\r\n$x\r\ncdef")]
        {
            let mut scanner = RequestScanner::new();
            assert_eq!(scanner.scan(before.as_bytes(), true), Ok(Scanned::Partial));
            assert_eq!(scanner.scan(after.as_bytes(), true), Ok(Scanned::Partial), "{after}");
        }
    }

    #[test]
    fn a_stream_finds_the_end_of_a_line_it_has_held_back() {
        let mut scanner = RequestScanner::new();
        assert_eq!(scanner.stream(b"*3\r\n$3\r\nabc\r\n$x"), Ok((13, false)));
        assert_eq!(scanner.stream(b"$x\r\n"), Err(ProtocolError::Length));
    }

    #[test]
    fn no_byte_is_searched_twice() {
        let args = "$5\r\nabcde\r\n".repeat(20_000);
        let multibulk = format!("*20001\r\n$800000\r\n{}\r\n{args}", "x".repeat(800_000));
        let inline = format!("{}\r\n", "x".repeat(60_000));
        for buf in [multibulk.as_bytes(), inline.as_bytes()] {
            let mut scanner = RequestScanner::new();
            for end in 1..buf.len() {
                assert_eq!(scanner.scan(&buf[..end], true), Ok(Scanned::Partial));
                // Ahead lie only a payload's end, or the carriage return that waits for a byte.
                let ahead = scanner.pos.max(scanner.searched);
                assert!(ahead >= end - 1, "{ahead} of {end}");
            }
            assert_eq!(scanner.scan(buf, true), Ok(Scanned::Frame { len: buf.len() }));
        }
    }

    #[test]
    fn complete_arguments_can_be_read_before_the_rest_arrives() {
        let buf = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nab";
        let mut scanner = RequestScanner::new();
        for (end, complete) in [(3, 0), (8, 0), (11, 0), (13, 1), (17, 1), (20, 2), (buf.len(), 2)]
        {
            assert_eq!(scanner.scan(&buf[..end], true), Ok(Scanned::Partial));
            let begun = scanner.begun(&buf[..end]);
            assert_eq!(begun.map_or(0, |request| request.len()), complete, "{end}");
            assert!(begun.is_none_or(|request| request.name() == b"SET"));
        }
    }
}
