//! What is on its way arrives whole, also when the client turns silent, slow, or leaves in the middle.

use crate::common::*;

const MIB: usize = 1 << 20;

#[test]
fn a_silent_client_may_leave_right_after_its_last_command() {
    each_mode(|stack| {
        let mut bytes = encode(&["CLIENT", "REPLY", "OFF"]);
        for number in 0..10_000 {
            bytes.extend(encode(&["SET".to_owned(), format!("k{number}"), number.to_string()]));
        }
        let mut client = stack.client();
        client.send(&bytes);
        drop(client);
        let mut redis = stack.redis.client();
        eventually("all commands arrive", || {
            (cmd!(redis, "DBSIZE").to_string() == "10000").then_some(())
        });
        check!(redis, "GET", "k9999" => "\"9999\"");
    });
}

#[test]
fn reply_modes_hold_for_replies_that_redis_does_not_write() {
    each_mode(|stack| {
        for wrong in ["SESSION.GET a", "SESSION.GET a! x", "SESSION.NOSUCH", "GET"] {
            let mut client = stack.client();
            client.send(format!("CLIENT REPLY SKIP\r\n{wrong}\r\nPING\r\nQUIT\r\n").as_bytes());
            let got = client.rest_until_closed().escape_ascii().to_string();
            assert_eq!(got, "+PONG\\r\\n+OK\\r\\n", "after {wrong}");
        }
    });
}

#[test]
fn a_protocol_chosen_in_silence_is_spoken_afterwards() {
    each_mode(|stack| {
        let mut client = stack.client();
        let token = cmd!(client, "SESSION.CREATE", "app", "user", "ip").text();
        client.write(&["CLIENT", "REPLY", "OFF"]);
        client.write(&["HELLO", "3"]);
        client.write(&["CLIENT", "REPLY", "ON"]);
        client.write(&["SESSION.GET", "app", &token]);
        assert_eq!(client.reply().to_string(), "+OK");
        let session = client.reply();
        assert!(matches!(session, Value::Map(_)), "{session}");
        assert_eq!(session.field("id").text(), "user");
        check!(client, "HGETALL", "none" => "{}");
    });
}

#[test]
fn a_channel_with_a_name_of_more_than_a_mebibyte() {
    each_mode(|stack| {
        let (mut client, mut other, mut rival) = (stack.client(), stack.client(), stack.client());
        let name = vec![b'c'; 1_200_000];
        let bulk = |text: &[u8]| Value::Bulk(text.to_vec());
        let subscribed = cmd!(client, "SUBSCRIBE", name);
        assert!(subscribed == Value::Array(vec![bulk(b"subscribe"), bulk(&name), Value::Int(1)]));
        for round in 1..=5 {
            check!(other, "PUBLISH", name, "hello" => "1");
            let message = client.reply();
            let want = Value::Array(vec![bulk(b"message"), bulk(&name), bulk(b"hello")]);
            assert!(message == want, "another message");
            check!(other, "WATCH", "k" => "+OK");
            check!(rival, "INCR", "k" => round.to_string());
            check!(other, "MULTI" => "+OK");
            check!(other, "SET", "k", "lost" => "+QUEUED");
            check!(other, "EXEC" => "*nil");
        }
        let left = cmd!(client, "UNSUBSCRIBE", name);
        assert!(left == Value::Array(vec![bulk(b"unsubscribe"), bulk(&name), Value::Int(0)]));
        check!(client, "GET", "k" => "\"5\"");
    });
}

#[test]
fn a_subscriber_is_answered_while_a_large_message_arrives() {
    each_mode(|stack| {
        let (mut client, mut other) = (stack.client().resp3(), stack.client());
        let message = vec![b'm'; 8 * MIB];
        let start = format!(">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n${}\r\n", message.len());
        check!(client, "SUBSCRIBE", "c" => ">[\"subscribe\", \"c\", 1]");
        for round in 0..20 {
            check!(other, "PUBLISH", "c", message => "1");
            // The message has begun before SELECT is sent, so its reply can only come behind it.
            let begun = start.len() + round * 100_000;
            let first = client.read_bytes(begun);
            assert!(first.starts_with(start.as_bytes()));
            client.write(&args!("SELECT", round % 16));
            let rest = client.read_bytes(start.len() + message.len() + 2 - begun);
            assert!(rest.ends_with(b"m\r\n") && rest[..rest.len() - 2].iter().all(|b| *b == b'm'));
            assert_eq!(client.reply().to_string(), "+OK", "SELECT in round {round}");
            check!(client, "INCR", "rounds" => format!("{}", round / 16 + 1));
        }
    });
}

#[test]
fn a_half_closed_client_gets_the_reply_after_a_finished_blocking_command() {
    each_mode(|stack| {
        // Long enough for the end of the requests to be seen while the script still runs.
        let slow = "for i = 1, 20000000 do end return redis.call('INCR', KEYS[1])";
        for round in 1..=3 {
            let mut client = stack.client();
            check!(client, "BLPOP", "none", "0.01" => "*nil");
            client.write(&["EVAL", slow, "1", "k"]);
            client.finish_writing();
            assert_eq!(client.rest_until_closed(), format!(":{round}\r\n").as_bytes());
        }
    });
}

#[test]
fn a_large_value_read_slowly_arrives_whole_before_quit_closes() {
    each_mode(|stack| {
        let (mut client, mut other) = (stack.client(), stack.client());
        let value = Random::seeded(5).bytes(5 * MIB);
        check!(other, "SET", "big", value => "+OK");
        client.send(b"GET big\r\nQUIT\r\n");
        let mut got = Vec::new();
        let want = [b"$5242880\r\n", value.as_slice(), b"\r\n+OK\r\n"].concat();
        // Slow from the start: later the system's own buffers have taken what is left.
        while got.len() < MIB {
            got.extend(client.read_bytes(4096));
            check!(other, "PING" => "+PONG");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        got.extend(client.rest_until_closed());
        assert!(got == want, "{} bytes of {}", got.len(), want.len());
    });
}

#[test]
fn a_client_that_only_listens_gets_what_is_still_to_come() {
    each_mode(|stack| {
        let mut client = stack.client();
        client.send(b"MULTI\r\nSUBSCRIBE c\r\nEXEC\r\nPING\r\n");
        client.finish_writing();
        let all = String::from_utf8(client.rest_until_closed()).unwrap();
        assert_eq!(
            all,
            "+OK\r\n+QUEUED\r\n*1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n\
             *2\r\n$4\r\npong\r\n$0\r\n\r\n"
        );
    });
}

#[test]
fn a_last_request_is_answered_whatever_is_looked_after_meanwhile() {
    each_mode(|stack| {
        // A client that has just moved has its new lane opened at the time when its last words arrive.
        for database in 1..12 {
            let mut client = stack.client();
            check!(client, "SELECT", database => "+OK");
            client.send(b"PING\r\n");
            client.finish_writing();
            assert_eq!(client.rest_until_closed(), b"+PONG\r\n");
        }
    });
}
