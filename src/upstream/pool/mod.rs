//! The upstream connections of one worker, and who gets which.

mod hold;
pub mod hub;
mod idle;
mod lane;
mod lease;
mod proofs;
mod watchdog;

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, DefaultHasher},
};

pub use hold::Times;
pub use hub::{Hub, Joined};
pub use lease::Lease;
pub use proofs::Proofs;

/// A map whose order is the same in every run. What it holds is bounded by connections that the server has let in.
type Map<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;
