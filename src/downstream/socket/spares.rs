//! What clients of one worker lend each other: a client needs a read buffer and a scanner only while bytes of its arrive.

use std::cell::RefCell;

use bytes::BytesMut;

use crate::resp::RequestScanner;

/// Capacity of a fresh buffer, in bytes.
const CAPACITY: usize = 16 << 10;
/// A buffer that has grown is not kept: it would stay large for ever.
const KEPT_CAPACITY: usize = 64 << 10;
/// Buffers and scanners kept.
const KEPT: usize = 16;

/// Empty buffers, and scanners at the first byte of a request.
#[derive(Debug, Default)]
pub struct Spares {
    buffers: RefCell<Vec<BytesMut>>,
    #[expect(clippy::vec_box, reason = "a client holds a box, and takes and gives it as it is")]
    scanners: RefCell<Vec<Box<RequestScanner>>>,
}

impl Spares {
    /// An empty buffer with room.
    pub(in crate::downstream) fn take(&self) -> BytesMut {
        self.buffers.borrow_mut().pop().unwrap_or_else(|| BytesMut::with_capacity(CAPACITY))
    }

    /// Takes a buffer back. It must be empty.
    pub(in crate::downstream) fn give_back(&self, mut buffer: BytesMut) {
        debug_assert!(buffer.is_empty(), "unhandled bytes would reach another client");
        buffer.clear();
        // What was advanced over is regained here, unless another handle still has it.
        if !buffer.try_reclaim(CAPACITY) || buffer.capacity() > KEPT_CAPACITY {
            return;
        }
        let mut buffers = self.buffers.borrow_mut();
        if buffers.len() < KEPT {
            buffers.push(buffer);
        }
    }

    /// A scanner at the first byte of a request.
    pub(in crate::downstream) fn take_scanner(&self) -> Box<RequestScanner> {
        self.scanners.borrow_mut().pop().unwrap_or_default()
    }

    /// Takes a scanner back. Whatever it was in the middle of is forgotten.
    pub(in crate::downstream) fn give_scanner(&self, mut scanner: Box<RequestScanner>) {
        scanner.next();
        let mut scanners = self.scanners.borrow_mut();
        if scanners.len() < KEPT {
            scanners.push(scanner);
        }
    }
}
