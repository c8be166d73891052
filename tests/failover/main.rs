//! Several servers behind one address: who is the primary changes, and clients see one Redis all the same.
#![cfg(test)] // So clippy.toml allows in every function what it allows in a test.

#[path = "../common/mod.rs"]
mod common;

mod clusters;
mod credentials;
mod front;
mod groups;
mod hold;
mod load;
mod one_redis;
mod planned;
mod refused;
mod sentinels;
mod state;
mod subscribers;
mod unplanned;
