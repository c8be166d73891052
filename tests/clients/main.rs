//! Client libraries of several languages, what is built on them, redis-cli and redis-benchmark work through sessiond
//! as on Redis.
#![cfg(test)] // What clippy.toml allows in tests is then allowed in helpers as well.

#[path = "../common/mod.rs"]
mod common;

mod command_line;
mod fred;
mod programs;
mod redis_rs;
