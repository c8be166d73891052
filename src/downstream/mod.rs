//! The client side: one [`connection::Connection`] per client, and the [`outbox::Outbox`] that its replies come to.

mod ahead;
mod block;
mod clients;
pub mod clock;
pub mod connection;
pub mod context;
mod exclusive;
mod io;
mod large;
pub mod outbox;
mod pinned;
pub mod registry;
mod rest;
mod sessions;
pub mod slot;
pub mod socket;
pub mod subscriptions;
mod target;
mod tracking;
pub mod transaction;
mod transactions;

use bytes::{Bytes, BytesMut};

pub use registry::{presence, report, roster};
pub use socket::spares;

use crate::{resp::encode, upstream::receiver::Failure};

/// The largest part of a request that is held in memory before it is passed on in parts.
const LARGE_REQUEST: usize = 1 << 20;

/// Words for replies that do not come from the server.
mod words {
    /// A command that was under way when its connection broke.
    pub(super) const LOST: &str = "UPSTREAM connection lost, the command may or may not have run";
    /// A command that was never sent, before the reason.
    pub(super) const UNAVAILABLE: &str = "UPSTREAM unavailable: ";
}

/// The error that a client gets for a request that has no reply.
fn failure_frame(failure: &Failure) -> Bytes {
    let mut out = BytesMut::new();
    match failure {
        Failure::Lost => encode::error(&mut out, words::LOST),
        Failure::Unsent(why) => encode::error(&mut out, format!("{}{why}", words::UNAVAILABLE)),
    }
    out.freeze()
}
