//! Several servers behind one address: who is the primary changes, and clients see one Redis all the same.
#![cfg(test)] // So clippy.toml allows in every function what it allows in a test.

#[path = "../common/mod.rs"]
mod common;

mod clusters;
mod groups;
