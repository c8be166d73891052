//! Random commands on several connections, the same on both sides.
//!
//! A connection's batch is answered before the next one's is sent, so the order of commands is the same on both sides.
//! The seed of a run that differs is printed as part of the scenario's name. Settings by environment:
//!
//! - `TRANSPARENCY_SEED=n` runs this seed alone (without it a few fixed ones are run);
//! - `TRANSPARENCY_SEEDS=n` runs so many seeds, counted from the one above or from 1;
//! - `TRANSPARENCY_BATCHES=n` is the number of batches per seed.

use crate::common::{Random, encode};
use crate::normal::Normal;
use crate::runner::{Made, compare_made};
use crate::side::Side;
use crate::table::{Call, calls};

/// Names of connections.
const CONNECTIONS: &[&str] = &["a", "b", "c", "d"];

/// Keys that all commands share, so that they meet values of each other's types.
const KEYS: &[&str] = &["k0", "k1", "k2", "k3", "k4", "k5"];

/// Commands that would make the servers' data differ, or speak of more than data, and why.
const EXCLUDED: &[(&str, &str)] = &[
    ("spop", "takes elements at random"),
    ("srandmember", "picks at random"),
    ("hrandfield", "picks at random"),
    ("zrandmember", "picks at random"),
    ("dump", "has the elements of sets in the order of a hash table"),
    ("scan", "the cursor is a place in a hash table"),
    ("sscan", "the same"),
    ("hscan", "the same"),
    ("zscan", "the same"),
    ("object", "idle times and encodings that depend on the order of growth"),
    ("memory", "sizes"),
    ("info", "times and counters"),
    ("client", "ids and addresses; see client.rs"),
    ("config", "would change what the other scenarios stand on"),
    ("command", "long, and always the same"),
    ("acl", "the same"),
    ("function", "counts of libraries are in no order"),
    ("cluster", "always the same words"),
    ("module", "always the same words"),
    ("latency", "times"),
    ("slowlog", "times"),
    ("lolwut", "always the same picture"),
    ("swapdb", "makes a difference hard to read"),
    ("migrate", "waits for a connection"),
    ("wait", "waits"),
    ("xautoclaim", "its result depends on times"),
    ("xpending", "shows times"),
    ("time", "shows the time"),
    ("lastsave", "shows the time"),
    ("role", "always the same"),
    ("randomkey", "picks at random"),
    ("fcall", "depends on libraries that others load"),
    ("fcall_ro", "the same"),
];

/// Commands whose replies are in no order once the key is a hash table.
const UNORDERED: &[&str] = &[
    "smembers", "sinter", "sunion", "sdiff", "hgetall", "hkeys", "hvals", "keys", "sort", "sort_ro",
];

/// Commands that show the moment at which a key expires, which was set at another moment on the other side.
const TIMES: &[&str] = &["ttl", "pttl", "expiretime", "pexpiretime"];

struct Generator {
    random: Random,
    calls: Vec<Call>,
}

impl Generator {
    fn new(seed: u64) -> Generator {
        let named = |call: &Call| EXCLUDED.iter().all(|(name, _)| call.name() != *name);
        let timeless = |call: &Call| call.args.iter().all(|arg| arg != b"*");
        let keep =
            |call: &Call| !call.once && !call.own && !call.outside && named(call) && timeless(call);
        let calls = calls().into_iter().filter(keep).collect();
        Generator { random: Random::seeded(seed), calls }
    }

    fn chance(&mut self, one_in: usize) -> bool {
        self.random.below(one_in) == 0
    }

    /// A command on keys out of the few.
    fn call(&mut self) -> Call {
        let mut call = self.calls[self.random.below(self.calls.len())].clone();
        for index in call.keys.clone() {
            call.args[index] = KEYS[self.random.below(KEYS.len())].as_bytes().to_vec();
        }
        if self.chance(40) {
            call.args.truncate(1 + self.random.below(call.args.len()));
        }
        if call.normal == Normal::Exact && UNORDERED.contains(&call.name().as_str()) {
            call.normal = Normal::Unordered;
        }
        if TIMES.contains(&call.name().as_str()) {
            call.normal = Normal::Numbers;
        }
        call
    }

    /// A few commands, each with one reply.
    fn batch(&mut self) -> Vec<Call> {
        let mut batch = Vec::new();
        for _ in 0..1 + self.random.below(12) {
            match self.random.below(30) {
                0 => {
                    let database = self.random.below(3);
                    batch.push(fixed(&format!("SELECT {database}")));
                }
                1 => batch.push(fixed("HELLO 2")),
                2 => batch.push(fixed("HELLO 3")),
                3 | 4 => self.transaction(&mut batch),
                5 => batch.push(fixed("RESET")),
                6 => batch.push(fixed(["EXEC", "DISCARD", "UNWATCH"][self.random.below(3)])),
                7 => batch.push(fixed(&format!("WATCH {}", KEYS[self.random.below(KEYS.len())]))),
                8 => batch.push(fixed(
                    ["AUTH default x", "AUTH bob pw", "AUTH bob wrong"][self.random.below(3)],
                )),
                9 => batch.push(fixed(
                    ["CLIENT GETNAME", "CLIENT SETNAME x", "CLIENT SETNAME y"]
                        [self.random.below(3)],
                )),
                _ => batch.push(self.call()),
            }
        }
        batch
    }

    fn transaction(&mut self, batch: &mut Vec<Call>) {
        batch.push(fixed("MULTI"));
        let mut normal = Normal::Exact;
        for _ in 0..self.random.below(5) {
            let mut call = if self.chance(12) { fixed("SELECT 1") } else { self.call() };
            if call.normal != Normal::Exact {
                normal = match (normal, call.normal.nested()) {
                    (Normal::Exact, other) => other,
                    (one, other) if one == other => one,
                    _ => Normal::Elements,
                };
            }
            // The reply is QUEUED or an error, whatever the command is.
            call.normal = Normal::Exact;
            batch.push(call);
        }
        // Some are left open, so that the following commands are queued.
        if !self.chance(6) {
            let mut exec = fixed(if self.chance(8) { "DISCARD" } else { "EXEC" });
            exec.normal = normal;
            batch.push(exec);
        } else {
            batch.push(fixed("DISCARD"));
        }
    }
}

fn fixed(line: &str) -> Call {
    Call {
        args: crate::common::words(line),
        keys: Vec::new(),
        normal: Normal::Exact,
        own: false,
        once: false,
        outside: false,
    }
}

fn run(side: &mut Side, seed: u64, batches: usize) {
    side.admin("ACL SETUSER bob on >pw ~* &* +@all");
    let mut generator = Generator::new(seed);
    for _ in 0..batches {
        let name = CONNECTIONS[generator.random.below(CONNECTIONS.len())];
        if generator.chance(50) {
            side.finish(name);
            continue;
        }
        let batch = generator.batch();
        let bytes: Vec<u8> = batch.iter().flat_map(|call| encode(&call.args)).collect();
        match generator.random.below(3) {
            0 => side.send(name, &bytes),
            1 => {
                let pieces = generator.random.split(&bytes, 1 + bytes.len());
                pieces.iter().for_each(|piece| side.send(name, piece));
            }
            _ => {
                let pieces = generator.random.split(&bytes, 30);
                pieces.iter().for_each(|piece| side.send(name, piece));
            }
        }
        for call in &batch {
            side.about(name, &call.args);
            side.read_as(name, call.normal, 1);
        }
    }
}

/// A command that changes what its connection is, out of a few channels and keys so that connections meet.
fn connection_command(random: &mut Random) -> String {
    let n = random.below(3);
    let key = KEYS[random.below(3)];
    // No two patterns match the same channel: it is random which of them is told first. No BCAST: its messages are gathered
    // until the server has done what it had read, which depends on how the requests were cut.
    match random.below(34) {
        0 => format!("SUBSCRIBE c{n}"),
        1 => format!("SUBSCRIBE c0 c{n} x{n}"),
        2 => format!("UNSUBSCRIBE c{n}"),
        3 => "UNSUBSCRIBE c0 c1 c2 x0 x1 x2".to_owned(),
        4 => format!("PSUBSCRIBE x{n}*"),
        5 => format!("PUNSUBSCRIBE x{n}*"),
        6 => format!("SSUBSCRIBE s{n}"),
        7 => format!("SUNSUBSCRIBE s{n}"),
        8 => format!("PUBLISH c{n} {key}"),
        9 => format!("PUBLISH x{n}y {key}"),
        10 => format!("SPUBLISH s{n} {key}"),
        11 => "CLIENT REPLY SKIP".to_owned(),
        // In one go: a subscribed client of RESP2 could not switch them on again.
        12 => {
            format!("CLIENT REPLY OFF\nSELECT {n}\nGET {key}\nCLIENT SETNAME off\nCLIENT REPLY ON")
        }
        13 => "CLIENT REPLY ON".to_owned(),
        14 => "HELLO 2".to_owned(),
        15 => "HELLO 3".to_owned(),
        16 => "RESET".to_owned(),
        17 => format!("SELECT {n}"),
        18 => ["AUTH bob pw", "AUTH default x", "AUTH bob wrong"][n].to_owned(),
        19 => ["MULTI", "EXEC", "DISCARD"][n].to_owned(),
        20 => format!("MULTI\nSET {key} m\nGET {key}\nEXEC"),
        21 => format!("MULTI\nSUBSCRIBE c{n}\nUNSUBSCRIBE c{n}\nGET {key}\nEXEC"),
        22 => format!("WATCH {key}"),
        23 => "HELLO 3\nCLIENT TRACKING on".to_owned(),
        24 => ["CLIENT TRACKING off", "HELLO 3\nCLIENT TRACKING on NOLOOP", "CLIENT GETREDIR"][n]
            .to_owned(),
        25 => format!("BLPOP l{n} 0.01"),
        26 => format!("RPUSH l{n} v"),
        27 => format!("EVAL \"return redis.call('INCR', 'n{n}')\" 0"),
        28 => ["CLIENT SETNAME one", "CLIENT SETNAME \"\"", "CLIENT GETNAME"][n].to_owned(),
        29 => ["PING", "NOSUCH", "GET"][n].to_owned(),
        30 => ["UNWATCH", "CLIENT TRACKINGINFO", "CLIENT NO-EVICT on"][n].to_owned(),
        31 => format!("SET {key} {n}"),
        _ => format!("GET {key}"),
    }
}

/// Everything that a connection receives in each round, with whatever is pushed to it while others act.
fn run_states(side: &mut Side, seed: u64, batches: usize) {
    side.admin("ACL SETUSER bob on >pw ~* &* +@all");
    let mut random = Random::seeded(seed);
    for round in 0..batches {
        let name = CONNECTIONS[random.below(CONNECTIONS.len())];
        if random.below(40) == 0 {
            // Whatever it was in is over when it is closed: nobody could tell when the server notices.
            side.write(name, &format!("RESET\nPING {round}-reset"));
            side.read_until(name, &format!("{round}-reset"));
            side.finish(name);
            continue;
        }
        let mut lines = String::new();
        for _ in 0..1 + random.below(8) {
            lines.push_str(&connection_command(&mut random));
            lines.push('\n');
        }
        // Replies are on again, no transaction is open, and of two marks at least the last is answered.
        lines.push_str("DISCARD\nCLIENT REPLY ON\n");
        lines.push_str(&format!("PING {round}-first\nPING {round}-last\n"));
        let bytes = crate::common::wire(&lines);
        let longest = [bytes.len(), 40][random.below(2)];
        random.split(&bytes, longest).iter().for_each(|piece| side.send(name, piece));
        side.read_until(name, &format!("{round}-last"));
        for other in CONNECTIONS.iter().filter(|other| **other != name) {
            if side.is_open(other) {
                side.write(other, &format!("PING {round}-other"));
                side.read_until(other, &format!("{round}-other"));
            }
        }
    }
}

#[test]
fn random_connections() {
    let batches = setting("TRANSPARENCY_BATCHES", 120) as usize;
    seeds("random connections", &|side, seed| run_states(side, seed, batches));
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect("a number"))
}

#[test]
fn random_commands() {
    let batches = setting("TRANSPARENCY_BATCHES", 200) as usize;
    seeds("random commands", &|side, seed| run(side, seed, batches));
}

/// Runs a scenario with every seed that is asked for.
fn seeds(name: &str, run: &(dyn Fn(&mut Side, u64) + Sync)) {
    let first = setting("TRANSPARENCY_SEED", 0);
    let count = setting("TRANSPARENCY_SEEDS", if first == 0 { 4 } else { 1 });
    let seeds = first.max(1)..first.max(1) + count;
    let scenarios: Vec<Made<'_>> = seeds
        .map(|seed| -> Made<'_> {
            let name = format!("{name}, TRANSPARENCY_SEED={seed}");
            (name, Box::new(move |side| run(side, seed)))
        })
        .collect();
    compare_made(&scenarios);
}
