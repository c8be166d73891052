//! What each command does to the stored sessions, and what it replies.

use super::harness::{Client, Server, key, token_of};
use crate::common::*;

#[test]
fn create_writes_exactly_the_keys_of_the_libraries() {
    let server = Server::start();
    let mut client = server.client();
    let token = client.create("a:b", &["ttl", "30", "Data", r#"{"a":1.10,"b":null}"#, "NoResave"]);
    let now = client.now();
    let la = client.stored(&token, "la").parse::<i64>().unwrap();
    assert!((now - 1..=now).contains(&la));
    let la_text = la.to_string();
    let fields = [
        "id",
        "a:b",
        "r",
        "1",
        "w",
        "1",
        "ip",
        "127.0.0.1",
        "la",
        &la_text,
        "ttl",
        "30",
        "d",
        r#"{"a":1.10}"#,
        "no_resave",
        "1",
    ];
    let stored = client.run(&["HGETALL", &key(&token)]);
    assert_eq!(
        stored,
        Value::Array(fields.iter().map(|field| Value::bulk(field.as_bytes())).collect())
    );
    assert_eq!(client.score("rs:app1:_sessions", &format!("{token}:a:b")), Some(la as f64));
    assert_eq!(client.score("rs:app1:_users", "a:b"), Some(la as f64));
    let member = format!("app1:{token}:a:b");
    assert_eq!(client.score("rs:SESSIONS", &member), Some((la + 30) as f64));
    assert_eq!(
        client.run(&["SMEMBERS", "rs:app1:us:a:b"]),
        Value::Array(vec![Value::bulk(token.as_bytes())])
    );
    assert_eq!(client.run(&["DBSIZE"]).int(), 5);
    assert_eq!(client.run(&["TTL", &key(&token)]).int(), -1);
}

#[test]
fn defaults_of_create() {
    let server = Server::start();
    let mut client = server.client();
    client.settings.ttl = 77;
    client.settings.ns = "other".to_owned();
    for data in ["{}", r#"{"a":null}"#] {
        let token = client.create("bob", &["DATA", data]);
        let fields = client.run(&["HKEYS", &format!("other:app1:{token}")]);
        let names: Vec<_> = fields.items().iter().map(Value::text).collect();
        assert_eq!(names, ["id", "r", "w", "ip", "la", "ttl"]);
        assert_eq!(client.session("get", &["app1", &token, "peek"]).field("ttl"), Value::Int(77));
    }
}

#[test]
fn get_counts_itself_and_refreshes() {
    let server = Server::start();
    let mut client = server.client();
    let token = client.create("bob", &["TTL", "100", "DATA", r#"{"a":1}"#]);
    client.age(&token, 60);
    let peeked = client.session("get", &["app1", &token, "PEEK"]);
    assert_eq!(peeked.field("r"), Value::Int(1));
    assert!((60..=61).contains(&peeked.field("idle").int()));
    let read = client.session("GET", &["app1", &token]);
    let names: Vec<_> = read.items().chunks(2).map(|pair| pair[0].text()).collect();
    assert_eq!(names, ["id", "r", "w", "ttl", "idle", "ip", "d"]);
    assert_eq!(read.field("r"), Value::Int(2));
    assert_eq!(read.field("w"), Value::Int(1));
    assert_eq!(read.field("ttl"), Value::Int(100));
    assert!((60..=61).contains(&read.field("idle").int()), "from before this command");
    assert_eq!(read.field("d"), Value::bulk(br#"{"a":1}"#));
    let now = client.now() as f64;
    let near = |score: Option<f64>, at: f64| score.unwrap() <= at && score.unwrap() >= at - 2.0;
    assert!(near(client.score("rs:app1:_sessions", &format!("{token}:bob")), now));
    assert!(near(client.score("rs:app1:_users", "bob"), now));
    assert!(near(client.score("rs:SESSIONS", &format!("app1:{token}:bob")), now + 100.0));
    assert_eq!(client.session("get", &["app1", &token]).field("r"), Value::Int(3));
    assert_eq!(client.stored(&token, "r"), "3");
}

#[test]
fn the_last_second_of_ttl_counts() {
    let server = Server::start();
    let mut client = server.client();
    let token = client.create("bob", &["TTL", "1000"]);
    // The clock may go on between two commands: only what was answered within a second counts.
    let age_to = |client: &mut Client, idle: i64, name: &str, args: &[&str]| loop {
        let now = client.now();
        client.run(&["HSET", &key(&token), "la", &(now - idle).to_string()]);
        let value = client.session(name, args);
        if client.now() == now {
            return value;
        }
    };
    let commands = [
        ("get", vec!["app1", &*token, "PEEK"]),
        ("get", vec!["app1", &*token]),
        ("set", vec!["app1", &*token, r#"{"a":1}"#]),
    ];
    for (name, args) in &commands {
        assert_eq!(age_to(&mut client, 1000, name, args).field("idle"), Value::Int(1000));
        assert_eq!(age_to(&mut client, 1001, name, args), Value::NullBulk);
    }
    assert_eq!(age_to(&mut client, 1000, "soid", &["app1", "bob"]).items().len(), 1);
    assert_eq!(age_to(&mut client, 1000, "kill", &["app1", &token_of('x')]), Value::Int(0));
    age_to(&mut client, 1001, "get", &["app1", &token]);
    let before = client.dump();
    assert_eq!(client.session("get", &["app1", &token]), Value::NullBulk);
    assert_eq!(client.session("set", &["app1", &token, r#"{"a":1}"#]), Value::NullBulk);
    assert_eq!(client.session("soid", &["app1", "bob"]), Value::Array(vec![]));
    assert_eq!(client.session("soapp", &["app1", "100000"]), Value::Array(vec![]));
    assert_eq!(client.dump(), before, "expired sessions are never changed");
    let mut third = client;
    third = third.resp3();
    assert_eq!(third.frame("get", &["app1", &token]), b"_\r\n");
    assert_eq!(third.session("kill", &["app1", &token]), Value::Int(0));
    assert_eq!(third.run(&["DBSIZE"]).int(), 0, "but removed");
}

#[test]
fn forms_of_a_session() {
    let server = Server::start();
    let mut client = server.client();
    let token = client
        .create("bob", &["TTL", "5000", "NORESAVE", "DATA", r#"{"n": 12345678901234567890}"#]);
    let mut third = server.client().resp3();
    let map = third.session("get", &["app1", &token, "PEEK"]);
    let pair = |name: &str, value| (Value::bulk(name.as_bytes()), value);
    let Value::Map(pairs) = map else { panic!("{map:?}") };
    let idle = pairs[4].1.int();
    assert_eq!(
        pairs,
        [
            pair("id", Value::bulk(b"bob")),
            pair("r", Value::Int(1)),
            pair("w", Value::Int(1)),
            pair("ttl", Value::Int(5000 - idle)),
            pair("idle", Value::Int(idle)),
            pair("ip", Value::bulk(b"127.0.0.1")),
            pair("d", Value::bulk(br#"{"n": 12345678901234567890}"#)),
            pair("no_resave", Value::Bool(true)),
        ]
    );
    client.run(&["HSET", &key(&token), "la", "99999999999"]);
    let json = r#"{"id":"bob","r":1,"w":1,"ttl":TTL,"idle":0,"ip":"127.0.0.1","d":{"n": 12345678901234567890},"no_resave":true}"#;
    for client in [&mut client, &mut third] {
        let shown = client.session("get", &["app1", &token, "json", "peek"]);
        let parsed: serde_json::Value = serde_json::from_str(&shown.text()).unwrap();
        assert_eq!(shown.text(), json.replace("TTL", &parsed["ttl"].to_string()));
    }
    assert_eq!(client.session("get", &["app1", &token_of('x'), "JSON"]), Value::NullBulk);
}

#[test]
fn no_resave_sessions_end_when_they_were_to_end() {
    let server = Server::start();
    let mut client = server.client();
    let token = client.create("bob", &["TTL", "100", "NORESAVE"]);
    let end = |client: &mut Client| {
        let la: i64 = client.stored(&token, "la").parse().unwrap();
        la + client.stored(&token, "ttl").parse::<i64>().unwrap()
    };
    client.age(&token, 30);
    let ends = end(&mut client);
    for (command, reads) in [("get", 2), ("get", 3), ("get", 4)] {
        let read = client.session(command, &["app1", &token]);
        assert_eq!(read.field("r"), Value::Int(reads));
        assert!((68..=70).contains(&read.field("ttl").int()));
        assert_eq!(read.field("no_resave"), Value::Int(1));
        assert_eq!(end(&mut client), ends);
        let member = format!("app1:{token}:bob");
        assert_eq!(client.score("rs:SESSIONS", &member), Some(ends as f64));
    }
    client.age(&token, 20);
    let ends = ends - 20;
    let set = client.session("set", &["app1", &token, r#"{"a":1}"#]);
    assert_eq!(set.field("w"), Value::Int(2), "not 0, as another library answers");
    assert!((47..=50).contains(&set.field("ttl").int()));
    assert_eq!(end(&mut client), ends);
    // Reading counts as activity all the same.
    assert_eq!(client.session("activity", &["app1", "10"]), Value::Int(1));
    assert_eq!(client.session("soapp", &["app1", "10"]).items().len(), 1);
    client.age(&token, 51);
    assert_eq!(client.session("get", &["app1", &token]), Value::NullBulk);
}

#[test]
fn set_counts_refreshes_and_leaves_r_alone() {
    let server = Server::start();
    let mut client = server.client();
    let token = client.create("bob", &["TTL", "100"]);
    client.age(&token, 50);
    client.run(&["HSET", &key(&token), "foreign", "x"]);
    let set = client.session("set", &["app1", &token, r#"{"a":1,"b":null}"#]);
    assert_eq!(set.field("r"), Value::Int(1));
    assert_eq!(set.field("w"), Value::Int(2));
    assert!((50..=51).contains(&set.field("idle").int()));
    assert_eq!(set.field("d"), Value::bulk(br#"{"a":1}"#));
    assert!(client.session("get", &["app1", &token, "PEEK"]).field("idle").int() <= 1);
    let json = client.session("set", &["app1", &token, r#"{"a":null}"#, "JSON"]);
    assert!(!json.text().contains("\"d\""), "{json:?}");
    assert_eq!(client.run(&["HEXISTS", &key(&token), "d"]).int(), 0);
    assert_eq!(client.stored(&token, "foreign"), "x");
    assert_eq!(client.session("set", &["app1", &token_of('x'), r#"{"a":1}"#]), Value::NullBulk);
    assert_eq!(client.run(&["EXISTS", &key(&token_of('x'))]).int(), 0, "writes never create");
}

#[test]
fn kill_removes_everything_and_counts_the_living() {
    let server = Server::start();
    let mut client = server.client();
    let [one, two, old, kept] = ["bob", "bob", "bob", "al:ice"].map(|id| client.create(id, &[]));
    client.age(&old, 8000);
    let nobody = token_of('x');
    let args = ["app1", &one, &two, &one, &old, &nobody];
    assert_eq!(client.session("kill", &args), Value::Int(2));
    assert_eq!(client.run(&["ZCARD", "rs:SESSIONS"]).int(), 1);
    assert_eq!(client.run(&["ZCARD", "rs:app1:_sessions"]).int(), 1);
    assert_eq!(client.run(&["EXISTS", "rs:app1:us:bob"]).int(), 0);
    assert_eq!(client.score("rs:app1:_users", "bob"), None);
    assert!(client.score("rs:app1:_users", "al:ice").is_some());
    assert_eq!(client.session("kill", &["app1", &kept]), Value::Int(1));
    assert_eq!(client.run(&["DBSIZE"]).int(), 0, "also of an id with a colon");
}

#[test]
fn an_id_stays_a_user_until_its_last_session_goes() {
    let server = Server::start();
    let mut client = server.client();
    let [one, two] = ["bob"; 2].map(|id| client.create(id, &[]));
    client.session("kill", &["app1", &one]);
    assert!(client.score("rs:app1:_users", "bob").is_some());
    client.session("kill", &["app1", &two]);
    assert_eq!(client.score("rs:app1:_users", "bob"), None);
}

#[test]
fn killsoid_ends_the_sessions_of_one_id() {
    let server = Server::start();
    let mut client = server.client();
    let tokens = ["bob", "bob", "bob", "alice"].map(|id| client.create(id, &[]));
    client.age(&tokens[0], 8000);
    client.run(&["DEL", &key(&tokens[1])]);
    assert_eq!(client.session("killsoid", &["app1", "bob"]), Value::Int(1));
    assert_eq!(client.run(&["DBSIZE"]).int(), 5);
    assert_eq!(client.run(&["ZCARD", "rs:SESSIONS"]).int(), 1);
    assert_eq!(client.session("killsoid", &["app1", "bob"]), Value::Int(0));
    client.run(&["ZADD", "rs:app1:_users", "1", "orphan"]);
    assert_eq!(client.session("killsoid", &["app1", "orphan"]), Value::Int(0));
    assert_eq!(client.score("rs:app1:_users", "orphan"), None);
}
