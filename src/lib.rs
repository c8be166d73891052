//! `sessiond`: a RESP proxy in front of Redis or Valkey that adds user sessions as atomic commands.

pub mod command;
pub mod downstream;
pub mod resp;
pub mod secret;
pub mod server;
pub mod session;
pub mod upstream;
