//! The names of keys, and how sessions are spread over them.

use std::collections::{BTreeMap, BTreeSet};

use super::{bucketed, create};
use crate::common::*;

#[test]
fn keys_are_named_by_app_and_bucket() {
    let stack = bucketed(256);
    let (mut client, mut redis) = (stack.client(), stack.redis.client());
    // CRC-16/XMODEM of "alice" is 0xc2ed.
    let token = create(&mut client, "alice", &[]);
    let tag = format!("{{rs:app:{:04}}}", 0xc2ed % 256);
    let keys: Vec<String> = cmd!(redis, "KEYS", "*").items().iter().map(Value::text).collect();
    let expected = ["_sessions", "_users", "us:alice", "SESSIONS", token.as_str()]
        .map(|last| format!("{tag}:{last}"));
    let found: BTreeSet<&str> = keys.iter().map(String::as_str).collect();
    let expected = expected.iter().map(String::as_str).chain(["rs:buckets"]).collect();
    assert_eq!(found, expected);
    check!(redis, "GET", "rs:buckets" => "\"256\"");
    let entry = format!("[\"app:{token}:alice\"]");
    check!(redis, "ZRANGE", format!("{tag}:SESSIONS"), "0", "-1" => entry);
    // All lie in one slot.
    let slots: BTreeSet<u16> = keys
        .iter()
        .filter(|key| *key != "rs:buckets")
        .map(|key| crc16(key.split(['{', '}']).nth(1).unwrap()) % 16384)
        .collect();
    assert_eq!(slots.len(), 1);
    assert_consistent(&mut redis, "app");
}

#[test]
fn ids_spread_evenly_over_buckets() {
    for count in [1, 256, 4096] {
        let stack = bucketed(count);
        let mut client = stack.client();
        let creates: Vec<_> =
            (0..2048).map(|n| args!("SESSION.CREATE", "app", format!("user-{n}"), "ip")).collect();
        let tokens: BTreeSet<String> = client.pipeline(&creates).iter().map(Value::text).collect();
        assert_eq!(tokens.len(), 2048);
        let mut redis = stack.redis.client();
        let keys = cmd!(redis, "KEYS", "*:_sessions");
        let mut sizes = BTreeMap::new();
        for key in keys.items() {
            sizes.insert(key.text(), cmd!(redis, "ZCARD", key.text()).int());
        }
        assert_eq!(sizes.values().sum::<i64>(), 2048);
        let (fewest, most) = match count {
            1 => (1, 2048),
            256 => (250, 24),
            _ => (1500, 8),
        };
        let largest = *sizes.values().max().unwrap();
        assert!(sizes.len() >= fewest && largest <= most, "{count}: {} {largest}", sizes.len());
        check!(client, "SESSION.ACTIVITY", "app" => "2048");
        check!(client, "SESSION.KILLALL", "app" => "2048");
        assert!(redis.dump().is_empty());
    }
}

#[test]
fn a_token_of_no_bucket_is_no_session() {
    let stack = bucketed(256);
    let (mut client, mut redis) = (stack.client(), stack.redis.client());
    // 256 is `AEI`: what stands in a bucket of that number, another sessiond may have put there.
    let token = format!("AEI{}", "x".repeat(61));
    let now = redis.now();
    let fields = args!("id", "u", "r", "1", "w", "1", "ip", "i", "la", now, "ttl", "1000");
    for key in [format!("{{rs:app:0256}}:{token}"), format!("rs:app:{token}")] {
        redis.run(&[args!("HSET", key), fields.clone()].concat());
    }
    let before = redis.dump();
    check!(client, "SESSION.GET", "app", token => "$nil");
    check!(client, "SESSION.GET", "app", token, "PEEK", "JSON" => "$nil");
    check!(client, "SESSION.SET", "app", token, "{\"a\":1}" => "$nil");
    check!(client, "SESSION.KILL", "app", token, "9".repeat(64) => "0");
    let other = create(&mut client, "u", &[]);
    check!(client, "SESSION.KILL", "app", token, other => "1");
    assert_eq!(redis.dump(), before);
    // A token of a bucket, but not of the one that its session is in.
    let moved = format!("AAA{}", &create(&mut client, "u", &[])[3..]);
    check!(client, "SESSION.GET", "app", moved => "$nil");
}

#[test]
fn the_namespace_may_have_any_form() {
    let redis = Redis::start();
    let ns = "n*[s]?\\-:ä";
    let options = ["--ns", ns, "--layout", "buckets", "--cluster-buckets", "8"];
    let stack = Stack::over(redis, modes()[0], &options);
    let (mut client, mut redis) = (stack.client(), stack.redis.client());
    let token = create(&mut client, "u", &["TTL", "10"]);
    let alive = create(&mut client, "v", &[]);
    let key = format!("{{{ns}:app:{:04}}}:{token}", crc16("u") % 8);
    check!(redis, "HINCRBY", key, "la", "-1000" => (redis.now() - 1000).to_string());
    let expiries = format!("{{{ns}:app:{:04}}}:SESSIONS", crc16("u") % 8);
    check!(redis, "ZADD", expiries, "1", format!("app:{token}:u") => "0");
    // What only looks like a bucket of this namespace is left alone.
    for other in ["{n:app:0001}:SESSIONS", "{nXs?-:ä:app:0001}:SESSIONS"] {
        check!(redis, "ZADD", other, "1", "app:x:y" => "1");
    }
    let fake = format!("{{{ns}:a:b:0001}}:SESSIONS");
    check!(redis, "ZADD", fake, "1", "app:x:y" => "1");
    check!(redis, "SET", format!("{{{ns}:text:0001}}:SESSIONS"), "x" => "+OK");
    check!(client, "SESSION.WIPE" => "1");
    assert!(!cmd!(client, "SESSION.GET", "app", alive).is_error());
    check!(redis, "KEYS", "*:SESSIONS" => cmd!(stack.redis.client(), "KEYS", "*SESSIONS").to_string());
    assert_eq!(cmd!(redis, "KEYS", "*:SESSIONS").items().len(), 5);
}
