//! `SESSION.CREATE`: the keys that it writes, its defaults and its options.

use std::collections::BTreeMap;

use super::create;
use crate::common::*;

#[test]
fn create_writes_exactly_the_keys_of_the_layout() {
    each_layout(|stack| {
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
        let fields = hash(&mut redis, &stack.key("app", &token));
        let got: BTreeMap<&str, &str> =
            fields.iter().map(|(field, value)| (field.as_str(), value.as_str())).collect();
        assert_eq!(got, want);
        let range = |key: &str| args!("ZRANGE", key, "0", "-1", "WITHSCORES");
        let end = now + 3600;
        let entry = format!("[\"{token}:{id}\", \"{now}\"]");
        assert_eq!(redis.run(&range(&stack.named("app", id, "_sessions"))).to_string(), entry);
        assert_eq!(
            redis.run(&range(&stack.named("app", id, "_users"))).to_string(),
            format!("[\"{id}\", \"{now}\"]")
        );
        let entry = format!("[\"app:{token}:{id}\", \"{end}\"]");
        assert_eq!(redis.run(&range(&stack.named("app", id, "SESSIONS"))).to_string(), entry);
        check!(redis, "SMEMBERS", stack.named("app", id, &format!("us:{id}")) => format!("[\"{token}\"]"));
        assert_eq!(redis.dump().len(), 5);
        check!(redis, "TTL", stack.key("app", &token) => "-1");
    });
}

#[test]
fn create_defaults_and_options() {
    each_layout(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        let token = create(&mut client, "app", "user", &[]);
        let fields = hash(&mut redis, &stack.key("app", &token));
        assert_eq!(fields["ttl"], "7200");
        assert!(!fields.contains_key("d") && !fields.contains_key("no_resave"), "{fields:?}");
        for empty in ["{}", " { } ", "{\"a\":null}", "{\"a\":null,\"b\":null}"] {
            let token = create(&mut client, "app", "user", &["DATA", empty]);
            assert!(!hash(&mut redis, &stack.key("app", &token)).contains_key("d"), "{empty}");
        }
        for options in [
            ["TTL", "10", "DATA", "{\"a\":1}", "NORESAVE"],
            ["noresave", "data", "{\"a\":1}", "ttl", "10"],
            ["Data", "{\"a\":1}", "NoResave", "Ttl", "10"],
        ] {
            let token = create(&mut client, "app", "user", &options);
            let fields = hash(&mut redis, &stack.key("app", &token));
            assert_eq!((fields["ttl"].as_str(), fields["d"].as_str()), ("10", "{\"a\":1}"));
            assert_eq!(fields["no_resave"], "1");
        }
        let token = create(&mut client, "app", "user", &["TTL", "315360000"]);
        assert_eq!(hash(&mut redis, &stack.key("app", &token))["ttl"], "315360000");
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
