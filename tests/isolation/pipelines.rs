//! Pipelines of any depth, written to their end before the first reply is read.

use std::time::Duration;

use crate::common::*;

#[test]
fn four_hundred_thousand_gets_before_the_first_reply_is_read() {
    const GETS: usize = 400_000;
    each_mode_in_turn(|stack| {
        let mut client = stack.client();
        // All requests together are several times what the sockets on their way hold.
        let key = "k".repeat(80);
        check!(client, "SET", key, "a value of some length" => "+OK");
        client.duplicate().set_write_timeout(Some(Duration::from_secs(10))).unwrap();
        let get = encode(&args!("GET", key));
        let all = get.repeat(GETS);
        client.try_send(&all).expect("all of it is taken, though nobody reads");
        let want = b"$22\r\na value of some length\r\n";
        for _ in 0..100 {
            let got = client.read_bytes(want.len() * GETS / 100);
            assert!(got.chunks(want.len()).all(|reply| reply == want));
        }
        check!(client, "ECHO", "end" => "\"end\"");
    });
}

#[test]
fn thirty_mgets_of_12_mib_before_the_first_reply_is_read() {
    const MGETS: usize = 30;
    const KEYS: usize = 400_000;
    each_mode_in_turn(|stack| {
        let mut client = stack.client();
        let key = "k".repeat(25);
        check!(client, "SET", key, "v" => "+OK");
        client.duplicate().set_write_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut words = vec!["MGET"];
        words.extend(std::iter::repeat_n(key.as_str(), KEYS));
        let mget = encode(&words);
        assert!(mget.len() >= 12 << 20);
        for _ in 0..MGETS {
            client.try_send(&mget).expect("all of it is taken, though nobody reads");
        }
        let want = [format!("*{KEYS}\r\n").into_bytes(), b"$1\r\nv\r\n".repeat(KEYS)].concat();
        for _ in 0..MGETS {
            assert!(client.read_bytes(want.len()) == want);
        }
        check!(client, "ECHO", "end" => "\"end\"");
    });
}
