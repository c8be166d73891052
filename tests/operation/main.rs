//! The program as its operator meets it: its configuration, and the server that it may bring along.
#![cfg(test)] // What clippy.toml allows in tests is then allowed in helpers as well.

#[path = "../common/mod.rs"]
mod common;

mod config;
mod embedded;
