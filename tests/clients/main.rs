//! Client libraries of several languages, what is built on them, redis-cli and redis-benchmark work through sessiond
//! as on Redis.
#![cfg(test)] // So clippy.toml allows in every function what it allows in a test.

#[path = "../common/mod.rs"]
mod common;

mod command_line;
mod fred;
mod programs;
mod redis_rs;
