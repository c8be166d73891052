//! What a connection is, as both sides see it: its key, its names.

pub mod key;
pub mod label;
