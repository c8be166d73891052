//! Which command goes where, and what the server's answer to it changes.

pub mod catalog;
pub mod change;
pub mod client;
pub mod flags;
pub mod info;
pub mod join;
mod options;
pub mod own_id;
pub mod pause;
pub mod route;
#[cfg(test)]
pub(crate) mod sample;
pub mod specs;
pub mod spread;
pub mod table;

pub use route::{Route, changes_commands, revokes, route};
