//! Upstream connections run as one user in one database: no client gets one that is another's or from before.

use crate::common::*;

const NOAUTH: &str = "-NOAUTH Authentication required.";

/// Asks inside and outside a transaction who the client is.
fn assert_runs_as(client: &mut Client, user: &str) {
    check!(client, "ACL", "WHOAMI" => format!("\"{user}\""));
    check!(client, "MULTI" => "+OK");
    check!(client, "ACL", "WHOAMI" => "+QUEUED");
    check!(client, "EXEC" => format!("[\"{user}\"]"));
}

#[test]
fn a_refused_hello_lends_its_user_to_nobody() {
    each_mode(|stack| {
        check!(stack.redis.client(), "ACL", "SETUSER", "admin", "on", ">pw", "~*", "+@all" => "+OK");
        let mut bystander = stack.client();
        for _ in 0..10 {
            let mut client = stack.client();
            check!(client, "HELLO", "2", "AUTH", "admin", "pw", "BADOPT" =>
                "-ERR Syntax error in HELLO option 'BADOPT'");
            assert_runs_as(&mut bystander, "default");
            drop(client);
            assert_runs_as(&mut bystander, "default");
            assert_runs_as(&mut stack.client(), "default");
        }
    });
}

#[test]
fn a_hello_refused_inside_a_transaction_lends_its_user_to_nobody() {
    each_mode(|stack| {
        check!(stack.redis.client(), "ACL", "SETUSER", "admin", "on", ">pw", "~*", "+@all" => "+OK");
        let mut bystander = stack.client();
        for _ in 0..10 {
            let (mut client, mut reference) = (stack.client(), stack.redis.client());
            for command in [
                args!("MULTI"),
                args!("HELLO", "2", "AUTH", "admin", "pw", "BADOPT"),
                args!("SET", "k", "1"),
                args!("EXEC"),
            ] {
                let want = reference.run(&command).to_string();
                assert_eq!(client.run(&command).to_string(), want, "{}", args_text(&command));
            }
            assert_runs_as(&mut bystander, "default");
            drop(client);
            assert_runs_as(&mut bystander, "default");
            assert_runs_as(&mut stack.client(), "default");
        }
    });
}

#[test]
fn a_refused_hello_leaves_its_client_as_redis_does() {
    each_mode(|stack| {
        check!(stack.redis.client(), "ACL", "SETUSER", "admin", "on", ">pw", "~*", "+@all" => "+OK");
        let (mut client, mut reference) = (stack.client(), stack.redis.client());
        for command in [
            args!("HELLO", "2", "AUTH", "admin", "pw", "BADOPT"),
            args!("ACL", "WHOAMI"),
            args!("HELLO", "3", "BADOPT"),
            args!("HGETALL", "none"),
        ] {
            let want = reference.run(&command).to_string();
            assert_eq!(client.run(&command).to_string(), want, "{}", args_text(&command));
        }
    });
}

#[test]
fn connections_from_before_the_password_serve_no_new_client() {
    each_mode(|mut stack| {
        if !direct() {
            stack.sessiond().expect_troubles();
        }
        let mut early: Vec<Client> = (0..8).map(|_| stack.client()).collect();
        for client in &mut early {
            for _ in 0..5 {
                check!(client, "MULTI" => "+OK");
                check!(client, "EXEC" => "[]");
                check!(client, "BLPOP", "none", "0.001" => "*nil");
                check!(client, "WATCH", "k" => "+OK");
                check!(client, "UNWATCH" => "+OK");
            }
        }
        // These still hold a connection when the password comes, and give it back only afterwards.
        for client in &mut early[..4] {
            check!(client, "MULTI" => "+OK");
        }
        check!(stack.redis.client(), "CONFIG", "SET", "requirepass", "secret" => "+OK");
        eventually("new connections need the password, on every worker", || {
            let mut clients: Vec<Client> = (0..12).map(|_| stack.client()).collect();
            let refused = |client: &mut Client| cmd!(client, "GET", "k").to_string() == NOAUTH;
            clients.iter_mut().all(refused).then_some(())
        });
        for client in &mut early[..4] {
            check!(client, "EXEC" => "[]");
        }
        for round in 0..25 {
            // Whatever an early client still gets, its connections stay its own.
            cmd!(early[4 + round % 4], "BLPOP", "none", "0.001");
            for command in [
                args!("MULTI"),
                args!("WATCH", "k"),
                args!("BLPOP", "none", "0.001"),
                args!("SUBSCRIBE", "c"),
                args!("GET", "k"),
            ] {
                let got = stack.client().run(&command).to_string();
                assert_eq!(got, NOAUTH, "{} in round {round}", args_text(&command));
            }
        }
    });
}

#[test]
fn after_auth_every_command_is_in_the_database_of_the_upstream_url() {
    each_mode(|mut stack| {
        stack.sessiond().expect_troubles();
        let Stack { redis, mode, .. } = &stack;
        let mut server = redis.client();
        check!(server, "CONFIG", "SET", "requirepass", "pw" => "+OK");
        check!(server, "SELECT", "3" => "+OK");
        let mut zero = redis.client();
        check!(zero, "AUTH", "pw" => "+OK");
        for secret in ["", ":pw@"] {
            let url = format!("redis://{secret}127.0.0.1:{}/3", redis.port());
            let mut sessiond = Sessiond::start(&mode.options(&["--upstream", &url, "--wipe", "0"]));
            sessiond.expect_troubles();
            for login in [
                args!("AUTH", "pw"),
                args!("AUTH", "default", "pw"),
                args!("HELLO", "3", "AUTH", "default", "pw"),
            ] {
                let commands = [
                    login.clone(),
                    args!("MULTI"),
                    args!("SET", "x", "1"),
                    args!("EXEC"),
                    args!("GET", "x"),
                ];
                let mut one_by_one = sessiond.client();
                let single: Vec<Value> =
                    commands.iter().map(|command| one_by_one.run(command)).collect();
                let at_once = sessiond.client().pipeline(&commands);
                for replies in [single, at_once] {
                    assert!(!replies[0].is_error(), "{}: {}", args_text(&login), replies[0]);
                    let shown: Vec<String> = replies[1..].iter().map(Value::to_string).collect();
                    let want = ["+OK", "+QUEUED", "[+OK]", "\"1\""];
                    assert_eq!(shown, want, "{url} {}", args_text(&login));
                }
                check!(server, "GET", "x" => "\"1\"");
                check!(zero, "EXISTS", "x" => "0");
                check!(server, "DEL", "x" => "1");
            }
        }
    });
}

#[test]
fn a_login_is_said_once_and_in_the_words_of_the_client() {
    each_mode(|stack| {
        let mut redis = stack.redis.client();
        check!(redis, "ACL", "SETUSER", "joe", "on", ">pw", "~*", "+@all" => "+OK");
        let wrong = "-WRONGPASS invalid username-password pair or user is disabled.";
        let without = "-ERR AUTH <password> called without any password configured for the default user. \
            Are you sure your configuration is correct?";
        let mut client = stack.client();
        check!(client, "GET", "k" => "$nil");
        let mut monitor = stack.redis.client();
        check!(monitor, "MONITOR" => "+OK");
        check!(client, "auth", "nobody" => without);
        check!(client, "Auth", "joe", "no" => wrong);
        check!(client, "hello", "2", "auth", "joe", "no" => wrong);
        check!(client, "autH", "joe", "pw" => "+OK");
        check!(client, "GET", "k" => "$nil");
        assert_runs_as(&mut client, "joe");
        let mut other = stack.client();
        let hello = cmd!(other, "Hello", "3", "AUTH", "joe", "pw").to_string();
        let own = format!("\"id\": {}", other.id());
        assert!(hello.contains(&own), "{own} in {hello}");
        check!(redis, "ECHO", "end" => "\"end\"");
        let line = || Some(monitor.line()).filter(|line| !line.contains("end"));
        let lines: Vec<String> = std::iter::from_fn(line)
            .map(|line| line.split("] ").nth(1).unwrap().trim_end().to_owned())
            .collect();
        let said = [
            r#""auth" "(redacted)""#,
            r#""Auth" "(redacted)" "(redacted)""#,
            r#""hello" "2" "auth" "(redacted)" "(redacted)""#,
            r#""autH" "(redacted)" "(redacted)""#,
            r#""Hello" "3" "AUTH" "(redacted)" "(redacted)""#,
        ];
        // Of those who are refused the server hears nothing else.
        assert_eq!(lines[..3], said[..3]);
        // A connection of its own is logged in for the client.
        let ours = r#""AUTH" "(redacted)" "(redacted)""#;
        let is_login = |line: &&String| line.contains("(redacted)") && **line != ours;
        let logins: Vec<&String> = lines.iter().filter(is_login).collect();
        assert_eq!(logins, said);
    });
}
