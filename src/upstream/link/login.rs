//! Logins whose refusal the server may keep to itself.
//!
//! Since version 7.2 a server answers a refused login only when no other reply of the connection waits to be written
//! (`addAuthErrReply` in acl.c). An `ECHO` behind the login shows that its reply is missing: or the next client would
//! take it for its own, and be logged in by it.

use std::rc::Rc;

use bytes::BytesMut;

use super::{
    Link, Status,
    queue::{Care, Entry},
    receiver::Receiver,
};
use crate::{resp::encode, state::ids::Place};

/// What the server would have said.
pub(super) const REFUSED: &[u8] =
    b"-WRONGPASS invalid username-password pair or user is disabled.\r\n";

impl<R: Receiver> Link<R> {
    /// Appends one complete request that may log somebody in. False when the link has closed: then nothing was sent.
    #[must_use]
    pub fn send_login(&self, receiver: &Rc<R>, place: Place, request: &[u8]) -> bool {
        if self.status.get() == Status::Closed {
            return false;
        }
        self.outgoing.borrow_mut().bytes.extend_from_slice(request);
        if !self.standing.get().hides_refusals {
            return self.expect(receiver, place, b"");
        }
        self.enqueue(Entry { care: Care::Guarded, ..Entry::one(receiver.clone(), place) }, b"");
        let mut guard = BytesMut::new();
        encode::command(&mut guard, [&b"ECHO"[..], b"sessiond"]);
        self.send_unheard(&guard);
        true
    }
}

/// Whether a frame answers the `ECHO` and not the login: that is answered by `+OK`, a map, or the reason of its refusal.
pub(super) fn answers_guard(frame: &[u8]) -> bool {
    const OTHERS: [&[u8]; 7] = [
        b"$",
        b"-NOAUTH Authentication",
        b"-NOPERM",
        b"-LOADING",
        b"-MASTERDOWN",
        b"-BUSY ",
        b"-ERR unknown command 'ECHO'",
    ];
    OTHERS.iter().any(|beginning| frame.starts_with(beginning))
}
