//! The wire format without sessiond's process: a real server, another parser and recorded replies as the judges.
#![cfg(test)] // So clippy.toml allows in every function what it allows in a test.

#[path = "../common/mod.rs"]
mod common;

mod oracle;
mod properties;
mod recorded;
