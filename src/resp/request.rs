//! One request of a client: its bytes and its arguments.

use std::slice;

/// Where an argument lies in the bytes of its request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) len: usize,
}

impl Span {
    /// The spanned bytes; empty where the span exceeds them, which no complete request has.
    fn of<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(self.start..).and_then(|rest| rest.get(..self.len)).unwrap_or_default()
    }
}

/// A request as the scanner found it. Borrowed: nothing is copied out of the caller's buffer,
/// except for an inline request, which is kept as the multibulk request that says the same.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    bytes: &'a [u8],
    spans: &'a [Span],
    inline: bool,
}

impl<'a> Request<'a> {
    pub(super) fn new(bytes: &'a [u8], spans: &'a [Span], inline: bool) -> Self {
        Self { bytes, spans, inline }
    }

    /// The request as it goes upstream: the client's own bytes, or for an inline request the
    /// multibulk request made of its words. Of a request that has only begun, the bytes so far.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The number of arguments, the command name included. Never 0; of a request that has only
    /// begun, the number of those that are complete.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a request has at least the command name")]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// The argument at `index`; 0 is the command name.
    #[must_use]
    pub fn arg(&self, index: usize) -> Option<&'a [u8]> {
        self.spans.get(index).map(|span| span.of(self.bytes))
    }

    /// The command name in the client's spelling; may be empty.
    #[must_use]
    pub fn name(&self) -> &'a [u8] {
        self.arg(0).unwrap_or_default()
    }

    /// All arguments in order, the command name first.
    #[must_use]
    pub fn args(&self) -> Arguments<'a> {
        Arguments { bytes: self.bytes, spans: self.spans.iter() }
    }

    /// Whether a line end follows each argument, as it should. Redis looks at other bytes there no more than we do; Valkey 9
    /// closes the connection.
    #[must_use]
    pub fn is_well_ended(&self) -> bool {
        self.spans.iter().all(|span| {
            let end = span.start + span.len;
            self.bytes.get(end..end + 2) == Some(b"\r\n")
        })
    }

    /// Whether the client sent a line of words instead of a multibulk request.
    #[must_use]
    pub fn is_inline(&self) -> bool {
        self.inline
    }
}

/// The arguments of a [`Request`] in order.
#[derive(Debug, Clone)]
pub struct Arguments<'a> {
    bytes: &'a [u8],
    spans: slice::Iter<'a, Span>,
}

impl<'a> Iterator for Arguments<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        self.spans.next().map(|span| span.of(self.bytes))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.spans.size_hint()
    }
}

impl ExactSizeIterator for Arguments<'_> {}
