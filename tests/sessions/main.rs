//! The session commands: each by itself, many at once, beside the npm library, and as the scripts they become.
#![cfg(test)] // So clippy.toml allows in every function what it allows in a test.

#[path = "../common/mod.rs"]
mod common;

mod buckets;
mod commands;
mod concurrency;
mod interop;
mod pipelines;
mod scripts;
