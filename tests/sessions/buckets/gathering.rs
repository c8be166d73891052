//! What is about a whole app, or about all apps, is put together from its buckets.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::{bucketed, create, fill, ids};
use crate::common::*;

#[test]
fn listings_are_in_one_order_over_all_buckets() {
    let stack = bucketed(64);
    let mut client = stack.client();
    fill(&stack, &mut client, 200);
    let expected: Vec<String> = (0..200).map(|n| format!("u{n}")).collect();
    let all = cmd!(client, "SESSION.SOAPP", "app", "100000");
    assert_eq!(ids(&all), expected);
    // 10 seconds lie between two sessions, and one may pass here.
    let listed = cmd!(client, "SESSION.SOAPP", "app", "305");
    assert_eq!(ids(&listed), expected[..31]);
    check!(client, "SESSION.ACTIVITY", "app", "305" => "31");
    let text = cmd!(client, "SESSION.SOAPP", "app", "305", "JSON").text();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let json: Vec<_> = json.as_array().unwrap().iter().map(|s| s["id"].as_str()).collect();
    assert_eq!(json.into_iter().flatten().collect::<Vec<_>>(), expected[..31]);
    let modern = cmd!(stack.client().resp3(), "SESSION.SOAPP", "app", "305");
    assert!(modern.items().iter().all(|session| matches!(session, Value::Map(_))));
    check!(client, "SESSION.SOAPP", "none" => "[]");
    check!(client, "SESSION.SOAPP", "none", "JSON" => "\"[]\"");
    check!(client, "SESSION.ACTIVITY", "none" => "0");
    check!(client, "SESSION.KILLALL", "none" => "0");
}

#[test]
fn in_a_transaction_all_buckets_are_one_step() {
    let stack = bucketed(64);
    let (mut client, mut redis) = (stack.client(), stack.redis.client());
    let tokens = fill(&stack, &mut client, 100);
    for token in &tokens[90..] {
        age(&mut redis, "app", token, 100_000);
    }
    let elsewhere = cmd!(client, "SESSION.CREATE", "two", "u1", "ip").text();
    age(&mut redis, "two", &elsewhere, 100_000);
    let replies = client.pipeline(&[
        args!("MULTI"),
        args!("SESSION.ACTIVITY", "app", "100000"),
        args!("SESSION.SOAPP", "app", "100000"),
        args!("SESSION.SOAPP", "app", "100000", "JSON"),
        args!("SESSION.KILL", "app", tokens[0], tokens[1], tokens[2], tokens[0], tokens[95]),
        args!("SESSION.WIPE"),
        args!("SESSION.KILLALL", "app"),
        args!("SESSION.KILLALL", "app"),
        args!("SESSION.WIPE"),
        args!("EXEC"),
    ]);
    let executed = replies.last().unwrap().items();
    assert_eq!(executed[0], Value::Int(90));
    let expected: Vec<String> = (0..90).map(|n| format!("u{n}")).collect();
    assert_eq!(ids(&executed[1]), expected);
    assert_eq!(executed[2].text().matches("\"id\"").count(), 90);
    let counts: Vec<_> = executed[3..].iter().map(Value::int).collect();
    assert_eq!(counts, [3, 10, 87, 0, 0]);
    assert!(redis.dump().is_empty());
}

#[test]
fn kill_counts_over_buckets() {
    let stack = bucketed(256);
    let (mut client, mut redis) = (stack.client(), stack.redis.client());
    let tokens = fill(&stack, &mut client, 300);
    age(&mut redis, "app", &tokens[7], 100_000);
    let mut command = args!("SESSION.KILL", "app");
    command.extend(tokens[..200].iter().chain(&tokens[..50]).map(Arg::to_arg));
    let replies = client.pipeline(&[command, args!("SESSION.ACTIVITY", "app", "100000")]);
    assert_eq!(replies, [Value::Int(199), Value::Int(100)], "the next waits for all of it");
    assert_consistent(&mut redis, "app");
}

#[test]
fn wipe_finds_every_app_in_the_selected_database() {
    let stack = bucketed(64);
    let (mut client, mut redis) = (stack.client(), stack.redis.client());
    for database in [0, 9] {
        check!(client, "SELECT", database => "+OK");
        check!(redis, "SELECT", database => "+OK");
        for app in ["app", "A-b_c", "zzz12345678901234567"] {
            for n in 0..5 {
                let token = cmd!(client, "SESSION.CREATE", app, format!("u{n}"), "ip").text();
                if n < 3 {
                    age(&mut redis, app, &token, 100_000);
                }
            }
        }
    }
    check!(client, "SELECT", "0" => "+OK");
    // Nothing is kept that could be lost, and with it an app.
    check!(redis, "SELECT", "0" => "+OK");
    check!(redis, "KEYS", "rs:*" => "[\"rs:buckets\"]");
    check!(client, "SESSION.WIPE" => "9");
    check!(client, "SESSION.WIPE" => "0");
    for app in ["app", "A-b_c", "zzz12345678901234567"] {
        check!(client, "SESSION.ACTIVITY", app => "2");
        assert_consistent(&mut redis, app);
    }
    check!(client, "SELECT", "9" => "+OK");
    check!(client, "SESSION.WIPE" => "9");
}

#[test]
fn many_wipe_at_once_while_sessions_come() {
    let stack = bucketed(64);
    let mut redis = stack.redis.client();
    let url = stack.redis.url();
    let options = ["--upstream", &url, "--layout", "buckets", "--cluster-buckets", "64"];
    let second = Sessiond::start(&options);
    let tokens = fill(&stack, &mut stack.client(), 600);
    for token in &tokens[..500] {
        age(&mut redis, "app", token, 100_000);
    }
    let stop = AtomicBool::new(false);
    let wiped: i64 = thread::scope(|scope| {
        let creators: Vec<_> = (0..2)
            .map(|number| {
                let (mut client, stop) = (stack.client(), &stop);
                scope.spawn(move || {
                    let mut created = 0;
                    while !stop.load(Ordering::Relaxed) {
                        create(&mut client, &format!("new{number}-{created}"), &[]);
                        created += 1;
                    }
                    created
                })
            })
            .collect();
        let wipers: Vec<_> = [stack.client(), second.client(), stack.client(), second.client()]
            .into_iter()
            .map(|mut client| scope.spawn(move || cmd!(client, "SESSION.WIPE").int()))
            .collect();
        let wiped = wipers.into_iter().map(|thread| thread.join().unwrap()).sum();
        stop.store(true, Ordering::Relaxed);
        let created: i64 = creators.into_iter().map(|thread| thread.join().unwrap()).sum();
        check!(stack.client(), "SESSION.ACTIVITY", "app", "100000" => (100 + created).to_string());
        wiped
    });
    assert_eq!(wiped, 500, "each was removed and counted once");
    assert_consistent(&mut redis, "app");
}
