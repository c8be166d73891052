//! What other clients leave behind: the libraries' defects, other scores, halves of sessions.

use super::harness::{Client, Server, key, token_of};
use crate::common::*;

fn wipe(client: &mut Client) -> i64 {
    client.session("wipe", &[] as &[&str]).int()
}

/// A session as the Elixir library writes it: right in its hash, milliseconds as scores.
fn elixir(client: &mut Client, letter: char, id: &str, idle: i64, ttl: i64) -> String {
    let token = token_of(letter);
    let now = client.now();
    let la = (now - idle).to_string();
    let score = ((now - idle) * 1000).to_string();
    let expiry = format!("{la}{ttl}");
    client.run(&[
        "HSET",
        &key(&token),
        "id",
        id,
        "r",
        "1",
        "w",
        "1",
        "ip",
        "::1",
        "la",
        &la,
        "ttl",
        &ttl.to_string(),
    ]);
    client.run(&["ZADD", "rs:app1:_sessions", &score, &format!("{token}:{id}")]);
    client.run(&["ZADD", "rs:app1:_users", &score, id]);
    client.run(&["ZADD", "rs:SESSIONS", &expiry, &format!("app1:{token}:{id}")]);
    client.run(&["SADD", &format!("rs:app1:us:{id}"), &token]);
    token
}

#[test]
fn leftovers_of_a_race_read_as_null_and_can_be_removed() {
    let server = Server::start();
    let mut client = server.client();
    let token = client.create("bob", &[]);
    client.run(&["HDEL", &key(&token), "id", "ip", "la", "ttl", "w"]);
    let before = client.dump();
    assert_eq!(client.session("get", &["app1", &token]), Value::NullBulk);
    assert_eq!(client.session("get", &["app1", &token, "PEEK"]), Value::NullBulk);
    assert_eq!(client.session("set", &["app1", &token, r#"{"a":1}"#]), Value::NullBulk);
    assert_eq!(client.session("soid", &["app1", "bob"]), Value::Array(vec![]));
    assert_eq!(client.session("soapp", &["app1"]), Value::Array(vec![]));
    assert_eq!(client.dump(), before);
    client.run(&["ZADD", "rs:SESSIONS", "1", &format!("app1:{token}:bob")]);
    assert_eq!(wipe(&mut client), 0, "no session, not counted");
    assert_eq!(client.run(&["DBSIZE"]).int(), 0);

    client.run(&["HSET", &key(&token), "r", "1"]);
    assert_eq!(client.session("kill", &["app1", &token]), Value::Int(0));
    assert_eq!(client.run(&["DBSIZE"]).int(), 0);
}

#[test]
fn malformed_times_are_not_alive() {
    let server = Server::start();
    let mut client = server.client();
    for (field, value) in [
        ("ttl", "30abc"),
        ("ttl", ""),
        ("la", "now"),
        ("la", "nan"),
        ("ttl", "inf"),
        ("ttl", "-5"),
        ("la", "1e300"),
        ("ttl", "nan"),
    ] {
        let token = client.create("bob", &[]);
        client.run(&["HSET", &key(&token), field, value]);
        let before = client.dump();
        assert_eq!(client.session("get", &["app1", &token]), Value::NullBulk, "{field} {value}");
        assert_eq!(
            client.session("get", &["app1", &token, "PEEK"]),
            Value::NullBulk,
            "{field} {value}"
        );
        assert_eq!(client.session("set", &["app1", &token, r#"{"a":1}"#]), Value::NullBulk);
        assert_eq!(client.session("soid", &["app1", "bob"]), Value::Array(vec![]));
        assert_eq!(client.dump(), before);
        assert_eq!(client.session("kill", &["app1", &token]), Value::Int(0));
        assert_eq!(client.run(&["DBSIZE"]).int(), 0);
    }
    let token = client.create("bob", &[]);
    client.run(&["HDEL", &key(&token), "la"]);
    assert_eq!(client.session("get", &["app1", &token]), Value::NullBulk);
}

#[test]
fn other_scores_do_not_decide() {
    let server = Server::start();
    let mut client = server.client();
    let alive = elixir(&mut client, 'a', "al:ice", 20, 7200);
    let dead = elixir(&mut client, 'd', "d:ead", 100, 30);
    assert_eq!(client.session("soapp", &["app1"]).items().len(), 1);
    assert_eq!(wipe(&mut client), 1);
    let member = format!("app1:{alive}:al:ice");
    let la: f64 = client.stored(&alive, "la").parse().unwrap();
    assert_eq!(client.score("rs:SESSIONS", &member), Some(la + 7200.0));
    assert_eq!(client.run(&["EXISTS", &key(&dead), "rs:app1:us:d:ead"]).int(), 0);
    assert_eq!(client.score("rs:app1:_users", "d:ead"), None);
    assert_eq!(client.run(&["ZCARD", "rs:app1:_sessions"]).int(), 1);
    // A score that says expired, of a session that is alive.
    client.run(&["ZADD", "rs:SESSIONS", "30", &member]);
    assert_eq!(wipe(&mut client), 0);
    assert_eq!(client.score("rs:SESSIONS", &member), Some(la + 7200.0));
    assert_eq!(client.session("get", &["app1", &alive]).field("id").text(), "al:ice");
}

#[test]
fn wipe_waits_for_the_last_second() {
    let server = Server::start();
    let mut client = server.client();
    let token = client.create("bob", &["TTL", "100"]);
    let member = format!("app1:{token}:bob");
    loop {
        let now = client.now();
        client.run(&["HSET", &key(&token), "la", &(now - 100).to_string()]);
        client.run(&["ZADD", "rs:SESSIONS", &now.to_string(), &member]);
        let wiped = wipe(&mut client);
        if client.now() == now {
            assert_eq!(wiped, 0);
            break;
        }
        client.create("bob", &[]);
    }
    assert_eq!(client.run(&["EXISTS", &key(&token)]).int(), 1);
    client.age(&token, 1);
    assert_eq!(wipe(&mut client), 1);
}

#[test]
fn wipe_removes_entries_of_nothing_and_ends() {
    let server = Server::start();
    let mut client = server.client();
    client.step = Some(2);
    let alive = client.create("bob", &[]);
    let now = client.now();
    // Beyond every ttl, and alive: has to stay where it is.
    for letter in ['p', 'q', 'r', 's', 't'] {
        let token = elixir(&mut client, letter, "far", 0, 99_999_999_999);
        client.run(&["ZADD", "rs:SESSIONS", "1", &format!("app1:{token}:far")]);
    }
    for (score, member) in [
        ("1", "no colons"),
        ("2", "one:colon"),
        ("3", ""),
        ("99999999999999", "late"),
        ("4", &*format!("app1:{}:gone", token_of('g'))),
        ("99999999999998", &*format!("app1:{}:late:gone", token_of('h'))),
        ("5", "a::"),
        ("6", "::"),
        ("inf", "x:y:z"),
        ("-inf", "x:y:w"),
    ] {
        client.run(&["ZADD", "rs:SESSIONS", score, member]);
    }
    client.run(&["ZADD", "rs:app1:_sessions", "1", &format!("{}:gone", token_of('g'))]);
    client.run(&["ZADD", "rs:app1:_users", "1", "gone"]);
    client.run(&["SADD", "rs:app1:us:gone", &token_of('g')]);
    // A false entry for a session of somebody else, and a key of another type.
    client.run(&["ZADD", "rs:SESSIONS", "7", &format!("app1:{alive}:mallory")]);
    client.run(&["SET", &key(&token_of('f')), "foreign"]);
    client.run(&["ZADD", "rs:SESSIONS", "8", &format!("app1:{}:fred", token_of('f'))]);
    client.run(&["HSET", "rs:app1:settings", "color", "blue"]);
    client.run(&["ZADD", "rs:SESSIONS", "9", "app1:settings:x"]);
    assert_eq!(wipe(&mut client), 0);
    let left = client.run(&["ZRANGE", "rs:SESSIONS", "0", "-1"]);
    let mut left: Vec<_> = left.items().iter().map(|member| member.text()).collect();
    left.sort();
    let mut expected: Vec<_> =
        ['p', 'q', 'r', 's', 't'].map(|letter| format!("app1:{}:far", token_of(letter))).to_vec();
    expected.push(format!("app1:{alive}:bob"));
    expected.sort();
    assert_eq!(left, expected);
    assert_eq!(client.run(&["EXISTS", "rs:app1:us:gone"]).int(), 0);
    assert_eq!(client.score("rs:app1:_users", "gone"), None);
    assert_eq!(client.run(&["GET", &key(&token_of('f'))]).text(), "foreign");
    assert_eq!(client.run(&["HGET", "rs:app1:settings", "color"]).text(), "blue");
    assert!(client.session("get", &["app1", &alive]).field("r").int() > 1);
    let score = client.score("rs:SESSIONS", &format!("app1:{}:far", token_of('p'))).unwrap();
    assert!(score >= (now + 99_999_999_999) as f64);
    assert_eq!(client.whole("wipe", &[] as &[&str]), Value::Int(0));
}

#[test]
fn orphans_and_foreign_keys_do_not_stick() {
    let server = Server::start();
    let mut client = server.client();
    let token = client.create("bob", &[]);
    // In us:{id} only, as a race of the libraries leaves it.
    client.run(&["ZREM", "rs:app1:_sessions", &format!("{token}:bob")]);
    let gone = token_of('g');
    client.run(&[
        "ZADD",
        "rs:app1:_sessions",
        "1",
        &format!("{gone}:a:b"),
        "1",
        "malformed",
        "2",
        ":",
    ]);
    client.run(&["ZADD", "rs:app1:_users", "1", "a:b", "1", "nobody", "1", "spoiled"]);
    client.run(&["SADD", "rs:app1:us:a:b", &gone, "_users", ""]);
    client.run(&["SET", "rs:app1:us:spoiled", "foreign"]);
    client.run(&["SET", &key(&token_of('f')), "foreign"]);
    client.run(&["ZADD", "rs:app1:_sessions", "1", &format!("{}:bob", token_of('f'))]);
    client.step = Some(2);
    assert_eq!(client.session("killall", &["app1"]), Value::Int(1));
    let left: Vec<_> = client.dump().into_keys().collect();
    assert_eq!(left, [key(&token_of('f')), "rs:app1:us:spoiled".to_owned()]);
}

#[test]
fn a_session_under_two_ids_counts_once() {
    let server = Server::start();
    let mut client = server.client();
    let token = client.create("bob", &[]);
    client.run(&["ZADD", "rs:app1:_sessions", "1", &format!("{token}:mallory")]);
    client.run(&["SADD", "rs:app1:us:mallory", &token]);
    assert_eq!(client.session("soapp", &["app1"]).items().len(), 1);
    assert_eq!(client.session("soid", &["app1", "mallory"]), Value::Array(vec![]));
    assert_eq!(client.session("killsoid", &["app1", "mallory"]), Value::Int(0), "not its session");
    assert_eq!(client.session("get", &["app1", &token]).field("id").text(), "bob");
    client.run(&["ZADD", "rs:app1:_sessions", "1", &format!("{token}:mallory")]);
    assert_eq!(client.session("killall", &["app1"]), Value::Int(1));
    assert_eq!(client.run(&["DBSIZE"]).int(), 0);
}

#[test]
fn a_clock_that_went_back_does_no_harm() {
    let server = Server::start();
    let mut client = server.client();
    let token = client.create("bob", &["TTL", "100", "NORESAVE"]);
    client.age(&token, -30);
    let end = client.score("rs:SESSIONS", &format!("app1:{token}:bob")).unwrap();
    let read = client.session("get", &["app1", &token]);
    assert_eq!(read.field("idle"), Value::Int(0));
    assert!((128..=130).contains(&read.field("ttl").int()));
    assert_eq!(client.score("rs:SESSIONS", &format!("app1:{token}:bob")), Some(end));
}

#[test]
fn fields_that_are_missing_or_odd() {
    let server = Server::start();
    let mut client = server.client();
    let token = client.create("bob", &[]);
    client.run(&["HDEL", &key(&token), "ip", "r", "w"]);
    client.run(&["HSET", &key(&token), "no_resave", "0", "d", ""]);
    let read = client.session("get", &["app1", &token]);
    assert_eq!(read.field("ip"), Value::bulk(b""));
    assert_eq!(read.field("r"), Value::Int(1));
    assert_eq!(read.field("w"), Value::Int(0));
    assert_eq!(read.field("d"), Value::bulk(b""));
    assert!(!read.has("no_resave"));
}
