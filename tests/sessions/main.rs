//! The session commands: each by itself, many at once, beside the npm library, and as the scripts they become.
#![cfg(test)] // What clippy.toml allows in tests is then allowed in helpers as well.

#[path = "../common/mod.rs"]
mod common;

mod commands;
mod concurrency;
mod interop;
mod pipelines;
mod scripts;
