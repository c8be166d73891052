//! Everything that is not a session command: what passes through, what belongs to a client, and what goes wrong.
#![cfg(test)] // So clippy.toml allows in every function what it allows in a test.

#[path = "../common/mod.rs"]
mod common;

mod bad_input;
mod blocks;
mod catalog;
mod client_registry;
mod credentials;
mod delivery;
mod faults;
mod passthrough;
mod pubsub_blocking;
mod replication;
mod signs_of_life;
mod state;
mod stress;
mod transactions;
mod upstream_connections;
