//! The Redis side: how the server is found, dialled, started and watched, and the connections to it that carry requests:
//! shared (lanes) and exclusive (pinned).

pub mod address;
pub mod backoff;
mod connect;
pub mod control;
pub mod embedded;
pub mod link;
mod pool;
pub mod served;
pub mod settings;

pub use connect::{dial, dialer::DialError};
pub use link::receiver;
pub use pool::hub;

pub use crate::{
    net::tls,
    state::{key, label},
};
