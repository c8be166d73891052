//! What both sides need to carry bytes.

pub mod tls;
