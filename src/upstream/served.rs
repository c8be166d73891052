//! The databases in which this process has served a session command.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// A set of database numbers that all workers add to. Adding one that is there already, as nearly every
/// time, takes no lock for the numbers below 64.
#[derive(Debug, Default)]
pub struct ServedDatabases {
    low: AtomicU64,
    high: Mutex<BTreeSet<u32>>,
}

/// How many databases beyond the first 64 are remembered. A client can select any number that the
/// server's `databases` allows, and the set must not grow without bound on its word.
const MOST_HIGH: usize = 1024;

impl ServedDatabases {
    /// Adds a database.
    pub fn insert(&self, database: u32) {
        if let Some(bit) = 1_u64.checked_shl(database) {
            // A plain load first: a write would take the cache line from the other workers.
            if self.low.load(Ordering::Relaxed) & bit == 0 {
                self.low.fetch_or(bit, Ordering::Relaxed);
            }
            return;
        }
        let mut high = self.high.lock().unwrap_or_else(PoisonError::into_inner);
        if high.len() < MOST_HIGH {
            high.insert(database);
        }
    }

    /// All databases, in rising order.
    pub fn snapshot(&self) -> BTreeSet<u32> {
        let low = self.low.load(Ordering::Relaxed);
        let high = self.high.lock().unwrap_or_else(PoisonError::into_inner);
        (0..u64::BITS).filter(|bit| low >> bit & 1 == 1).chain(high.iter().copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn low_and_high_numbers_are_kept_once() {
        let served = ServedDatabases::default();
        for database in [63, 0, 64, 5, 5, u32::MAX, 64] {
            served.insert(database);
        }
        let all: Vec<_> = served.snapshot().into_iter().collect();
        assert_eq!(all, [0, 5, 63, 64, u32::MAX]);
    }

    #[test]
    fn the_set_is_bounded() {
        let served = ServedDatabases::default();
        (64..9999).for_each(|database| served.insert(database));
        assert_eq!(served.snapshot().len(), MOST_HIGH);
    }
}
