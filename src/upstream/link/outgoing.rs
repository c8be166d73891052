//! The bytes of a link that are still to be written.

use bytes::BytesMut;

/// Unwritten request bytes above which senders wait, and below which they go on.
const CONGESTED: usize = 1 << 20;
const RELIEVED: usize = 256 << 10;

/// What is to be written.
#[derive(Default)]
pub(super) struct Outgoing {
    pub(super) bytes: BytesMut,
    /// How many entries at the queue's end stand for requests that are still here.
    pub(super) unsent: usize,
    /// There is more than those requests: parts of one, or requests that have no reply.
    pub(super) raw: bool,
    /// Nothing more is sent after this.
    pub(super) finished: bool,
}

impl Outgoing {
    pub(super) fn is_congested(&self) -> bool {
        self.bytes.len() >= CONGESTED
    }

    pub(super) fn is_relieved(&self) -> bool {
        self.bytes.len() < RELIEVED
    }

    /// Gives up what is left: the number of requests that were not sent, and their bytes.
    pub(super) fn end(&mut self) -> (usize, BytesMut) {
        (std::mem::take(&mut self.unsent), std::mem::take(&mut self.bytes))
    }
}
