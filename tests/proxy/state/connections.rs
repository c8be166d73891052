//! Protocol, name, id and reply mode of a connection, and what `RESET` and `QUIT` make of them.

use super::add_user;
use crate::common::*;

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
