//! The drop-in promise, by comparison: each scenario runs on a plain redis-server and through sessiond on a second one,
//! and every connection has to receive the same bytes.
//!
//! `TRANSPARENCY_SCENARIO=text` runs only the scenarios with this text in their name. See [`random`] for its seeds.
#![cfg(test)] // So clippy.toml allows in every function what it allows in a test.

#[path = "../common/mod.rs"]
mod common;

mod allowed;
mod normal;
mod runner;
mod side;
mod table;
mod transcript;

mod blocking;
mod client;
mod client_modes;
mod commands;
mod data;
mod protocol;
mod pubsub;
mod random;
mod scripting;
mod state;
mod transactions;
