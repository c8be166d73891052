//! Session commands: what their arguments mean, which script call carries them out, and what its
//! reply becomes. Nothing here sends or receives: callers carry bytes.
//!
//! The way of a command: [`lookup`] finds its [`Command`], [`Command::plan`] turns its arguments
//! into a [`Plan`]. A [`Call`] of it is written as `EVALSHA` into the client's stream, and its
//! [`Adapt`] makes the reply. A [`Batch`] gives calls step by step. Inside MULTI a batch is
//! one call too ([`Batch::whole`]), and what needs no server becomes a call
//! ([`refusal::error_call`], [`refusal::lines_call`]).

mod agreement;
mod arguments;
mod batch;
mod command;
mod commands;
mod data;
mod error;
mod identity;
mod keys;
mod layout;
pub mod limits;
mod listing;
pub mod refusal;
mod reply;
mod script;
mod target;
mod token;
mod view;

pub use agreement::Agreement;
pub use batch::{Batch, Part, Step};
pub use command::{Argument, ArgumentKind, Command, Plan, Settings};
pub use commands::{commands, get::Reads, lookup, wipe::batch as wipe};
pub use error::{Error, Parameter};
pub use layout::{Buckets, Layout};
pub use reply::Adapt;
pub use script::{Call, CallHead, Script};
pub use view::Form;
