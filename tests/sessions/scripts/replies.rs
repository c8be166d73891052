//! Messages to the libraries, refusals, and what stands in the slots of a transaction.

use super::harness::{Server, token_of};

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
        let message = listener.reply().items()[2].text();
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
        client.send(&out);
        assert_eq!(client.raw_reply(), b"+QUEUED\r\n");
    }
    let frame = client.run(&["PING"]);
    assert_eq!(frame.text(), "QUEUED");
    client.write(&["EXEC"]);
    assert_eq!(
        String::from_utf8(client.raw_reply()).unwrap(),
        "*4\r\n-INVALIDVALUE ttl must be a positive integer >= 10\r\n\
         -INVALIDVALUE d.x has a forbidden type, only strings, numbers, booleans and null are \
         allowed\r\n*2\r\n+one\r\n+two\r\n+PONG\r\n"
    );
}
