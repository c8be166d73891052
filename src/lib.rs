//! `sessiond`: a RESP proxy in front of Redis or Valkey that adds user sessions as atomic commands.

pub mod cli;
pub mod command;
pub mod config;
pub mod downstream;
pub mod net;
pub mod resp;
pub mod secret;
pub mod server;
pub mod session;
pub mod shutdown;
pub mod state;
pub mod telemetry;
pub mod upstream;
