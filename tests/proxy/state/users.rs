//! The user of a connection, its password and its rights.

use super::add_user;
use crate::common::*;

#[test]
fn nothing_runs_before_the_password() {
    each_mode_with(&["--requirepass", "secret"], &[], |mut stack| {
        if !direct() {
            // The upstream's address here has no password, so the control plane may well complain.
            stack.sessiond().expect_troubles();
        }
        unauthenticated(&stack);
    });
}

#[test]
fn the_password_in_the_upstream_url_is_not_lent_to_clients() {
    each_mode(|stack| {
        let Stack { redis, mode, .. } = &stack;
        check!(redis.client(), "CONFIG", "SET", "requirepass", "secret" => "+OK");
        let url = format!("redis://:secret@127.0.0.1:{}", redis.port());
        let options = mode.options(&["--upstream", &url, "--wipe", "0"]);
        let sessiond = Sessiond::start(&options);
        let mut client = sessiond.client();
        check!(client, "GET", "k" => "-NOAUTH Authentication required.");
        check!(client, "AUTH", "secret" => "+OK");
        check!(client, "GET", "k" => "$nil");
    });
}

fn unauthenticated(stack: &Stack) {
    let noauth = "-NOAUTH Authentication required.";
    let mut client = stack.client();
    for command in [
        args!("PING"),
        args!("GET", "k"),
        args!("MULTI"),
        args!("WATCH", "k"),
        args!("SUBSCRIBE", "c"),
        args!("BLPOP", "l", "0"),
        args!("MONITOR"),
        args!("SELECT", "1"),
        args!("CLIENT", "ID"),
        args!("CLIENT", "SETNAME", "x"),
        args!("CLIENT", "GETNAME"),
        args!("COMMAND"),
        args!("EVAL", "return 1", "0"),
        args!("SESSION.ACTIVITY", "app"),
        args!("SESSION.CREATE", "app", "id", "ip", "TTL", "100", "DATA", "{}", "NORESAVE"),
        args!("SESSION.KILLALL", "app"),
        args!("SESSION.SOAPP", "app", "60", "JSON"),
        args!("SESSION.WIPE"),
    ] {
        assert_eq!(client.run(&command).to_string(), noauth, "{}", args_text(&command));
    }
    let mut redis = stack.redis.client();
    let lines =
        ["HELLO 3", "HELLO", "AUTH wrong", "AUTH nobody secret", "NOSUCH x", "GET", "EXEC", "AUTH"];
    for line in lines.map(|line| format!("{line}\r\n")) {
        redis.send(line.as_bytes());
        client.send(line.as_bytes());
        let want = redis.raw_reply().escape_ascii().to_string();
        assert_eq!(client.raw_reply().escape_ascii().to_string(), want, "{line}");
    }
    assert!(cmd!(client, "AUTH", "wrong").error().starts_with("WRONGPASS "));

    // Redis does not let strangers send much: it closes their connection, and only theirs.
    let mut owner = stack.client();
    check!(owner, "AUTH", "secret" => "+OK");
    let many: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    for greedy in [encode(&many), b"*2\r\n$3\r\nGET\r\n$20000\r\n".to_vec()] {
        let (mut stranger, mut reference) = (stack.client(), stack.redis.client());
        check!(stranger, "GET", "k" => noauth);
        stranger.send(&greedy);
        reference.send(&greedy);
        let got = stranger.rest_until_closed().escape_ascii().to_string();
        assert_eq!(got, reference.rest_until_closed().escape_ascii().to_string());
        assert!(got.contains("Protocol error: unauthenticated"), "{got}");
        check!(owner, "SET", "k", "1" => "+OK");
    }
    let mut tokens = args!("SESSION.KILL", "app");
    tokens.extend((0..30).map(|_| vec![b'x'; 64]));
    let mut stranger = stack.client();
    stranger.write(&tokens);
    let rest = String::from_utf8_lossy(&stranger.rest_until_closed()).into_owned();
    assert!(rest.starts_with("-ERR Protocol error: unauthenticated"), "{rest}");
    check!(owner, "SESSION.KILLALL", "app" => "0");

    let replies = client.pipeline(&[
        args!("GET", "k"),
        args!("AUTH", "secret"),
        args!("GET", "k"),
        args!("AUTH", "wrong"),
        args!("GET", "k"),
        args!("HELLO", "3", "AUTH", "default", "secret"),
        args!("RESET"),
        args!("GET", "k"),
    ]);
    let shown = |index: usize| replies[index].to_string();
    assert_eq!([shown(0), shown(1), shown(2)], [noauth, "+OK", "\"1\""]);
    assert!(replies[3].error().starts_with("WRONGPASS "));
    assert_eq!(shown(4), "\"1\"");
    assert!(matches!(replies[5], Value::Map(_)));
    assert_eq!([shown(6), shown(7)], ["+RESET", noauth]);
}

#[test]
fn rights_are_those_of_the_own_user() {
    each_mode(|stack| {
        add_user(&stack.redis, "reader", &["~pub:*", "+get", "+mget", "+auth", "+multi", "+exec"]);
        add_user(&stack.redis, "writer", &["~*", "&*", "+@all"]);
        let (mut reader, mut writer) = (stack.client(), stack.client());
        check!(reader, "AUTH", "reader", "reader-password" => "+OK");
        check!(writer, "AUTH", "writer", "writer-password" => "+OK");
        check!(writer, "SET", "pub:a", "1" => "+OK");
        check!(writer, "SET", "priv:a", "2" => "+OK");
        check!(reader, "GET", "pub:a" => "\"1\"");
        let mut reference = stack.redis.client();
        check!(reference, "AUTH", "reader", "reader-password" => "+OK");
        for command in [
            args!("GET", "priv:a"),
            args!("SET", "pub:a", "x"),
            args!("MGET", "pub:a", "priv:a"),
            args!("SELECT", "1"),
            args!("CONFIG", "GET", "*"),
            args!("CLIENT", "SETNAME", "x"),
            args!("SUBSCRIBE", "c"),
            args!("BLPOP", "pub:l", "0"),
            args!("EVAL", "return 1", "0"),
            args!("WATCH", "pub:a"),
        ] {
            let want = reference.run(&command).to_string();
            assert!(want.starts_with("-NOPERM"), "{want}");
            assert_eq!(reader.run(&command).to_string(), want, "{}", args_text(&command));
        }
        check!(reader, "MULTI" => "+OK");
        assert!(cmd!(reader, "SET", "pub:a", "x").error().starts_with("NOPERM"));
        assert!(cmd!(reader, "EXEC").error().starts_with("EXECABORT"));
        check!(writer, "GET", "priv:a" => "\"2\"");
    });
}

#[test]
fn a_password_set_later_holds_for_later_connections() {
    each_mode(|mut stack| {
        if !direct() {
            stack.sessiond().expect_troubles();
        }
        let mut early = stack.client();
        check!(early, "SET", "k", "1" => "+OK");
        check!(stack.redis.client(), "CONFIG", "SET", "requirepass", "secret" => "+OK");
        eventually("new connections need the password", || {
            let mut client = stack.client();
            (cmd!(client, "GET", "k").to_string() == "-NOAUTH Authentication required.")
                .then_some(())
        });
        let mut late = stack.client();
        check!(late, "AUTH", "secret" => "+OK");
        check!(late, "GET", "k" => "\"1\"");
    });
}

#[test]
fn a_user_changed_later_is_changed_for_new_connections() {
    each_mode(|stack| {
        add_user(&stack.redis, "bob", &["~*", "+@all"]);
        let mut early = stack.client();
        check!(early, "AUTH", "bob", "bob-password" => "+OK");
        check!(early, "SET", "k", "1" => "+OK");
        let mut redis = stack.redis.client();
        check!(redis, "ACL", "SETUSER", "bob", "resetpass", ">other", "-set" => "+OK");
        eventually("the old password stops working", || {
            let mut client = stack.client();
            let got = cmd!(client, "AUTH", "bob", "bob-password");
            (got.is_error() && got.error().starts_with("WRONGPASS")).then_some(())
        });
        let mut late = stack.client();
        check!(late, "AUTH", "bob", "other" => "+OK");
        assert!(cmd!(late, "SET", "k", "2").error().starts_with("NOPERM"));
        assert!(cmd!(early, "SET", "k", "2").error().starts_with("NOPERM"), "as on Redis itself");
    });
}

#[test]
fn deleting_a_user_cuts_its_connections_and_no_others() {
    each_mode(|mut stack| {
        if !direct() {
            stack.sessiond().expect_troubles();
        }
        add_user(&stack.redis, "carol", &["~*", "+@all"]);
        add_user(&stack.redis, "dave", &["~*", "+@all"]);
        let mut gone: Vec<Client> = (0..5).map(|_| stack.client()).collect();
        for client in &mut gone {
            check!(client, "AUTH", "carol", "carol-password" => "+OK");
            check!(client, "SET", "k", "1" => "+OK");
        }
        let mut stays = stack.client();
        check!(stays, "AUTH", "dave", "dave-password" => "+OK");
        let mut plain = stack.client();
        check!(stack.redis.client(), "ACL", "DELUSER", "carol" => "1");
        for client in &mut gone {
            client.rest_until_closed();
        }
        check!(stays, "GET", "k" => "\"1\"");
        check!(plain, "GET", "k" => "\"1\"");
        let mut late = stack.client();
        assert!(cmd!(late, "AUTH", "carol", "carol-password").error().starts_with("WRONGPASS"));
    });
}

/// Redis up to 7.0 does what it reads, option by option; later versions look at all of them first.
#[test]
fn a_hello_that_is_refused_may_have_changed_the_user() {
    each_mode(|stack| {
        let twin = Redis::start();
        for redis in [&stack.redis, &twin] {
            check!(redis.client(), "ACL", "SETUSER", "joe", "on", ">jp", "~*", "+@all" => "+OK");
        }
        let told = |mut client: Client, hello: &[Vec<u8>]| {
            let refused = client.run(hello).to_string();
            let user = cmd!(client, "ACL", "WHOAMI").to_string();
            let info = cmd!(client, "CLIENT", "INFO").text();
            let shown = info.split(' ').filter(|part| {
                ["user=", "name=", "resp="].iter().any(|name| part.trim().starts_with(name))
            });
            (refused, user, shown.map(|part| part.trim().to_owned()).collect::<Vec<_>>())
        };
        for hello in [
            args!("HELLO", "3", "AUTH", "joe", "jp", "SETNAME", "b ad"),
            args!("HELLO", "3", "SETNAME", "b ad", "AUTH", "joe", "jp"),
            args!("HELLO", "3", "SETNAME", "me", "AUTH", "joe", "jp", "NOSUCH"),
            args!("HELLO", "3", "AUTH", "joe", "no", "SETNAME", "me"),
            args!("HELLO", "9", "AUTH", "joe", "jp"),
        ] {
            let want = told(twin.client(), &hello);
            assert_eq!(told(stack.client(), &hello), want, "{}", args_text(&hello));
        }
    });
}
