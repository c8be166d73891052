//! `SESSION.KILL`, `KILLSOID` and `KILLALL`: what they count, and that nothing is left behind.

use super::{create, nobody};
use crate::common::*;

#[test]
fn kill_removes_everything_and_counts_the_living() {
    each_layout(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        let tokens: Vec<String> =
            (0..5).map(|_| create(&mut client, "app", "a:b", &["TTL", "100"])).collect();
        let other = create(&mut client, "app", "other", &[]);
        age(&mut redis, "app", &tokens[4], 1000);
        check!(client, "SESSION.KILL", "app", tokens[0] => "1");
        check!(client, "SESSION.KILL", "app", tokens[0] => "0");
        check!(client, "SESSION.KILL", "xxx", tokens[1] => "0");
        check!(client, "SESSION.KILL", "app", tokens[1], nobody(), tokens[2], tokens[1] => "2");
        check!(client, "SESSION.KILL", "app", tokens[4] => "0");
        assert_consistent(&mut redis, "app");
        check!(redis, "EXISTS", stack.key("app", &tokens[4]) => "0");
        check!(client, "SESSION.KILL", "app", tokens[3], other => "2");
        assert!(redis.dump().is_empty());
        let many: Vec<String> =
            (0..200).map(|n| create(&mut client, "app", &format!("u{}", n % 7), &[])).collect();
        let mut command = args!("SESSION.KILL", "app");
        command.extend(many.iter().map(Arg::to_arg));
        assert_eq!(client.run(&command), Value::Int(200));
        assert!(redis.dump().is_empty());
    });
}

#[test]
fn killsoid_ends_the_sessions_of_one_id() {
    each_layout(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        for id in ["a", "a:b", "b"] {
            for _ in 0..3 {
                create(&mut client, "app", id, &["TTL", "100"]);
            }
        }
        create(&mut client, "two", "a:b", &[]);
        let old = create(&mut client, "app", "a:b", &["TTL", "100"]);
        age(&mut redis, "app", &old, 1000);
        check!(client, "SESSION.KILLSOID", "app", "a:b" => "3");
        check!(client, "SESSION.KILLSOID", "app", "a:b" => "0");
        check!(client, "SESSION.ACTIVITY", "app" => "2");
        check!(client, "SESSION.ACTIVITY", "two" => "1");
        assert_consistent(&mut redis, "app");
        assert_consistent(&mut redis, "two");
    });
}

#[test]
fn killsoid_and_killall_remove_orphans() {
    each_layout(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        let orphan = |redis: &mut Client, token: &str, id: &str| {
            let named = |last: &str| stack.named("app", id, last);
            cmd!(redis, "ZADD", named("_sessions"), "1000", format!("{token}:{id}"));
            cmd!(redis, "ZADD", named("_users"), "1000", id);
            cmd!(redis, "ZADD", named("SESSIONS"), "2000", format!("app:{token}:{id}"));
            cmd!(redis, "SADD", named(&format!("us:{id}")), token);
        };
        orphan(&mut redis, &nobody(), "ghost:1");
        check!(client, "SESSION.SOID", "app", "ghost:1" => "[]");
        check!(client, "SESSION.KILLSOID", "app", "ghost:1" => "0");
        assert!(redis.dump().is_empty(), "{:?}", redis.dump());

        let zombie = "z".repeat(64);
        orphan(&mut redis, &zombie, "ghost:2");
        cmd!(redis, "HSET", stack.named("app", "ghost:2", &zombie), "r", "1");
        check!(client, "SESSION.GET", "app", zombie => "$nil");
        check!(client, "SESSION.SET", "app", zombie, "{\"a\":1}" => "$nil");
        check!(client, "SESSION.SOID", "app", "ghost:2" => "[]");
        check!(client, "SESSION.KILLSOID", "app", "ghost:2" => "0");
        assert!(redis.dump().is_empty(), "{:?}", redis.dump());

        orphan(&mut redis, &nobody(), "ghost:3");
        orphan(&mut redis, &zombie, "ghost:4");
        cmd!(redis, "HSET", stack.named("app", "ghost:4", &zombie), "r", "1");
        create(&mut client, "app", "ghost:3", &[]);
        create(&mut client, "two", "ghost:3", &[]);
        check!(client, "SESSION.KILLALL", "app" => "1");
        check!(redis, "KEYS", "*rs:app:*" => "[]");
        assert_consistent(&mut redis, "two");
        check!(redis, "ZCARD", stack.named("two", "ghost:3", "SESSIONS") => "1");
    });
}

#[test]
fn killall_of_thousands_then_the_next_command_of_the_pipeline() {
    each_layout(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        let creates: Vec<_> = (0..3000)
            .map(|n| args!("SESSION.CREATE", "app", format!("u{}", n % 100), "ip"))
            .collect();
        let tokens = client.pipeline(&creates);
        let survivor = create(&mut client, "two", "u1", &[]);
        for token in tokens.iter().take(100) {
            cmd!(redis, "HINCRBY", stack.key("app", &token.text()), "la", "-100000");
        }
        let replies = client.pipeline(&[
            args!("SET", "marker", "1"),
            args!("SESSION.ACTIVITY", "app"),
            args!("SESSION.KILLALL", "app"),
            args!("SESSION.ACTIVITY", "app"),
            args!("KEYS", "*rs:app:*"),
            args!("DEL", "marker"),
            args!("SESSION.KILL", "two", survivor),
            args!("KEYS", "*rs:*S*"),
        ]);
        let shown: Vec<String> = replies.iter().map(Value::to_string).collect();
        assert_eq!(shown, ["+OK", "100", "2900", "0", "[]", "1", "1", "[]"]);
    });
}
