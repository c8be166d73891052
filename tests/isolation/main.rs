//! No client ever meets what another has left behind, and no wait is without an end: real servers, broken on purpose.
#![cfg(test)] // So clippy.toml allows in every function what it allows in a test.

#[path = "../common/mod.rs"]
mod common;

mod behind;
mod blocking;
mod client_commands;
mod client_kill;
mod crowd;
mod drain;
mod freeze;
mod give_back;
mod halves;
mod hidden_refusals;
mod large_replies;
mod last_moment;
mod leaving;
mod load;
mod logins;
mod lost_state;
mod order;
mod pause;
mod pipelines;
mod refused_streams;
mod relay;
mod relayed;
mod repetition;
mod replies_off;
mod revoked;
mod seats;
mod silence;
mod slow_readers;
mod unheard;
mod wait;
