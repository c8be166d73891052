//! Steps of commands that go from bucket to bucket: nothing is lost between them, and they end.

use sessiond::session::{Buckets, Layout, Settings};

use crate::common::*;
use crate::scripts::harness::{Client, Server};

/// A client that plans session commands for so many buckets.
fn bucketed(server: &Server, count: u16) -> Client {
    let mut client = server.client();
    let buckets = Buckets::new(count).unwrap();
    client.settings = Settings { layout: Layout::Buckets, buckets, ..Settings::default() };
    assert!(client.settings.agree(count.to_string().as_bytes()));
    client
}

#[test]
fn small_steps_do_what_large_ones_do() {
    for step in [Some(1), Some(3), None] {
        let server = Server::start();
        let mut client = bucketed(&server, 8);
        client.step = step;
        let tokens: Vec<_> = (0..90).map(|n| client.create(&format!("u{n}"), &[])).collect();
        assert_eq!(client.session("soapp", &["app1"]).items().len(), 90);
        assert_eq!(client.session("activity", &["app1"]), Value::Int(90));
        assert_eq!(client.whole("activity", &["app1"]), Value::Int(90));
        for token in &tokens[..30] {
            client.age(token, 100_000);
        }
        assert_eq!(client.session("wipe", &[] as &[&str]), Value::Int(30));
        assert_consistent_in(&mut client, 8);
        assert_eq!(client.session("killall", &["app1"]), Value::Int(60));
        assert_eq!(client.run(&["DBSIZE"]).int(), 0);
    }
}

fn assert_consistent_in(client: &mut Client, count: u16) {
    client.run(&["SET", "rs:buckets", &count.to_string()]);
    assert_consistent(client, "app1");
    client.run(&["DEL", "rs:buckets"]);
}

#[test]
fn a_session_that_is_refreshed_meanwhile_is_listed_once() {
    let server = Server::start();
    let mut client = bucketed(&server, 4);
    let tokens: Vec<_> = (0..60).map(|n| client.create(&format!("u{n}"), &[])).collect();
    for (place, token) in tokens.iter().enumerate() {
        client.age(token, 20 + place as i64);
    }
    client.step = Some(4);
    let mut other = bucketed(&server, 4);
    let listed = tokens.clone();
    client.between = Some(Box::new(move |done| {
        if let Some(token) = listed.iter().rev().nth(done) {
            other.session("get", &["app1", token]);
        }
    }));
    let list = client.session("soapp", &["app1", "5000"]);
    let mut ids: Vec<_> = list.items().iter().map(|item| item.field("id").text()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), list.items().len()), (60, 60));
    let idles: Vec<_> = list.items().iter().map(|item| item.field("idle").int()).collect();
    assert!(idles.is_sorted(), "{idles:?}");
}

#[test]
fn buckets_that_come_and_go_during_a_wipe() {
    let server = Server::start();
    let mut client = bucketed(&server, 64);
    for n in 0..100 {
        let token = client.create(&format!("u{n}"), &["TTL", "10"]);
        client.age(&token, 1000);
    }
    let mut other = bucketed(&server, 64);
    client.step = Some(2);
    client.between = Some(Box::new(move |done| {
        // Whole buckets vanish, and others of another app appear.
        other.session("killsoid", &["app1", &format!("u{done}")]);
        if done < 50 {
            other.session("create", &["app2", &format!("u{done}"), "ip"]);
        }
    }));
    let wiped = client.session("wipe", &[] as &[&str]).int();
    assert!((1..=100).contains(&wiped), "{wiped}");
    client.between = None;
    assert_eq!(client.session("wipe", &[] as &[&str]), Value::Int(0));
    assert_eq!(client.session("activity", &["app1", "100000"]), Value::Int(0));
    let left = client.session("activity", &["app2"]).int();
    assert_eq!(client.session("killall", &["app2"]), Value::Int(left));
    assert_eq!(client.run(&["DBSIZE"]).int(), 0);
}

#[test]
fn an_error_in_one_bucket_ends_the_command() {
    let server = Server::start();
    let mut client = bucketed(&server, 4);
    for n in 0..40 {
        client.create(&format!("u{n}"), &[]);
    }
    client.run(&["SET", "{rs:app1:0002}:_users", "text"]);
    for name in ["activity", "killall"] {
        let reply = client.session(name, &["app1"]);
        assert!(reply.error().starts_with("WRONGTYPE"), "{name}: {reply}");
        let whole = client.whole(name, &["app1"]);
        assert!(whole.error().starts_with("WRONGTYPE"), "{name}: {whole}");
    }
    // The other buckets have been emptied at the same time.
    let left = [0, 1, 2, 3]
        .map(|bucket| client.run(&["ZCARD", &format!("{{rs:app1:000{bucket}}}:_sessions")]).int());
    assert!(left[2] > 0, "{left:?}");
    assert!(left.iter().sum::<i64>() < 40, "{left:?}");
}
