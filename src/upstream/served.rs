//! The databases in which session commands were served: where expired sessions have to be looked for.

use std::{collections::BTreeSet, sync::Mutex};

/// A set of database numbers that only grows, shared by all workers.
#[derive(Debug, Default)]
pub struct ServedDatabases(Mutex<BTreeSet<u32>>);
impl ServedDatabases {
    /// stand-in
    pub fn insert(&self, database: u32) {
        if let Ok(mut set) = self.0.lock() {
            set.insert(database);
        }
    }
}
