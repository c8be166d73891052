//! Requests whose replies are left out: what they wait for, and what they change, is their client's alone.

use socket2::SockRef;

use crate::behind::*;
use crate::common::*;

/// With its client a wait ends: it takes nothing for nobody, whatever it is behind and whatever is behind it.
#[test]
fn a_wait_behind_a_request_without_a_reply_ends_with_its_client() {
    each_mode(|stack| {
        for reset in [true, false] {
            for mode in ["SKIP", "OFF"] {
                let mut client = stack.client();
                client.send(&piece(&[
                    args!("CLIENT", "REPLY", mode),
                    args!("GET", "k"),
                    args!("BLPOP", "jobs", "0"),
                    args!("SELECT", "1"),
                ]));
                stack.redis.wait_blocked(1);
                if reset {
                    let none = Some(std::time::Duration::ZERO);
                    SockRef::from(&client.duplicate()).set_linger(none).unwrap();
                }
                drop(client);
                stack.redis.wait_blocked(0);
            }
        }
        let mut other = stack.client();
        check!(other, "RPUSH", "jobs", "one" => "1");
        check!(other, "LRANGE", "jobs", "0", "-1" => "[\"one\"]");
    });
}

/// What sessiond asks for itself before the client's requests is answered to nobody, also where bytes pass as they are.
#[test]
fn the_name_of_a_connection_is_given_without_a_word_to_its_client() {
    each_mode(|stack| {
        let mut client = stack.client();
        hurry(&client, 10);
        check!(client, "CLIENT", "SETNAME", "me" => "+OK");
        client.send(&piece(&[args!("CLIENT", "REPLY", "OFF"), args!("SUBSCRIBE", "news")]));
        assert_eq!(client.reply().to_string(), "[\"subscribe\", \"news\", 1]");
        let mut client = stack.client();
        hurry(&client, 10);
        check!(client, "CLIENT", "SETNAME", "me" => "+OK");
        client.send(&piece(&[args!("PSYNC", "?", "x"), args!("PING")]));
        assert!(client.reply().is_error());
        assert_eq!(client.reply().to_string(), "+PONG");
    });
}
