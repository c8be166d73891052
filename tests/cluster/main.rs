//! What is known of a cluster, held against real ones.
#![cfg(test)] // So clippy.toml allows in every function what it allows in a test.

#[path = "../common/mod.rs"]
mod common;

mod changes;
mod routed;
mod seeds;
mod states;
mod watched;
