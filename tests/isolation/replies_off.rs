//! Replies that are left out: the client gets what Redis gives, when Redis gives it, even if that is no whole reply.

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
