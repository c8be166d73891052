//! Clients that count on, each by itself, while the primary changes; and what their counters may say.
//!
//! Replication is asynchronous: what a primary has answered in its last moments may be gone with it. So a counter may
//! fall once for every change of the primary, but never below what was known to be on the replicas before it, and it
//! is never higher than what was sent: nothing runs twice.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::thread;

use crate::common::*;
use crate::front::{LOST, calls, errors};

/// How many INCR a client sends in one piece; a GET follows.
const DEPTH: usize = 3;

/// What became of the INCRs of one client.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    /// The counter's key.
    pub(crate) key: String,
    /// The last answer, and with it the least that the counter can be without a loss on the server.
    least: i64,
    /// The most that it can be: also what was answered with "may have run" has run.
    most: i64,
    /// How often it has fallen.
    pub(crate) falls: usize,
    /// How many requests were answered with "may have run".
    pub(crate) unknown: usize,
    /// How many were answered with READONLY.
    pub(crate) refused: usize,
}

impl Counter {
    fn take(&mut self, reply: &Value, floor: i64) {
        match reply {
            Value::Int(value) => {
                let value = *value;
                assert!(
                    value <= self.most + 1,
                    "INCR answered {value}: something ran twice, {self:?}"
                );
                if value <= self.least {
                    assert!(value > floor, "INCR answered {value} and {floor} was safe, {self:?}");
                    self.falls += 1;
                }
                (self.least, self.most) = (value, value);
            }
            Value::Error(text) if text == LOST => {
                self.unknown += 1;
                self.most += 1;
            }
            Value::Error(text) if text.starts_with("READONLY ") => self.refused += 1,
            other => panic!("INCR answered {other}, {self:?}"),
        }
    }
}

/// The clients at work.
pub(crate) struct Load {
    stop: AtomicBool,
    clients: Vec<Shared>,
}

/// What a client and the test know of each other.
#[derive(Default)]
struct Shared {
    rounds: AtomicUsize,
    answered: AtomicI64,
    floor: AtomicI64,
}

/// Stops the clients also when the test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Runs `count` clients, spread over `sessiond`, for the time of `during`. What became of their counters is checked
/// against the servers' values when they have stopped.
pub(crate) fn under_load(
    sessiond: &[Sessiond],
    group: &mut Group,
    count: usize,
    during: impl FnOnce(&Load, &mut Group),
) -> Vec<Counter> {
    let clients = (0..count).map(|_| Shared::default()).collect();
    let load = Load { stop: AtomicBool::new(false), clients };
    let ports = sessiond.iter().map(Sessiond::port);
    let counters: Vec<Counter> = thread::scope(|scope| {
        let work: Vec<_> = (0..count)
            .zip(ports.cycle())
            .map(|(number, port)| {
                let load = &load;
                scope.spawn(move || load.count(number, port))
            })
            .collect();
        {
            let _stop = Stop(&load.stop);
            load.progress();
            during(&load, group);
            load.progress();
        }
        work.into_iter().map(|client| client.join().unwrap()).collect()
    });
    let mut primary = group.client(group.primary());
    for counter in &counters {
        let stored: i64 = cmd!(primary, "GET", counter.key).text().parse().unwrap();
        let possible = counter.least..=counter.most;
        assert!(possible.contains(&stored), "{stored} stored, {counter:?}");
    }
    counters
}

impl Load {
    /// Waits until every client has had more answers.
    pub(crate) fn progress(&self) {
        for client in &self.clients {
            let reached = client.rounds.load(Ordering::SeqCst) + 5;
            eventually("every client goes on", || {
                assert!(!self.stop.load(Ordering::SeqCst), "a client has given up");
                (client.rounds.load(Ordering::SeqCst) >= reached).then_some(())
            });
        }
    }

    /// From here on no counter may fall below what it is now.
    pub(crate) fn safe(&self, group: &Group) {
        let answered: Vec<i64> =
            self.clients.iter().map(|client| client.answered.load(Ordering::SeqCst)).collect();
        group.replicated(group.primary());
        for (client, floor) in self.clients.iter().zip(answered) {
            client.floor.store(floor, Ordering::SeqCst);
        }
    }

    fn count(&self, number: usize, port: u16) -> Counter {
        let _others_stop_too = Stop(&self.stop);
        let shared = &self.clients[number];
        let mut client = Client::connect(port);
        let mut counter = Counter { key: format!("counter{number}"), ..Counter::default() };
        while !self.stop.load(Ordering::SeqCst) {
            client.send(&encode(&["INCR", &counter.key]).repeat(DEPTH));
            client.write(&["GET", &counter.key]);
            for _ in 0..DEPTH {
                let reply = client.reply();
                counter.take(&reply, shared.floor.load(Ordering::SeqCst));
            }
            match client.reply() {
                Value::Error(text) if text == LOST => counter.unknown += 1,
                Value::Bulk(_) | Value::NullBulk => {}
                other => panic!("GET answered {other}, {counter:?}"),
            }
            shared.answered.store(counter.least, Ordering::SeqCst);
            shared.rounds.fetch_add(1, Ordering::SeqCst);
        }
        counter
    }
}

/// Checks that nobody but the replication speaks to a node that has become a replica.
pub(crate) fn assert_left_alone(load: &Load, group: &Group, old: usize) {
    check!(group.client(old), "CONFIG", "RESETSTAT" => "+OK");
    load.progress();
    // Replicas count the writes that they hear of from their primary, so only reads and refused writes tell.
    assert_eq!(calls(group, old, "get"), 0, "reads from the old primary");
    assert_eq!(errors(group, old, "READONLY"), 0, "writes to the old primary");
}

/// Checks that no client has lost more than what it can have had under way, nor fallen more often than the primary
/// has changed.
pub(crate) fn assert_bounded(counters: &[Counter], changes: usize) {
    for counter in counters {
        assert!(counter.unknown <= changes * (DEPTH + 1), "{changes} changes, {counter:?}");
        assert!(counter.falls <= changes, "{changes} changes, {counter:?}");
    }
}
