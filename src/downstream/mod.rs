//! The client side. A [`client::Client`] is a value that decides; its [`seat`] carries bytes for it; [`actions`] carry out what it
//! decides; [`task`] lets it run.

mod act;
mod actions;
mod answers;
pub mod client;
pub mod clock;
pub mod context;
mod decide;
mod links;
mod live;
pub mod pause;
mod ports;
mod refusal;
pub mod registry;
mod replies;
mod seat;
pub mod socket;
mod state;
pub mod task;
