//! `CLIENT` subcommands around switched-off replies, streams and subscriptions: as on the server itself.

use crate::behind::{hurry, piece};
use crate::common::*;

#[test]
fn a_large_request_whose_reply_is_skipped() {
    each_mode(|stack| {
        const LARGE: usize = 3 << 20;
        let mut client = stack.client();
        hurry(&client, 10);
        let id = client.id();
        for key in ["a", "b"] {
            client.write(&args!("CLIENT", "REPLY", "SKIP"));
            client.write(&args!("SET", key, vec![b'x'; LARGE]));
            // The first answered request is treated as any other.
            check!(client, "CLIENT", "ID" => id.to_string());
            check!(client, "STRLEN", key => LARGE.to_string());
        }
        client.write(&args!("CLIENT", "REPLY", "SKIP"));
        client.write(&args!("SET", "c", vec![b'x'; LARGE]));
        check!(client, "SELECT", "1" => "+OK");
        check!(client, "EXISTS", "c" => "0");
        check!(client, "SELECT", "0" => "+OK");
        client.write(&args!("CLIENT", "REPLY", "OFF"));
        client.write(&args!("SET", "d", vec![b'x'; LARGE]));
        check!(client, "CLIENT", "REPLY", "ON" => "+OK");
        check!(client, "STRLEN", "d" => LARGE.to_string());
    });
}

#[test]
fn the_id_after_monitor_and_reset() {
    each_mode(|stack| {
        let (mut client, mut other) = (stack.client(), stack.client());
        hurry(&client, 10);
        let id = client.id();
        for together in [false, true] {
            check!(client, "MONITOR" => "+OK");
            check!(other, "SET", "k", "v" => "+OK");
            if together {
                client.send(&piece(&[args!("RESET"), args!("CLIENT", "ID")]));
            } else {
                client.write(&args!("RESET"));
            }
            while client.reply().to_string() != "+RESET" {}
            if !together {
                client.write(&args!("CLIENT", "ID"));
            }
            assert_eq!(client.reply(), Value::Int(id));
            check!(other, "SET", "k", "v" => "+OK");
            check!(client, "GET", "k" => "\"v\"");
            check!(client, "CLIENT", "GETNAME" => "$nil");
            let info = cmd!(client, "CLIENT", "INFO").text();
            assert!(info.contains(&format!("id={id} addr={} ", client.address())), "{info}");
        }
    });
}

#[test]
fn the_id_after_subscribing_in_a_transaction() {
    each_mode(|stack| {
        let mut client = stack.client().resp3();
        let id = client.id();
        check!(client, "MULTI" => "+OK");
        check!(client, "SUBSCRIBE", "news" => "+QUEUED");
        check!(client, "EXEC" => "[>[\"subscribe\", \"news\", 1]]");
        check!(client, "CLIENT", "ID" => id.to_string());
        let info = cmd!(client, "CLIENT", "INFO").text();
        assert!(info.contains(&format!("id={id} addr={} ", client.address())), "{info}");
        check!(client, "PUBLISH", "news", "x" => ">[\"message\", \"news\", \"x\"]");
        assert_eq!(client.reply(), Value::Int(1));
        check!(client, "UNSUBSCRIBE" => ">[\"unsubscribe\", \"news\", 0]");
        check!(client, "CLIENT", "ID" => id.to_string());
        check!(client, "GET", "k" => "_");
    });
}

#[test]
fn the_id_after_subscribing_in_a_transaction_in_resp2() {
    each_mode(|stack| {
        let mut client = stack.client();
        let id = client.id();
        check!(client, "MULTI" => "+OK");
        check!(client, "SUBSCRIBE", "news" => "+QUEUED");
        check!(client, "EXEC" => "[[\"subscribe\", \"news\", 1]]");
        let refused = cmd!(client, "CLIENT", "ID").to_string();
        assert!(refused.starts_with("-ERR Can't execute 'client|id'"), "{refused}");
        check!(client, "UNSUBSCRIBE" => "[\"unsubscribe\", \"news\", 0]");
        check!(client, "CLIENT", "ID" => id.to_string());
        check!(client, "GET", "k" => "$nil");
    });
}

#[test]
fn a_wrong_password_while_replies_are_off_changes_nobody() {
    each_mode(|stack| {
        let mut client = stack.client();
        check!(client, "ACL", "SETUSER", "bob", "on", ">secret", "~*", "+@all" => "+OK");
        client.write(&args!("CLIENT", "REPLY", "OFF"));
        client.write(&args!("AUTH", "bob", "wrong"));
        client.write(&args!("SELECT", "99999"));
        check!(client, "CLIENT", "REPLY", "ON" => "+OK");
        check!(client, "ACL", "WHOAMI" => "\"default\"");
        let info = cmd!(client, "CLIENT", "INFO").text();
        assert!(info.contains(" user=default ") && info.contains(" db=0 "), "{info}");
        client.write(&args!("CLIENT", "REPLY", "SKIP"));
        client.write(&args!("AUTH", "bob", "wrong"));
        let info = cmd!(client, "CLIENT", "INFO").text();
        assert!(info.contains(" user=default "), "{info}");
    });
}

#[test]
fn a_right_password_while_replies_are_off_changes_the_user() {
    each_mode(|stack| {
        let mut client = stack.client();
        check!(client, "ACL", "SETUSER", "bob", "on", ">secret", "~*", "+@all" => "+OK");
        client.write(&args!("CLIENT", "REPLY", "OFF"));
        client.write(&args!("AUTH", "bob", "secret"));
        client.write(&args!("SELECT", "3"));
        check!(client, "CLIENT", "REPLY", "ON" => "+OK");
        check!(client, "ACL", "WHOAMI" => "\"bob\"");
        let info = cmd!(client, "CLIENT", "INFO").text();
        assert!(info.contains(" user=bob ") && info.contains(" db=3 "), "{info}");
    });
}

#[test]
fn replies_that_may_not_be_switched_off_stay_on() {
    each_mode(|stack| {
        let mut client = stack.client();
        hurry(&client, 10);
        let rights =
            args!("ACL", "SETUSER", "bob", "on", ">secret", "~*", "+@all", "-client|reply");
        assert_eq!(client.run(&rights).to_string(), "+OK");
        check!(client, "AUTH", "bob", "secret" => "+OK");
        for mode in ["OFF", "SKIP"] {
            let refused = cmd!(client, "CLIENT", "REPLY", mode).to_string();
            assert!(refused.starts_with("-NOPERM"), "{refused}");
            check!(client, "ECHO", "on" => "\"on\"");
            check!(client, "GET", "k" => "$nil");
        }
    });
}
