//! The Redis side: connections to the server, shared (lanes) and exclusive (pinned).

pub mod address;
mod backoff;
pub mod dial;
mod dialer;
mod driver;
mod handshake;
pub mod hub;
pub mod key;
pub mod link;
pub mod receiver;
pub mod served;
pub mod settings;
pub mod tls;

pub use dialer::DialError;
