//! Read buffers of one worker that no client is using: a client needs one only while bytes of its arrive.

use std::cell::RefCell;

use bytes::BytesMut;

/// Capacity of a fresh buffer, in bytes.
const CAPACITY: usize = 16 << 10;
/// A buffer that has grown is not kept: it would stay large for ever.
const KEPT_CAPACITY: usize = 64 << 10;
/// Buffers kept.
const KEPT: usize = 16;

/// Empty buffers.
#[derive(Debug, Default)]
pub struct Spares(RefCell<Vec<BytesMut>>);

impl Spares {
    /// An empty buffer with room.
    pub(in crate::downstream) fn take(&self) -> BytesMut {
        self.0.borrow_mut().pop().unwrap_or_else(|| BytesMut::with_capacity(CAPACITY))
    }

    /// Takes a buffer back. It must be empty.
    pub(in crate::downstream) fn give_back(&self, mut buffer: BytesMut) {
        debug_assert!(buffer.is_empty(), "unhandled bytes would reach another client");
        buffer.clear();
        // What was advanced over is regained here, unless another handle still has it.
        if !buffer.try_reclaim(CAPACITY) || buffer.capacity() > KEPT_CAPACITY {
            return;
        }
        let mut spares = self.0.borrow_mut();
        if spares.len() < KEPT {
            spares.push(buffer);
        }
    }
}
