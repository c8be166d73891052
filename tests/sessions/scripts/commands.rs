//! What each command does and replies.

use super::harness::{Client, Server, Value, key, text, token_of};

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
    assert_eq!(stored, Value::Array(fields.iter().map(|field| text(field.as_bytes())).collect()));
    assert_eq!(client.score("rs:app1:_sessions", &format!("{token}:a:b")), Some(la as f64));
    assert_eq!(client.score("rs:app1:_users", "a:b"), Some(la as f64));
    let member = format!("app1:{token}:a:b");
    assert_eq!(client.score("rs:SESSIONS", &member), Some((la + 30) as f64));
    assert_eq!(
        client.run(&["SMEMBERS", "rs:app1:us:a:b"]),
        Value::Array(vec![text(token.as_bytes())])
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
        let names: Vec<_> = fields.array().iter().map(Value::str).collect();
        assert_eq!(names, ["id", "r", "w", "ip", "la", "ttl"]);
        assert_eq!(client.session("get", &["app1", &token, "peek"]).field("ttl"), &Value::Int(77));
    }
}

#[test]
fn get_counts_itself_and_refreshes() {
    let server = Server::start();
    let mut client = server.client();
    let token = client.create("bob", &["TTL", "100", "DATA", r#"{"a":1}"#]);
    client.age(&token, 60);
    let peeked = client.session("get", &["app1", &token, "PEEK"]);
    assert_eq!(peeked.field("r"), &Value::Int(1));
    assert!((60..=61).contains(&peeked.field("idle").int()));
    let read = client.session("GET", &["app1", &token]);
    let names: Vec<_> = read.array().chunks(2).map(|pair| pair[0].str().to_owned()).collect();
    assert_eq!(names, ["id", "r", "w", "ttl", "idle", "ip", "d"]);
    assert_eq!(read.field("r"), &Value::Int(2));
    assert_eq!(read.field("w"), &Value::Int(1));
    assert_eq!(read.field("ttl"), &Value::Int(100));
    assert!((60..=61).contains(&read.field("idle").int()), "from before this command");
    assert_eq!(read.field("d"), &text(br#"{"a":1}"#));
    let now = client.now() as f64;
    let near = |score: Option<f64>, at: f64| score.unwrap() <= at && score.unwrap() >= at - 2.0;
    assert!(near(client.score("rs:app1:_sessions", &format!("{token}:bob")), now));
    assert!(near(client.score("rs:app1:_users", "bob"), now));
    assert!(near(client.score("rs:SESSIONS", &format!("app1:{token}:bob")), now + 100.0));
    assert_eq!(client.session("get", &["app1", &token]).field("r"), &Value::Int(3));
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
        assert_eq!(age_to(&mut client, 1000, name, args).field("idle"), &Value::Int(1000));
        assert_eq!(age_to(&mut client, 1001, name, args), Value::Null);
    }
    assert_eq!(age_to(&mut client, 1000, "soid", &["app1", "bob"]).array().len(), 1);
    assert_eq!(age_to(&mut client, 1000, "kill", &["app1", &token_of('x')]), Value::Int(0));
    age_to(&mut client, 1001, "get", &["app1", &token]);
    let before = client.dump();
    assert_eq!(client.session("get", &["app1", &token]), Value::Null);
    assert_eq!(client.session("set", &["app1", &token, r#"{"a":1}"#]), Value::Null);
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
    let pair = |name: &str, value| (text(name.as_bytes()), value);
    let Value::Map(pairs) = map else { panic!("{map:?}") };
    let idle = pairs[4].1.int();
    assert_eq!(
        pairs,
        [
            pair("id", text(b"bob")),
            pair("r", Value::Int(1)),
            pair("w", Value::Int(1)),
            pair("ttl", Value::Int(5000 - idle)),
            pair("idle", Value::Int(idle)),
            pair("ip", text(b"127.0.0.1")),
            pair("d", text(br#"{"n": 12345678901234567890}"#)),
            pair("no_resave", Value::Bool(true)),
        ]
    );
    client.run(&["HSET", &key(&token), "la", "99999999999"]);
    let json = r#"{"id":"bob","r":1,"w":1,"ttl":TTL,"idle":0,"ip":"127.0.0.1","d":{"n": 12345678901234567890},"no_resave":true}"#;
    for client in [&mut client, &mut third] {
        let shown = client.session("get", &["app1", &token, "json", "peek"]);
        let parsed: serde_json::Value = serde_json::from_str(shown.str()).unwrap();
        assert_eq!(shown.str(), json.replace("TTL", &parsed["ttl"].to_string()));
    }
    assert_eq!(client.session("get", &["app1", &token_of('x'), "JSON"]), Value::Null);
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
        assert_eq!(read.field("r"), &Value::Int(reads));
        assert!((68..=70).contains(&read.field("ttl").int()));
        assert_eq!(read.field("no_resave"), &Value::Int(1));
        assert_eq!(end(&mut client), ends);
        let member = format!("app1:{token}:bob");
        assert_eq!(client.score("rs:SESSIONS", &member), Some(ends as f64));
    }
    client.age(&token, 20);
    let ends = ends - 20;
    let set = client.session("set", &["app1", &token, r#"{"a":1}"#]);
    assert_eq!(set.field("w"), &Value::Int(2), "not 0, as another library answers");
    assert!((47..=50).contains(&set.field("ttl").int()));
    assert_eq!(end(&mut client), ends);
    // Reading counts as activity all the same.
    assert_eq!(client.session("activity", &["app1", "10"]), Value::Int(1));
    assert_eq!(client.session("soapp", &["app1", "10"]).array().len(), 1);
    client.age(&token, 51);
    assert_eq!(client.session("get", &["app1", &token]), Value::Null);
}

#[test]
fn set_counts_refreshes_and_leaves_r_alone() {
    let server = Server::start();
    let mut client = server.client();
    let token = client.create("bob", &["TTL", "100"]);
    client.age(&token, 50);
    client.run(&["HSET", &key(&token), "foreign", "x"]);
    let set = client.session("set", &["app1", &token, r#"{"a":1,"b":null}"#]);
    assert_eq!(set.field("r"), &Value::Int(1));
    assert_eq!(set.field("w"), &Value::Int(2));
    assert!((50..=51).contains(&set.field("idle").int()));
    assert_eq!(set.field("d"), &text(br#"{"a":1}"#));
    assert!(client.session("get", &["app1", &token, "PEEK"]).field("idle").int() <= 1);
    let json = client.session("set", &["app1", &token, r#"{"a":null}"#, "JSON"]);
    assert!(!json.str().contains("\"d\""), "{json:?}");
    assert_eq!(client.run(&["HEXISTS", &key(&token), "d"]).int(), 0);
    assert_eq!(client.stored(&token, "foreign"), "x");
    assert_eq!(client.session("set", &["app1", &token_of('x'), r#"{"a":1}"#]), Value::Null);
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
            .array()
            .iter()
            .filter(|item| item.has("d"))
            .map(|item| item.field("d").str().to_owned())
            .collect()
    };
    let sorted = [100, 200, 300, 400, 500].map(|age| format!("{{\"age\":{age}}}"));
    let list = client.session("soid", &["app1", "bob"]);
    assert_eq!(ages_in(&list), sorted);
    assert!(!format!("{list:?}").contains(&other));
    assert_eq!(client.whole("soid", &["app1", "bob"]), list);
    let list = client.session("soapp", &["app1"]);
    assert_eq!(list.array().len(), 6);
    assert_eq!(ages_in(&list), sorted);
    assert_eq!(client.whole("soapp", &["app1"]), list);
    assert_eq!(ages_in(&client.session("soapp", &["app1", "350"])), sorted[..3]);
    let json = client.session("soapp", &["app1", "350", "JSON"]);
    let parsed: Vec<serde_json::Value> = serde_json::from_str(json.str()).unwrap();
    assert_eq!(parsed.len(), 4);
    assert_eq!(parsed[1]["d"]["age"], 100);
    assert_eq!(client.session("soapp", &["app1", "json", "350"]), json);
    assert_eq!(client.session("soid", &["app1", "nobody", "JSON"]), text(b"[]"));
    assert_eq!(client.session("soapp", &["nobody"]), Value::Array(vec![]));
    let mut third = server.client().resp3();
    for (name, args, count) in [("soapp", &["app1"][..], 6), ("soid", &["app1", "bob"], 5)] {
        let list = third.session(name, args);
        assert_eq!(list.array().len(), count);
        assert!(
            list.array()
                .iter()
                .all(|item| matches!(item, Value::Map(pairs) if pairs[0].0 == text(b"id")))
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
                client.session("soapp", &["app1", dt]).array().len(),
                client.session("activity", &["app1", dt]).int(),
            )
        });
        if client.now() == now {
            assert_eq!(counts, [(1, 1), (0, 0)]);
            break;
        }
    }
    let endless = "9".repeat(400);
    assert_eq!(client.session("soapp", &["app1", &endless]).array().len(), 1);
    assert_eq!(client.session("activity", &["app1", &endless]).int(), 1);
    assert_eq!(client.session("activity", &["app1"]).int(), 1);
    assert_eq!(client.session("activity", &["nobody"]).int(), 0);
}

#[test]
fn messages_tell_the_libraries_caches_of_changes_only() {
    let server = Server::start();
    let mut client = server.client();
    let mut listener = server.client();
    listener.run(&["SUBSCRIBE", "rs:cache"]);
    let tokens: Vec<_> =
        (0..6).map(|place| client.create(&format!("u{}", place / 2), &[])).collect();
    client.session("get", &["app1", &tokens[0]]);
    client.session("set", &["app1", &tokens[0], "{"]);
    client.session("set", &["app1", &tokens[0], r#"{"a":1}"#]);
    client.session("kill", &["app1", &tokens[1], &token_of('x')]);
    client.session("killsoid", &["app1", "u1"]);
    client.age(&tokens[4], 10_000);
    client.session("wipe", &[] as &[&str]);
    client.session("killall", &["app1"]);
    client.session("killall", &["app1"]);
    client.run(&["PUBLISH", "rs:cache", "end"]);
    let mut told = Vec::new();
    loop {
        let message = Value::read(&listener.send(b"")).array()[2].str().to_owned();
        if message == "end" {
            break;
        }
        told.push(message);
    }
    told[2..4].sort();
    let mut soid = [2, 3].map(|place| format!("app1:{}", tokens[place]));
    soid.sort();
    let mut all = [0, 5].map(|place| format!("app1:{}", tokens[place]));
    all.sort();
    told[5..].sort();
    let [set, killed, wiped] = [0, 1, 4].map(|place| format!("app1:{}", tokens[place]));
    assert_eq!(told, [&[set, killed][..], &soid, &[wiped], &all].concat());
}

#[test]
fn malformed_arguments_change_nothing() {
    let server = Server::start();
    let mut client = server.client();
    let token = client.create("bob", &["DATA", r#"{"a":1}"#]);
    let before = client.dump();
    let token = token.as_str();
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(65536));
    let arity = |name: &str| format!("ERR wrong number of arguments for 'session.{name}' command");
    let cases: &[(&str, &[&str], &str)] = &[
        ("create", &["app1", "bob"], &arity("create")),
        ("get", &["app1"], &arity("get")),
        ("kill", &["app1"], &arity("kill")),
        ("killall", &["app1", "x"], &arity("killall")),
        ("killsoid", &["app1", "bob", "x"], &arity("killsoid")),
        ("activity", &["app1", "10", "x"], &arity("activity")),
        ("wipe", &["x"], &arity("wipe")),
        ("help", &["x"], &arity("help")),
        ("create", &["", "bob", "ip", "FOO"], "ERR syntax error"),
        ("create", &["app1", "bob", "ip", "TTL"], "ERR syntax error"),
        ("create", &["app1", "bob", "ip", "DATA"], "ERR syntax error"),
        ("create", &["app1", "bob", "ip", "TTL", "10", "ttl", "10"], "ERR syntax error"),
        ("create", &["app1", "bob", "ip", "NORESAVE", "noresave"], "ERR syntax error"),
        ("create", &["app1", "bob", "ip", "PEEK"], "ERR syntax error"),
        ("get", &["", token, "FOO"], "ERR syntax error"),
        ("get", &["app1", token, "PEEK", "PEEK"], "ERR syntax error"),
        ("get", &["app1", token, "JSON", "PEEK", "json"], "ERR syntax error"),
        ("set", &["app1", token, "{}", "PEEK"], "ERR syntax error"),
        ("soid", &["app1", "bob", "JSON", "JSON"], "ERR syntax error"),
        ("soapp", &["app1", "10", "20"], "ERR syntax error"),
        ("soapp", &["app1", "JSON", "JSON"], "ERR syntax error"),
        ("create", &["", "", "", "TTL", "1", "DATA", "1"], "MISSINGPARAMETER No app supplied"),
        ("create", &["a", "", "", "TTL", "1", "DATA", "1"], "INVALIDFORMAT Invalid app format"),
        ("create", &["app1", "", "", "TTL", "1", "DATA", "1"], "MISSINGPARAMETER No id supplied"),
        ("create", &["app1", "\n", "", "TTL", "1", "DATA", "1"], "INVALIDFORMAT Invalid id format"),
        ("create", &["app1", "b", "", "TTL", "1", "DATA", "1"], "MISSINGPARAMETER No ip supplied"),
        (
            "create",
            &["app1", "b", "\t", "TTL", "1", "DATA", "1"],
            "INVALIDFORMAT Invalid ip format",
        ),
        (
            "create",
            &["app1", "b", "i", "TTL", "1", "DATA", "1"],
            "INVALIDVALUE ttl must be a positive integer >= 10",
        ),
        (
            "create",
            &["app1", "b", "i", "TTL", "30abc", "DATA", "1"],
            "INVALIDVALUE ttl must be a positive integer >= 10",
        ),
        (
            "create",
            &["app1", "b", "i", "TTL", "315360001", "DATA", "1"],
            "INVALIDVALUE ttl must be at most 315360000",
        ),
        ("create", &["app1", "b", "i", "DATA", "1"], "INVALIDVALUE d must be an object"),
        ("get", &["app1", ""], "MISSINGPARAMETER No token supplied"),
        ("get", &["app1", "x"], "INVALIDFORMAT Invalid token format"),
        ("kill", &["app1", token, "x"], "INVALIDFORMAT Invalid token format"),
        ("set", &["app1", token, "{}"], "INVALIDVALUE d must contain at least one key"),
        ("set", &["app1", token, &large], "INVALIDVALUE d is larger than 65536 bytes"),
        (
            "set",
            &["app1", token, r#"{"b":1,"a":{}}"#],
            "INVALIDVALUE d.a has a forbidden type, only strings, numbers, booleans and null are allowed",
        ),
        ("soapp", &["app1", "9"], "INVALIDVALUE dt must be a positive integer >= 10"),
        ("soapp", &["app1", "x", "JSON"], "INVALIDVALUE dt must be a positive integer >= 10"),
        ("activity", &["app1", ""], "INVALIDVALUE dt must be a positive integer >= 10"),
        ("activity", &["", "x"], "MISSINGPARAMETER No app supplied"),
        ("killsoid", &["app1", ""], "MISSINGPARAMETER No id supplied"),
    ];
    for (name, args, error) in cases {
        assert_eq!(client.session(name, args).error(), *error, "{name} {args:?}");
    }
    assert_eq!(client.dump(), before);
}

#[test]
fn in_multi_errors_and_help_stand_in_their_slots() {
    use bytes::BytesMut;
    use sessiond::session::{Error, refusal};

    let server = Server::start();
    let mut client = server.client();
    client.run(&["MULTI"]);
    let calls = [
        refusal::error_call(&Error::Ttl),
        refusal::error_call(&Error::Nested("x".to_owned())),
        refusal::lines_call(&["one".to_owned(), "two".to_owned()]),
    ];
    for call in &calls {
        let mut out = BytesMut::new();
        call.write_eval(&mut out);
        assert_eq!(client.send(&out), b"+QUEUED\r\n");
    }
    let frame = client.run(&["PING"]);
    assert_eq!(frame.str(), "QUEUED");
    let mut out = BytesMut::new();
    sessiond::resp::encode::command(&mut out, ["EXEC"]);
    assert_eq!(
        String::from_utf8(client.send(&out)).unwrap(),
        "*4\r\n-INVALIDVALUE ttl must be a positive integer >= 10\r\n\
         -INVALIDVALUE d.x has a forbidden type, only strings, numbers, booleans and null are \
         allowed\r\n*2\r\n+one\r\n+two\r\n+PONG\r\n"
    );
}
