//! How large a client's buffers were of late.
//!
//! It has buffers only while bytes come or go, and may be lent one that is larger than it needs. `CLIENT LIST` tells what it
//! needed last, for as long as Redis keeps buffers of that size for a client (`clientsCronResizeQueryBuffer` and
//! `clientsCronResizeOutputBuffer` in server.c): with its next request it takes the like.

/// The least that requests are read into, in bytes.
const READ_BUFFER: usize = 16 << 10;
/// Seconds after which Redis gives back the buffer that requests were read into.
const READ_KEPT: u64 = 2;
/// What is counted of input is counted in steps of this size, in bytes.
const STEP: usize = 64;
/// The least and the most that Redis makes the buffer of replies, in bytes; what is more goes to a list.
const REPLY_BUFFER: (u16, u16) = (1 << 10, 16 << 10);
/// Seconds after which Redis forgets how large the last replies were.
const REPLY_KEPT: u64 = 5;

/// What a client needed last. Every idle client has one of these, so it is small.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Buffers {
    /// The input that it had when there was read from it, in steps.
    read: u16,
    /// The replies that stood ready when there was begun to write them, as far as they fit into a buffer.
    written: u16,
    /// Some of these are still to be written.
    rest: bool,
}

impl Buffers {
    /// So much input was there when there had been read from the client.
    pub(crate) fn read(&mut self, input: usize) {
        self.read = u16::try_from(input.div_ceil(STEP)).unwrap_or(u16::MAX);
    }

    /// So many bytes of replies were written, and so many are left.
    pub(crate) fn wrote(&mut self, bytes: usize, left: usize) {
        let ready = buffered(bytes + left);
        self.written = if self.rest { ready.max(self.written) } else { ready };
        self.rest = left > 0;
    }

    /// The buffer for requests of a client that has been idle for so many seconds.
    pub(crate) fn input(self, idle: u64) -> usize {
        if self.read == 0 || idle > READ_KEPT {
            return 0;
        }
        READ_BUFFER.max(usize::from(self.read) * STEP)
    }

    /// The most that stood in its buffer for replies of late (`rbp`), while it has yet to read `backlog` bytes.
    pub(crate) fn reply_peak(self, idle: u64, backlog: usize) -> usize {
        let written = if idle > REPLY_KEPT { 0 } else { self.written };
        written.max(buffered(backlog)).into()
    }

    /// The buffer for replies that is fit for this peak (`rbs`).
    pub(crate) fn reply(peak: usize) -> usize {
        peak.max(REPLY_BUFFER.0.into())
    }
}

/// How much of so many bytes of replies fits into a buffer.
fn buffered(bytes: usize) -> u16 {
    u16::try_from(bytes).unwrap_or(u16::MAX).min(REPLY_BUFFER.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_read_buffer_is_told_until_redis_would_give_it_back() {
        let mut buffers = Buffers::default();
        assert_eq!(buffers.input(0), 0);
        buffers.read(400_000);
        assert_eq!((buffers.input(2), buffers.input(3)), (400_000, 0));
        buffers.read(1);
        assert_eq!(buffers.input(0), 16_384);
        buffers.read(1 << 30);
        assert_eq!(buffers.input(0), 65_535 * 64);
    }

    #[test]
    fn the_reply_buffer_fits_the_last_replies() {
        let mut buffers = Buffers::default();
        let told = |buffers: Buffers, idle, backlog| {
            let peak = buffers.reply_peak(idle, backlog);
            (peak, Buffers::reply(peak))
        };
        assert_eq!(told(buffers, 0, 0), (0, 1024));
        buffers.wrote(5, 0);
        assert_eq!(told(buffers, 0, 0), (5, 1024));
        buffers.wrote(2000, 0);
        assert_eq!((told(buffers, 5, 0), told(buffers, 6, 0)), ((2000, 2000), (0, 1024)));
        assert_eq!(told(buffers, 0, 3000), (3000, 3000));
        buffers.wrote(32_779, 0);
        assert_eq!(told(buffers, 0, 1 << 20), (16_384, 16_384));
    }

    #[test]
    fn replies_that_are_written_in_pieces_count_as_a_whole() {
        let mut buffers = Buffers::default();
        let peak = |buffers: Buffers| buffers.reply_peak(0, 0);
        buffers.wrote(4000, 1000);
        buffers.wrote(1000, 0);
        assert_eq!(peak(buffers), 5000);
        buffers.wrote(1000, 0);
        assert_eq!(peak(buffers), 1000);
        // More has come before all was written.
        buffers.wrote(500, 500);
        buffers.wrote(1000, 7000);
        buffers.wrote(7000, 0);
        assert_eq!(peak(buffers), 8000);
    }
}
