//! The RESP protocol.
