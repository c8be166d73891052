//! A client that reads a large value slowly holds up nobody else.
#![allow(clippy::unwrap_used, reason = "a step that fails is a failed test")]
#![allow(clippy::useless_vec, reason = "a command has one type wherever it is used")]

mod common;

use common::*;

/// Larger than what is passed on in one piece.
const LARGE: usize = 2 << 20;

/// Has the large value of `big` asked for by one client, and something else by another while the first has no reply.
/// Redis holds writes back meanwhile, of which GETEX is one: so nothing that is on the same connection gets one either.
fn beside_a_large_value(stack: &Stack, command: &[&str]) -> String {
    let (mut reader, mut other, mut redis) = (stack.client(), stack.client(), stack.redis.client());
    check!(reader, "GET", "small" => "\"value\"");
    check!(other, "GET", "small" => "\"value\"");
    check!(redis, "CLIENT", "PAUSE", "100000", "WRITE" => "+OK");
    reader.write(&["GETEX", "big", "PERSIST"]);
    eventually("the request is with Redis", || {
        let list = cmd!(redis, "CLIENT", "LIST").text();
        list.lines()
            .any(|line| line.contains("cmd=getex") && !line.contains(" argv-mem=0 "))
            .then_some(())
    });
    other.write(command);
    let reply = other.reply().to_string();
    check!(redis, "CLIENT", "UNPAUSE" => "+OK");
    let Value::Bulk(value) = reader.reply() else { panic!("no value") };
    assert_eq!(value.len(), LARGE);
    reply
}

#[test]
fn a_ping_does_not_wait_behind_the_large_reply_to_another() {
    each_mode(|stack| {
        let mut redis = stack.redis.client();
        check!(redis, "SET", "small", "value" => "+OK");
        check!(redis, "SETRANGE", "big", LARGE - 1, "x" => LARGE.to_string());
        for _ in 0..3 {
            assert_eq!(beside_a_large_value(&stack, &["PING"]), "+PONG");
        }
    });
}

#[test]
fn what_was_set_to_a_large_value_is_read_apart() {
    each_mode(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        check!(redis, "SET", "small", "value" => "+OK");
        check!(client, "SET", "big", vec![b'x'; LARGE] => "+OK");
        assert_eq!(beside_a_large_value(&stack, &["GET", "small"]), "\"value\"");
    });
}

#[test]
fn what_was_found_to_be_large_is_read_apart() {
    each_mode(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        check!(redis, "SET", "small", "value" => "+OK");
        check!(redis, "SETRANGE", "big", LARGE - 1, "x" => LARGE.to_string());
        assert_eq!(cmd!(client, "STRLEN", "big"), Value::Int(LARGE as i64));
        let Value::Bulk(value) = cmd!(client, "GET", "big") else { panic!("no value") };
        assert_eq!(value.len(), LARGE);
        assert_eq!(beside_a_large_value(&stack, &["GET", "small"]), "\"value\"");
    });
}

#[test]
fn what_follows_a_ping_comes_behind_it() {
    each_mode(|stack| {
        let (mut busy, mut client) = (stack.client(), stack.client());
        let gets = encode(&["INCR", "busy"]).repeat(200);
        for round in 1..=200 {
            // Replies to another are under way, so the PING goes past them.
            busy.send(&gets);
            let number = round.to_string();
            client.write(&["PING"]);
            client.write(&["INCR", "k"]);
            client.write(&["PING", "again"]);
            client.write(&["SET", "k", &number]);
            assert_eq!(client.reply().to_string(), "+PONG");
            assert_eq!(client.reply().to_string(), number);
            assert_eq!(client.reply().to_string(), "\"again\"");
            assert_eq!(client.reply().to_string(), "+OK");
            (0..200).for_each(|_| drop(busy.reply()));
        }
    });
}
