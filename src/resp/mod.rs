//! The RESP protocol without IO: finding frames in bytes, reading them, writing them.
//!
//! - [`RequestScanner`] finds the requests of a client (multibulk and inline) by the rules and
//!   limits of Redis, and gives each as a [`Request`]: its bytes and its arguments' places in them.
//! - [`ReplyScanner`] finds the replies of a server, RESP2 and RESP3.
//! - [`reply`] reads a complete reply in place, [`encode`] writes requests and replies.
//!
//! Both scanners resume where they stopped, never recurse, and reserve nothing for what a peer
//! only declares. They hold no bytes: the caller keeps the buffer.

pub mod encode;
mod error;
mod inline;
pub mod limits;
mod number;
pub mod reply;
mod reply_scan;
mod request;
mod request_scan;

pub use error::{ProtocolError, ReplyError};
pub use number::parse_integer;
pub use reply_scan::ReplyScanner;
pub use request::{Arguments, Request};
pub use request_scan::{RequestScanner, Scanned};

/// The version of RESP that a connection has negotiated with `HELLO`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Protocol {
    /// RESP2, which every connection starts with.
    #[default]
    Resp2,
    /// RESP3, after `HELLO 3`.
    Resp3,
}
