//! `SESSION.WIPE` and the housekeeping: the expired go, nothing else does.

use super::{create, key, nobody};
use crate::common::*;

#[test]
fn wipe_spares_the_last_second() {
    each_mode(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        let wiped = same_second(&mut stack.redis.client(), |now| {
            cmd!(redis, "FLUSHALL");
            let token = create(&mut client, "app", "user", &["TTL", "100"]);
            cmd!(redis, "HSET", key("app", &token), "la", now - 100);
            cmd!(redis, "ZADD", "rs:SESSIONS", now, format!("app:{token}:user"));
            let at_ttl = cmd!(client, "SESSION.WIPE").int();
            cmd!(redis, "HSET", key("app", &token), "la", now - 101);
            cmd!(redis, "ZADD", "rs:SESSIONS", now - 1, format!("app:{token}:user"));
            (at_ttl, cmd!(client, "SESSION.WIPE").int())
        });
        assert_eq!(wiped, (0, 1));
        assert!(redis.dump().is_empty());
    });
}

#[test]
fn wipe_removes_the_expired_and_nothing_else() {
    each_mode(|stack| {
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
            check!(redis, "EXISTS", key("app", &token) => "1");
        }
    });
}

#[test]
fn wipe_believes_the_hash_and_not_the_score() {
    each_mode(|stack| {
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
            cmd!(redis, "ZADD", "rs:SESSIONS", score, format!("app:{token}:{id}"));
            let id = format!("dead{number}");
            let token = create(&mut client, "app", &id, &["TTL", "1000"]);
            age(&mut redis, "app", &token, 5000);
            cmd!(redis, "ZADD", "rs:SESSIONS", score, format!("app:{token}:{id}"));
        }
        cmd!(redis, "ZADD", "rs:SESSIONS", "1", format!("app:{}:no:hash", nobody()));
        cmd!(redis, "ZADD", "rs:SESSIONS", "179537001430", format!("app:{}:late", nobody()));
        cmd!(redis, "ZADD", "rs:app:_sessions", "1", format!("{}:no:hash", nobody()));
        cmd!(redis, "ZADD", "rs:app:_users", "1", "no:hash");
        cmd!(redis, "SADD", "rs:app:us:no:hash", nobody());
        check!(client, "SESSION.WIPE" => bad.len().to_string());
        assert_consistent(&mut redis, "app");
        assert_eq!(cmd!(client, "SESSION.SOAPP", "app").items().len(), bad.len());
    });
}

#[test]
fn housekeeping_wipes_by_itself_where_sessions_were_served() {
    each_mode_with(&[], &["--wipe", "10"], |stack| {
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
                (cmd!(redis, "DBSIZE") == Value::Int(0)).then_some(())
            });
        }
    });
}
