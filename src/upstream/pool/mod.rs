//! The upstream connections of one worker, and who gets which.

pub mod hub;
