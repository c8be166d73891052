//! What a client does: with its requests (`ahead`, `block`, `perform` and what that calls), with replies (`deliver`, `fail`),
//! with its connections (`footing`), and in the end (`leave`).

pub(super) mod ahead;
mod ask;
mod block;
mod call;
mod change;
mod client_command;
mod deliver;
mod execute;
mod fail;
pub(super) mod footing;
mod forward;
pub(super) mod large;
pub(super) mod leave;
mod perform;
#[cfg(test)]
mod tests;
mod transaction;
mod upkeep;
