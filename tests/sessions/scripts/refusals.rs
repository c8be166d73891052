//! What the server refuses reaches the client in its own words, and leaves nothing changed.

use super::harness::{Client, Server, key};
use crate::common::*;

/// A session that was active a while ago, so that every command has everything to write.
fn aged(client: &mut Client) -> String {
    let token = client.create("bob", &["NORESAVE", "DATA", r#"{"a":1}"#]);
    client.age(&token, 50);
    token
}

fn every_write(token: &str) -> Vec<(&'static str, Vec<&str>)> {
    vec![
        ("create", vec!["app1", "bob", "ip", "DATA", r#"{"a":1}"#]),
        ("get", vec!["app1", token]),
        ("set", vec!["app1", token, r#"{"a":null}"#]),
        ("set", vec!["app1", token, r#"{"b":2}"#]),
        ("kill", vec!["app1", token]),
        ("killsoid", vec!["app1", "bob"]),
        ("killall", vec!["app1"]),
        ("wipe", vec![]),
    ]
}

#[test]
fn keys_of_another_type() {
    for spoiled in ["rs:app1:_sessions", "rs:app1:_users", "rs:SESSIONS", "rs:app1:us:bob"] {
        let server = Server::start();
        let mut client = server.client();
        let token = aged(&mut client);
        client.run(&["DEL", spoiled]);
        client.run(&["SET", spoiled, "x"]);
        let before = client.dump();
        for (name, args) in every_write(&token) {
            let touches_it = match name {
                "get" | "set" => spoiled != "rs:app1:us:bob",
                "killall" => spoiled != "rs:app1:us:bob",
                "wipe" => spoiled == "rs:SESSIONS",
                _ => true,
            };
            if touches_it {
                let reply = client.session(name, &args);
                assert_eq!(
                    reply.error(),
                    "WRONGTYPE Operation against a key holding the wrong kind of value",
                    "{name} {spoiled}"
                );
                assert_eq!(client.dump(), before, "{name} {spoiled}");
            }
        }
    }
    let server = Server::start();
    let mut client = server.client();
    let token = aged(&mut client);
    client.run(&["DEL", &key(&token)]);
    client.run(&["SET", &key(&token), "x"]);
    let before = client.dump();
    for (name, args) in [
        ("get", vec!["app1", &*token]),
        ("get", vec!["app1", &*token, "PEEK"]),
        ("set", vec!["app1", &*token, r#"{"a":1}"#]),
        ("kill", vec!["app1", &*token]),
    ] {
        assert!(client.session(name, &args).error().starts_with("WRONGTYPE Operation against"));
        assert_eq!(client.dump(), before);
    }
    assert_eq!(client.session("killsoid", &["app1", "bob"]), Value::Int(0));
    assert_eq!(client.dump().into_keys().collect::<Vec<_>>(), [key(&token)]);
}

#[test]
fn no_memory() {
    let server = Server::start();
    let mut client = server.client();
    let token = aged(&mut client);
    let fresh = client.create("eve", &[]);
    let expired = client.create("old", &[]);
    client.age(&expired, 10_000);
    client.run(&["ZADD", "rs:SESSIONS", "1", &format!("app1:{token}:bob")]);
    client.run(&["CONFIG", "SET", "maxmemory", "1"]);
    let before = client.dump();
    let fresh_args = ["app1", &fresh];
    for (name, args) in [
        ("create", &["app1", "bob", "ip"][..]),
        ("get", &["app1", &token]),
        ("get", &fresh_args),
        ("set", &["app1", &token, r#"{"a":1}"#]),
        ("set", &["app1", &token, r#"{"a":null}"#]),
    ] {
        let reply = client.session(name, args);
        assert_eq!(
            reply.error(),
            "OOM command not allowed when used memory > 'maxmemory'.",
            "{name}"
        );
        assert_eq!(client.dump(), before, "{name}");
    }
    assert_eq!(client.session("get", &["app1", &token, "PEEK"]).field("id").text(), "bob");
    assert_eq!(client.session("wipe", &[] as &[&str]), Value::Int(1), "frees memory");
    assert!(client.score("rs:SESSIONS", &format!("app1:{token}:bob")).unwrap() > 1.0, "corrected");
    assert_eq!(client.session("kill", &["app1", &token]), Value::Int(1));
    assert_eq!(client.session("killall", &["app1"]), Value::Int(1));
}

#[test]
fn read_only_replicas() {
    let server = Server::start();
    let mut client = server.client();
    let token = aged(&mut client);
    client.run(&["REPLICAOF", "127.0.0.1", "1"]);
    let before = client.dump();
    for (name, args) in every_write(&token) {
        let reply = client.session(name, &args);
        assert_eq!(
            reply.error(),
            "READONLY You can't write against a read only replica.",
            "{name}"
        );
    }
    assert_eq!(client.session("get", &["app1", &token, "PEEK"]).field("id").text(), "bob");
    assert_eq!(client.session("soid", &["app1", "bob"]).items().len(), 1);
    assert_eq!(client.dump(), before);
}

/// Every command as a user with these rights besides those to run scripts; the replies.
fn as_user(server: &Server, rights: &[&str], run: impl FnOnce(&mut Client)) {
    let mut admin = server.client();
    let user = [&["ACL", "SETUSER", "u", "reset", "on", "nopass"], rights].concat();
    assert_eq!(admin.run(&user).text(), "OK");
    let mut client = server.client();
    assert_eq!(client.run(&["AUTH", "u", "x"]).text(), "OK");
    run(&mut client);
}

#[test]
fn no_right_to_some_keys() {
    for keys in [
        &["~rs:app1:_*", "~rs:SESSIONS"][..],
        &["~rs:app1:*"],
        &["~rs:app1:_*", "~rs:app1:us:*", "~rs:SESSIONS"],
        &["%R~rs:*", "%W~rs:app1:_*", "%W~rs:SESSIONS"],
        &["%R~rs:*", "%W~rs:app1:_*", "%W~rs:SESSIONS", "%W~rs:app1:us:*"],
    ] {
        let server = Server::start();
        let mut admin = server.client();
        let token = aged(&mut admin);
        let old = admin.create("old", &["TTL", "10"]);
        admin.age(&old, 100);
        let before = admin.dump();
        // A user who may not touch sessions' hashes, or the index of all apps.
        as_user(&server, &[&["+@all"], keys].concat(), |client| {
            for (name, args) in every_write(&token) {
                let reply = client.session(name, &args);
                assert!(reply.error().starts_with("NOPERM"), "{keys:?} {name}: {reply:?}");
                assert!(!reply.error().contains("script: "), "plain: {reply:?}");
                assert!(!reply.error().contains("user_script"), "plain: {reply:?}");
                assert_eq!(admin.dump(), before, "{keys:?} {name}");
            }
        });
    }
}

#[test]
fn no_right_to_one_command() {
    let server = Server::start();
    let mut admin = server.client();
    let token = aged(&mut admin);
    let old = admin.create("old", &["TTL", "10"]);
    admin.age(&old, 100);
    let alive = admin.create("eve", &[]);
    admin.run(&["ZADD", "rs:SESSIONS", "1", &format!("app1:{alive}:eve")]);
    let before = admin.dump();
    for command in [
        "hmget",
        "time",
        "hset",
        "hincrby",
        "hdel",
        "zadd",
        "zrem",
        "srem",
        "sadd",
        "del",
        "scard",
        "smembers",
        "zrange",
        "zrangebyscore",
    ] {
        let right = format!("-{command}");
        as_user(&server, &["~*", "&*", "+@all", &right], |client| {
            for (name, args) in every_write(&token) {
                let reply = client.session(name, &args);
                if let Value::Error(error) = &reply {
                    assert!(error.starts_with("NOPERM"), "{command} {name}: {error}");
                    assert_eq!(admin.dump(), before, "{command} {name}");
                } else {
                    // The command does not need it; undo what it did.
                    admin.run(&["FLUSHALL"]);
                    for (key, value) in &before {
                        let Value::Bulk(dump) = value else { panic!("{value:?}") };
                        admin.run(&[b"RESTORE", key.as_bytes(), b"0", dump]);
                    }
                }
            }
        });
    }
}

#[test]
fn no_right_to_publish_is_no_reason_to_fail() {
    let server = Server::start();
    let mut admin = server.client();
    let token = aged(&mut admin);
    as_user(&server, &["~*", "resetchannels", "+@all", "-publish"], |client| {
        let set = client.session("set", &["app1", &token, r#"{"a":2}"#]);
        assert_eq!(set.field("w"), Value::Int(2));
        assert_eq!(client.session("kill", &["app1", &token]), Value::Int(1));
    });
}

#[test]
fn peeking_and_listing_need_no_right_to_write() {
    let server = Server::start();
    let mut admin = server.client();
    let token = aged(&mut admin);
    let rights = [
        "~rs:app1:*",
        "+evalsha",
        "+eval",
        "+time",
        "+hmget",
        "+scard",
        "+smembers",
        "+zrevrange",
        "+zcount",
    ];
    as_user(&server, &rights, |client| {
        assert_eq!(client.session("get", &["app1", &token, "PEEK"]).field("id").text(), "bob");
        assert_eq!(client.session("soid", &["app1", "bob"]).items().len(), 1);
        assert_eq!(client.session("soapp", &["app1"]).items().len(), 1);
        assert_eq!(client.session("activity", &["app1"]), Value::Int(1));
        assert!(client.session("get", &["app1", &token]).error().starts_with("NOPERM"));
    });
}
