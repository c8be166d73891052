//! What has had large values lately: requests for it are kept off the connections that others share.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    hash::{BuildHasher, RandomState},
};

use crate::resp::Request;

/// How long a large value is remembered, in seconds.
const REMEMBERED: u32 = 300;
/// How many are remembered.
const MOST: usize = 1024;
/// A longer argument names nothing that is worth remembering.
const LONGEST: usize = 512;

/// What a request is about, as far as can be told without knowing its command: its database and its first argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subject(u64);

/// The subjects of large requests and replies, with the time when they were last seen, by the worker's clock.
#[derive(Debug, Default)]
pub struct Bulky {
    hasher: RandomState,
    seen: RefCell<HashMap<Subject, u32>>,
    now: Cell<u32>,
}

impl Bulky {
    /// What a request in this database is about, if it has an argument.
    pub(super) fn subject(&self, database: u32, request: &Request<'_>) -> Option<Subject> {
        let name = request.arg(1).filter(|name| name.len() <= LONGEST)?;
        Some(Subject(self.hasher.hash_one((database, name))))
    }

    /// Whether nothing large is known of.
    pub(super) fn is_empty(&self) -> bool {
        self.seen.borrow().is_empty()
    }

    /// Whether it has been large lately.
    pub(super) fn holds(&self, subject: Subject) -> bool {
        self.seen.borrow().contains_key(&subject)
    }

    /// Notes that it is large.
    pub(super) fn note(&self, subject: Subject) {
        let mut seen = self.seen.borrow_mut();
        if seen.len() >= MOST
            && !seen.contains_key(&subject)
            && let Some(oldest) = seen.iter().min_by_key(|(_, at)| **at).map(|(oldest, _)| *oldest)
        {
            seen.remove(&oldest);
        }
        seen.insert(subject, self.now.get());
    }

    /// Takes the time, and forgets what was last seen too long ago. To be called about once a second.
    pub fn sweep(&self, now: u32) {
        self.now.set(now);
        self.seen.borrow_mut().retain(|_, at| now < at.saturating_add(REMEMBERED));
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::resp::{RequestScanner, encode};

    fn subject(bulky: &Bulky, database: u32, words: &[&str]) -> Option<Subject> {
        let mut bytes = BytesMut::new();
        encode::command(&mut bytes, words);
        let mut scanner = RequestScanner::new();
        scanner.scan(&bytes, true).unwrap();
        bulky.subject(database, &scanner.request(&bytes))
    }

    #[test]
    fn a_subject_is_a_database_and_a_first_argument() {
        let bulky = Bulky::default();
        let get = subject(&bulky, 0, &["GET", "a"]);
        assert!(get.is_some());
        assert_eq!(subject(&bulky, 0, &["set", "a", "b"]), get);
        assert_ne!(subject(&bulky, 0, &["GET", "b"]), get);
        assert_ne!(subject(&bulky, 1, &["GET", "a"]), get);
        assert_eq!(subject(&bulky, 0, &["PING"]), None);
        assert_eq!(subject(&bulky, 0, &["GET", &"a".repeat(LONGEST + 1)]), None);
    }

    #[test]
    fn subjects_are_forgotten() {
        let bulky = Bulky::default();
        assert!(bulky.is_empty());
        for (now, subject) in [(10, 1), (11, 2), (12, 1)] {
            bulky.sweep(now);
            bulky.note(Subject(subject));
        }
        bulky.sweep(11 + REMEMBERED);
        assert!(bulky.holds(Subject(1)) && !bulky.holds(Subject(2)));
        bulky.sweep(12 + REMEMBERED);
        assert!(bulky.is_empty());
    }

    #[test]
    fn the_oldest_makes_room() {
        let bulky = Bulky::default();
        bulky.note(Subject(0));
        bulky.sweep(1);
        (1..MOST as u64).for_each(|subject| bulky.note(Subject(subject)));
        bulky.note(Subject(0));
        bulky.sweep(2);
        (1..MOST as u64).for_each(|subject| bulky.note(Subject(subject)));
        assert!((0..MOST as u64).all(|subject| bulky.holds(Subject(subject))));
        bulky.note(Subject(MOST as u64));
        assert!(!bulky.holds(Subject(0)) && bulky.holds(Subject(1)));
    }
}
