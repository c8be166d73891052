//! The words of replies that do not come from the server.

use bytes::{Bytes, BytesMut};

use crate::{resp::encode, upstream::link::receiver::Failure};

/// A command that was under way when its connection broke.
const LOST: &str = "UPSTREAM connection lost, the command may or may not have run";
/// A command that was never sent, before the reason.
const UNAVAILABLE: &str = "UPSTREAM unavailable: ";

/// `EXEC` of a transaction that was lost.
pub(super) const DISCARDED: &[u8] =
    b"-EXECABORT Transaction discarded because the connection to the server was lost\r\n";
/// The end of a transaction in which a command was refused, in Redis' words.
pub(super) const SPOILED: &[u8] =
    b"-EXECABORT Transaction discarded because of previous errors.\r\n";
/// Another command of a transaction that is lost.
pub(super) const TRANSACTION_LOST: &[u8] =
    b"-UPSTREAM unavailable: the connection that held the transaction was lost\r\n";

/// The error for a request that has no reply.
pub(super) fn failed(failure: &Failure) -> Bytes {
    match failure {
        Failure::Lost => error(LOST),
        Failure::Unsent(why) => unavailable(why),
    }
}

/// The error for a request that was not sent.
pub(super) fn unavailable(why: &str) -> Bytes {
    error(&format!("{UNAVAILABLE}{why}"))
}

/// An error in these words.
pub(super) fn error(text: &str) -> Bytes {
    let mut out = BytesMut::new();
    encode::error(&mut out, text);
    out.freeze()
}
