//! `SESSION.SOID`, `SOAPP` and `ACTIVITY`: who is listed, and in which order.

use serde_json::Value as Json;

use super::{create, json_of};
use crate::common::*;

#[test]
fn listings_are_ordered_and_show_no_tokens() {
    each_layout(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        let mut tokens = Vec::new();
        for (age_in_seconds, id) in
            [(300, "c"), (100, "a"), (500, "a"), (200, "b"), (50, "a"), (7000, "d")]
        {
            let token =
                create(&mut client, "app", id, &["DATA", &format!("{{\"age\":{age_in_seconds}}}")]);
            age(&mut redis, "app", &token, age_in_seconds);
            tokens.push(token);
        }
        let ages = |reply: &Value| -> Vec<i64> {
            let of = |session: &Value| {
                serde_json::from_str::<Json>(&session.field("d").text()).unwrap()["age"]
                    .as_i64()
                    .unwrap()
            };
            reply.items().iter().map(of).collect()
        };
        let before = redis.dump();
        assert_eq!(ages(&cmd!(client, "SESSION.SOID", "app", "a")), [50, 100, 500]);
        assert_eq!(ages(&cmd!(client, "SESSION.SOAPP", "app")), [50, 100, 200, 300, 500]);
        assert_eq!(ages(&cmd!(client, "SESSION.SOAPP", "app", "250")), [50, 100, 200]);
        assert_eq!(
            ages(&cmd!(client, "SESSION.SOAPP", "app", "100000")),
            [50, 100, 200, 300, 500, 7000]
        );
        check!(client, "SESSION.SOAPP", "app", "10" => "[]");
        check!(client, "SESSION.SOID", "app", "nobody" => "[]");
        check!(client, "SESSION.SOAPP", "none" => "[]");
        check!(client, "SESSION.SOID", "app", "nobody", "JSON" => "\"[]\"");
        let listed = cmd!(client, "SESSION.SOAPP", "app", "250", "JSON");
        let sessions = json_of(&listed);
        let found: Vec<i64> =
            sessions.as_array().unwrap().iter().map(|s| s["d"]["age"].as_i64().unwrap()).collect();
        assert_eq!(found, [50, 100, 200]);
        let whole = cmd!(client, "SESSION.SOAPP", "app", "100000", "JSON").text()
            + &cmd!(client, "SESSION.SOAPP", "app", "100000").to_string();
        assert!(tokens.iter().all(|token| !whole.contains(token)), "listings never show tokens");
        assert_eq!(redis.dump(), before, "listings change nothing");
        let modern = cmd!(stack.client().resp3(), "SESSION.SOID", "app", "a");
        assert!(modern.items().iter().all(|item| matches!(item, Value::Map(_))), "{modern}");
    });
}

#[test]
fn activity_counts_ids_within_the_window() {
    each_layout(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        for (id, seconds) in [("a", 0), ("a", 0), ("b", 100), ("c", 599), ("d", 700)] {
            let token = create(&mut client, "app", id, &[]);
            cmd!(redis, "HINCRBY", stack.key("app", &token), "la", -seconds);
            cmd!(redis, "ZINCRBY", stack.named("app", id, "_users"), -seconds, id);
        }
        let counts = same_second(&mut stack.redis.client(), |now| {
            for (id, seconds) in [("a", 0), ("b", 100), ("c", 600), ("d", 700)] {
                cmd!(redis, "ZADD", stack.named("app", id, "_users"), now - seconds, id);
            }
            ["", "10", "99", "100", "600", "700", "100000"].map(|dt| {
                let mut command = args!("SESSION.ACTIVITY", "app");
                if !dt.is_empty() {
                    command.push(dt.to_arg());
                }
                client.run(&command).int()
            })
        });
        assert_eq!(
            counts,
            [3, 1, 1, 2, 3, 4, 4],
            "the window includes its edge; the default is 600"
        );
        check!(client, "SESSION.ACTIVITY", "none" => "0");
    });
}

#[test]
fn a_window_of_a_listing_includes_its_edge() {
    each_layout(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        let token = create(&mut client, "app", "user", &[]);
        let found = same_second(&mut stack.redis.client(), |now| {
            let la = now - 100;
            cmd!(redis, "HSET", stack.key("app", &token), "la", la);
            cmd!(
                redis,
                "ZADD",
                stack.named("app", "user", "_sessions"),
                la,
                format!("{token}:user")
            );
            ["99", "100"].map(|dt| cmd!(client, "SESSION.SOAPP", "app", dt).items().len())
        });
        assert_eq!(found, [0, 1]);
    });
}
