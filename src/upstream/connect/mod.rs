//! From an address to a connection that is in the state its key names.

pub mod dial;
pub(super) mod dialer;
mod handshake;
mod holdoff;
