//! `SESSION.GET`: the forms of a session, what a read counts, and when a session has ended.

use serde_json::json;

use super::{create, json_of, nobody};
use crate::common::*;

#[test]
fn a_session_in_resp2_resp3_and_json() {
    each_layout(|stack| {
        let (mut old, mut new) = (stack.client(), stack.client().resp3());
        let data = "{\"s\":\"x\",\"n\":1.50,\"b\":true}";
        let bare = create(&mut old, "app", "bare", &[]);
        let full = create(&mut old, "app", "full", &["DATA", data, "NORESAVE", "TTL", "1000"]);
        let peek =
            |client: &mut Client, token: &str| cmd!(client, "SESSION.GET", "app", token, "PEEK");
        let shown = same_second(&mut stack.redis.client(), |now| {
            let mut redis = stack.redis.client();
            for token in [&bare, &full] {
                cmd!(redis, "HSET", stack.key("app", token), "la", now);
            }
            [
                peek(&mut old, &bare),
                peek(&mut new, &bare),
                peek(&mut old, &full),
                peek(&mut new, &full),
            ]
            .map(|reply| reply.to_string())
        });
        let ip = "\"1.2.3.4\"";
        let quoted = format!("\"{data}\"");
        assert_eq!(
            shown,
            [
                format!(
                    "[\"id\", \"bare\", \"r\", 1, \"w\", 1, \"ttl\", 7200, \"idle\", 0, \"ip\", {ip}]"
                ),
                format!(
                    "{{\"id\": \"bare\", \"r\": 1, \"w\": 1, \"ttl\": 7200, \"idle\": 0, \"ip\": {ip}}}"
                ),
                format!(
                    "[\"id\", \"full\", \"r\", 1, \"w\", 1, \"ttl\", 1000, \"idle\", 0, \"ip\", {ip}, \
                     \"d\", {quoted}, \"no_resave\", 1]"
                ),
                format!(
                    "{{\"id\": \"full\", \"r\": 1, \"w\": 1, \"ttl\": 1000, \"idle\": 0, \"ip\": {ip}, \
                     \"d\": {quoted}, \"no_resave\": #t}}"
                ),
            ]
        );
        for client in [&mut old, &mut new] {
            let reply = cmd!(client, "SESSION.GET", "app", full, "JSON", "PEEK");
            assert!(reply.text().contains(data), "d is nested as it is: {}", reply.text());
            let mut session = json_of(&reply);
            let idle = session.as_object_mut().unwrap().remove("idle").unwrap();
            assert!(idle.is_u64());
            let ttl = session.as_object_mut().unwrap().remove("ttl").unwrap();
            assert!(ttl.as_u64().unwrap() <= 1000);
            let want = json!({
                "id": "full", "r": 1, "w": 1, "ip": "1.2.3.4",
                "d": {"s": "x", "n": 1.5, "b": true}, "no_resave": true,
            });
            assert_eq!(session, want);
            let reply = cmd!(client, "SESSION.GET", "app", bare, "PEEK", "JSON");
            let text = reply.text();
            let place = |name: &str| text.find(&format!("\"{name}\":"));
            let places = ["id", "r", "w", "ttl", "idle", "ip"].map(place);
            assert!(places.is_sorted() && places[0].is_some(), "{text}");
            assert_eq!(json_of(&reply).as_object().unwrap().len(), 6, "{text}");
        }
        for options in [&[][..], &["PEEK"], &["JSON"], &["JSON", "PEEK"]] {
            let mut command = args!("SESSION.GET", "app", nobody());
            command.extend(options.iter().map(|option| option.to_arg()));
            assert_eq!(old.run(&command), Value::NullBulk);
            assert_eq!(new.run(&command), Value::Null);
        }
        let set = args!("SESSION.SET", "app", nobody(), "{\"a\":1}");
        assert_eq!((old.run(&set), new.run(&set)), (Value::NullBulk, Value::Null));
    });
}

#[test]
fn json_replies_escape_what_has_to_be_escaped() {
    each_layout(|stack| {
        let mut client = stack.client();
        let id = "q\"uo\\te/ü\u{1F600}\u{7f}"; // U+007F is a control character, so it is refused
        let refused = cmd!(client, "SESSION.CREATE", "app", id, "ip");
        assert_eq!(refused.error(), "INVALIDFORMAT Invalid id format");
        let id = "q\"uo\\te/ü\u{1F600}";
        let ip = "\"\\ip";
        let token = cmd!(client, "SESSION.CREATE", "app", id, ip).text();
        let session = json_of(&cmd!(client, "SESSION.GET", "app", token, "JSON"));
        assert_eq!((&session["id"], &session["ip"]), (&json!(id), &json!(ip)));
        let listed = json_of(&cmd!(client, "SESSION.SOID", "app", id, "JSON"));
        assert_eq!(listed[0]["id"], json!(id));
    });
}

#[test]
fn get_counts_and_refreshes_and_peek_does_neither() {
    each_layout(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        let token = create(&mut client, "app", "user", &["TTL", "1000"]);
        age(&mut redis, "app", &token, 500);
        let before = redis.dump();
        for _ in 0..3 {
            let peeked = cmd!(client, "SESSION.GET", "app", token, "PEEK");
            assert_eq!(peeked.field("r"), Value::Int(1));
            assert!((500..560).contains(&peeked.field("idle").int()), "{peeked}");
        }
        assert_eq!(redis.dump(), before, "PEEK changes nothing");
        let first = cmd!(client, "SESSION.GET", "app", token);
        assert_eq!((first.field("r"), first.field("w")), (Value::Int(2), Value::Int(1)));
        assert!(
            (500..560).contains(&first.field("idle").int()),
            "idle is what it was before: {first}"
        );
        let second = cmd!(client, "SESSION.GET", "app", token);
        assert_eq!(second.field("r"), Value::Int(3));
        assert!(second.field("idle").int() < 60);
        assert_consistent(&mut redis, "app");
        let fields = hash(&mut redis, &stack.key("app", &token));
        assert!((redis.now() - fields["la"].parse::<i64>().unwrap()) < 60);
    });
}

#[test]
fn a_session_lives_through_its_last_second_and_not_beyond() {
    each_layout(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        let token = create(&mut client, "app", "user", &["TTL", "100"]);
        let mut at = |idle: i64| {
            same_second(&mut stack.redis.client(), |now| {
                let la = now - idle;
                cmd!(redis, "HSET", stack.key("app", &token), "la", la);
                cmd!(
                    redis,
                    "ZADD",
                    stack.named("app", "user", "_sessions"),
                    la,
                    format!("{token}:user")
                );
                cmd!(redis, "ZADD", stack.named("app", "user", "_users"), la, "user");
                cmd!(
                    redis,
                    "ZADD",
                    stack.named("app", "user", "SESSIONS"),
                    la + 100,
                    format!("app:{token}:user")
                );
                let listed = cmd!(client, "SESSION.SOAPP", "app", "1000").items().len()
                    + cmd!(client, "SESSION.SOID", "app", "user").items().len();
                let peek = cmd!(client, "SESSION.GET", "app", token, "PEEK");
                (listed, matches!(peek, Value::Array(_)))
            })
        };
        assert_eq!(at(99), (2, true));
        assert_eq!(at(100), (2, true), "idle == ttl is alive");
        assert_eq!(at(101), (0, false), "idle > ttl is not");
        let before = redis.dump();
        check!(client, "SESSION.GET", "app", token => "$nil");
        check!(client, "SESSION.SET", "app", token, "{\"a\":1}" => "$nil");
        assert_eq!(redis.dump(), before, "an expired session is neither read nor changed");
    });
}

#[test]
fn noresave_sessions_end_when_they_were_meant_to() {
    each_layout(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        let token = create(&mut client, "app", "user", &["TTL", "1000", "NORESAVE"]);
        let score =
            args!("ZSCORE", stack.named("app", "user", "SESSIONS"), format!("app:{token}:user"));
        age(&mut redis, "app", &token, 300);
        let end = redis.run(&score).text();
        for round in 0..30 {
            let reply = match round % 3 {
                0 => cmd!(client, "SESSION.GET", "app", token),
                1 => cmd!(client, "SESSION.SET", "app", token, "{\"a\":1}"),
                _ => cmd!(client, "SESSION.GET", "app", token, "PEEK"),
            };
            let remaining = reply.field("ttl").int();
            assert!((640..=700).contains(&remaining), "round {round}: {reply}");
            assert_eq!(
                redis.run(&score).text(),
                end,
                "the moment of expiry moved in round {round}"
            );
            let fields = hash(&mut redis, &stack.key("app", &token));
            let moment: i64 =
                fields["la"].parse::<i64>().unwrap() + fields["ttl"].parse::<i64>().unwrap();
            assert_eq!(moment.to_string(), end, "la and ttl go together");
        }
        let last = cmd!(client, "SESSION.GET", "app", token, "PEEK");
        assert_eq!((last.field("r"), last.field("w")), (Value::Int(11), Value::Int(11)));
        assert!(last.field("idle").int() < 60, "a read counts as activity");
        check!(client, "SESSION.ACTIVITY", "app", "60" => "1");
        assert_eq!(cmd!(client, "SESSION.SOAPP", "app", "60").items().len(), 1);
        assert_consistent(&mut redis, "app");
        let remaining = last.field("ttl").int();
        age(&mut redis, "app", &token, remaining + 60);
        check!(client, "SESSION.GET", "app", token => "$nil");
    });
}
