//! A Sentinel group of real processes: one primary, two replicas and three Sentinels; and Sentinels that are none.

mod fake;
mod group;

pub(crate) use fake::{FakeSentinel, Says};
pub(crate) use group::{Group, Plan, SERVICE};
