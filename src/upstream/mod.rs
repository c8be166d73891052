//! The Redis side: how the server is found, dialled, started and watched, and the connections to it that carry requests:
//! shared (lanes) and exclusive (pinned).

pub mod address;
pub mod backoff;
pub mod control;
pub mod dial;
mod dialer;
mod driver;
pub mod embedded;
mod handshake;
mod holdoff;
pub mod hub;
pub mod key;
pub mod label;
pub mod link;
mod pace;
pub mod receiver;
pub mod served;
pub mod settings;
pub mod tls;

pub use dialer::DialError;
