//! Session commands against a real server: their plans are sent over a raw socket, as they are.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod batches;
mod commands;
mod foreign;
mod harness;
mod merging;
mod refusals;
