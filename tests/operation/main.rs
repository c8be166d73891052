//! The program as its operator meets it: its configuration, and the server that it may bring along.
#![cfg(test)] // So clippy.toml allows in every function what it allows in a test.

#[path = "../common/mod.rs"]
mod common;

mod config;
mod embedded;
mod layers;
