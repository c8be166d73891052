//! What a connection is, as both sides see it: its key, its names, its numbers, its traces; and which slot a key is in.

pub mod ids;
pub mod key;
pub mod label;
pub mod slot;
pub mod traces;
