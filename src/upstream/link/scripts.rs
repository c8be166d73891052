//! What a link knows of scripts: which the server has, and what calls by digest are repeated from if it has not.

use bytes::{Buf, BytesMut};

use super::{Link, Status, receiver::Receiver};

/// Room for kept bytes that is given back once most of it is unused.
const KEPT_CAPACITY: usize = 64 << 10;

impl<R: Receiver> Link<R> {
    /// Keeps bytes of the request that is sent next, until [`Link::take_kept`]. Replies have the order of requests: so one
    /// buffer serves all of them.
    pub fn keep(&self, bytes: &[u8]) {
        if self.status.get() != Status::Closed {
            self.kept.borrow_mut().extend_from_slice(bytes);
        }
    }

    /// Gives what was kept of the request that is answered now, `len` bytes, to `read`.
    pub fn take_kept<T>(&self, len: usize, read: impl FnOnce(&[u8]) -> T) -> T {
        let mut kept = self.kept.borrow_mut();
        let read = read(&kept[..len]);
        kept.advance(len);
        if kept.is_empty() {
            if kept.capacity() > KEPT_CAPACITY {
                *kept = BytesMut::new();
            } else {
                kept.clear();
            }
        } else if kept.capacity() > KEPT_CAPACITY && kept.len() < kept.capacity() / 4 {
            *kept = BytesMut::from(&kept[..]);
        }
        read
    }

    /// Whether the server has answered a call of this script by its digest on this connection, and has not forgotten it since.
    pub fn knows(&self, script: usize) -> bool {
        self.known.borrow().contains(&script)
    }

    /// Notes whether the server knows the script. Scripts are few.
    pub fn learn(&self, script: usize, known: bool) {
        let mut all = self.known.borrow_mut();
        match all.iter().position(|&one| one == script) {
            Some(place) if !known => drop(all.swap_remove(place)),
            None if known => all.push(script),
            _ => {}
        }
    }

    /// Notes a request that is sent again because the server did not know its script.
    pub fn repeats(&self) {
        self.repeating.set(self.repeating.get() + 1);
    }

    /// Notes that such a request has been answered.
    pub fn repeated(&self) {
        self.repeating.set(self.repeating.get().saturating_sub(1));
    }

    /// How many such requests are under way.
    pub fn repeating(&self) -> u32 {
        self.repeating.get()
    }
}
