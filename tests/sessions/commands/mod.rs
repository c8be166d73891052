//! The session commands as SPEC sections 2 and 3 promise them: replies, keys, errors, rights, messages.

use std::collections::BTreeMap;

use crate::common::*;
use serde_json::{Value as Json, json};

/// A token that no session has.
fn nobody() -> String {
    "x".repeat(64)
}

/// `SESSION.CREATE app user ip` with options behind.
fn create(client: &mut Client, app: &str, id: &str, options: &[&str]) -> String {
    let mut command = args!("SESSION.CREATE", app, id, "1.2.3.4");
    command.extend(options.iter().map(|option| option.to_arg()));
    client.run(&command).text()
}

/// One JSON reply, decoded.
fn json_of(reply: &Value) -> Json {
    let Value::Bulk(bytes) = reply else { panic!("JSON comes as a bulk string, got {reply}") };
    serde_json::from_slice(bytes).unwrap()
}

fn key(app: &str, token: &str) -> String {
    format!("rs:{app}:{token}")
}

// ---------------------------------------------------------------- CREATE and the keys

#[test]
fn create_writes_exactly_the_keys_of_the_layout() {
    each_mode(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        let id = "user:ä:7";
        let (token, now) = same_second(&mut stack.redis.client(), |now| {
            cmd!(redis, "FLUSHALL");
            let data = "{\"a\":1.10,\"gone\":null,\"b\":\"x\"}";
            (create(&mut client, "app", id, &["TTL", "3600", "DATA", data]), now)
        });
        let now_text = now.to_string();
        let want = BTreeMap::from([
            ("id", id),
            ("r", "1"),
            ("w", "1"),
            ("ip", "1.2.3.4"),
            ("la", &now_text),
            ("ttl", "3600"),
            ("d", "{\"a\":1.10,\"b\":\"x\"}"),
        ]);
        let fields = hash(&mut redis, &key("app", &token));
        let got: BTreeMap<&str, &str> =
            fields.iter().map(|(field, value)| (field.as_str(), value.as_str())).collect();
        assert_eq!(got, want);
        let range = |key: &str| args!("ZRANGE", key, "0", "-1", "WITHSCORES");
        let end = now + 3600;
        let entry = format!("[\"{token}:{id}\", \"{now}\"]");
        assert_eq!(redis.run(&range("rs:app:_sessions")).to_string(), entry);
        assert_eq!(
            redis.run(&range("rs:app:_users")).to_string(),
            format!("[\"{id}\", \"{now}\"]")
        );
        let entry = format!("[\"app:{token}:{id}\", \"{end}\"]");
        assert_eq!(redis.run(&range("rs:SESSIONS")).to_string(), entry);
        check!(redis, "SMEMBERS", format!("rs:app:us:{id}") => format!("[\"{token}\"]"));
        check!(redis, "DBSIZE" => "5");
        check!(redis, "TTL", key("app", &token) => "-1");
    });
}

#[test]
fn create_defaults_and_options() {
    each_mode(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        let token = create(&mut client, "app", "user", &[]);
        let fields = hash(&mut redis, &key("app", &token));
        assert_eq!(fields["ttl"], "7200");
        assert!(!fields.contains_key("d") && !fields.contains_key("no_resave"), "{fields:?}");
        for empty in ["{}", " { } ", "{\"a\":null}", "{\"a\":null,\"b\":null}"] {
            let token = create(&mut client, "app", "user", &["DATA", empty]);
            assert!(!hash(&mut redis, &key("app", &token)).contains_key("d"), "{empty}");
        }
        for options in [
            ["TTL", "10", "DATA", "{\"a\":1}", "NORESAVE"],
            ["noresave", "data", "{\"a\":1}", "ttl", "10"],
            ["Data", "{\"a\":1}", "NoResave", "Ttl", "10"],
        ] {
            let token = create(&mut client, "app", "user", &options);
            let fields = hash(&mut redis, &key("app", &token));
            assert_eq!((fields["ttl"].as_str(), fields["d"].as_str()), ("10", "{\"a\":1}"));
            assert_eq!(fields["no_resave"], "1");
        }
        let token = create(&mut client, "app", "user", &["TTL", "315360000"]);
        assert_eq!(hash(&mut redis, &key("app", &token))["ttl"], "315360000");
        let command = args!("session.CREATE", "app", "user", "i".repeat(39));
        assert_eq!(client.run(&command).text().len(), 64);
        for app in ["abc", "A-Z_0-9", "a".repeat(20).as_str()] {
            assert_eq!(create(&mut client, app, "user", &[]).len(), 64, "{app}");
        }
        for id in
            ["x", " ", ":", "a:b:c", "日本語", "ü".repeat(64).as_str(), "a".repeat(128).as_str()]
        {
            assert_eq!(create(&mut client, "app", id, &[]).len(), 64, "{id}");
            assert_eq!(cmd!(client, "SESSION.SOID", "app", id).items().len(), 1, "{id}");
        }
        let wide = "é".repeat(39);
        assert_eq!(cmd!(client, "SESSION.CREATE", "app", "wide", wide).text().len(), 64);
        assert_consistent(&mut redis, "app");
    });
}

// ---------------------------------------------------------------- the forms of a session

#[test]
fn a_session_in_resp2_resp3_and_json() {
    each_mode(|stack| {
        let (mut old, mut new) = (stack.client(), stack.client().resp3());
        let data = "{\"s\":\"x\",\"n\":1.50,\"b\":true}";
        let bare = create(&mut old, "app", "bare", &[]);
        let full = create(&mut old, "app", "full", &["DATA", data, "NORESAVE", "TTL", "1000"]);
        let peek =
            |client: &mut Client, token: &str| cmd!(client, "SESSION.GET", "app", token, "PEEK");
        let shown = same_second(&mut stack.redis.client(), |now| {
            let mut redis = stack.redis.client();
            for token in [&bare, &full] {
                cmd!(redis, "HSET", key("app", token), "la", now);
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
    each_mode(|stack| {
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

// ---------------------------------------------------------------- GET

#[test]
fn get_counts_and_refreshes_and_peek_does_neither() {
    each_mode(|stack| {
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
        let fields = hash(&mut redis, &key("app", &token));
        assert!((redis.now() - fields["la"].parse::<i64>().unwrap()) < 60);
    });
}

#[test]
fn a_session_lives_through_its_last_second_and_not_beyond() {
    each_mode(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        let token = create(&mut client, "app", "user", &["TTL", "100"]);
        let mut at = |idle: i64| {
            same_second(&mut stack.redis.client(), |now| {
                let la = now - idle;
                cmd!(redis, "HSET", key("app", &token), "la", la);
                cmd!(redis, "ZADD", "rs:app:_sessions", la, format!("{token}:user"));
                cmd!(redis, "ZADD", "rs:app:_users", la, "user");
                cmd!(redis, "ZADD", "rs:SESSIONS", la + 100, format!("app:{token}:user"));
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
fn noresave_sessions_end_when_they_were_meant_to() {
    each_mode(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        let token = create(&mut client, "app", "user", &["TTL", "1000", "NORESAVE"]);
        let score = args!("ZSCORE", "rs:SESSIONS", format!("app:{token}:user"));
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
            let fields = hash(&mut redis, &key("app", &token));
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

// ---------------------------------------------------------------- SET

#[test]
fn set_merges_key_by_key() {
    each_mode(|stack| {
        let mut client = stack.client();
        let token = create(&mut client, "app", "user", &[]);
        let steps = [
            ("{\"a\":1}", Some("{\"a\":1}")),
            ("{\"b\":\"x\",\"c\":true}", Some("{\"a\":1,\"b\":\"x\",\"c\":true}")),
            ("{\"a\":2}", Some("{\"a\":2,\"b\":\"x\",\"c\":true}")),
            ("{\"b\":null}", Some("{\"a\":2,\"c\":true}")),
            ("{\"b\":1,\"a\":false}", Some("{\"a\":false,\"c\":true,\"b\":1}")),
            ("{\"none\":null}", Some("{\"a\":false,\"c\":true,\"b\":1}")),
            ("{\"a\":null,\"z\":\"\"}", Some("{\"c\":true,\"b\":1,\"z\":\"\"}")),
            ("{\"c\":null,\"b\":null,\"z\":null}", None),
            ("{\"c\":null}", None),
            ("{\"again\":0}", Some("{\"again\":0}")),
        ];
        for (number, (change, want)) in steps.into_iter().enumerate() {
            let reply = cmd!(client, "SESSION.SET", "app", token, change);
            assert_eq!(reply.field("r"), Value::Int(1), "SET leaves r alone");
            assert_eq!(reply.field("w"), Value::Int(number as i64 + 2));
            let d = reply.fields().into_iter().find(|(field, _)| field == "d");
            assert_eq!(d.map(|(_, d)| d.text()).as_deref(), want, "after {change}");
            let stored = hash(&mut stack.redis.client(), &key("app", &token));
            assert_eq!(stored.get("d").map(String::as_str), want);
        }
        let json = json_of(&cmd!(client, "SESSION.SET", "app", token, "{\"more\":1}", "JSON"));
        assert_eq!(json["d"], json!({"again": 0, "more": 1}));
    });
}

#[test]
fn set_keeps_other_values_byte_for_byte() {
    each_mode(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        let token = create(&mut client, "app", "user", &[]);
        let values = concat!(
            r#""n":12345678901234567890,"f":1.10,"e":1E+2,"neg":-0,"u":"\u00e4\/\"\\","#,
            r#""raw":"ä","nested":[1,{"a":"}]"}],"o":{"x":{}},"z":null,"":"empty key""#
        );
        cmd!(redis, "HSET", key("app", &token), "d", format!("{{{values}}}"));
        let reply = cmd!(client, "SESSION.SET", "app", token, "{\"new\":98765432109876543210.10}");
        let want = format!("{{{values},\"new\":98765432109876543210.10}}");
        assert_eq!(reply.field("d").text(), want);
        assert_eq!(hash(&mut redis, &key("app", &token))["d"], want);

        let spaced = "{ \"a\" : 1.10 ,\n\t\"b\":\"x , }\" , \"c\" : [ 1 , 2 ] }";
        cmd!(redis, "HSET", key("app", &token), "d", spaced);
        let d = cmd!(client, "SESSION.SET", "app", token, "{\"b\":null,\"n\":1}").field("d").text();
        assert!(d.contains("1.10") && d.contains("[ 1 , 2 ]") && !d.contains("\"b\""), "{d}");
        let parsed: Json = serde_json::from_str(&d).unwrap();
        assert_eq!(parsed, json!({"a": 1.1, "c": [1, 2], "n": 1}));
    });
}

#[test]
fn keys_are_the_same_whatever_their_escaping() {
    each_mode(|stack| {
        let mut client = stack.client();
        let token = create(&mut client, "app", "user", &["DATA", r#"{"\u0061":1,"b":2,"a":3}"#]);
        let d = |reply: Value| -> Json {
            reply
                .fields()
                .into_iter()
                .find(|(field, _)| field == "d")
                .map_or(Json::Null, |(_, d)| serde_json::from_str(&d.text()).unwrap())
        };
        let stored = cmd!(client, "SESSION.GET", "app", token);
        assert_eq!(stored.field("d").text().matches(':').count(), 2, "one a: {stored}");
        assert_eq!(d(stored), json!({"a": 3, "b": 2}));
        let reply = cmd!(client, "SESSION.SET", "app", token, r#"{"\u0061":4}"#);
        assert_eq!(reply.field("d").text().matches(':').count(), 2, "one a: {reply}");
        assert_eq!(d(reply), json!({"a": 4, "b": 2}));
        let reply =
            cmd!(client, "SESSION.SET", "app", token, r#"{"x":1,"x":2,"\u0078":null,"y":1}"#);
        assert_eq!(
            d(reply),
            json!({"a": 4, "b": 2, "y": 1}),
            "of a key given twice the last counts"
        );
        let reply =
            cmd!(client, "SESSION.SET", "app", token, r#"{"\u0062":null,"a":null,"\u0079":null}"#);
        assert_eq!(d(reply), Json::Null);
        let emoji = r#"{"\ud83d\ude00":1}"#;
        cmd!(client, "SESSION.SET", "app", token, emoji);
        let reply = cmd!(client, "SESSION.SET", "app", token, "{\"\u{1F600}\":2}");
        assert_eq!(d(reply), json!({"\u{1F600}": 2}));
        let first = create(&mut client, "app", "user", &["DATA", r#"{"k":1,"k":null}"#]);
        assert_eq!(d(cmd!(client, "SESSION.GET", "app", first)), Json::Null);
    });
}

#[test]
fn set_refreshes() {
    each_mode(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        let token = create(&mut client, "app", "user", &["TTL", "1000"]);
        age(&mut redis, "app", &token, 900);
        let reply = cmd!(client, "SESSION.SET", "app", token, "{\"a\":1}");
        assert!((900..960).contains(&reply.field("idle").int()), "{reply}");
        let peek = cmd!(client, "SESSION.GET", "app", token, "PEEK");
        assert!(peek.field("idle").int() < 60, "{peek}");
        assert_consistent(&mut redis, "app");
    });
}

// ---------------------------------------------------------------- KILL, KILLSOID, KILLALL

#[test]
fn kill_removes_everything_and_counts_the_living() {
    each_mode(|stack| {
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
        check!(redis, "EXISTS", key("app", &tokens[4]) => "0");
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
    each_mode(|stack| {
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
    each_mode(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        let orphan = |redis: &mut Client, token: &str, id: &str| {
            cmd!(redis, "ZADD", "rs:app:_sessions", "1000", format!("{token}:{id}"));
            cmd!(redis, "ZADD", "rs:app:_users", "1000", id);
            cmd!(redis, "ZADD", "rs:SESSIONS", "2000", format!("app:{token}:{id}"));
            cmd!(redis, "SADD", format!("rs:app:us:{id}"), token);
        };
        orphan(&mut redis, &nobody(), "ghost:1");
        check!(client, "SESSION.SOID", "app", "ghost:1" => "[]");
        check!(client, "SESSION.KILLSOID", "app", "ghost:1" => "0");
        assert!(redis.dump().is_empty(), "{:?}", redis.dump());

        let zombie = "z".repeat(64);
        orphan(&mut redis, &zombie, "ghost:2");
        cmd!(redis, "HSET", key("app", &zombie), "r", "1");
        check!(client, "SESSION.GET", "app", zombie => "$nil");
        check!(client, "SESSION.SET", "app", zombie, "{\"a\":1}" => "$nil");
        check!(client, "SESSION.SOID", "app", "ghost:2" => "[]");
        check!(client, "SESSION.KILLSOID", "app", "ghost:2" => "0");
        assert!(redis.dump().is_empty(), "{:?}", redis.dump());

        orphan(&mut redis, &nobody(), "ghost:3");
        orphan(&mut redis, &zombie, "ghost:4");
        cmd!(redis, "HSET", key("app", &zombie), "r", "1");
        create(&mut client, "app", "ghost:3", &[]);
        create(&mut client, "two", "ghost:3", &[]);
        check!(client, "SESSION.KILLALL", "app" => "1");
        check!(redis, "KEYS", "rs:app:*" => "[]");
        assert_consistent(&mut redis, "two");
        check!(redis, "ZCARD", "rs:SESSIONS" => "1");
    });
}

#[test]
fn killall_of_thousands_then_the_next_command_of_the_pipeline() {
    each_mode(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        let creates: Vec<_> = (0..3000)
            .map(|n| args!("SESSION.CREATE", "app", format!("u{}", n % 100), "ip"))
            .collect();
        let tokens = client.pipeline(&creates);
        let survivor = create(&mut client, "two", "u1", &[]);
        for token in tokens.iter().take(100) {
            cmd!(redis, "HINCRBY", key("app", &token.text()), "la", "-100000");
        }
        let replies = client.pipeline(&[
            args!("SET", "marker", "1"),
            args!("SESSION.ACTIVITY", "app"),
            args!("SESSION.KILLALL", "app"),
            args!("SESSION.ACTIVITY", "app"),
            args!("KEYS", "rs:app:*"),
            args!("DEL", "marker"),
            args!("SESSION.KILL", "two", survivor),
            args!("DBSIZE"),
        ]);
        let shown: Vec<String> = replies.iter().map(Value::to_string).collect();
        assert_eq!(shown, ["+OK", "100", "2900", "0", "[]", "1", "1", "0"]);
    });
}

// ---------------------------------------------------------------- listings

#[test]
fn listings_are_ordered_and_show_no_tokens() {
    each_mode(|stack| {
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
    each_mode(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        for (id, seconds) in [("a", 0), ("a", 0), ("b", 100), ("c", 599), ("d", 700)] {
            let token = create(&mut client, "app", id, &[]);
            cmd!(redis, "HINCRBY", key("app", &token), "la", -seconds);
            cmd!(redis, "ZINCRBY", "rs:app:_users", -seconds, id);
        }
        let counts = same_second(&mut stack.redis.client(), |now| {
            cmd!(
                redis,
                "ZADD",
                "rs:app:_users",
                now,
                "a",
                now - 100,
                "b",
                now - 600,
                "c",
                now - 700,
                "d"
            );
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
    each_mode(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        let token = create(&mut client, "app", "user", &[]);
        let found = same_second(&mut stack.redis.client(), |now| {
            let la = now - 100;
            cmd!(redis, "HSET", key("app", &token), "la", la);
            cmd!(redis, "ZADD", "rs:app:_sessions", la, format!("{token}:user"));
            ["99", "100"].map(|dt| cmd!(client, "SESSION.SOAPP", "app", dt).items().len())
        });
        assert_eq!(found, [0, 1]);
    });
}

// ---------------------------------------------------------------- WIPE

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

// ---------------------------------------------------------------- messages

#[test]
fn changes_and_ends_are_published() {
    each_mode(|stack| {
        let mut client = stack.client();
        let mut listener = stack.redis.client();
        check!(listener, "SUBSCRIBE", "rs:cache" => "[\"subscribe\", \"rs:cache\", 1]");
        let mut redis = stack.redis.client();
        let mut heard = |redis: &mut Client| {
            check!(redis, "PUBLISH", "rs:cache", "end" => "1");
            let mut messages = Vec::new();
            loop {
                match listener.reply().items()[2].text() {
                    end if end == "end" => break,
                    message => messages.push(message),
                }
            }
            messages.sort();
            messages
        };
        let [a, b, c, d] =
            ["a", "a", "b", "c:d"].map(|id| create(&mut client, "app", id, &["TTL", "100"]));
        cmd!(client, "SESSION.GET", "app", a);
        cmd!(client, "SESSION.SOAPP", "app");
        cmd!(client, "SESSION.SOID", "app", "a");
        cmd!(client, "SESSION.SET", "app", a, "{}");
        cmd!(client, "SESSION.SET", "app", nobody(), "{\"a\":1}");
        cmd!(client, "SESSION.KILL", "app", nobody());
        cmd!(client, "SESSION.WIPE");
        assert_eq!(heard(&mut redis), Vec::<String>::new());
        cmd!(client, "SESSION.SET", "app", a, "{\"x\":1}");
        assert_eq!(heard(&mut redis), [format!("app:{a}")]);
        cmd!(client, "SESSION.KILL", "app", a);
        assert_eq!(heard(&mut redis), [format!("app:{a}")]);
        cmd!(client, "SESSION.KILLSOID", "app", "a");
        assert_eq!(heard(&mut redis), [format!("app:{b}")]);
        age(&mut redis, "app", &c, 1000);
        cmd!(client, "SESSION.WIPE");
        assert_eq!(heard(&mut redis), [format!("app:{c}")]);
        cmd!(client, "SESSION.KILLALL", "app");
        assert_eq!(heard(&mut redis), [format!("app:{d}")]);
    });
}

// ---------------------------------------------------------------- errors

/// Runs commands that must fail with the error beside them and change nothing.
fn refuse(stack: &Stack, rows: Vec<(Vec<Vec<u8>>, String)>) {
    let mut redis = stack.redis.client();
    for resp3 in [false, true] {
        let mut client = stack.client();
        if resp3 {
            client = client.resp3();
        }
        let before = redis.dump();
        for (command, want) in &rows {
            assert_eq!(&client.run(command).to_string(), want, "{}", args_text(command));
            assert_eq!(redis.dump(), before, "{} changed something", args_text(command));
        }
        let commands: Vec<_> = rows.iter().map(|(command, _)| command.clone()).collect();
        for (reply, (command, want)) in client.pipeline(&commands).iter().zip(&rows) {
            assert_eq!(&reply.to_string(), want, "{} in a pipeline", args_text(command));
        }
        assert_eq!(redis.dump(), before);
    }
}

#[test]
fn errors_of_arity_and_syntax() {
    each_mode(|stack| {
        let mut client = stack.client();
        let token = create(&mut client, "app", "user", &["DATA", "{\"a\":1}"]);
        let mut rows = Vec::new();
        let short: [(&str, &[&str]); 14] = [
            ("create", &[]),
            ("create", &["app"]),
            ("create", &["app", "user"]),
            ("get", &["app"]),
            ("set", &["app", &token]),
            ("kill", &["app"]),
            ("killsoid", &["app"]),
            ("killsoid", &["app", "user", "more"]),
            ("killall", &[]),
            ("killall", &["app", "more"]),
            ("soid", &["app"]),
            ("soapp", &[]),
            ("activity", &[]),
            ("activity", &["app", "600", "more"]),
        ];
        for (name, arguments) in
            short.into_iter().chain([("wipe", &["more"][..]), ("help", &["more"][..])])
        {
            for written in [format!("SESSION.{}", name.to_uppercase()), format!("session.{name}")] {
                let mut command = args!(written);
                command.extend(arguments.iter().map(|argument| argument.to_arg()));
                rows.push((
                    command,
                    format!("-ERR wrong number of arguments for 'session.{name}' command"),
                ));
            }
        }
        let syntax = "-ERR syntax error".to_owned();
        for command in [
            args!("SESSION.CREATE", "app", "user", "ip", "FOO"),
            args!("SESSION.CREATE", "app", "user", "ip", "TTL"),
            args!("SESSION.CREATE", "app", "user", "ip", "DATA"),
            args!("SESSION.CREATE", "app", "user", "ip", "NORESAVE", "NORESAVE"),
            args!("SESSION.CREATE", "app", "user", "ip", "TTL", "100", "TTL", "100"),
            args!("SESSION.CREATE", "app", "user", "ip", "DATA", "{}", "DATA", "{}"),
            args!("SESSION.CREATE", "app", "user", "ip", "NORESAVE", "TTL"),
            args!("SESSION.CREATE", "", "", "", "FOO"),
            args!("SESSION.CREATE", "a!", "user", "ip", "TTL", "1", "DATA"),
            args!("SESSION.GET", "app", token, "FOO"),
            args!("SESSION.GET", "app", token, "PEEK", "PEEK"),
            args!("SESSION.GET", "app", token, "JSON", "JSON"),
            args!("SESSION.GET", "", "", "FOO"),
            args!("SESSION.GET", "app", token, ""),
            args!("SESSION.SET", "app", token, "{}", "FOO"),
            args!("SESSION.SET", "a!", token, "[", "PEEK"),
            args!("SESSION.SOID", "app", "user", "PEEK"),
            args!("SESSION.SOAPP", "app", "600", "FOO"),
        ] {
            rows.push((command, syntax.clone()));
        }
        refuse(&stack, rows);
        // An unknown command gets Redis' own words, cut where Redis cuts them.
        let mut redis = stack.redis.client();
        for command in [
            args!("SESSION.NOSUCH"),
            args!("session.Nosuch", "a", "b"),
            args!("SESSION.GETX", "x".repeat(200), "y"),
            args!("SESSION", "GET", "app", token),
            args!("SESSION."),
            args!("SESSION.GET ", "app", token),
        ] {
            let want = redis.run(&command).to_string();
            assert!(want.starts_with("-ERR unknown command"), "{want}");
            assert_eq!(client.run(&command).to_string(), want);
        }
    });
}

#[test]
fn errors_of_missing_and_malformed_values() {
    each_mode(|stack| {
        let mut client = stack.client();
        let token = create(&mut client, "app", "user", &["DATA", "{\"a\":1}"]);
        let mut rows = Vec::new();
        let token = token.as_str();
        // For every command that takes it: the command around a value of that kind.
        type Around<'a> = Box<dyn Fn(&[u8]) -> Vec<Vec<u8>> + 'a>;
        let kinds: [(&str, Vec<Around>); 4] = [
            (
                "app",
                vec![
                    Box::new(|v| args!("SESSION.CREATE", v, "user", "ip")),
                    Box::new(|v| args!("SESSION.GET", v, token)),
                    Box::new(|v| args!("SESSION.SET", v, token, "{\"a\":2}")),
                    Box::new(|v| args!("SESSION.KILL", v, token)),
                    Box::new(|v| args!("SESSION.KILLSOID", v, "user")),
                    Box::new(|v| args!("SESSION.KILLALL", v)),
                    Box::new(|v| args!("SESSION.SOID", v, "user")),
                    Box::new(|v| args!("SESSION.SOAPP", v)),
                    Box::new(|v| args!("SESSION.ACTIVITY", v)),
                ],
            ),
            (
                "id",
                vec![
                    Box::new(|v| args!("SESSION.CREATE", "app", v, "ip")),
                    Box::new(|v| args!("SESSION.KILLSOID", "app", v)),
                    Box::new(|v| args!("SESSION.SOID", "app", v)),
                ],
            ),
            (
                "token",
                vec![
                    Box::new(|v| args!("SESSION.GET", "app", v)),
                    Box::new(|v| args!("SESSION.GET", "app", v, "PEEK")),
                    Box::new(|v| args!("SESSION.SET", "app", v, "{\"a\":2}")),
                    Box::new(|v| args!("SESSION.KILL", "app", v)),
                    Box::new(|v| args!("SESSION.KILL", "app", token, v)),
                ],
            ),
            ("ip", vec![Box::new(|v| args!("SESSION.CREATE", "app", "user", v))]),
        ];
        let long = |count: usize| "a".repeat(count).into_bytes();
        let malformed = |kind: &str| -> Vec<Vec<u8>> {
            match kind {
                "app" => vec![
                    b"ab".to_vec(),
                    long(21),
                    b"a b c".to_vec(),
                    b"app!".to_vec(),
                    b"a:b".to_vec(),
                    "äpp".to_arg(),
                    b"app\n".to_vec(),
                    b"app\0".to_vec(),
                ],
                "id" => vec![
                    long(129),
                    b"a\nb".to_vec(),
                    b"a\0".to_vec(),
                    b"\x7f".to_vec(),
                    "\u{85}".to_arg(),
                    b"\xff\xfe".to_vec(),
                    "ü".repeat(65).into_bytes(),
                    b"\xed\xa0\x80".to_vec(),
                ],
                "token" => vec![
                    long(63),
                    long(65),
                    [long(63), b"-".to_vec()].concat(),
                    [long(62), "ä".to_arg()].concat(),
                    b"x".to_vec(),
                ],
                _ => vec![
                    long(40),
                    b"1\n2".to_vec(),
                    b"\t".to_vec(),
                    "\u{9f}".to_arg(),
                    "é".repeat(40).into_bytes(),
                ],
            }
        };
        for (kind, commands) in &kinds {
            for around in commands {
                rows.push((around(b""), format!("-MISSINGPARAMETER No {kind} supplied")));
                for value in malformed(kind) {
                    rows.push((around(&value), format!("-INVALIDFORMAT Invalid {kind} format")));
                }
            }
        }
        refuse(&stack, rows);
    });
}

#[test]
fn errors_of_numbers() {
    each_mode(|stack| {
        let mut client = stack.client();
        create(&mut client, "app", "user", &[]);
        let mut rows = Vec::new();
        let none =
            ["9", "0", "-10", "abc", "", "10.5", "+10", " 10", "10 ", "1e3", "30abc", "0x20", "٣٠"];
        for value in none {
            rows.push((
                args!("SESSION.CREATE", "app", "user", "ip", "TTL", value),
                "-INVALIDVALUE ttl must be a positive integer >= 10".to_owned(),
            ));
            let dt = "-INVALIDVALUE dt must be a positive integer >= 10".to_owned();
            rows.push((args!("SESSION.ACTIVITY", "app", value), dt.clone()));
            if ["9", "0", "-10"].contains(&value) {
                rows.push((args!("SESSION.SOAPP", "app", value), dt));
            }
        }
        for value in ["315360001", "9999999999", "99999999999999999999999"] {
            rows.push((
                args!("SESSION.CREATE", "app", "user", "ip", "TTL", value),
                "-INVALIDVALUE ttl must be at most 315360000".to_owned(),
            ));
        }
        refuse(&stack, rows);
    });
}

#[test]
fn errors_of_data() {
    each_mode(|stack| {
        let mut client = stack.client();
        let token = create(&mut client, "app", "user", &["DATA", "{\"a\":1}"]);
        let mut rows = Vec::new();
        let both = |rows: &mut Vec<_>, value: &[u8], error: &str| {
            rows.push((
                args!("SESSION.CREATE", "app", "user", "ip", "DATA", value),
                error.to_owned(),
            ));
            rows.push((args!("SESSION.SET", "app", token, value), error.to_owned()));
        };
        let object = "-INVALIDVALUE d must be an object";
        for value in [
            "",
            " ",
            "[]",
            "[1]",
            "\"a\"",
            "1",
            "null",
            "true",
            "{",
            "{\"a\":1",
            "{\"a\":1}x",
            "{\"a\"}",
            "{a:1}",
            "{'a':1}",
            "{\"a\":01}",
            "{\"a\":1,}",
            "{\"a\":+1}",
            "{\"a\":NaN}",
            "{\"a\":\"\n\"}",
            "nope",
        ] {
            both(&mut rows, value.as_bytes(), object);
        }
        both(&mut rows, b"{\"a\":\"\xff\"}", object);
        both(&mut rows, b"{\"\xc3\":1}", object);
        for (value, name) in [
            ("{\"a\":[1]}", "a"),
            ("{\"x\":1,\"list\":[]}", "list"),
            ("{\"o\":{}}", "o"),
            ("{\"o p\":{\"q\":null}}", "o p"),
        ] {
            let error = format!(
                "-INVALIDVALUE d.{name} has a forbidden type, only strings, numbers, booleans and null are allowed"
            );
            both(&mut rows, value.as_bytes(), &error);
        }
        let too_large = format!("{{\"k\":\"{}\"}}", "v".repeat(65_536 - 7));
        both(&mut rows, too_large.as_bytes(), "-INVALIDVALUE d is larger than 65536 bytes");
        rows.push((
            args!("SESSION.SET", "app", token, "{}"),
            "-INVALIDVALUE d must contain at least one key".to_owned(),
        ));
        rows.push((
            args!("SESSION.SET", "app", token, " { } "),
            "-INVALIDVALUE d must contain at least one key".to_owned(),
        ));
        let deep = "[".repeat(60_000);
        both(&mut rows, deep.as_bytes(), object);
        refuse(&stack, rows);
    });
}

#[test]
fn the_first_failing_argument_is_reported() {
    each_mode(|stack| {
        let rows = [
            (
                args!("SESSION.CREATE", "", "", "", "TTL", "1", "DATA", "x"),
                "MISSINGPARAMETER No app supplied",
            ),
            (
                args!("SESSION.CREATE", "!!!", "", "", "TTL", "1", "DATA", "x"),
                "INVALIDFORMAT Invalid app format",
            ),
            (
                args!("SESSION.CREATE", "app", "", "", "TTL", "1", "DATA", "x"),
                "MISSINGPARAMETER No id supplied",
            ),
            (
                args!("SESSION.CREATE", "app", "u", "", "DATA", "x", "TTL", "1"),
                "MISSINGPARAMETER No ip supplied",
            ),
            (
                args!("SESSION.CREATE", "app", "u", "i", "DATA", "x", "TTL", "1"),
                "INVALIDVALUE ttl must be a positive integer >= 10",
            ),
            (
                args!("SESSION.CREATE", "app", "u", "i", "DATA", "x", "TTL", "10"),
                "INVALIDVALUE d must be an object",
            ),
            (args!("SESSION.SET", "app", "", "x"), "MISSINGPARAMETER No token supplied"),
            (args!("SESSION.SET", "app", nobody(), "x"), "INVALIDVALUE d must be an object"),
            (args!("SESSION.SOAPP", "", "1"), "MISSINGPARAMETER No app supplied"),
            (args!("SESSION.KILL", "", ""), "MISSINGPARAMETER No app supplied"),
        ];
        refuse(
            &stack,
            rows.into_iter().map(|(command, error)| (command, format!("-{error}"))).collect(),
        );
    });
}

#[test]
fn the_size_limit_of_data() {
    each_mode(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        let exact = format!("{{\"k\":\"{}\"}}", "v".repeat(65_536 - 8));
        assert_eq!(exact.len(), 65_536);
        let token = create(&mut client, "app", "user", &["DATA", &exact]);
        let before = redis.dump();
        let larger = "-INVALIDVALUE d is larger than 65536 bytes";
        check!(client, "SESSION.SET", "app", token, "{\"x\":1}" => larger);
        assert_eq!(redis.dump(), before, "the merged result is too large: nothing changes");
        let reply = cmd!(client, "SESSION.SET", "app", token, "{\"k\":1,\"x\":2}");
        assert_eq!(reply.field("d").text(), "{\"k\":1,\"x\":2}");
    });
}

#[test]
fn data_that_someone_else_broke() {
    each_mode(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        let token = create(&mut client, "app", "user", &[]);
        for broken in ["not json", "[1,2]", "\"text\"", "12", "{\"a\":1", "{\"a\":1}}", ""] {
            cmd!(redis, "HSET", key("app", &token), "d", broken);
            if broken.is_empty() {
                continue;
            }
            let got = cmd!(client, "SESSION.GET", "app", token, "PEEK");
            assert_eq!(got.field("d").text(), broken, "GET gives it as it is");
            let json = json_of(&cmd!(client, "SESSION.GET", "app", token, "JSON", "PEEK"));
            let want = serde_json::from_str(broken).unwrap_or_else(|_| json!(broken));
            assert_eq!(json["d"], want);
            let listed = json_of(&cmd!(client, "SESSION.SOID", "app", "user", "JSON"));
            assert_eq!(listed[0]["d"], want);
            let before = redis.dump();
            check!(client, "SESSION.SET", "app", token, "{\"b\":1}" => "-CORRUPT d is not a JSON object");
            assert_eq!(redis.dump(), before);
        }
        check!(client, "SESSION.KILL", "app", token => "1");
        assert!(redis.dump().is_empty());
    });
}

#[test]
fn unknown_fields_and_foreign_keys_are_left_alone() {
    each_mode(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        let token = create(&mut client, "app", "user", &["DATA", "{\"a\":1}"]);
        cmd!(redis, "HSET", key("app", &token), "foreign", "kept");
        cmd!(redis, "SET", "rs:other", "x");
        cmd!(redis, "SET", "rs:app", "x");
        let got = cmd!(client, "SESSION.GET", "app", token);
        assert!(!got.to_string().contains("foreign"), "{got}");
        cmd!(client, "SESSION.SET", "app", token, "{\"a\":null}");
        assert_eq!(hash(&mut redis, &key("app", &token))["foreign"], "kept");
        check!(client, "SESSION.KILLALL", "app" => "1");
        check!(client, "SESSION.WIPE" => "0");
        check!(redis, "DBSIZE" => "2");
    });
}

// ---------------------------------------------------------------- rights and Redis' own errors

#[test]
fn sessions_run_as_the_own_user() {
    each_mode(|stack| {
        let mut redis = stack.redis.client();
        let user = |redis: &mut Client, name: &str, rules: &[&str]| {
            let mut command = args!("ACL", "SETUSER", name, "on", ">p", "+@all");
            command.extend(rules.iter().map(|rule| rule.to_arg()));
            assert_eq!(redis.run(&command).to_string(), "+OK");
        };
        user(&mut redis, "all", &["~rs:*", "resetchannels"]);
        user(&mut redis, "part", &["~rs:app:*", "resetchannels"]);
        user(&mut redis, "index", &["~rs:SESSIONS", "~rs:app:_*", "resetchannels"]);
        user(&mut redis, "noscript", &["~*", "-@scripting"]);
        let login = |name: &str| {
            let mut client = stack.client();
            check!(client, "AUTH", name, "p" => "+OK");
            client
        };
        let mut all = login("all");
        let token = create(&mut all, "app", "user", &["DATA", "{\"a\":1}"]);
        assert!(
            !cmd!(all, "SESSION.SET", "app", token, "{\"b\":1}").is_error(),
            "no right to publish is no failure"
        );
        for name in ["part", "index", "noscript"] {
            let mut client = login(name);
            let before = redis.dump();
            let mut commands = vec![
                args!("SESSION.CREATE", "app", "user", "ip"),
                args!("SESSION.GET", "app", token),
                args!("SESSION.SET", "app", token, "{\"c\":1}"),
                args!("SESSION.KILL", "app", token),
                args!("SESSION.KILLSOID", "app", "user"),
            ];
            if name != "index" {
                // The hashes that KILLALL meets are not known beforehand.
                commands.push(args!("SESSION.KILLALL", "app"));
            }
            for command in commands {
                let reply = client.run(&command);
                assert!(reply.is_error(), "{name}: {} answered {reply}", args_text(&command));
                assert!(
                    reply.error().starts_with("NOPERM"),
                    "{name}: {} answered {reply}",
                    args_text(&command)
                );
                assert_eq!(redis.dump(), before, "{name}: {}", args_text(&command));
            }
            check!(client, "PING" => "+PONG");
        }
        check!(all, "SESSION.KILL", "app", token => "1");
        create(&mut all, "app", "user", &[]);
        check!(all, "SESSION.KILLALL", "app" => "1");
    });
}

#[test]
fn errors_of_redis_itself_reach_the_client() {
    each_mode(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        let token = create(&mut client, "app", "user", &[]);
        check!(redis, "CONFIG", "SET", "maxmemory", "1" => "+OK");
        let oom = cmd!(client, "SESSION.CREATE", "app", "user", "ip");
        assert!(oom.error().starts_with("OOM "), "{oom}");
        check!(redis, "CONFIG", "SET", "maxmemory", "0" => "+OK");

        let master = Redis::start();
        check!(redis, "REPLICAOF", "127.0.0.1", master.port() => "+OK");
        eventually("the replica follows", || {
            let info = cmd!(redis, "INFO", "replication").text();
            info.contains("master_link_status:up").then_some(())
        });
        let readonly = cmd!(client, "SESSION.CREATE", "app", "user", "ip");
        assert!(readonly.error().starts_with("READONLY "), "{readonly}");
        check!(redis, "REPLICAOF", "NO", "ONE" => "+OK");
        check!(client, "SESSION.GET", "app", token => "$nil");
        assert_eq!(create(&mut client, "app", "user", &[]).len(), 64);
    });
}

#[test]
fn a_busy_redis_says_so() {
    each_mode_with(&["--lua-time-limit", "20"], &[], |mut stack| {
        stack.sessiond().expect_troubles();
        let mut client = stack.client();
        check!(client, "SESSION.ACTIVITY", "app" => "0");
        let mut runaway = stack.redis.client();
        runaway.write(&["EVAL", "while true do end", "0"]);
        let mut redis = stack.redis.client();
        eventually("Redis is busy", || {
            cmd!(redis, "GET", "k").to_string().starts_with("-BUSY").then_some(())
        });
        let busy = cmd!(client, "SESSION.ACTIVITY", "app");
        assert!(busy.error().starts_with("BUSY "), "{busy}");
        check!(redis, "SCRIPT", "KILL" => "+OK");
        assert!(runaway.reply().is_error());
        check!(client, "SESSION.ACTIVITY", "app" => "0");
    });
}

#[test]
fn a_key_of_the_wrong_type_is_reported() {
    each_mode(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        cmd!(redis, "SET", key("app", &nobody()), "a string");
        let reply = cmd!(client, "SESSION.GET", "app", nobody());
        assert!(reply.error().starts_with("WRONGTYPE "), "{reply}");
        check!(client, "PING" => "+PONG");
    });
}

// ---------------------------------------------------------------- in the stream

#[test]
fn session_commands_take_their_place_in_a_pipeline() {
    each_mode(|stack| {
        let mut client = stack.client();
        let token = create(&mut client, "app", "user", &[]);
        for flush in [false, true] {
            for round in 0..10 {
                if flush {
                    // sessiond is not told: its scripts are gone when the pipeline arrives.
                    check!(stack.redis.client(), "SCRIPT", "FLUSH" => "+OK");
                }
                let json = format!("{{\"round\":{round}}}");
                let replies = client.pipeline(&[
                    args!("SET", "k", round),
                    args!("SESSION.SET", "app", token, json),
                    args!("INCR", "k"),
                    args!("SESSION.GET", "app", token, "JSON"),
                    args!("GET", "k"),
                    args!("HGET", key("app", &token), "d"),
                    args!("SESSION.ACTIVITY", "app"),
                    args!("SELECT", "1"),
                    args!("SESSION.ACTIVITY", "app"),
                    args!("SELECT", "0"),
                    args!("SESSION.SOID", "app", "user", "JSON"),
                    args!("DEL", key("app", &token)),
                    args!("SESSION.GET", "app", token),
                    args!("SESSION.KILLSOID", "app", "user"),
                    args!("SESSION.CREATE", "app", "user", "ip"),
                    args!("DBSIZE"),
                    args!("SESSION.KILLALL", "app"),
                    args!("DBSIZE"),
                    args!("SESSION.WIPE"),
                    args!("ECHO", "end"),
                ]);
                let shown: Vec<String> = replies.iter().map(Value::to_string).collect();
                let next = round + 1;
                assert_eq!(
                    (shown[0].as_str(), shown[2].as_str()),
                    ("+OK", next.to_string().as_str())
                );
                assert_eq!(replies[1].field("d").text(), json);
                assert_eq!(json_of(&replies[3])["d"]["round"], json!(round));
                assert_eq!(replies[4].text(), next.to_string());
                assert_eq!(replies[5].text(), json);
                assert_eq!(shown[6..10], ["1", "+OK", "0", "+OK"]);
                assert_eq!(json_of(&replies[10]).as_array().unwrap().len(), 1);
                assert_eq!(shown[11..14], ["1", "$nil", "0"]);
                assert_eq!(replies[14].text().len(), 64);
                assert_eq!(shown[15..], ["6", "1", "1", "0", "\"end\""]);
                // The next round works on a session with the same name.
                let id =
                    args!("HSET", key("app", &token), "id", "user", "r", "1", "w", "1", "ip", "i");
                assert_eq!(client.run(&id), Value::Int(4));
                let now = stack.redis.client().now();
                cmd!(client, "HSET", key("app", &token), "la", now, "ttl", "1000");
                cmd!(client, "ZADD", "rs:app:_users", now, "user");
                cmd!(client, "ZADD", "rs:app:_sessions", now, format!("{token}:user"));
                cmd!(client, "ZADD", "rs:SESSIONS", now + 1000, format!("app:{token}:user"));
                cmd!(client, "SADD", "rs:app:us:user", token);
            }
        }
    });
}

#[test]
fn flushed_scripts_come_back_for_every_client_at_once() {
    each_mode(|stack| {
        let tokens: Vec<String> = {
            let mut client = stack.client();
            (0..12).map(|n| create(&mut client, "app", &format!("u{n}"), &[])).collect()
        };
        std::thread::scope(|scope| {
            for (number, token) in tokens.iter().enumerate() {
                let mut client = stack.client();
                scope.spawn(move || {
                    for round in 0..40 {
                        let replies = client.pipeline(&[
                            args!("ECHO", format!("{number}-{round}")),
                            args!("SESSION.GET", "app", token),
                            args!("INCR", format!("n{number}")),
                            args!("SESSION.SET", "app", token, format!("{{\"n\":{round}}}")),
                            args!("ECHO", "end"),
                        ]);
                        assert_eq!(replies[0].text(), format!("{number}-{round}"));
                        assert_eq!(replies[1].field("id").text(), format!("u{number}"));
                        assert_eq!(
                            replies[1].field("r"),
                            Value::Int(round + 2),
                            "counted exactly once"
                        );
                        assert_eq!(replies[2], Value::Int(round + 1));
                        assert_eq!(
                            replies[3].field("w"),
                            Value::Int(round + 2),
                            "written exactly once"
                        );
                        assert_eq!(replies[4].text(), "end");
                    }
                });
            }
            let mut redis = stack.redis.client();
            for _ in 0..60 {
                check!(redis, "SCRIPT", "FLUSH" => "+OK");
            }
        });
        assert_consistent(&mut stack.redis.client(), "app");
    });
}

#[test]
fn help_tells_about_the_session_commands() {
    each_mode(|stack| {
        let names = [
            "create", "get", "set", "kill", "killsoid", "killall", "soid", "soapp", "activity",
            "wipe", "help",
        ];
        let mut client = stack.client();
        let help = cmd!(client, "SESSION.HELP");
        let lines: Vec<String> = help
            .items()
            .iter()
            .map(|line| match line {
                Value::Simple(text) => text.to_uppercase(),
                other => panic!("a help line is a simple string, as Redis' own: {other}"),
            })
            .collect();
        let text = lines.join("\n");
        for name in names {
            assert!(text.contains(&name.to_uppercase()), "{name} in {text}");
        }
    });
}
