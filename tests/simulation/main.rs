//! A model of a Redis server for simulations, and what generates clients for it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stderr, reason = "a failure says what differed")]

mod model;
mod random;
mod replay;
mod script;
mod server;
mod world;
