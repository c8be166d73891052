//! The wire format without sessiond's process: a real server, another parser and recorded replies as the judges.
#![cfg(test)] // What clippy.toml allows in tests is then allowed in helpers as well.

#[path = "../common/mod.rs"]
mod common;

mod oracle;
mod properties;
mod recorded;
