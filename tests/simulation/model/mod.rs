//! The model against a real redis-server 7.0: random commands on several connections, and every reply compared.
//!
//! A connection's batch is answered by both before the next one is sent. The seed of a run that differs is printed.
//! Settings by environment:
//!
//! - `SIMULATION_MODEL_SEED=n` runs this seed alone;
//! - `SIMULATION_MODEL_SEEDS=n` runs so many seeds, counted from the one above or from 1.

mod commands;
mod lines;
mod normal;
mod real;

use std::time::{Duration, Instant};

use crate::random::Random;
use crate::script::{Cast, RIGHTS, Step, generate, prepare};
use crate::server::{Conn, Server, Settings};
use commands::Commands;
use real::{Peer, Redis};

/// How many seeds a run has by itself.
const SEEDS: u64 = 2_000;
/// Scripts of clients that are compared.
const SCRIPTS: u64 = 500;
/// Batches for each seed.
const BATCHES: usize = 40;
/// How long the real server may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Waits that end within this time are waited for at once.
const SOON: u64 = 12;

/// Both sides, and what they have said.
struct Sides<'a> {
    redis: &'a mut Redis,
    model: Server,
    first: u64,
    pairs: Vec<Pair>,
    log: Vec<String>,
    evictions: usize,
    /// The rest of the sequence cannot be compared.
    over: bool,
}

/// A connection to both.
struct Pair {
    conn: Conn,
    peer: Peer,
    expected: Vec<u8>,
}

impl<'a> Sides<'a> {
    fn new(redis: &'a mut Redis, seed: u64) -> Self {
        let first = redis.fresh();
        let model = Server::new(Settings { first_id: first, ..Settings::default() });
        let log = vec![format!("seed {seed}")];
        let evictions = redis.evictions();
        Self { redis, model, first, pairs: Vec::new(), log, evictions, over: false }
    }

    fn connect(&mut self) {
        let Some(conn) = self.model.connect() else { return };
        let peer = self.redis.connect();
        self.log.push(format!("{} connects", conn.0));
        self.pairs.push(Pair { conn, peer, expected: Vec::new() });
    }

    fn leave(&mut self, at: usize) {
        let pair = self.pairs.remove(at);
        self.log.push(format!("{} leaves", pair.conn.0));
        self.model.disconnect(pair.conn);
        drop(pair);
        self.settle();
    }

    fn send(&mut self, at: usize, bytes: &[u8]) {
        let pair = &mut self.pairs[at];
        let shown = around(bytes, 300);
        self.log.push(format!("{}: {shown}", pair.conn.0));
        self.model.input(pair.conn, bytes);
        pair.peer.send(bytes);
        self.settle();
    }

    /// Waits until the real server has done all, and compares.
    fn settle(&mut self) {
        let was_paused = self.model.is_paused();
        while self.model.next_end().is_some_and(|millis| millis <= SOON) {
            if self.is_a_race() {
                self.pairs.clear();
                self.over = true;
                return;
            }
            self.model.tick(SOON);
            if self.model.is_beyond_redis() {
                break;
            }
            std::thread::sleep(Duration::from_millis(SOON + 3));
            self.redis.barrier();
        }
        if self.model.is_paused_for_all() || self.model.is_beyond_redis() {
            // Either a long pause has become one of all commands, so that nobody can be asked, or the server breaks down.
            *self.redis = Redis::start();
            self.pairs.clear();
            self.over = true;
            return;
        }
        let deadline = Instant::now() + PATIENCE;
        for pair in &mut self.pairs {
            pair.expected.extend(self.model.output(pair.conn));
            let closed = self.model.is_closed(pair.conn);
            while !pair.matches(self.first) || pair.peer.ended != closed {
                if pair.peer.ended || Instant::now() > deadline {
                    break;
                }
                pair.peer.receive(Duration::from_millis(20));
            }
        }
        if was_paused && !self.model.is_paused() {
            self.redis.wait_for_end_of_pause();
        }
        self.redis.barrier();
        for at in 0..self.pairs.len() {
            self.compare(at);
            if self.over {
                self.pairs.clear();
                return;
            }
        }
        let model = &self.model;
        self.pairs.retain(|pair| !model.is_closed(pair.conn));
    }

    /// Whether several waits end at nearly the same time: which one is first is left to chance.
    fn is_a_race(&self) -> bool {
        let blocked = self.pairs.iter().filter_map(|pair| self.model.state(pair.conn).blocked);
        let ends: Vec<u64> = blocked.filter_map(|blocked| blocked.until()).collect();
        let first = ends.iter().min().copied().unwrap_or_default();
        ends.iter().filter(|end| **end <= first + SOON).count() > 1
    }

    fn compare(&mut self, at: usize) {
        let first = self.first;
        let pair = &mut self.pairs[at];
        pair.peer.receive(Duration::ZERO);
        let closed = self.model.is_closed(pair.conn);
        if pair.matches(first) && pair.peer.ended == closed {
            pair.expected.clear();
            pair.peer.received.clear();
            return;
        }
        // The log is read by another thread.
        std::thread::sleep(Duration::from_millis(100));
        self.over = pair.peer.ended && self.redis.evictions() > self.evictions;
        if self.over {
            return;
        }
        let expected = normal::of(&pair.expected, first);
        let received = normal::of(&pair.peer.received, first);
        let same = expected.iter().zip(&received).take_while(|(one, other)| one == other).count();
        panic!(
            "on {}\nRedis, closed: {}\n{}\nthe model, closed: {closed}\n{}",
            pair.conn.0,
            pair.peer.ended,
            around(&received, same),
            around(&expected, same),
        );
    }
}

impl Drop for Sides<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.log.join("\n"));
        }
    }
}

/// The bytes around a place.
fn around(bytes: &[u8], at: usize) -> String {
    let end = bytes.len().min(at + 600);
    bytes[at.saturating_sub(300).min(end)..end].escape_ascii().to_string()
}

impl Pair {
    fn matches(&self, first: u64) -> bool {
        self.expected == self.peer.received
            || normal::of(&self.expected, first) == normal::of(&self.peer.received, first)
    }
}

/// Gives the number of commands, and whether all could be compared.
fn run(redis: &mut Redis, seed: u64) -> (usize, bool) {
    let mut sides = Sides::new(redis, seed);
    let mut commands = Commands::new(Random::seeded(seed));
    let mut sent = 0;
    for _ in 0..2 + commands.random.below(3) {
        sides.connect();
    }
    for _ in 0..BATCHES {
        if sides.over {
            break;
        }
        if sides.pairs.is_empty() || (sides.pairs.len() < 5 && commands.random.one_in(20)) {
            sides.connect();
        }
        let at = commands.random.below(sides.pairs.len());
        if commands.random.one_in(40) {
            sides.leave(at);
            continue;
        }
        let ids: Vec<u64> = sides.pairs.iter().map(|pair| pair.conn.0).collect();
        let state = sides.model.state(sides.pairs[at].conn);
        let (batch, count) = commands.batch(&ids, &state, sides.model.is_paused());
        sent += count;
        if commands.random.one_in(8) {
            let (head, tail) = batch.split_at(commands.random.below(batch.len()));
            sides.send(at, head);
            let conn = Conn(ids[at]);
            if let Some(at) = sides.pairs.iter().position(|pair| pair.conn == conn) {
                sides.send(at, tail);
            }
        } else {
            sides.send(at, &batch);
        }
    }
    (sent, !sides.over)
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn the_model_answers_as_redis_does() {
    let first = setting("SIMULATION_MODEL_SEED");
    let count =
        setting("SIMULATION_MODEL_SEEDS").unwrap_or(if first.is_some() { 1 } else { SEEDS });
    let first = first.unwrap_or(1);
    let mut redis = Redis::start();
    let (mut commands, mut cut_short) = (0, 0);
    for seed in first..first + count {
        let (sent, whole) = run(&mut redis, seed);
        commands += sent;
        cut_short += usize::from(!whole);
    }
    eprintln!("{count} sequences with {commands} commands, {cut_short} of them cut short");
}

/// Plays a script to both; gives the number of steps.
fn play(redis: &mut Redis, seed: u64) -> usize {
    let mut sides = Sides::new(redis, seed);
    let mut random = Random::seeded(seed);
    prepare(&mut sides.model);
    for rights in RIGHTS {
        sides.redis.administer(rights);
    }
    let cast = Cast { module: false, broadcast: true, monitor: true, ..Cast::new("a:") };
    let script = generate(&mut random, &cast, 100);
    sides.connect();
    let mut burst = Vec::new();
    for (at, step) in script.iter().enumerate() {
        burst.extend_from_slice(&step.bytes);
        let next = script.get(at + 1);
        // What the server reads at once is one turn, and a turn shows in some replies.
        let goes_on = |next: &&Step| next.joined && burst.len() + next.bytes.len() < 12_000;
        if next.filter(goes_on).is_some() {
            continue;
        }
        if sides.pairs.is_empty() || sides.over {
            return at;
        }
        if !burst.is_empty() {
            sides.send(0, &std::mem::take(&mut burst));
        }
        if step.kind.is_end() && !sides.pairs.is_empty() {
            sides.leave(0);
        }
    }
    script.len()
}

#[test]
fn a_script_brings_from_redis_what_it_brings_from_the_model() {
    let first = setting("SIMULATION_MODEL_SEED").unwrap_or(1);
    let mut redis = Redis::start();
    let steps: usize = (first..first + SCRIPTS).map(|seed| play(&mut redis, seed)).sum();
    eprintln!("{SCRIPTS} scripts with {steps} steps");
}

#[test]
fn the_model_has_room_for_as_many_clients_as_redis() {
    let mut redis = Redis::start();
    let first = redis.fresh();
    redis.administer("CONFIG SET maxclients 3");
    // The administrator has a connection as well.
    let mut model = Server::new(Settings { maxclients: 2, first_id: first, ..Settings::default() });
    let kept: Vec<_> = (0..2).map(|_| (model.connect(), redis.connect())).collect();
    assert_eq!(model.connect(), None);
    let mut refused = redis.connect();
    let deadline = Instant::now() + PATIENCE;
    while !refused.ended && Instant::now() < deadline {
        refused.receive(Duration::from_millis(20));
    }
    assert_eq!(refused.received, crate::server::FULL);
    drop(kept);
}
