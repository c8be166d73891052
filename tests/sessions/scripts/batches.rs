//! Commands that work in steps: nothing is lost between them, and they end.

use super::harness::{Client, Server, key};
use crate::common::*;

/// Sessions of many ids, of different and of equal ages.
fn fill(client: &mut Client, count: usize) -> Vec<String> {
    let tokens: Vec<_> =
        (0..count).map(|place| client.create(&format!("u{}", place % 7), &[])).collect();
    for (place, token) in tokens.iter().enumerate() {
        client.age(token, (place / 10 * 5) as i64);
    }
    tokens
}

#[test]
fn killall_takes_all() {
    for step in [Some(7), None] {
        let server = Server::start();
        let mut client = server.client();
        let tokens = fill(&mut client, 250);
        client.age(&tokens[3], 10_000);
        let other = client.session("create", &["app2", "u1", "ip"]).text();
        client.step = step;
        assert_eq!(client.session("killall", &["app1"]), Value::Int(249));
        assert_eq!(client.run(&["DBSIZE"]).int(), 5);
        assert_eq!(client.session("get", &["app2", &other]).field("r"), Value::Int(2));
    }
    let server = Server::start();
    let mut client = server.client();
    fill(&mut client, 250);
    assert_eq!(client.whole("killall", &["app1"]), Value::Int(250));
    assert_eq!(client.run(&["DBSIZE"]).int(), 0);
}

#[test]
fn wipe_takes_what_expired() {
    for step in [Some(7), None] {
        let server = Server::start();
        let mut client = server.client();
        let tokens = fill(&mut client, 250);
        for token in &tokens[..200] {
            client.age(token, 10_000);
        }
        client.step = step;
        assert_eq!(client.session("wipe", &[] as &[&str]), Value::Int(200));
        assert_eq!(client.run(&["ZCARD", "rs:SESSIONS"]).int(), 50);
        assert_eq!(client.session("soapp", &["app1", "100000"]).items().len(), 50);
    }
    let server = Server::start();
    let mut client = server.client();
    for token in fill(&mut client, 250) {
        client.age(&token, 10_000);
    }
    assert_eq!(client.whole("wipe", &[] as &[&str]), Value::Int(250));
    assert_eq!(client.run(&["DBSIZE"]).int(), 0);
}

#[test]
fn little_is_done_in_one_call() {
    let server = Server::start();
    let mut client = server.client();
    let tokens = fill(&mut client, 20);
    for token in &tokens[..10] {
        client.age(token, 10_000);
    }
    client.between = Some(Box::new(|_| panic!("one call does it")));
    assert_eq!(client.session("wipe", &[] as &[&str]), Value::Int(10));
    assert_eq!(client.session("killall", &["app1"]), Value::Int(10));
    assert_eq!(client.run(&["DBSIZE"]).int(), 0);
}

#[test]
fn long_listings_are_those_in_one_piece() {
    let server = Server::start();
    let mut client = server.client();
    let tokens = fill(&mut client, 140);
    for token in &tokens {
        client.run(&["SADD", "rs:app1:us:all", token]);
        client.run(&["HSET", &key(token), "id", "all"]);
    }
    for (name, args) in [
        ("soapp", &["app1", "10000"][..]),
        ("soapp", &["app1", "40", "JSON"]),
        ("soid", &["app1", "all"]),
    ] {
        // Sessions of equal age may come in any order, and none of them tells which it is.
        let whole = client.whole(name, args);
        for step in [1, 3, 10, 50, 139, 140, 141] {
            client.step = Some(step);
            let paged = client.session(name, args);
            let mask = |value: &Value| format!("{value:?}");
            if client.whole(name, args) == whole {
                assert_eq!(mask(&paged), mask(&whole), "{name} {step}");
            }
        }
    }
}

#[test]
fn listings_see_every_session_that_is_there_all_the_time() {
    let server = Server::start();
    let mut client = server.client();
    let tokens = fill(&mut client, 60);
    for (place, token) in tokens.iter().enumerate() {
        client.session("set", &["app1", token, &format!("{{\"n\":{place}}}")]);
        client.age(token, 20 + (place / 10) as i64);
    }
    client.step = Some(4);
    // Between pages the oldest sessions are refreshed and so leave the part still to come, and the
    // ones just listed, among them that which the next page goes on from, are killed.
    let mut other = server.client();
    let listed = tokens.clone();
    client.between = Some(Box::new(move |done| {
        if done <= 20 {
            other.session("get", &["app1", &listed[60 - done]]);
            let top = other.run(&[
                "ZREVRANGE",
                "rs:app1:_sessions",
                &(done + 3).to_string(),
                &(done + 3).to_string(),
            ]);
            let token = top.items()[0].text()[..64].to_owned();
            let place = listed.iter().position(|listed| *listed == token).unwrap();
            if place < 20 {
                other.session("kill", &["app1", &token]);
            }
        }
    }));
    let list = client.session("soapp", &["app1", "5000"]);
    let mut seen: Vec<i64> = list
        .items()
        .iter()
        .map(|item| item.field("d").text()[5..].trim_end_matches('}').parse().unwrap())
        .collect();
    let idles: Vec<_> = list.items().iter().map(|item| item.field("idle").int()).collect();
    seen.sort_unstable();
    let count = seen.len();
    seen.dedup();
    assert_eq!(seen.len(), count, "none twice");
    for place in 20..60 {
        assert!(seen.contains(&place), "{place} of {seen:?}");
    }
    assert!(idles[0] <= 2 && *idles.last().unwrap() >= 20, "{idles:?}");
}

#[test]
fn pages_go_on_behind_an_entry_that_is_gone() {
    let server = Server::start();
    let mut client = server.client();
    let tokens: Vec<_> = (0..30).map(|_| client.create("bob", &["TTL", "5000"])).collect();
    let now = client.now();
    for token in &tokens {
        // All of one score: the order is that of the members alone.
        client.run(&[
            "HSET",
            &key(token),
            "la",
            &(now - 9).to_string(),
            "d",
            &format!("{{\"t\":\"{token}\"}}"),
        ]);
        client.run(&["ZADD", "rs:app1:_sessions", &(now - 9).to_string(), &format!("{token}:bob")]);
    }
    let mut order = tokens.clone();
    order.sort();
    order.reverse();
    let killed: Vec<_> = order.iter().skip(2).step_by(3).cloned().collect();
    let mut other = server.client();
    client.step = Some(3);
    let victims = killed.clone();
    client.between = Some(Box::new(move |done| {
        if let Some(victim) = victims.get(done - 1) {
            other.session("kill", &["app1", victim]);
        }
    }));
    let list = client.session("soapp", &["app1", "1000"]);
    let seen: Vec<_> =
        list.items().iter().map(|item| item.field("d").text()[6..70].to_owned()).collect();
    assert_eq!(seen, order, "each was listed before it went");
}

#[test]
fn errors_end_a_command_between_steps() {
    let server = Server::start();
    let mut client = server.client();
    fill(&mut client, 30);
    client.step = Some(10);
    let mut other = server.client();
    client.between = Some(Box::new(move |_| {
        other.run(&["REPLICAOF", "127.0.0.1", "1"]);
    }));
    let reply = client.session("killall", &["app1"]);
    assert_eq!(reply.error(), "READONLY You can't write against a read only replica.");
    assert_eq!(client.run(&["ZCARD", "rs:app1:_sessions"]).int(), 20);
}

#[test]
fn a_session_created_during_killall_is_whole_or_gone() {
    let server = Server::start();
    let mut client = server.client();
    fill(&mut client, 30);
    client.step = Some(10);
    let mut other = server.client();
    client.between = Some(Box::new(move |done| {
        if done < 5 {
            other.create("u1", &[]);
        }
    }));
    client.session("killall", &["app1"]);
    let left = client.run(&["ZCARD", "rs:app1:_sessions"]).int();
    assert_eq!(client.run(&["SCARD", "rs:app1:us:u1"]).int(), left);
    assert_eq!(client.run(&["ZCARD", "rs:SESSIONS"]).int(), left);
    assert_eq!(client.session("killsoid", &["app1", "u1"]), Value::Int(left));
    assert_eq!(client.run(&["DBSIZE"]).int(), 0);
}
