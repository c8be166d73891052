//! Session commands against a real server: their plans are sent over a raw socket, as they are.

mod batches;
mod commands;
mod foreign;
pub(crate) mod harness;
mod listings;
mod merging;
mod refusals;
mod replies;
