//! Tests of where requests go.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::{Announced, Front, Spread, spread};
use crate::{
    command::{
        join::{Age, Fold, Join},
        sample::with_request,
        specs::sample,
    },
    resp::{Protocol, RequestScanner, encode},
    state::slot::Slot,
};

fn spread_with(words: &str, split: bool, protocol: Protocol) -> Spread {
    let announced = Announced::new("proxy", 6380);
    let front = Front { split, protocol, announced: &announced };
    with_request(words, |request| spread(request, &sample::specs(), &front))
}

fn spread_of(words: &str) -> Spread {
    spread_with(words, true, Protocol::Resp2)
}

fn slot(key: &str, together: bool) -> Spread {
    Spread::Slot { slot: Slot::of(key.as_bytes()), together }
}

#[test]
fn keys_decide_first() {
    for (words, expected) in [
        ("GET a", slot("a", true)),
        ("MGET {a}1 {a}2", slot("a", true)),
        ("MGET a", slot("a", true)),
        ("MSETNX a 1 b 2", slot("a", false)),
        ("RENAME b a", slot("b", false)),
        ("WATCH a {a}", slot("a", true)),
        ("EVAL s 1 k a", slot("k", true)),
        ("EVAL s 0 a", Spread::Any),
        ("XREAD STREAMS a {a}b 0 0", slot("a", true)),
        ("OBJECT ENCODING k", slot("k", true)),
        ("MEMORY USAGE k", slot("k", true)),
        ("SSUBSCRIBE c {c}d", slot("c", true)),
        ("SPUBLISH c m", slot("c", true)),
        ("PUBLISH c m", Spread::Any),
        ("CLUSTER COUNTKEYSINSLOT 15495", slot("a", true)),
        ("CLUSTER GETKEYSINSLOT 15495 9", slot("a", true)),
        ("CLUSTER COUNTKEYSINSLOT 16384", Spread::Any),
        ("CLUSTER COUNTKEYSINSLOT x", Spread::Any),
        ("GET", Spread::Any),
        ("HALF.TOLD a", Spread::Ask),
        ("NOSUCH a", Spread::Ask),
    ] {
        assert_eq!(spread_of(words), expected, "{words}");
    }
    assert_eq!(spread_with("DEL a b", false, Protocol::Resp2), slot("a", false));
}

#[test]
fn all_primaries_are_asked_by_our_table_and_by_tips() {
    for (words, join) in [
        ("dbsize", Join::Fold(Fold::Sum)),
        ("KEYS *", Join::Concat),
        ("FLUSHALL ASYNC", Join::AllSucceeded),
        ("RANDOMKEY", Join::Random),
        ("INFO memory", Join::Info),
        ("WAIT 1 0", Join::Fold(Fold::Min)),
        ("WAITAOF 1 1 0", Join::Fold(Fold::Min)),
        ("LASTSAVE", Join::Fold(Fold::Min)),
        ("SCRIPT EXISTS a b", Join::Fold(Fold::And)),
        ("script Kill", Join::OneSucceeded),
        ("FUNCTION LOAD x", Join::AllSucceeded),
        ("FUNCTION KILL", Join::OneSucceeded),
        ("CONFIG SET a b", Join::AllSucceeded),
        ("ACL SETUSER a", Join::AllSucceeded),
        ("ACL DELUSER a", Join::Fold(Fold::Max)),
        ("ACL LOG", Join::Newest(Age::Seconds, Some(10))),
        ("ACL LOG reset", Join::AllSucceeded),
        ("SLOWLOG GET", Join::Newest(Age::Time, Some(10))),
        ("SLOWLOG GET 3", Join::Newest(Age::Time, Some(3))),
        ("SLOWLOG GET -1", Join::Newest(Age::Time, None)),
        ("SLOWLOG LEN", Join::Fold(Fold::Sum)),
        ("LATENCY RESET", Join::Fold(Fold::Sum)),
        ("PUBSUB CHANNELS", Join::Union),
        ("PUBSUB SHARDNUMSUB a", Join::Subscribers),
        ("PUBSUB NUMPAT", Join::Fold(Fold::Sum)),
        ("MEMORY PURGE", Join::AllSucceeded),
        ("CLIENT PAUSE 1", Join::AllSucceeded),
        ("NEW.SUM", Join::Fold(Fold::Sum)),
        ("NEW.LIST", Join::Concat),
    ] {
        assert_eq!(spread_of(words), Spread::All(join), "{words}");
    }
    for words in [
        "PING",
        "ECHO a",
        "CLIENT SETNAME a",
        "CONFIG GET a",
        "ACL WHOAMI",
        "MEMORY STATS",
        "SCRIPT DEBUG NO",
        "FUNCTION STATS",
        "LATENCY DOCTOR",
        "SCAN x",
        "NEW.SPECIAL",
        "CLUSTER HELP",
        "MEMORY NOSUCH",
    ] {
        assert_eq!(spread_of(words), Spread::Any, "{words}");
    }
}

#[test]
fn what_a_cluster_has_not_is_refused() {
    for (words, name) in [
        ("MONITOR", "MONITOR"),
        ("sync", "SYNC"),
        ("PSYNC ? -1", "PSYNC"),
        ("migrate h 1 k 0 5", "MIGRATE"),
        ("MIGRATE", "MIGRATE"),
        ("FAILOVER", "FAILOVER"),
        ("REPLICAOF NO ONE", "REPLICAOF"),
        ("SLAVEOF NO ONE", "SLAVEOF"),
        ("CLUSTER meet h 1", "CLUSTER MEET"),
        ("CLUSTER SETSLOT 1 STABLE", "CLUSTER SETSLOT"),
        ("CLUSTER NOVEL", "CLUSTER NOVEL"),
    ] {
        let reply = format!("-ERR {name} is not available in front of a cluster\r\n");
        assert_eq!(spread_of(words), Spread::Refused(Bytes::from(reply)), "{words}");
    }
}

fn answered(words: &str, protocol: Protocol) -> String {
    match spread_with(words, true, protocol) {
        Spread::Answer(reply) => String::from_utf8(reply.to_vec()).unwrap(),
        other => panic!("{words}: {other:?}"),
    }
}

#[test]
fn some_have_their_answer_at_once() {
    let id = Announced::new("proxy", 6380).id().to_owned();
    for (words, reply) in [
        ("READONLY", "+OK"),
        ("readwrite", "+OK"),
        ("ASKING", "+OK"),
        ("ASKING a", "-ERR wrong number of arguments for 'asking' command"),
        ("CLUSTER", "-ERR wrong number of arguments for 'cluster' command"),
        ("CLUSTER Nodes x", "-ERR wrong number of arguments for 'cluster|nodes' command"),
        ("CLUSTER KEYSLOT", "-ERR wrong number of arguments for 'cluster|keyslot' command"),
        ("CLUSTER Foo bar", "-ERR unknown subcommand 'Foo'. Try CLUSTER HELP."),
        ("CLUSTER KEYSLOT {a}b", ":15495"),
        ("CLUSTER MYID", &format!("$40\r\n{id}")),
        ("CLUSTER LINKS", "*0"),
        (&format!("CLUSTER REPLICAS {id}"), "*0"),
        ("CLUSTER REPLICAS x", "-ERR Unknown node x"),
        ("MSET a 1 b", "-ERR wrong number of arguments for 'mset' command"),
    ] {
        assert_eq!(answered(words, Protocol::Resp2), format!("{reply}\r\n"), "{words}");
    }
}

/// As a server gives them with `cluster-enabled yes`.
#[test]
fn a_cluster_seems_to_be_one_node() {
    let id = Announced::new("proxy", 6380).id().to_owned();
    let slots =
        format!("*1\r\n*3\r\n:0\r\n:16383\r\n*4\r\n$5\r\nproxy\r\n:6380\r\n$40\r\n{id}\r\n");
    let line = format!("{id} proxy:6380@16380 myself,master - 0 0 0 connected 0-16383\n");
    let shards = |maps: [&str; 2]| {
        format!(
            "*1\r\n{}\r\n$5\r\nslots\r\n*2\r\n:0\r\n:16383\r\n$5\r\nnodes\r\n*1\r\n{}\r\n$2\r\nid\r\n$40\r\n{id}\r\n\
             $4\r\nport\r\n:6380\r\n$2\r\nip\r\n$5\r\nproxy\r\n$8\r\nendpoint\r\n$5\r\nproxy\r\n$4\r\nrole\r\n\
             $6\r\nmaster\r\n$18\r\nreplication-offset\r\n:0\r\n$6\r\nhealth\r\n$6\r\nonline\r\n",
            maps[0], maps[1]
        )
    };
    let len = line.len();
    let (two, three) = (Protocol::Resp2, Protocol::Resp3);
    assert_eq!(answered("CLUSTER SLOTS", two), format!("{slots}*0\r\n"));
    assert_eq!(answered("CLUSTER SLOTS", three), format!("{slots}%0\r\n"));
    assert_eq!(answered("cluster shards", two), shards(["*4", "*14"]));
    assert_eq!(answered("cluster shards", three), shards(["%2", "%7"]));
    assert_eq!(answered("CLUSTER NODES", two), format!("${len}\r\n{line}\r\n"));
    assert_eq!(answered("CLUSTER NODES", three), format!("={}\r\ntxt:{line}\r\n", len + 4));
    assert!(answered("CLUSTER INFO", two).starts_with("$312\r\ncluster_state:ok\r\n"));
    assert!(answered("CLUSTER INFO", three).starts_with("=316\r\ntxt:cluster_state:ok\r\n"));
}

#[test]
fn requests_over_slots_are_split() {
    let Spread::Split(split) = spread_of("mset a 1 b 2 {a}c 3") else { panic!() };
    let parts: Vec<_> = split.parts.iter().map(|part| (part.slot, part.keys.clone())).collect();
    assert_eq!(parts, [(Slot::of(b"a"), vec![1, 5]), (Slot::of(b"b"), vec![3])]);
    let wire = "*5\r\n$4\r\nmset\r\n$1\r\na\r\n$1\r\n1\r\n$4\r\n{a}c\r\n$1\r\n3\r\n";
    assert_eq!(split.parts[0].request, wire);
    assert_eq!(split.parts[1].request, "*3\r\n$4\r\nmset\r\n$1\r\nb\r\n$1\r\n2\r\n");
    assert_eq!(split.join, Join::AllSucceeded);
    for name in ["DEL", "UNLINK", "exists", "TOUCH"] {
        let Spread::Split(split) = spread_of(&format!("{name} a b a")) else { panic!() };
        assert_eq!((split.parts.len(), split.join), (2, Join::Fold(Fold::Sum)));
    }
}

/// What a node answers to `MGET`, where the value of a key is its name and some have none.
fn values(request: &[u8]) -> BytesMut {
    let mut scanner = RequestScanner::new();
    scanner.scan(request, true).unwrap();
    let request = scanner.request(request);
    let mut out = BytesMut::new();
    encode::array_header(&mut out, request.len() - 1);
    for key in request.args().skip(1) {
        if key.ends_with(b"0") {
            encode::null(&mut out, Protocol::Resp2);
        } else {
            encode::bulk(&mut out, key);
        }
    }
    out
}

proptest! {
    #[test]
    fn split_and_joined_it_is_as_one(keys in prop::collection::vec("[a-d]{1,2}[0-2]", 1..20)) {
        let words = format!("MGET {}", keys.join(" "));
        let whole = with_request(&words, |request| values(request.bytes()));
        let mut out = BytesMut::new();
        match spread_of(&words) {
            Spread::Split(split) => {
                let slots: HashMap<_, _> = split.parts.iter().map(|part| (part.slot, ())).collect();
                prop_assert_eq!(slots.len(), split.parts.len());
                let replies: Vec<_> = split.parts.iter().map(|part| values(&part.request)).collect();
                split.join.join(&replies, &mut out);
            }
            Spread::Slot { slot, together: true } => {
                prop_assert!(keys.iter().all(|key| Slot::of(key.as_bytes()) == slot));
                out = whole.clone();
            }
            other => panic!("{other:?}"),
        }
        prop_assert_eq!(out, whole);
    }
}
