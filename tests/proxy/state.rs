//! What belongs to one connection (database, user, name, protocol, id) stays with it and reaches nobody else.

use crate::common::*;

/// Creates a user on the server itself.
fn add_user(redis: &Redis, name: &str, rules: &[&str]) {
    let mut command = args!("ACL", "SETUSER", name, "on", format!(">{name}-password"));
    command.extend(rules.iter().map(|rule| rule.to_arg()));
    assert_eq!(redis.client().run(&command).to_string(), "+OK");
}

#[test]
fn select_in_the_middle_of_a_pipeline() {
    each_mode(|stack| {
        let mut client = stack.client();
        let replies = client.pipeline(&[
            args!("SET", "k", "0"),
            args!("SELECT", "1"),
            args!("GET", "k"),
            args!("SET", "k", "1"),
            args!("SELECT", "99"),
            args!("GET", "k"),
            args!("SELECT", "2"),
            args!("SELECT", "0"),
            args!("GET", "k"),
            args!("SELECT", "x"),
            args!("SELECT"),
            args!("SELECT", "1"),
            args!("GET", "k"),
        ]);
        let shown: Vec<String> = replies.iter().map(Value::to_string).collect();
        let want = [
            "+OK",
            "+OK",
            "$nil",
            "+OK",
            "-ERR DB index is out of range",
            "\"1\"",
            "+OK",
            "+OK",
            "\"0\"",
            "-ERR value is not an integer or out of range",
            "-ERR wrong number of arguments for 'select' command",
            "+OK",
            "\"1\"",
        ];
        assert_eq!(shown, want);
    });
}

#[test]
fn hello_in_the_middle_of_a_pipeline() {
    each_mode(|stack| {
        let mut client = stack.client();
        let replies = client.pipeline(&[
            args!("HGETALL", "none"),
            args!("GET", "none"),
            args!("HELLO", "3"),
            args!("HGETALL", "none"),
            args!("GET", "none"),
            args!("HELLO", "2", "SETNAME", "me"),
            args!("GET", "none"),
            args!("CLIENT", "GETNAME"),
            args!("HELLO", "3"),
            args!("ZADD", "z", "1.5", "a"),
            args!("ZSCORE", "z", "a"),
            args!("RESET"),
            args!("ZSCORE", "z", "a"),
            args!("CLIENT", "GETNAME"),
        ]);
        assert!(matches!(replies[2], Value::Map(_)) && matches!(replies[5], Value::Array(_)));
        let shown: Vec<String> = [0, 1, 3, 4, 6, 7, 9, 10, 11, 12, 13]
            .into_iter()
            .map(|index: usize| replies[index].to_string())
            .collect();
        let name = "\"me\"";
        let want =
            ["[]", "$nil", "{}", "_", "$nil", name, "1", ",1.5", "+RESET", "\"1.5\"", "$nil"];
        assert_eq!(shown, want);
        assert_eq!(replies[2].field("id"), replies[5].field("id"));
    });
}

#[test]
fn fifty_clients_with_different_databases_users_and_names() {
    each_mode(|stack| {
        for number in 0..10 {
            add_user(&stack.redis, &format!("user{number}"), &["~*", "+@all"]);
        }
        let mut clients: Vec<Client> = (0..50).map(|_| stack.client()).collect();
        for (number, client) in clients.iter_mut().enumerate() {
            let user = format!("user{}", number % 10);
            check!(client, "AUTH", user, format!("{user}-password") => "+OK");
            check!(client, "SELECT", number % 16 => "+OK");
            check!(client, "CLIENT", "SETNAME", format!("name{number}") => "+OK");
            if number.is_multiple_of(2) {
                assert!(matches!(cmd!(client, "HELLO", "3"), Value::Map(_)));
            }
            check!(client, "SET", format!("own{number}"), number => "+OK");
        }
        let mut random = Random::seeded(99);
        for _ in 0..500 {
            let number = random.below(50);
            let client = &mut clients[number];
            if number.is_multiple_of(7) {
                check!(client, "MULTI" => "+OK");
                check!(client, "EXEC" => "[]");
            }
            let replies = client.pipeline(&[
                args!("ACL", "WHOAMI"),
                args!("CLIENT", "GETNAME"),
                args!("GET", format!("own{number}")),
                args!("GET", format!("own{}", (number + 1) % 50)),
            ]);
            let null = if number.is_multiple_of(2) { "_" } else { "$nil" };
            let shown: Vec<String> = replies.iter().map(Value::to_string).collect();
            let want = [
                format!("\"user{}\"", number % 10),
                format!("\"name{number}\""),
                format!("\"{number}\""),
                null.to_owned(),
            ];
            assert_eq!(shown, want, "client {number}");
        }
        let mut fresh = stack.client();
        check!(fresh, "ACL", "WHOAMI" => "\"default\"");
        check!(fresh, "CLIENT", "GETNAME" => "$nil");
        check!(fresh, "EXISTS", "own0" => "1");
        check!(fresh, "EXISTS", "own1" => "0");
    });
}

#[test]
fn reset_brings_back_the_beginning() {
    each_mode(|stack| {
        add_user(&stack.redis, "alice", &["~*", "+@all"]);
        let mut client = stack.client();
        let id = client.id();
        cmd!(client, "HELLO", "3", "AUTH", "alice", "alice-password", "SETNAME", "me");
        check!(client, "SELECT", "3" => "+OK");
        check!(client, "SET", "k", "in 3" => "+OK");
        check!(client, "WATCH", "k" => "+OK");
        check!(client, "MULTI" => "+OK");
        check!(client, "SET", "k", "queued" => "+QUEUED");
        check!(client, "RESET" => "+RESET");
        check!(client, "EXEC" => "-ERR EXEC without MULTI");
        check!(client, "GET", "k" => "$nil");
        check!(client, "ACL", "WHOAMI" => "\"default\"");
        check!(client, "CLIENT", "GETNAME" => "$nil");
        assert_eq!(client.id(), id);
    });
}

#[test]
fn quit_answers_then_closes() {
    each_mode(|stack| {
        for quit in [&b"QUIT\r\n"[..], b"*1\r\n$4\r\nquit\r\n"] {
            let mut client = stack.client();
            client.send(b"SET k 1\r\nINCR k\r\n");
            client.send(quit);
            assert_eq!(client.rest_until_closed(), b"+OK\r\n:2\r\n+OK\r\n");
        }
        let mut client = stack.client();
        check!(client, "MULTI" => "+OK");
        client.send(b"QUIT\r\n");
        assert_eq!(client.rest_until_closed(), b"+OK\r\n");
        let mut client = stack.client();
        cmd!(client, "SUBSCRIBE", "c");
        client.send(b"QUIT\r\n");
        assert_eq!(client.rest_until_closed(), b"+OK\r\n");
    });
}

#[test]
fn client_ids_are_unique_and_stay() {
    each_mode(|stack| {
        let mut clients: Vec<Client> = (0..50).map(|_| stack.client()).collect();
        let ids: Vec<i64> = clients.iter_mut().map(Client::id).collect();
        let distinct: std::collections::BTreeSet<&i64> = ids.iter().collect();
        assert_eq!(distinct.len(), 50, "{ids:?}");
        for (client, id) in clients.iter_mut().zip(&ids) {
            check!(client, "SELECT", "2" => "+OK");
            check!(client, "WATCH", "k" => "+OK");
            assert_eq!(client.id(), *id, "while watching");
            check!(client, "MULTI" => "+OK");
            check!(client, "CLIENT", "ID" => "+QUEUED");
            check!(client, "CLIENT", "GETNAME" => "+QUEUED");
            check!(client, "EXEC" => format!("[{id}, $nil]"));
            assert_eq!(cmd!(client, "HELLO", "3").field("id"), Value::Int(*id));
            check!(client, "SUBSCRIBE", "c" => ">[\"subscribe\", \"c\", 1]");
            assert_eq!(client.id(), *id, "while subscribed");
            check!(client, "UNSUBSCRIBE" => ">[\"unsubscribe\", \"c\", 0]");
            check!(client, "BLPOP", "none", "0.01" => "_");
            assert_eq!(client.id(), *id, "after blocking");
        }
    });
}

#[test]
fn names_are_checked_and_kept() {
    each_mode(|stack| {
        let plain = Redis::start();
        let (mut expected, mut actual) = (plain.client(), stack.client());
        let commands = [
            args!("CLIENT", "GETNAME"),
            args!("CLIENT", "SETNAME", "with space"),
            args!("CLIENT", "SETNAME", "line\nend"),
            args!("CLIENT", "SETNAME", "me"),
            args!("CLIENT", "GETNAME"),
            args!("MULTI"),
            args!("CLIENT", "SETNAME", "you"),
            args!("EXEC"),
            args!("CLIENT", "GETNAME"),
            args!("client", "setname", ""),
            args!("CLIENT", "GETNAME"),
            args!("CLIENT", "SETNAME"),
            args!("CLIENT", "SETNAME", "a", "b"),
            args!("CLIENT", "GETNAME", "x"),
            args!("CLIENT", "ID", "x"),
            args!("CLIENT", "NOSUCH"),
            args!("CLIENT"),
            args!("CLIENT", "SETINFO", "LIB-NAME", "test"),
            args!("CLIENT", "SETINFO", "LIB-NAME", "with space"),
            args!("CLIENT", "SETINFO", "NOSUCH", "x"),
            args!("CLIENT", "SETINFO"),
            args!("HELLO", "2", "SETNAME", "bad name"),
            args!("CLIENT", "GETNAME"),
            args!("CLIENT", "NO-EVICT", "on"),
            args!("CLIENT", "HELP"),
        ];
        for command in commands {
            let want = {
                expected.write(&command);
                expected.raw_reply()
            };
            actual.write(&command);
            let got = actual.raw_reply();
            assert_eq!(
                got.escape_ascii().to_string(),
                want.escape_ascii().to_string(),
                "{}",
                args_text(&command)
            );
        }
    });
}

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

#[test]
fn databases_hold_their_own_sessions() {
    each_mode(|stack| {
        let (mut zero, mut nine) = (stack.client(), stack.client());
        check!(nine, "SELECT", "9" => "+OK");
        let token = cmd!(nine, "SESSION.CREATE", "app", "user", "ip").text();
        check!(zero, "SESSION.GET", "app", token => "$nil");
        check!(zero, "SESSION.KILL", "app", token => "0");
        check!(zero, "SESSION.KILLALL", "app" => "0");
        check!(zero, "DBSIZE" => "0");
        check!(nine, "SESSION.ACTIVITY", "app" => "1");
        check!(nine, "SESSION.KILLALL", "app" => "1");
        check!(nine, "DBSIZE" => "0");
    });
}

#[test]
fn a_user_stays_in_a_database_that_it_may_not_select() {
    each_mode(|stack| {
        let mut admin = stack.redis.client();
        check!(admin, "ACL", "SETUSER", "reader", "on", ">pw", "~*", "+get", "+watch", "+unwatch" => "+OK");
        check!(admin, "SELECT", "9" => "+OK");
        check!(admin, "SET", "k", "in 9" => "+OK");
        let mut client = stack.client();
        check!(client, "SELECT", "9" => "+OK");
        check!(client, "AUTH", "reader", "pw" => "+OK");
        for _ in 0..3 {
            check!(client, "GET", "k" => "\"in 9\"");
            check!(client, "WATCH", "k" => "+OK");
            check!(client, "UNWATCH" => "+OK");
        }
        assert!(cmd!(client, "SELECT", "1").error().starts_with("NOPERM "));
        check!(client, "GET", "k" => "\"in 9\"");
    });
}

#[test]
fn skipped_replies_are_those_that_redis_skips() {
    each_mode(|stack| {
        let mut client = stack.client();
        let skip = args!("CLIENT", "REPLY", "SKIP");
        let sent = [
            args!("ECHO", "first"),
            skip.clone(),
            skip.clone(),
            args!("ECHO", "skipped"),
            args!("ECHO", "second"),
            skip.clone(),
            args!("ECHO", "skipped"),
            args!("ECHO", "third"),
            skip,
            args!("CLIENT", "SETNAME", "unheard"),
            args!("CLIENT", "GETNAME"),
        ];
        let bytes: Vec<u8> = sent.iter().flat_map(|command| encode(command)).collect();
        client.send(&bytes);
        for reply in ["first", "second", "third", "unheard"] {
            assert_eq!(client.reply().text(), reply);
        }
        client.write(&["CLIENT", "REPLY", "OFF"]);
        client.write(&["CLIENT", "SETNAME", "again"]);
        check!(client, "CLIENT", "REPLY", "ON" => "+OK");
        check!(client, "CLIENT", "GETNAME" => "\"again\"");
        let id = client.id();
        let listed = cmd!(client, "CLIENT", "LIST", "ID", id).text();
        assert!(listed.contains(" name=again "), "{listed}");
    });
}

#[test]
fn replies_that_are_off_and_subscriptions_keep_their_order() {
    each_mode(|stack| {
        let told = |sent: &[&[&str]], end: &[u8]| {
            let mut client = stack.client();
            let bytes: Vec<u8> = sent.iter().flat_map(|command| encode(command)).collect();
            client.send(&bytes);
            client.finish_writing();
            let all = client.rest_until_closed();
            assert!(all.ends_with(end), "{}", all.escape_ascii());
            String::from_utf8(all).unwrap()
        };
        let off = ["CLIENT", "REPLY", "OFF"];
        let subscribe = ["SUBSCRIBE", "c"];
        let confirmed = "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n";
        assert_eq!(
            told(&[&off, &subscribe, &["RESET"], &["PING"]], b"+PONG\r\n"),
            format!("{confirmed}+RESET\r\n+PONG\r\n")
        );
        // A subscriber may not switch replies off in RESP2.
        let refused = "Can't execute 'client|reply'";
        let all = told(&[&subscribe, &off, &["PING", "a"], &off, &["PING", "b"]], b"\r\nb\r\n");
        let places: Vec<usize> = all.match_indices(refused).map(|(at, _)| at).collect();
        assert_eq!(places.len(), 2, "{all}");
        let first = all.find("$1\r\na\r\n").unwrap();
        assert!(places[0] < first && first < places[1], "{all}");
    });
}
