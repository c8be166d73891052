//! `SESSION.WIPE` and the housekeeping: the expired go, nothing else does.

use super::{create, nobody};
use crate::common::*;

#[test]
fn wipe_spares_the_last_second() {
    each_layout(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        let wiped = same_second(&mut stack.redis.client(), |now| {
            cmd!(redis, "FLUSHALL");
            let token = create(&mut client, "app", "user", &["TTL", "100"]);
            cmd!(redis, "HSET", stack.key("app", &token), "la", now - 100);
            cmd!(
                redis,
                "ZADD",
                stack.named("app", "user", "SESSIONS"),
                now,
                format!("app:{token}:user")
            );
            let at_ttl = cmd!(client, "SESSION.WIPE").int();
            cmd!(redis, "HSET", stack.key("app", &token), "la", now - 101);
            cmd!(
                redis,
                "ZADD",
                stack.named("app", "user", "SESSIONS"),
                now - 1,
                format!("app:{token}:user")
            );
            (at_ttl, cmd!(client, "SESSION.WIPE").int())
        });
        assert_eq!(wiped, (0, 1));
        assert!(redis.dump().is_empty());
    });
}

#[test]
fn wipe_removes_the_expired_and_nothing_else() {
    each_layout(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        let alive = create(&mut client, "app", "a:b", &["TTL", "1000"]);
        let fixed = create(&mut client, "app", "fixed", &["TTL", "1000", "NORESAVE"]);
        for (id, ttl) in [("a:b", "10"), ("gone", "100"), ("fixed", "100")] {
            let token = create(&mut client, "app", id, &["TTL", ttl]);
            age(&mut redis, "app", &token, 500);
        }
        check!(client, "SESSION.WIPE" => "3");
        check!(client, "SESSION.WIPE" => "0");
        assert_consistent(&mut redis, "app");
        assert_eq!(cmd!(client, "SESSION.SOAPP", "app").items().len(), 2);
        for token in [alive, fixed] {
            check!(redis, "EXISTS", stack.key("app", &token) => "1");
        }
    });
}

#[test]
fn wipe_believes_the_hash_and_not_the_score() {
    each_layout(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        let now = redis.now();
        let bad = [
            "1",
            "0",
            "-5",
            &format!("{now}000"),
            &format!("{now}30"),
            "179537001430",
            "inf",
            "-inf",
        ];
        for (number, score) in bad.iter().enumerate() {
            let id = format!("alive{number}");
            let token = create(&mut client, "app", &id, &["TTL", "1000"]);
            let expiries = stack.named("app", &id, "SESSIONS");
            cmd!(redis, "ZADD", expiries, score, format!("app:{token}:{id}"));
            let id = format!("dead{number}");
            let token = create(&mut client, "app", &id, &["TTL", "1000"]);
            age(&mut redis, "app", &token, 5000);
            let expiries = stack.named("app", &id, "SESSIONS");
            cmd!(redis, "ZADD", expiries, score, format!("app:{token}:{id}"));
        }
        let named = |id: &str, last: &str| stack.named("app", id, last);
        let no_hash = format!("{}:no:hash", nobody());
        cmd!(redis, "ZADD", named("no:hash", "SESSIONS"), "1", format!("app:{no_hash}"));
        let late = format!("app:{}:late", nobody());
        cmd!(redis, "ZADD", named("late", "SESSIONS"), "179537001430", late);
        cmd!(redis, "ZADD", named("no:hash", "_sessions"), "1", no_hash);
        cmd!(redis, "ZADD", named("no:hash", "_users"), "1", "no:hash");
        cmd!(redis, "SADD", named("no:hash", "us:no:hash"), nobody());
        check!(client, "SESSION.WIPE" => bad.len().to_string());
        assert_consistent(&mut redis, "app");
        assert_eq!(cmd!(client, "SESSION.SOAPP", "app").items().len(), bad.len());
    });
}

#[test]
fn housekeeping_wipes_by_itself_where_sessions_were_served() {
    each_layout_with(&[], &["--wipe", "10"], |stack| {
        let mut redis = stack.redis.client();
        for db in [0, 5] {
            let mut client = stack.client();
            check!(client, "SELECT", db => "+OK");
            check!(redis, "SELECT", db => "+OK");
            let token = create(&mut client, "app", "user", &["TTL", "10"]);
            age(&mut redis, "app", &token, 1000);
        }
        for db in [0, 5] {
            check!(redis, "SELECT", db => "+OK");
            eventually("the expired session is wiped", || {
                cmd!(redis, "KEYS", "*rs:*S*").items().is_empty().then_some(())
            });
            assert!(redis.dump().is_empty());
        }
    });
}
