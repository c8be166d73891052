//! Session commands.
