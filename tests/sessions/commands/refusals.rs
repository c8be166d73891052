//! What is wrong with a session command is said in the same words everywhere, and changes nothing.

use super::{create, nobody};
use crate::common::*;

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
    each_layout(|stack| {
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
    each_layout(|stack| {
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
    each_layout(|stack| {
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
    each_layout(|stack| {
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
    each_layout(|stack| {
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
