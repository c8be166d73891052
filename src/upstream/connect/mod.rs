//! From an address to a connection that is in the state its key names.

pub mod dial;
pub mod dialer;
mod handshake;
mod holdoff;
mod talk;

pub use dialer::{Connect, Connecting, DialError};
pub use handshake::Step;
pub(in crate::upstream) use {
    handshake::is_replica,
    talk::{Talk, within},
};
