//! `sessiond`: a RESP proxy in front of Redis or Valkey that adds user sessions as atomic commands.

pub mod resp;
pub mod session;
