//! `SESSION.SET`: the merge of data, and what it leaves as it was.

use serde_json::{Value as Json, json};

use super::{create, json_of};
use crate::common::*;

#[test]
fn set_merges_key_by_key() {
    each_layout(|stack| {
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
            let stored = hash(&mut stack.redis.client(), &stack.key("app", &token));
            assert_eq!(stored.get("d").map(String::as_str), want);
        }
        let json = json_of(&cmd!(client, "SESSION.SET", "app", token, "{\"more\":1}", "JSON"));
        assert_eq!(json["d"], json!({"again": 0, "more": 1}));
    });
}

#[test]
fn set_keeps_other_values_byte_for_byte() {
    each_layout(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        let token = create(&mut client, "app", "user", &[]);
        let values = concat!(
            r#""n":12345678901234567890,"f":1.10,"e":1E+2,"neg":-0,"u":"\u00e4\/\"\\","#,
            r#""raw":"ä","nested":[1,{"a":"}]"}],"o":{"x":{}},"z":null,"":"empty key""#
        );
        cmd!(redis, "HSET", stack.key("app", &token), "d", format!("{{{values}}}"));
        let reply = cmd!(client, "SESSION.SET", "app", token, "{\"new\":98765432109876543210.10}");
        let want = format!("{{{values},\"new\":98765432109876543210.10}}");
        assert_eq!(reply.field("d").text(), want);
        assert_eq!(hash(&mut redis, &stack.key("app", &token))["d"], want);

        let spaced = "{ \"a\" : 1.10 ,\n\t\"b\":\"x , }\" , \"c\" : [ 1 , 2 ] }";
        cmd!(redis, "HSET", stack.key("app", &token), "d", spaced);
        let d = cmd!(client, "SESSION.SET", "app", token, "{\"b\":null,\"n\":1}").field("d").text();
        assert!(d.contains("1.10") && d.contains("[ 1 , 2 ]") && !d.contains("\"b\""), "{d}");
        let parsed: Json = serde_json::from_str(&d).unwrap();
        assert_eq!(parsed, json!({"a": 1.1, "c": [1, 2], "n": 1}));
    });
}

#[test]
fn keys_are_the_same_whatever_their_escaping() {
    each_layout(|stack| {
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
    each_layout(|stack| {
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

#[test]
fn the_size_limit_of_data() {
    each_layout(|stack| {
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
    each_layout(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        let token = create(&mut client, "app", "user", &[]);
        for broken in ["not json", "[1,2]", "\"text\"", "12", "{\"a\":1", "{\"a\":1}}", ""] {
            cmd!(redis, "HSET", stack.key("app", &token), "d", broken);
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
    each_layout(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        let token = create(&mut client, "app", "user", &["DATA", "{\"a\":1}"]);
        cmd!(redis, "HSET", stack.key("app", &token), "foreign", "kept");
        cmd!(redis, "SET", "rs:other", "x");
        cmd!(redis, "SET", "rs:app", "x");
        let got = cmd!(client, "SESSION.GET", "app", token);
        assert!(!got.to_string().contains("foreign"), "{got}");
        cmd!(client, "SESSION.SET", "app", token, "{\"a\":null}");
        assert_eq!(hash(&mut redis, &stack.key("app", &token))["foreign"], "kept");
        check!(client, "SESSION.KILLALL", "app" => "1");
        check!(client, "SESSION.WIPE" => "0");
        assert_eq!(redis.dump().len(), 2);
    });
}
