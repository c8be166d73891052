//! What a connection is, as both sides see it: its key, its names, its numbers, its traces.

pub mod ids;
pub mod key;
pub mod label;
pub mod traces;
