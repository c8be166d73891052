//! Every command and subcommand of the server's own table, with good and with bad arguments.

use std::collections::BTreeSet;

use crate::common::{Redis, encode};
use crate::normal::Normal;
use crate::runner::{MODES, ONE_MODE, compare, compare_with};
use crate::side::Side;
use crate::table::{Call, calls};

/// Commands that are not in the table, and why.
const ELSEWHERE: &[(&str, &str)] = &[
    ("shutdown", "ends the server"),
    (
        "monitor",
        "turns the connection into a stream, which shows the upstream connections' addresses",
    ),
    ("sync", "turns the connection into a stream, with an identity of the server in it"),
];

/// Commands that are not called with bad arguments, and why.
const NOT_BADLY: &[(&str, &str)] = &[
    ("debug", "some of its words end the server"),
    ("psync", "begins a stream whatever its arguments are"),
    ("migrate", "would look for hosts"),
    ("replicaof", "would look for hosts"),
    ("slaveof", "would look for hosts"),
    ("scan", "a wrong cursor gives a place in a hash table that is seeded at random"),
    ("sscan", "the same"),
    ("spop", "pops at random, so the servers would no longer have the same keys"),
    ("acl", "the order of rules in its errors is that of a hash table"),
];

#[test]
fn the_table_has_every_command() {
    let redis = Redis::start();
    let listed = redis.client().run(&["COMMAND", "LIST"]);
    let calls = calls();
    let names: BTreeSet<String> =
        calls.iter().flat_map(|call| [call.name(), call.with_subcommand()]).collect();
    let missing: Vec<String> = listed
        .items()
        .iter()
        .map(|name| name.text())
        .filter(|name| !names.contains(name) && !ELSEWHERE.iter().any(|(skip, _)| name == skip))
        .collect();
    assert!(missing.is_empty(), "commands without a call in the table: {missing:?}");
}

/// Calls one command; those that change their connection get one of their own, and are followed to its end.
fn one(side: &mut Side, call: &Call, resp3: bool) {
    if call.own {
        if resp3 {
            side.run("own", "HELLO 3");
        }
        side.send("own", &encode(&call.args));
        side.read_as("own", call.normal, 1);
        side.send("own", b"PING\r\n");
        side.finish("own");
    } else {
        side.send("main", &encode(&call.args));
        side.read_as("main", call.normal, 1);
    }
}

#[test]
fn good_calls_one_by_one() {
    let each = |side: &mut Side, resp3: bool| {
        if resp3 {
            side.run("main", "HELLO 3");
        }
        calls().iter().for_each(|call| one(side, call, resp3));
    };
    compare(&[
        ("good calls, RESP2", &|side| each(side, false)),
        ("good calls, RESP3", &|side| each(side, true)),
    ]);
}

#[test]
fn good_calls_in_one_pipeline() {
    let all = |side: &mut Side, resp3: bool| {
        if resp3 {
            side.run("main", "HELLO 3");
        }
        let calls: Vec<Call> = calls().into_iter().filter(|call| !call.own && !call.once).collect();
        let bytes: Vec<u8> = calls.iter().flat_map(|call| encode(&call.args)).collect();
        side.send_aside("main", vec![bytes]);
        for call in &calls {
            side.about("main", &call.args);
            side.read_as("main", call.normal, 1);
        }
    };
    compare(&[
        ("a pipeline of good calls, RESP2", &|side| all(side, false)),
        ("a pipeline of good calls, RESP3", &|side| all(side, true)),
    ]);
}

#[test]
fn good_calls_in_transactions() {
    let each = |side: &mut Side, resp3: bool, whole: bool| {
        for call in calls().iter().filter(|call| !call.once && !call.outside) {
            let name = if call.own { "own" } else { "main" };
            if resp3 && !side.is_open(name) {
                side.run(name, "HELLO 3");
            }
            if whole {
                let block = [&b"MULTI\r\n"[..], &encode(&call.args), b"EXEC\r\n"].concat();
                side.send(name, &block);
            } else {
                side.run(name, "MULTI");
                side.send(name, &encode(&call.args));
                side.read_as(name, call.normal, 1);
                side.write(name, "EXEC");
            }
            if call.own {
                side.send(name, b"PING\r\n");
                side.finish_as(name, call.normal);
            } else {
                side.read_as(name, call.normal.nested(), if whole { 3 } else { 1 });
            }
        }
    };
    compare(&[
        ("good calls in MULTI, RESP2", &|side| each(side, false, false)),
        ("good calls in MULTI, RESP3", &|side| each(side, true, false)),
        ("good calls in MULTI in one write, RESP2", &|side| each(side, false, true)),
        ("good calls in MULTI in one write, RESP3", &|side| each(side, true, true)),
    ]);
}

/// Bad calls of the command that a good call is of.
fn bad(call: &Call) -> Vec<Vec<Vec<u8>>> {
    let mut bad: Vec<Vec<Vec<u8>>> = Vec::new();
    let args = &call.args;
    // Too few: every prefix. Some are good calls of something else, which is just as well.
    for count in 1..args.len() {
        bad.push(args[..count].to_vec());
    }
    let more = |count: usize| [args.clone(), vec![b"x".to_vec(); count]].concat();
    bad.push(more(1));
    bad.push(more(30));
    for index in 1..args.len() {
        for wrong in [&b"x"[..], b"", b"-1", b"99999999999999999999", b"\xff\r\n"] {
            let mut changed = args.clone();
            changed[index] = wrong.to_vec();
            bad.push(changed);
        }
    }
    // Every key of a type that it has not in the table.
    for key in ["wrong-string", "wrong-list", "wrong-stream"] {
        if call.keys.is_empty() {
            break;
        }
        let mut changed = args.clone();
        call.keys.iter().for_each(|index| changed[*index] = key.as_bytes().to_vec());
        bad.push(changed);
    }
    bad
}

/// What makes the keys of the wrong type what they are, before each call.
const WRONG: &str = "DEL wrong-string wrong-list wrong-stream\nSET wrong-string abc\nRPUSH wrong-list a b\nXADD wrong-stream 1-1 a b";

fn bad_calls() -> Vec<(Call, Vec<Vec<u8>>)> {
    let mut seen = BTreeSet::new();
    calls()
        .into_iter()
        .filter(|call| !call.once && call.args.iter().all(|arg| arg != b"*"))
        .filter(|call| NOT_BADLY.iter().all(|(name, _)| call.name() != *name))
        .flat_map(|call| bad(&call).into_iter().map(move |args| (call.clone(), args)))
        .filter(|(_, args)| seen.insert(args.clone()))
        // Without arguments these are good calls that have no place here.
        .filter(|(_, args)| !endless(args))
        .collect()
}

/// Whether a call would wait for ever, or forget all the keys.
fn endless(args: &[Vec<u8>]) -> bool {
    let name = args[0].to_ascii_lowercase();
    name.starts_with(b"flush") || args.iter().any(|arg| arg == b"BLOCK") && args.len() < 4
}

/// The reply to a bad call may have any form that the good call's may.
fn normal_of(call: &Call) -> Normal {
    let name = call.name();
    match name.as_str() {
        "command" => Normal::Commands,
        "keys" | "config" | "function" => Normal::Unordered,
        "sort" | "sinter" | "sunion" | "sdiff" | "smembers" => Normal::Unordered,
        "srandmember" | "hrandfield" | "zrandmember" => Normal::Shape,
        "spop" => Normal::Unordered,
        "xinfo" | "xpending" | "client" | "latency" | "slowlog" | "memory" => Normal::Kind,
        _ => call.normal,
    }
}

fn bad_one_by_one(side: &mut Side, resp3: bool) {
    side.pipeline("main", WRONG);
    if resp3 {
        side.run("main", "HELLO 3");
    }
    for (call, args) in bad_calls() {
        if call.own {
            if resp3 {
                side.run("own", "HELLO 3");
            }
            side.send("own", &encode(&args));
            side.send("own", b"PING\r\n");
            side.finish_as("own", normal_of(&call));
        } else {
            side.send("main", &[crate::common::wire(WRONG), encode(&args)].concat());
            side.read_as("main", normal_of(&call), 5);
        }
    }
}

fn bad_in_transactions(side: &mut Side, resp3: bool) {
    side.pipeline("main", WRONG);
    if resp3 {
        side.run("main", "HELLO 3");
    }
    for (call, args) in bad_calls() {
        let name = if call.own { "own" } else { "main" };
        if resp3 && !side.is_open(name) {
            side.run(name, "HELLO 3");
        }
        let before = if call.keys.is_empty() { Vec::new() } else { crate::common::wire(WRONG) };
        let replies = if call.keys.is_empty() { 3 } else { 7 };
        let block = [before, b"MULTI\r\n".to_vec(), encode(&args), b"EXEC\r\n".to_vec()].concat();
        side.send(name, &block);
        if call.own {
            side.finish_as(name, normal_of(&call));
        } else {
            side.read_as(name, normal_of(&call).nested(), replies);
        }
    }
}

#[test]
fn bad_calls_one_by_one() {
    let scenario = |side: &mut Side| bad_one_by_one(side, false);
    compare_with(&[], &MODES[1..], &[("bad calls, RESP2", &scenario)]);
}

/// In the other protocol: what is refused is worded alike in both.
#[test]
fn bad_calls_in_transactions() {
    let scenario = |side: &mut Side| bad_in_transactions(side, true);
    compare_with(&[], ONE_MODE, &[("bad calls in MULTI, RESP3", &scenario)]);
}
