//! Clients under load while connections to the server break at random: every reply is checked, and what is stored at the end.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::behind::*;
use crate::common::*;

const CLIENTS: usize = 30;
const BREAKS: usize = 120;

struct Loaded<'a> {
    stack: &'a Behind,
    number: usize,
    client: Option<Client>,
    random: Random,
    /// How often the own counter was incremented at least, and at most.
    least: i64,
    most: i64,
}

impl Loaded<'_> {
    /// Sends commands in one piece or in two, and gives the replies up to the end or to a closed connection.
    fn exchange(&mut self, commands: &[Vec<Vec<u8>>]) -> Vec<Value> {
        let stack = self.stack;
        let client = self.client.get_or_insert_with(|| stack.client());
        let bytes = piece(commands);
        let cut = self.random.below(2 * bytes.len()).min(bytes.len());
        let sent = client.try_send(&bytes[..cut]).is_ok() && client.try_send(&bytes[cut..]).is_ok();
        let replies = if sent { replies_or_end(client, commands.len()) } else { Vec::new() };
        if replies.len() < commands.len() {
            self.client = None;
        }
        replies
    }

    fn increment(&mut self) {
        let key = format!("own{}", self.number);
        let mark = format!("{} {}", self.number, self.random.below(1_000_000));
        let replies = self.exchange(&[args!("INCR", key), args!("ECHO", mark)]);
        match replies.first() {
            Some(Value::Int(value)) => {
                let possible = self.least + 1..=self.most + 1;
                assert!(possible.contains(value), "INCR answered {value}, possible {possible:?}");
                (self.least, self.most) = (*value, *value);
            }
            Some(Value::Error(text)) if text.starts_with(UNAVAILABLE) => {}
            Some(reply) => {
                assert_eq!(reply.error(), LOST);
                self.most += 1;
            }
            None => self.most += 1,
        }
        if let Some(echo) = replies.get(1) {
            assert!(is_lost(echo) || echo.text() == mark, "{echo} for {mark}");
        }
    }

    /// A counter and a list that grow together or not at all.
    fn pair(&mut self) {
        let commands =
            [args!("MULTI"), args!("INCR", "total"), args!("RPUSH", "list", "x"), args!("EXEC")];
        let replies = self.exchange(&commands);
        assert_transaction(&replies);
        if let Some(Value::Array(results)) = replies.get(3) {
            assert_eq!(results[0], results[1], "the counter and the list have parted");
        }
    }

    /// Adds the next number to a list, guarded by the one before.
    fn guarded(&mut self) {
        let read = self.exchange(&[args!("WATCH", "guard"), args!("GET", "guard")]);
        let [watched, value] = read.as_slice() else { return };
        if is_lost(watched) || is_lost(value) {
            self.exchange(&[args!("UNWATCH")]);
            return;
        }
        let next = match value {
            Value::NullBulk => 1,
            value => value.text().parse::<i64>().unwrap() + 1,
        };
        let replies = self.exchange(&[
            args!("MULTI"),
            args!("SET", "guard", next),
            args!("RPUSH", "guards", next),
            args!("EXEC"),
        ]);
        assert_transaction(&replies);
    }

    /// Whatever became of a transaction, it is over.
    fn plain(&mut self) {
        let replies = self.exchange(&[args!("GET", "none")]);
        let plain = |reply: &Value| is_lost(reply) || *reply == Value::NullBulk;
        assert!(replies.iter().all(plain), "{:?}", texts(&replies));
    }
}

/// Each step is answered as in a transaction, or says that it is lost.
fn assert_transaction(replies: &[Value]) {
    let steps = ["+OK", "+QUEUED", "+QUEUED"];
    for (place, reply) in replies.iter().enumerate() {
        let fine = match steps.get(place) {
            Some(step) => reply.to_string() == *step,
            None => matches!(reply, Value::Array(_) | Value::NullArray),
        };
        assert!(fine || is_lost(reply), "{:?}", texts(replies));
    }
}

fn load(mode: &str) {
    let stack = Behind::start(mode, &[]);
    let (over, rounds) = (AtomicBool::new(false), AtomicUsize::new(0));
    let counters: Vec<(i64, i64)> = thread::scope(|scope| {
        let spawn = |number| {
            let (stack, over, rounds) = (&stack, &over, &rounds);
            let random = Random::seeded(number as u64 + 77);
            let mut loaded = Loaded { stack, number, client: None, random, least: 0, most: 0 };
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    match loaded.random.below(4) {
                        0 => loaded.increment(),
                        1 => loaded.pair(),
                        2 => loaded.guarded(),
                        _ => loaded.plain(),
                    }
                    rounds.fetch_add(1, Ordering::Relaxed);
                }
                (loaded.least, loaded.most)
            })
        };
        let clients: Vec<_> = (0..CLIENTS).map(spawn).collect();
        let mut random = Random::seeded(4711);
        let broken = || clients.iter().any(thread::ScopedJoinHandle::is_finished);
        for _ in 0..BREAKS {
            let reached = rounds.load(Ordering::Relaxed) + random.below(3 * CLIENTS);
            eventually("the clients go on", || {
                (broken() || rounds.load(Ordering::Relaxed) >= reached).then_some(())
            });
            for _ in 0..=random.below(4) {
                stack.relay.cut(random.below(1000));
            }
        }
        over.store(true, Ordering::Relaxed);
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    let mut redis = stack.redis.client();
    for (number, (least, most)) in counters.iter().enumerate() {
        let stored = number_at(&mut redis, &format!("own{number}"));
        assert!((*least..=*most).contains(&stored), "{number}: {stored}, not {least} to {most}");
    }
    let (total, guard) = (number_at(&mut redis, "total"), number_at(&mut redis, "guard"));
    assert!(total > 0 && guard > 0);
    check!(redis, "LLEN", "list" => total.to_string());
    let guards = cmd!(redis, "LRANGE", "guards", "0", "-1");
    let guards: Vec<String> = guards.items().iter().map(Value::text).collect();
    let want: Vec<String> = (1..=guard).map(|number| number.to_string()).collect();
    assert!(guards == want, "WATCH did not guard: {guards:?}");
}

fn number_at(redis: &mut Client, key: &str) -> i64 {
    match cmd!(redis, "GET", key) {
        Value::NullBulk => 0,
        value => value.text().parse().unwrap(),
    }
}

#[test]
fn breaking_connections_under_load_in_shared_mode() {
    load("shared");
}

#[test]
fn breaking_connections_under_load_in_dedicated_mode() {
    load("dedicated");
}
