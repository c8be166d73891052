//! Replies that are left out: the client gets what Redis gives, when Redis gives it, even if that is no whole reply; and
//! whatever it says meanwhile means what it means at other times.

use std::time::Duration;

use socket2::SockRef;

use crate::behind::*;
use crate::common::*;

type Command = Vec<Vec<u8>>;

/// What comes over the connection until this, in one form for comparisons.
fn until(client: &mut Client, end: &[u8]) -> String {
    hurry(client, 10);
    let mut bytes = Vec::new();
    while !bytes.ends_with(end) {
        bytes.extend(client.read_bytes(1));
    }
    bytes.escape_ascii().to_string()
}

/// EXEC is answered with the beginning of an array whose rest is left out, so what comes then is no reply to anything.
#[test]
fn replies_switched_off_in_a_transaction_are_left_out_as_by_redis() {
    each_mode(|stack| {
        let twin = Redis::start();
        // Each part with the end of what Redis gives for it.
        let parts: [(&[Command], &[u8]); 3] = [
            (
                &[
                    args!("MULTI"),
                    args!("SELECT", "1"),
                    args!("CLIENT", "REPLY", "OFF"),
                    args!("SET", "k", "v"),
                    args!("EXEC"),
                ],
                b"*3\r\n+OK\r\n",
            ),
            (
                &[args!("GET", "k"), args!("SET", "later", "w"), args!("CLIENT", "REPLY", "ON")],
                b"+OK\r\n",
            ),
            (&[args!("GET", "k"), args!("GET", "later"), args!("ECHO", "end")], b"end\r\n"),
        ];
        let all: Vec<Command> = parts.iter().flat_map(|(requests, _)| requests.to_vec()).collect();
        let (mut client, mut plain) = (stack.client(), twin.client());
        // What the server has said so far is with the client, though an array has not come to its end.
        for (requests, end) in parts {
            client.send(&piece(requests));
            plain.send(&piece(requests));
            let want = until(&mut plain, end);
            assert_eq!(until(&mut client, end), want, "up to {}", end.escape_ascii());
        }
        let (mut client, mut plain) = (stack.client(), twin.client());
        client.send(&piece(&all));
        plain.send(&piece(&all));
        let want = until(&mut plain, b"end\r\n");
        assert_eq!(until(&mut client, b"end\r\n"), want, "in one piece");
        check!(stack.client(), "GET", "k" => "$nil");
    });
}

#[test]
fn replies_switched_on_in_a_transaction_change_nothing() {
    each_mode(|stack| {
        let mut client = stack.client();
        let id = client.id();
        assert!(!cmd!(client, "SESSION.CREATE", "shop", "alice", "127.0.0.1").is_error());
        let before = cmd!(client, "SESSION.SOID", "shop", "alice").to_string();
        check!(client, "MULTI" => "+OK");
        check!(client, "CLIENT", "REPLY", "ON" => "+QUEUED");
        check!(client, "EXEC" => "[+OK]");
        assert_eq!(client.id(), id);
        assert_eq!(cmd!(client, "SESSION.SOID", "shop", "alice").to_string(), before);
    });
}

/// The ways to say which replies are given, inside of transactions, around them, and with what may be wrong with them.
#[test]
fn whatever_is_left_out_is_what_redis_leaves_out() {
    const TRIES: [&str; 18] = [
        "MULTI|CLIENT REPLY ON|EXEC",
        "MULTI|GET k|CLIENT REPLY ON|GET k|EXEC|GET k",
        "MULTI|GET k|CLIENT REPLY SKIP|GET k|EXEC|GET k|GET k|GET k",
        "MULTI|CLIENT REPLY OFF|GET k|CLIENT REPLY ON|GET k|EXEC|GET k",
        "MULTI|CLIENT REPLY OFF|CLIENT REPLY SKIP|EXEC|GET k|CLIENT REPLY ON",
        "MULTI|CLIENT REPLY SKIP|CLIENT REPLY OFF|EXEC|GET k|CLIENT REPLY ON|GET k",
        "MULTI|CLIENT REPLY SKIP|CLIENT REPLY ON|EXEC|GET k|GET k",
        "MULTI|CLIENT REPLY MAYBE|CLIENT REPLY|EXEC|GET k",
        "CLIENT REPLY OFF|MULTI|GET k|CLIENT REPLY ON|GET k|EXEC|GET k",
        "CLIENT REPLY OFF|MULTI|GET k|EXEC|GET k|CLIENT REPLY SKIP|GET k|CLIENT REPLY ON",
        "CLIENT REPLY OFF|MULTI|NOSUCH|EXEC|DISCARD|WATCH k|MULTI|DISCARD|CLIENT REPLY ON",
        "CLIENT REPLY OFF|RESET x|SET k w|CLIENT REPLY ON|GET k",
        "CLIENT REPLY OFF|MULTI|RESET x|SET k w|EXEC|CLIENT REPLY ON|GET k",
        "CLIENT REPLY OFF|MULTI|SET k w|RESET|GET k|EXEC",
        "CLIENT REPLY SKIP|RESET|GET k|CLIENT REPLY SKIP|MULTI|GET k|EXEC",
        "CLIENT REPLY SKIP|CLIENT REPLY SKIP|GET k|GET k|CLIENT REPLY SKIP|CLIENT REPLY ON|GET k",
        "CLIENT REPLY OFF|SUBSCRIBE a b|UNSUBSCRIBE b a|GET k|CLIENT REPLY ON|SUBSCRIBE|GET k",
        "CLIENT REPLY OFF|CLIENT TRACKING ON REDIRECT 999999|SET k w|CLIENT REPLY ON|GET k",
    ];
    each_mode(|stack| {
        let twin = Redis::start();
        for words in TRIES {
            let mut requests: Vec<Command> =
                words.split('|').map(|line| args!(line)).map(|line| split(&line[0])).collect();
            requests.push(args!("ECHO", "end"));
            for together in [true, false] {
                let (mut client, mut plain) = (stack.client(), twin.client());
                for redis in [&mut client, &mut plain] {
                    check!(redis, "SET", "k", "v" => "+OK");
                    if together {
                        redis.send(&piece(&requests));
                    } else {
                        requests.iter().for_each(|request| redis.write(request));
                    }
                }
                let want = until(&mut plain, b"$3\r\nend\r\n");
                assert_eq!(until(&mut client, b"$3\r\nend\r\n"), want, "{words}");
                check!(client, "ECHO", "more" => "\"more\"");
            }
        }
    });
}

fn split(line: &[u8]) -> Command {
    line.split(|&byte| byte == b' ').map(<[u8]>::to_vec).collect()
}

/// What lists clients or sessions, and what names one, never speaks of the server's connections or of tokens.
#[test]
fn what_was_said_about_replies_changes_nothing_of_other_commands() {
    each_mode(|stack| {
        if direct() {
            return;
        }
        let before: [&[Command]; 4] = [
            &[args!("MULTI"), args!("CLIENT", "REPLY", "ON"), args!("EXEC")],
            &[args!("CLIENT", "REPLY", "OFF"), args!("CLIENT", "REPLY", "ON")],
            &[args!("CLIENT", "REPLY", "OFF"), args!("SUBSCRIBE", "a"), args!("RESET")],
            &[
                args!("MULTI"),
                args!("CLIENT", "REPLY", "OFF"),
                args!("EXEC"),
                args!("MULTI"),
                args!("CLIENT", "REPLY", "ON"),
                args!("EXEC"),
            ],
        ];
        for said in before {
            let (mut client, mut other) = (stack.client(), stack.client());
            hurry(&client, 10);
            let (id, others) = (client.id(), other.id());
            client.send(&piece(said));
            client.write(&args!("ECHO", "said"));
            until(&mut client, b"said\r\n");
            let token = cmd!(client, "SESSION.CREATE", "shop", "alice", "1.2.3.4").text();
            assert_eq!(token.len(), 64, "{token}");
            let sessions = cmd!(client, "SESSION.SOID", "shop", "alice").to_string();
            assert!(sessions.contains("alice") && !sessions.contains(&token), "{sessions}");
            assert_eq!(client.id(), id);
            let list = cmd!(client, "CLIENT", "LIST").text();
            assert!(list.contains(&format!("id={id} ")), "{list}");
            assert!(list.contains(&format!("id={others} ")), "{list}");
            check!(client, "CLIENT", "KILL", "TYPE", "pubsub" => "0");
            check!(client, "CLIENT", "KILL", "ID", others => "1");
            assert!(other.rest_until_closed().is_empty());
            check!(client, "SESSION.KILLALL", "shop" => "1");
        }
    });
}

/// One that names a client names the one that clients know under this id, also where nobody hears the answer.
#[test]
fn commands_about_clients_while_replies_are_off() {
    each_mode(|stack| {
        for in_transaction in [false, true] {
            let (mut client, mut victim, mut other) =
                (stack.client(), stack.client(), stack.client());
            hurry(&client, 10);
            let (id, others) = (victim.id(), other.id());
            let mut requests = vec![
                args!("CLIENT", "KILL", "ID", id),
                args!("CLIENT", "UNBLOCK", others),
                args!("SESSION.CREATE", "shop", "alice", "1.2.3.4"),
                args!("CLIENT", "SETNAME", "muted"),
            ];
            if in_transaction {
                requests.insert(0, args!("MULTI"));
                requests.push(args!("EXEC"));
            }
            if direct() {
                requests.retain(|request| !request[0].starts_with(b"SESSION"));
            }
            other.write(&args!("BLPOP", "queue", "0"));
            stack.redis.wait_blocked(1);
            client.write(&args!("CLIENT", "REPLY", "OFF"));
            client.send(&piece(&requests));
            check!(client, "CLIENT", "REPLY", "ON" => "+OK");
            assert!(victim.rest_until_closed().is_empty());
            assert_eq!(other.reply().to_string(), "*nil");
            check!(other, "PING" => "+PONG");
            check!(client, "CLIENT", "GETNAME" => "\"muted\"");
            if !direct() {
                assert_eq!(cmd!(client, "SESSION.KILLALL", "shop"), Value::Int(1));
            }
        }
    });
}

/// Who monitors and subscribes with replies off gets the messages, and no lines.
#[test]
fn messages_are_not_left_out() {
    each_mode(|stack| {
        let (mut client, mut other) = (stack.client(), stack.client());
        hurry(&client, 10);
        client.write(&args!("CLIENT", "REPLY", "OFF"));
        client.write(&args!("MONITOR"));
        check!(client, "SUBSCRIBE", "news" => "[\"subscribe\", \"news\", 1]");
        check!(other, "SET", "k", "v" => "+OK");
        check!(other, "PUBLISH", "news", "x" => "1");
        assert_eq!(client.reply().to_string(), "[\"message\", \"news\", \"x\"]");
    });
}

/// Leaves by a reset, or in order.
fn leave(client: Client, by_reset: bool) {
    if by_reset {
        SockRef::from(&client.duplicate()).set_linger(Some(Duration::ZERO)).unwrap();
    }
    drop(client);
}

/// What a client waits for is for others once it has gone, whoever would have heard of it.
#[test]
fn nothing_waits_for_one_that_has_gone() {
    let off = || args!("CLIENT", "REPLY", "OFF");
    let skip = || args!("CLIENT", "REPLY", "SKIP");
    let pop = || args!("BLPOP", "queue", "0");
    let waiting = [
        vec![pop(), off()],
        vec![pop(), skip()],
        vec![pop(), skip(), args!("PING")],
        vec![off(), pop()],
        vec![skip(), pop()],
        vec![off(), pop(), args!("SET", "k", "v"), off()],
        vec![off(), args!("CLIENT", "TRACKING", "ON"), pop(), args!("RESET")],
        vec![args!("CLIENT", "NO-EVICT", "ON"), pop(), args!("RESET")],
    ];
    each_mode(|stack| {
        let mut redis = stack.redis.client();
        for (requests, by_reset) in waiting.iter().flat_map(|words| [(words, true), (words, false)])
        {
            let mut client = stack.client();
            client.send(&piece(requests));
            stack.redis.wait_blocked(1);
            leave(client, by_reset);
            stack.redis.wait_blocked(0);
            check!(redis, "RPUSH", "queue", "element" => "1");
            check!(redis, "LPOP", "queue" => "\"element\"");
        }
    });
}

/// Who wants no replies need not wait for any before it leaves.
#[test]
fn what_one_has_sent_that_has_gone_is_done() {
    each_mode(|stack| {
        let mut redis = stack.redis.client();
        for round in 0..20 {
            let (large, key) = (vec![b'x'; 3 << 20], format!("key{round}"));
            let mut client = stack.client();
            client.send(&piece(&[
                args!("CLIENT", "REPLY", "OFF"),
                args!("SET", "large", large),
                args!("MULTI"),
                args!("SELECT", "1"),
                args!("EXEC"),
                args!("SELECT", "2"),
                args!("SET", &key, "v"),
            ]));
            drop(client);
            check!(redis, "SELECT", "2" => "+OK");
            eventually("the last command", || {
                (cmd!(redis, "GET", &key).to_string() == "\"v\"").then_some(())
            });
            check!(redis, "SELECT", "0" => "+OK");
            eventually("the end of the connection", || {
                stack.redis.connections().iter().all(|line| !line.contains(" db=2 ")).then_some(())
            });
        }
    });
}

/// Nor does a reset undo what was sent before it.
#[test]
fn what_one_has_sent_before_a_reset_is_done() {
    each_mode(|stack| {
        let mut redis = stack.redis.client();
        for mode in ["OFF", "SKIP"] {
            for round in 0..20 {
                let (mut client, key) = (stack.client(), format!("{mode}{round}"));
                client.send(&piece(&[
                    args!("CLIENT", "REPLY", mode),
                    args!("SELECT", "2"),
                    args!("CLIENT", "REPLY", mode),
                    args!("SET", &key, "v"),
                ]));
                leave(client, true);
                check!(redis, "SELECT", "2" => "+OK");
                eventually("the last command", || {
                    (cmd!(redis, "GET", &key).to_string() == "\"v\"").then_some(())
                });
                check!(redis, "SELECT", "0" => "+OK");
            }
        }
    });
}
