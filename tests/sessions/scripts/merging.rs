//! SET's merge, in Lua, against the same merge written for `serde_json`.

use proptest::prelude::*;
use serde_json::value::RawValue;

use super::harness::{Client, Server, key};
use crate::common::*;

/// The stored object after SET, or the error.
fn merged(
    client: &mut Client,
    token: &str,
    stored: &[u8],
    change: &str,
) -> Result<Option<Vec<u8>>, String> {
    client.run(&[b"HSET", key(token).as_bytes(), b"d", stored]);
    match client.session("set", &["app1", token, change]) {
        Value::Error(error) => Err(error),
        reply => Ok(match client.run(&["HGET", &key(token), "d"]) {
            Value::Bulk(d) => {
                assert_eq!(reply.field("d"), Value::bulk(&d));
                Some(d)
            }
            _ => None,
        }),
    }
}

#[test]
fn untouched_members_stay_byte_for_byte() {
    let server = Server::start();
    let mut client = server.client();
    let token = client.create("bob", &[]);
    let stored = r#" { "n" : 12345678901234567890 , "f":1.10,"s":"\u00e4\/\"}{,", "deep":{"a":[1, {"b":null}],"}":"]"}, "e":1E+5 } "#;
    for (change, expected) in [
        (
            r#"{"x":1}"#,
            r#"{"n" : 12345678901234567890 , "f":1.10,"s":"\u00e4\/\"}{,", "deep":{"a":[1, {"b":null}],"}":"]"}, "e":1E+5,"x":1}"#,
        ),
        (
            r#"{"f":2}"#,
            r#"{"n" : 12345678901234567890,"f":2,"s":"\u00e4\/\"}{,", "deep":{"a":[1, {"b":null}],"}":"]"}, "e":1E+5}"#,
        ),
        (r#"{"n":null,"deep":null,"e":null,"gone":null}"#, r#"{"f":1.10,"s":"\u00e4\/\"}{,"}"#),
        (
            r#"{"\u0073":"new","n":1.0,"\u006e":2.0}"#,
            r#"{"\u006e":2.0,"f":1.10,"\u0073":"new","deep":{"a":[1, {"b":null}],"}":"]"}, "e":1E+5}"#,
        ),
    ] {
        let merged = merged(&mut client, &token, stored.as_bytes(), change).unwrap().unwrap();
        assert_eq!(String::from_utf8(merged).unwrap(), expected);
    }
}

#[test]
fn keys_are_the_same_whatever_their_escaping() {
    let server = Server::start();
    let mut client = server.client();
    let token = client.create("bob", &[]);
    for (stored, change, expected) in [
        (r#"{"\u0061":1,"a":2,"b":3}"#, r#"{"a":4}"#, Some(r#"{"a":4,"b":3}"#)),
        (r#"{"\u0061":1,"a":2}"#, r#"{"a":null}"#, None),
        (r#"{"\ud83d\ude00":1}"#, "{\"😀\":null}", None),
        ("{\"😀\":1}", r#"{"\uD83D\uDE00":null}"#, None),
        (r#"{"\ud83d":1}"#, r#"{"\uD83D":null}"#, None),
        (r#"{"\\u0061":1}"#, r#"{"a":2}"#, Some(r#"{"\\u0061":1,"a":2}"#)),
        (r#"{"\\\u0061":1}"#, r#"{"\u005ca":2}"#, Some(r#"{"\u005ca":2}"#)),
        (
            r#"{"\"\\\/\b\f\n\r\t":1}"#,
            r#"{"\u0022\u005c\u002f\u0008\u000c\u000a\u000d\u0009":null}"#,
            None,
        ),
        (r#"{"\u0000":1}"#, r#"{"\u0000":2}"#, Some(r#"{"\u0000":2}"#)),
        (r#"{"é日":1}"#, r#"{"\u00e9\u65E5":null}"#, None),
        ("{\"\":1}", r#"{"":2}"#, Some(r#"{"":2}"#)),
        ("{}", r#"{"a":1}"#, Some(r#"{"a":1}"#)),
        (" { } ", r#"{"a":1}"#, Some(r#"{"a":1}"#)),
    ] {
        let merged = merged(&mut client, &token, stored.as_bytes(), change).unwrap();
        assert_eq!(merged.as_deref(), expected.map(str::as_bytes), "{stored} {change}");
    }
}

#[test]
fn what_is_no_object_is_corrupt_and_stays() {
    let server = Server::start();
    let mut client = server.client();
    let token = client.create("bob", &[]);
    let malformed: &[&[u8]] = &[
        b"",
        b" ",
        b"null",
        b"[]",
        b"1",
        b"\"{}\"",
        b"{",
        b"}",
        b"{}}",
        b"{} x",
        b"{\"a\"}",
        b"{\"a\":}",
        b"{\"a\":1,}",
        b"{,\"a\":1}",
        b"{\"a\":1 \"b\":2}",
        b"{\"a\":1;\"b\":2}",
        b"{a:1}",
        b"{'a':1}",
        b"{\"a\":01}",
        b"{\"a\":-}",
        b"{\"a\":1.}",
        b"{\"a\":.5}",
        b"{\"a\":+1}",
        b"{\"a\":1e}",
        b"{\"a\":1e+}",
        b"{\"a\":0x1}",
        b"{\"a\":nan}",
        b"{\"a\":Infinity}",
        b"{\"a\":tru}",
        b"{\"a\":True}",
        b"{\"a\":\"\n\"}",
        b"{\"a\n\":1}",
        b"{\"a\":\"\x00\"}",
        b"{\"a\":\"\\x\"}",
        b"{\"a\":\"\\u12g4\"}",
        b"{\"a\":\"\\\"}",
        b"{\"a\":\"}",
        b"{\\n\"a\":1}",
        b"{\"a\":1}\\n",
        b"{\"a\":[1,]}",
        b"{\"a\":[1 2]}",
        b"{\"a\":[}",
        b"{\"a\":[1}",
        b"{\"a\":{\"b\":1]}",
        b"{\"a\":{\"b\"}}",
        b"{\"a\":{1:2}}",
        b"{\"a\":[01]}",
        b"{\"a\":{\"b\":1,}}",
        b"{\"a\":[,1]}",
        b"{\"a\":]}",
        b"{\"a\":[\"\n\"]}",
        b"{\"a\":_}",
        b"{\"a\":\"\xff\"}",
        b"{\"a\":\"\xed\xa0\x80\"}",
        b"{\"a\":\"\xc3\"}",
        b"{\"a\":\"\xf4\x90\x80\x80\"}",
        b"{\"a\":\"\xe1\xc2\x80\x80\"}",
        b"{\"a\":1}\x00",
        b"\xef\xbb\xbf{}",
        b"{\"a\":- 1}",
        b"{\"a\":{}{}}",
        b"{\"a\":[]]}",
    ];
    for stored in malformed {
        let shown = String::from_utf8_lossy(stored);
        assert_eq!(
            merged(&mut client, &token, stored, r#"{"a":1}"#),
            Err("CORRUPT d is not a JSON object".to_owned()),
            "{shown}"
        );
        assert_eq!(client.stored(&token, "w"), "1");
        let plain = client.session("get", &["app1", &token, "PEEK"]);
        assert_eq!(plain.field("d"), Value::bulk(stored));
        let json = client.session("get", &["app1", &token, "PEEK", "JSON"]);
        serde_json::from_str::<serde_json::Value>(&json.text()).unwrap();
    }
    assert_eq!(client.session("kill", &["app1", &token]), Value::Int(1));
}

#[test]
fn the_size_limit_holds_for_the_result() {
    let server = Server::start();
    let mut client = server.client();
    client.settings.max_data = 20;
    let token = client.create("bob", &["DATA", r#"{"a":"12345"}"#]);
    let before = client.dump();
    let error = client.session("set", &["app1", &token, r#"{"b":"1234"}"#]);
    assert_eq!(error.error(), "INVALIDVALUE d is larger than 20 bytes");
    assert_eq!(client.dump(), before);
    let fits = client.session("set", &["app1", &token, r#"{"b":12}"#]);
    assert_eq!(fits.field("d").text(), r#"{"a":"12345","b":12}"#);
    client.run(&["HSET", &key(&token), "d", &format!("[{}", "1,".repeat(100))]);
    let error = client.session("set", &["app1", &token, r#"{"b":12}"#]);
    assert_eq!(error.error(), "CORRUPT d is not a JSON object", "before its size counts");
}

#[test]
fn deep_and_wide_values_of_other_clients_survive() {
    let server = Server::start();
    let mut client = server.client();
    let token = client.create("bob", &[]);
    let deep = format!("{{\"a\":{}1{}}}", "[{\"x\":".repeat(5000), "}]".repeat(5000));
    let wide = format!("{{\"a\":[{}0]}}", "0,".repeat(25_000));
    let escapes = format!("{{\"a\":\"{}\"}}", "\\n".repeat(30_000));
    for stored in [deep, wide, escapes] {
        let merged = merged(&mut client, &token, stored.as_bytes(), r#"{"b":1}"#).unwrap().unwrap();
        assert_eq!(merged, format!("{},\"b\":1}}", &stored[..stored.len() - 1]).into_bytes());
    }
}

/// Members of an object as they are written; `None` for what is no object.
fn members(text: &str) -> Option<Vec<(&RawValue, &RawValue)>> {
    struct Members<'a>(Vec<(&'a RawValue, &'a RawValue)>);
    impl<'de> serde::Deserialize<'de> for Members<'de> {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visit;
            impl<'de> serde::de::Visitor<'de> for Visit {
                type Value = Members<'de>;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(
                    self,
                    mut map: A,
                ) -> Result<Members<'de>, A::Error> {
                    let mut members = Vec::new();
                    while let Some(member) = map.next_entry()? {
                        members.push(member);
                    }
                    Ok(Members(members))
                }
            }
            deserializer.deserialize_map(Visit)
        }
    }
    serde_json::from_str::<Members<'_>>(text).ok().map(|members| members.0)
}

/// What a key says; for half a surrogate pair, which noise can leave and which no string can say,
/// its text.
fn said(key: &RawValue) -> String {
    serde_json::from_str(key.get()).unwrap_or_else(|_| key.get().to_owned())
}

/// What a merge has to give, member by member: key, and value as written.
fn reference(stored: &str, change: &str) -> Option<Vec<(String, String)>> {
    let mut changes: Vec<(String, String)> = Vec::new();
    for (key, value) in members(change).unwrap() {
        let (key, value) = (said(key), value.get().to_owned());
        match changes.iter_mut().find(|(given, _)| *given == key) {
            Some((_, last)) => *last = value,
            None => changes.push((key, value)),
        }
    }
    let mut result = Vec::new();
    let mut placed = Vec::new();
    for (key, value) in members(stored)? {
        let key = said(key);
        match changes.iter().find(|(given, _)| *given == key) {
            None => result.push((key.clone(), value.get().to_owned())),
            Some((_, new)) if new != "null" && !placed.contains(&key) => {
                result.push((key.clone(), new.clone()));
            }
            Some(_) => {}
        }
        placed.push(key);
    }
    result.extend(
        changes.into_iter().filter(|(key, value)| value != "null" && !placed.contains(key)),
    );
    Some(result)
}

/// JSON strings with few different meanings, so that keys meet.
fn string() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "b",
        r"\u0061",
        r"\u0062",
        r"\\",
        r#"\""#,
        r"\u005C",
        r"\/",
        "/",
        r"\n",
        "é",
        r"\u00E9",
        "😀",
        r"\ud83d\ude00",
        "{",
        "}",
        ",",
        ":",
        "[",
        "_",
    ]);
    prop::collection::vec(piece, 0..3).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

fn blank() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", "", "", " ", "\n\t\r "])
}

fn scalar() -> impl Strategy<Value = String> {
    let plain = prop::sample::select(vec![
        "0",
        "-0",
        "1.10",
        "12345678901234567890",
        "-1.5e-7",
        "1E+400",
        "true",
        "false",
        "null",
    ]);
    prop_oneof![plain.prop_map(str::to_owned), string()]
}

fn value() -> impl Strategy<Value = String> {
    scalar().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec((blank(), inner.clone(), blank()), 0..3).prop_map(|items| {
                let items: Vec<_> =
                    items.into_iter().map(|(a, item, b)| format!("{a}{item}{b}")).collect();
                format!("[{}]", items.join(","))
            }),
            object(inner, 3),
        ]
    })
}

fn object(value: impl Strategy<Value = String>, most: usize) -> impl Strategy<Value = String> {
    let member = (blank(), string(), blank(), blank(), value, blank());
    prop::collection::vec(member, 0..=most).prop_map(|members| {
        let members: Vec<_> = members
            .into_iter()
            .map(|(a, key, b, c, value, d)| format!("{a}{key}{b}:{c}{value}{d}"))
            .collect();
        format!("{{{}}}", members.join(","))
    })
}

/// An object, and now and then one with a character that does not belong there.
fn stored() -> impl Strategy<Value = String> {
    let noise =
        prop::sample::select(vec!["\"", "\\", "}", "]", ",", ":", "0", "\n", "e", ".", "-", "_"]);
    (object(value(), 5), prop::option::weighted(0.3, (any::<prop::sample::Index>(), noise)))
        .prop_map(|(object, noise)| match noise {
            Some((at, noise)) => {
                let mut place = at.index(object.len() + 1);
                while !object.is_char_boundary(place) {
                    place -= 1;
                }
                format!("{}{noise}{}", &object[..place], &object[place..])
            }
            None => object,
        })
}

#[test]
fn merges_as_the_reference_does() {
    let server = Server::start();
    let mut client = server.client();
    let token = client.create("bob", &[]);
    let config =
        ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let client = std::cell::RefCell::new(&mut client);
    let strategy = (
        stored(),
        object(scalar(), 4).prop_filter("a key", |change| {
            change.contains(':') && members(change).is_some_and(|m| !m.is_empty())
        }),
    );
    runner
        .run(&strategy, |(stored, change)| {
            let result = merged(&mut client.borrow_mut(), &token, stored.as_bytes(), &change);
            match reference(&stored, &change) {
                None => prop_assert_eq!(result, Err("CORRUPT d is not a JSON object".to_owned())),
                Some(expected) => {
                    let d = result.unwrap();
                    let d = d.map(|d| String::from_utf8(d).unwrap());
                    let got: Vec<(String, String)> = d.as_deref().map_or_else(Vec::new, |d| {
                        members(d)
                            .unwrap()
                            .iter()
                            .map(|(key, value)| (said(key), value.get().to_owned()))
                            .collect()
                    });
                    prop_assert_eq!(got, expected);
                }
            }
            Ok(())
        })
        .unwrap();
}
