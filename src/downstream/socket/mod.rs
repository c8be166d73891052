//! A client's socket.

pub mod spares;
