//! A client that asks for a stream and does not get it, with more requests behind that: they are its own like any others.

use crate::behind::*;
use crate::common::*;
use crate::leaving::{assert_fresh, prepare};

type Command = Vec<Vec<u8>>;

/// How many clients come meanwhile: more than one, as connections given back are handed out in some order.
const NEWCOMERS: usize = 3;

/// Requests for a replica's stream that Redis refuses.
fn refused() -> [Command; 3] {
    [args!("PSYNC"), args!("PSYNC", "?"), args!("SYNC", "now")]
}

/// Sends a refused request with these behind it in one piece; they have so many replies, and those are what Redis gives.
fn leaves_nothing(behind: &[Command], replies: usize) {
    each_mode(|stack| {
        let twin = Redis::start();
        prepare(&mut stack.redis.client());
        prepare(&mut twin.client());
        for refused in refused() {
            let mut together = vec![refused];
            together.extend_from_slice(behind);
            let together = piece(&together);
            let (mut client, mut plain) = (stack.client(), twin.client());
            client.send(&together);
            plain.send(&together);
            for _ in 0..=replies {
                let (got, want) = (client.raw_reply(), plain.raw_reply());
                assert_eq!(got.escape_ascii().to_string(), want.escape_ascii().to_string());
            }
            for _ in 0..NEWCOMERS {
                assert_fresh(&mut stack.client());
            }
            drop(client);
            for _ in 0..NEWCOMERS {
                assert_fresh(&mut stack.client());
            }
        }
    });
}

#[test]
fn with_multi_behind_it() {
    leaves_nothing(&[args!("MULTI")], 1);
    leaves_nothing(&[args!("MULTI"), args!("SET", "part", "1")], 2);
    leaves_nothing(&[args!("MULTI"), args!("SET", "part", "1"), args!("EXEC")], 3);
}

#[test]
fn with_auth_behind_it() {
    leaves_nothing(&[args!("AUTH", "bob", "secret"), args!("ACL", "WHOAMI")], 2);
}

#[test]
fn with_select_behind_it() {
    leaves_nothing(&[args!("SELECT", "2"), args!("GET", "marker")], 2);
}

#[test]
fn with_watch_behind_it() {
    leaves_nothing(&[args!("WATCH", "k"), args!("SET", "k", "1"), args!("MULTI")], 3);
}

#[test]
fn with_subscribe_behind_it() {
    leaves_nothing(&[args!("SUBSCRIBE", "news"), args!("GET", "k")], 2);
}

#[test]
fn with_client_reply_off_behind_it() {
    let off = args!("CLIENT", "REPLY", "OFF");
    leaves_nothing(std::slice::from_ref(&off), 0);
    let on = args!("CLIENT", "REPLY", "ON");
    leaves_nothing(&[off, args!("SET", "k", "1"), on, args!("GET", "k")], 2);
}

#[test]
fn with_another_one_behind_it() {
    leaves_nothing(&[args!("PSYNC"), args!("SELECT", "1"), args!("SYNC", "now")], 3);
}

#[test]
fn a_password_behind_it_is_for_its_client_alone() {
    each_mode_with(&["--requirepass", "pw"], &[], |mut stack| {
        if !direct() {
            // sessiond itself has no password here, and says so.
            stack.sessiond().expect_troubles();
        }
        for refused in refused() {
            let mut client = stack.client();
            client.send(&piece(&[refused, args!("AUTH", "pw"), args!("SET", "k", "secret")]));
            assert!(client.reply().is_error());
            assert_eq!(client.reply().to_string(), "+OK");
            assert_eq!(client.reply().to_string(), "+OK");
            for _ in 0..NEWCOMERS {
                let mut stranger = stack.client();
                for request in [args!("GET", "k"), args!("MULTI"), args!("GET", "k")] {
                    let reply = stranger.run(&request).to_string();
                    assert!(reply.starts_with("-NOAUTH"), "{}: {reply}", args_text(&request));
                }
            }
            check!(client, "GET", "k" => "\"secret\"");
        }
    });
}

#[test]
fn an_element_that_is_waited_for_behind_it_is_for_its_client_alone() {
    each_mode(|stack| {
        let mut redis = stack.redis.client();
        for refused in refused() {
            let mut client = stack.client();
            client.send(&piece(&[refused, args!("BLPOP", "queue", "0")]));
            assert!(client.reply().is_error());
            stack.redis.wait_blocked(1);
            let mut stranger = stack.client();
            stranger.write(&["BLPOP", "other", "0"]);
            stack.redis.wait_blocked(2);
            check!(redis, "RPUSH", "queue", "secret" => "1");
            assert_eq!(client.reply().to_string(), "[\"queue\", \"secret\"]");
            check!(redis, "RPUSH", "other", "public" => "1");
            assert_eq!(stranger.reply().to_string(), "[\"other\", \"public\"]");
        }
    });
}
