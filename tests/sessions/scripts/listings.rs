//! Who is listed, in which order, and within which window.

use super::harness::{Server, key};
use crate::common::*;

#[test]
fn listings_are_sorted_by_activity() {
    let server = Server::start();
    let mut client = server.client();
    let ages = [300, 100, 500, 200, 400];
    for age in ages {
        let token = client.create("bob", &["TTL", "700", "DATA", &format!("{{\"age\":{age}}}")]);
        client.age(&token, age);
    }
    let other = client.create("alice", &[]);
    client.age(&other, 50);
    let ages_in = |value: &Value| -> Vec<String> {
        value
            .items()
            .iter()
            .filter(|item| item.has("d"))
            .map(|item| item.field("d").text())
            .collect()
    };
    let sorted = [100, 200, 300, 400, 500].map(|age| format!("{{\"age\":{age}}}"));
    let list = client.session("soid", &["app1", "bob"]);
    assert_eq!(ages_in(&list), sorted);
    assert!(!format!("{list:?}").contains(&other));
    assert_eq!(client.whole("soid", &["app1", "bob"]), list);
    let list = client.session("soapp", &["app1"]);
    assert_eq!(list.items().len(), 6);
    assert_eq!(ages_in(&list), sorted);
    assert_eq!(client.whole("soapp", &["app1"]), list);
    assert_eq!(ages_in(&client.session("soapp", &["app1", "350"])), sorted[..3]);
    let json = client.session("soapp", &["app1", "350", "JSON"]);
    let parsed: Vec<serde_json::Value> = serde_json::from_str(&json.text()).unwrap();
    assert_eq!(parsed.len(), 4);
    assert_eq!(parsed[1]["d"]["age"], 100);
    assert_eq!(client.session("soapp", &["app1", "json", "350"]), json);
    assert_eq!(client.session("soid", &["app1", "nobody", "JSON"]), Value::bulk(b"[]"));
    assert_eq!(client.session("soapp", &["nobody"]), Value::Array(vec![]));
    let mut third = server.client().resp3();
    for (name, args, count) in [("soapp", &["app1"][..], 6), ("soid", &["app1", "bob"], 5)] {
        let list = third.session(name, args);
        assert_eq!(list.items().len(), count);
        assert!(
            list.items()
                .iter()
                .all(|item| matches!(item, Value::Map(pairs) if pairs[0].0 == Value::bulk(b"id")))
        );
        assert_eq!(third.whole(name, args), list);
    }
}

#[test]
fn windows_include_their_edge_and_can_be_of_any_length() {
    let server = Server::start();
    let mut client = server.client();
    let token = client.create("bob", &[]);
    loop {
        let now = client.now();
        let la = (now - 100).to_string();
        client.run(&["HSET", &key(&token), "la", &la]);
        client.run(&["ZADD", "rs:app1:_sessions", &la, &format!("{token}:bob")]);
        client.run(&["ZADD", "rs:app1:_users", &la, "bob"]);
        let counts = ["100", "99"].map(|dt| {
            (
                client.session("soapp", &["app1", dt]).items().len(),
                client.session("activity", &["app1", dt]).int(),
            )
        });
        if client.now() == now {
            assert_eq!(counts, [(1, 1), (0, 0)]);
            break;
        }
    }
    let endless = "9".repeat(400);
    assert_eq!(client.session("soapp", &["app1", &endless]).items().len(), 1);
    assert_eq!(client.session("activity", &["app1", &endless]).int(), 1);
    assert_eq!(client.session("activity", &["app1"]).int(), 1);
    assert_eq!(client.session("activity", &["nobody"]).int(), 0);
}
