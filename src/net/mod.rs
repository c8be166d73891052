//! What both sides need to carry bytes: the transport, TLS, and words for what can go wrong.

mod reason;
mod stream;
pub mod tls;

pub use reason::reason;
pub use stream::Stream;
