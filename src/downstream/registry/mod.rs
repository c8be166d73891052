//! What is known of the clients of all workers, and what one client asks about the others.

pub mod question;
pub mod report;
pub mod roster;
