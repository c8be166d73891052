//! A client that leaves, at whatever moment, leaves nothing to those that come after it.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use crate::behind::*;
use crate::common::*;
use crate::freeze::{Frozen, process};

/// How often each way of leaving is tried in each mode.
const ROUNDS: usize = 12;

/// What a client may have under way when it leaves.
fn last_words() -> Vec<Vec<Vec<Vec<u8>>>> {
    let multi = || args!("MULTI");
    let slow = || args!("GET", "large");
    vec![
        vec![multi()],
        vec![multi(), args!("SET", "left", "1")],
        vec![multi(), args!("SET", "left", "1"), args!("QUIT")],
        vec![multi(), args!("QUIT")],
        vec![args!("WATCH", "k")],
        vec![args!("WATCH", "k"), multi()],
        vec![args!("SELECT", "3")],
        vec![args!("SELECT", "3"), multi()],
        vec![args!("AUTH", "bob", "secret")],
        vec![args!("AUTH", "bob", "secret"), multi()],
        vec![args!("HELLO", "3")],
        vec![args!("HELLO", "3", "AUTH", "bob", "secret", "SETNAME", "left")],
        vec![args!("HELLO", "2", "SETNAME", "left")],
        vec![args!("SUBSCRIBE", "news")],
        vec![args!("PSUBSCRIBE", "*"), args!("SUBSCRIBE", "news")],
        vec![args!("SSUBSCRIBE", "news")],
        vec![args!("SUBSCRIBE", "news"), args!("UNSUBSCRIBE")],
        vec![args!("CLIENT", "REPLY", "OFF")],
        vec![args!("CLIENT", "REPLY", "SKIP")],
        vec![args!("CLIENT", "REPLY", "OFF"), args!("CLIENT", "REPLY", "ON")],
        vec![args!("HELLO", "3"), args!("CLIENT", "TRACKING", "ON", "BCAST")],
        vec![args!("CLIENT", "SETNAME", "left")],
        vec![args!("WATCH", "k"), args!("CLIENT", "SETNAME", "left"), args!("UNWATCH")],
        vec![args!("CLIENT", "NO-EVICT", "ON")],
        vec![args!("MONITOR")],
        vec![args!("MONITOR"), args!("RESET")],
        vec![args!("MONITOR"), args!("RESET"), multi()],
        vec![args!("RESET"), multi()],
        vec![args!("RESET"), args!("GET", "k"), args!("SELECT", "3")],
        vec![args!("BLPOP", "nothing", "0")],
        vec![args!("BLPOP", "nothing", "0"), multi()],
        vec![args!("XREAD", "BLOCK", "0", "STREAMS", "nothing", "$")],
        vec![slow(), slow(), slow(), multi()],
        vec![slow(), slow(), slow(), args!("SELECT", "3"), slow()],
        vec![slow(), slow(), slow(), args!("SUBSCRIBE", "news")],
        vec![slow(), slow(), args!("WATCH", "k"), slow(), multi(), args!("GET", "k")],
        vec![args!("DEBUG", "SLEEP", "0.001"), multi()],
    ]
}

pub(crate) fn prepare(redis: &mut Client) {
    check!(redis, "ACL", "SETUSER", "bob", "on", ">secret", "~*", "&*", "+@all" => "+OK");
    check!(redis, "SET", "large", "x".repeat(300_000) => "+OK");
    for database in 0..4 {
        check!(redis, "SELECT", database => "+OK");
        check!(redis, "SET", "marker", format!("database {database}") => "+OK");
    }
}

/// Sends the words, sometimes cut in the middle of the last, sometimes waits for the first reply, and leaves by FIN or RST.
fn leave(stack: &Stack, words: &[Vec<Vec<u8>>], random: &mut Random) {
    let mut client = stack.client();
    let mut bytes = piece(words);
    match random.below(8) {
        0 => bytes.truncate(bytes.len() - 1 - random.below(5)),
        1 => bytes.extend_from_slice(b"*2\r\n$3\r\nGET\r\n$1"),
        _ => {}
    }
    client.send(&bytes);
    match random.below(4) {
        0 | 1 => thread::sleep(Duration::from_micros(random.below(6000) as u64)),
        2 => {
            hurry(&client, 10);
            let silent = words[0].starts_with(&args!("CLIENT", "REPLY"))
                || words[0].starts_with(&args!("BLPOP"))
                || words[0].starts_with(&args!("XREAD"));
            if !silent && words.len() > 1 {
                client.reply();
            }
        }
        _ => {}
    }
    if random.below(2) == 0 {
        SockRef::from(&client.duplicate()).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

/// A new client is what a new client has to be, on a shared connection and on one of its own.
pub(crate) fn assert_fresh(client: &mut Client) {
    hurry(client, 10);
    assert_plain(client, "database 0");
    check!(client, "WATCH", "own" => "+OK");
    assert_plain(client, "database 0");
    check!(client, "DISCARD" => "-ERR DISCARD without MULTI");
    check!(client, "MULTI" => "+OK");
    check!(client, "GET", "marker" => "+QUEUED");
    check!(client, "EXEC" => "[\"database 0\"]");
    check!(client, "SELECT", "3" => "+OK");
    check!(client, "WATCH", "own" => "+OK");
    assert_plain(client, "database 3");
    check!(client, "UNWATCH" => "+OK");
    assert_plain(client, "database 3");
}

fn assert_plain(client: &mut Client, marker: &str) {
    check!(client, "GET", "marker" => format!("\"{marker}\""));
    check!(client, "ACL", "WHOAMI" => "\"default\"");
    check!(client, "CLIENT", "GETNAME" => "$nil");
    check!(client, "PING" => "+PONG");
}

/// Churn: many leave while others come, and messages and writes go on that a left-over subscription would show.
#[test]
fn those_who_leave_leave_nothing_to_those_who_come() {
    each_mode(|stack| {
        prepare(&mut stack.redis.client());
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| talk(&stack, &over));
            if !direct() {
                scope.spawn(|| stumble(&stack, &over));
            }
            let leave_often = |seed| {
                let stack = &stack;
                move || {
                    let mut random = Random::seeded(seed);
                    let words = last_words();
                    for _ in 0..ROUNDS * words.len() {
                        // Half of them in the state that harms others most.
                        let place = random.below(2 * words.len());
                        leave(stack, words.get(place).unwrap_or(&words[0]), &mut random);
                    }
                }
            };
            let leavers: Vec<_> = (1..5).map(|seed| scope.spawn(leave_often(seed))).collect();
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                while !leavers.iter().all(thread::ScopedJoinHandle::is_finished) {
                    assert_fresh(&mut stack.client());
                }
                // As many as connections are kept for the next client.
                for _ in 0..64 {
                    assert_fresh(&mut stack.client());
                }
            }));
            over.store(true, Ordering::Relaxed);
            if let Err(panic) = outcome {
                resume_unwind(panic);
            }
        });
        stack.redis.wait_blocked(0);
        let mut redis = stack.redis.client();
        check!(redis, "EXISTS", "left" => "0");
        eventually("no subscription is left", || {
            (cmd!(redis, "PUBLISH", "news", "last").int() == 0).then_some(())
        });
    });
}

/// What subscribers, trackers and monitors would hear.
fn talk(stack: &Stack, over: &AtomicBool) {
    let mut redis = stack.redis.client();
    while !over.load(Ordering::Relaxed) {
        cmd!(redis, "PUBLISH", "news", "foreign");
        cmd!(redis, "SPUBLISH", "news", "foreign");
        cmd!(redis, "SET", "k", "foreign");
        thread::sleep(Duration::from_millis(1));
    }
}

/// sessiond stands still again and again: much has happened at the same time when it looks.
fn stumble(stack: &Stack, over: &AtomicBool) {
    let process = process(&mut stack.client());
    let mut random = Random::seeded(0x57A77);
    while !over.load(Ordering::Relaxed) {
        let frozen = Frozen::stop(&process);
        thread::sleep(Duration::from_micros(1000 + random.below(2000) as u64));
        drop(frozen);
        // About as long as it takes to pass a request on: the reply then comes while it stands still.
        thread::sleep(Duration::from_micros(random.below(600) as u64));
    }
}
