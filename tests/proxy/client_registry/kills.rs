//! `CLIENT KILL` and `UNBLOCK` meet the client that was meant and never an upstream connection of others.

use super::{line_of, list};
use crate::common::*;

#[test]
fn killing_ends_clients_and_never_an_upstream_connection_of_others() {
    each_mode(|stack| {
        let mut asker = stack.client();
        let mut bystanders: Vec<Client> = (0..6).map(|_| stack.client()).collect();
        let mut admin = stack.redis.client();
        // So that the ids of clients and of upstream connections overlap.
        for _ in 0..5 {
            cmd!(stack.redis.client(), "PING");
        }
        let known: Vec<i64> =
            bystanders.iter_mut().chain([&mut asker]).map(|client| client.id()).collect();
        for bystander in &mut bystanders {
            check!(bystander, "MULTI" => "+OK");
            check!(bystander, "ECHO", "alive" => "+QUEUED");
        }
        // Whatever number a client has, nothing happens but to it.
        for id in 1..40 {
            if !known.contains(&id) {
                check!(asker, "CLIENT", "KILL", "ID", id => "0");
            }
        }
        check!(asker, "CLIENT", "KILL", "127.0.0.1:1" => "-ERR No such client");
        let upstream: Vec<String> = stack.redis.connections();
        let address = line_of(&upstream[0])["addr"].clone();
        check!(asker, "CLIENT", "KILL", address => "-ERR No such client");
        for bystander in &mut bystanders {
            check!(bystander, "EXEC" => "[\"alive\"]");
        }
        check!(admin, "PING" => "+PONG");
    });
}

#[test]
fn clients_are_killed_by_id_address_user_and_type() {
    each_mode(|stack| {
        let mut admin = stack.redis.client();
        check!(admin, "ACL", "SETUSER", "joe", "on", ">pw", "~*", "&*", "+@all" => "+OK");
        let mut asker = stack.client();
        let mut victim = stack.client();
        let id = victim.id();
        check!(asker, "CLIENT", "KILL", "ID", id => "1");
        assert_eq!(victim.rest_until_closed(), b"");
        check!(asker, "CLIENT", "KILL", "ID", id => "0");

        let mut victim = stack.client();
        check!(victim, "PING" => "+PONG");
        check!(asker, "CLIENT", "KILL", victim.address() => "+OK");
        assert_eq!(victim.rest_until_closed(), b"");

        let mut victims: Vec<Client> = (0..5).map(|_| stack.client()).collect();
        for victim in &mut victims {
            check!(victim, "AUTH", "joe", "pw" => "+OK");
        }
        check!(asker, "CLIENT", "KILL", "USER", "nobody" => "-ERR No such user 'nobody'");
        check!(asker, "CLIENT", "KILL", "USER", "joe" => "5");
        for victim in &mut victims {
            assert_eq!(victim.rest_until_closed(), b"");
        }

        let mut victim = stack.client();
        cmd!(victim, "SUBSCRIBE", "a");
        check!(asker, "CLIENT", "KILL", "TYPE", "pubsub" => "1");
        assert_eq!(victim.rest_until_closed(), b"");

        let mut victim = stack.client();
        victim.write(&["BLPOP", "queue", "0"]);
        stack.redis.wait_blocked(1);
        let blocked = victim_id(&mut asker, &victim);
        check!(asker, "CLIENT", "KILL", "ID", blocked => "1");
        assert_eq!(victim.rest_until_closed(), b"");
        stack.redis.wait_blocked(0);
        check!(asker, "RPUSH", "queue", "kept" => "1");

        // Oneself is spared, unless one says otherwise; then one is still told.
        let own = asker.id();
        check!(asker, "CLIENT", "KILL", "ID", own => "0");
        check!(asker, "CLIENT", "KILL", "ID", own, "SKIPME", "no" => "1");
        assert_eq!(asker.rest_until_closed(), b"");
        let mut asker = stack.client();
        let address = asker.address();
        check!(asker, "CLIENT", "KILL", address => "+OK");
        assert_eq!(asker.rest_until_closed(), b"");
    });
}

fn victim_id(asker: &mut Client, victim: &Client) -> i64 {
    let address = victim.address();
    let listed = list(asker, &[]);
    *listed.iter().find(|(_, line)| line["addr"] == address).unwrap().0
}

#[test]
fn who_may_not_kill_kills_nobody() {
    each_mode(|stack| {
        let mut admin = stack.redis.client();
        let rules = ["on", ">pw", "~*", "&*", "+@all", "-client|kill", "-client|list"];
        let words: Vec<&str> = ["ACL", "SETUSER", "joe"].iter().chain(&rules).copied().collect();
        assert_eq!(admin.run(&words).to_string(), "+OK");
        let mut victim = stack.client();
        let id = victim.id();
        let mut joe = stack.client();
        check!(joe, "AUTH", "joe", "pw" => "+OK");
        for words in [args!("CLIENT", "KILL", "ID", id), args!("CLIENT", "LIST")] {
            let refused = joe.run(&words);
            assert!(refused.error().starts_with("NOPERM "), "{refused}");
        }
        // Not even where nobody hears of it.
        joe.write(&["CLIENT", "REPLY", "OFF"]);
        joe.write(&["CLIENT", "KILL", "ID", &id.to_string()]);
        check!(joe, "CLIENT", "REPLY", "ON" => "+OK");
        check!(joe, "MULTI" => "+OK");
        assert!(joe.run(&args!("CLIENT", "KILL", "ID", id)).is_error());
        assert!(cmd!(joe, "EXEC").is_error());
        check!(victim, "PING" => "+PONG");
    });
}

#[test]
fn kills_in_transactions_and_without_replies() {
    each_mode(|stack| {
        let mut asker = stack.client();
        let (mut one, mut other) = (stack.client(), stack.client());
        let (one_id, other_id) = (one.id(), other.id());
        check!(asker, "MULTI" => "+OK");
        check!(asker, "CLIENT", "KILL", "ID", one_id => "+QUEUED");
        check!(asker, "CLIENT", "LIST", "ID", other_id => "+QUEUED");
        check!(asker, "CLIENT", "KILL", "127.0.0.1:1" => "+QUEUED");
        check!(one, "PING" => "+PONG");
        let exec = cmd!(asker, "EXEC");
        assert_eq!(exec.items()[0], Value::Int(1));
        assert!(exec.items()[1].text().starts_with(&format!("id={other_id} ")), "{exec}");
        assert_eq!(exec.items()[2].error(), "ERR No such client");
        assert_eq!(one.rest_until_closed(), b"");

        asker.write(&["CLIENT", "REPLY", "SKIP"]);
        asker.write(&["CLIENT", "KILL", "ID", &other_id.to_string()]);
        check!(asker, "ECHO", "first reply" => "\"first reply\"");
        assert_eq!(other.rest_until_closed(), b"");
        let mut other = stack.client();
        let other_id = other.id();
        asker.write(&["CLIENT", "REPLY", "OFF"]);
        asker.write(&["CLIENT", "KILL", "ID", &other_id.to_string()]);
        asker.write(&["ECHO", "not heard"]);
        check!(asker, "CLIENT", "REPLY", "ON" => "+OK");
        assert_eq!(other.rest_until_closed(), b"");
    });
}

#[test]
fn unblocking_wakes_the_client_that_was_meant() {
    each_mode(|stack| {
        let mut asker = stack.client();
        let mut blocked: Vec<Client> = (0..4).map(|_| stack.client()).collect();
        let ids: Vec<i64> = blocked.iter_mut().map(Client::id).collect();
        for client in &mut blocked {
            client.write(&["BLPOP", "queue", "0"]);
        }
        stack.redis.wait_blocked(4);
        check!(asker, "CLIENT", "UNBLOCK", ids[2] => "1");
        assert_eq!(blocked[2].reply().to_string(), "*nil");
        check!(asker, "CLIENT", "UNBLOCK", ids[0], "ERROR" => "1");
        let unblocked = "-UNBLOCKED client unblocked via CLIENT UNBLOCK";
        assert_eq!(blocked[0].reply().to_string(), unblocked);
        stack.redis.wait_blocked(2);
        check!(asker, "CLIENT", "UNBLOCK", ids[0] => "0");
        let own = asker.id();
        check!(asker, "CLIENT", "UNBLOCK", own => "0");
        check!(asker, "CLIENT", "UNBLOCK", "999999" => "0");
        check!(asker, "CLIENT", "UNBLOCK", "x" => "-ERR value is not an integer or out of range");
        check!(asker, "CLIENT", "UNBLOCK", ids[1], "x" => "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
        check!(asker, "RPUSH", "queue", "a", "b" => "2");
        for client in [1, 3] {
            assert!(matches!(blocked[client].reply(), Value::Array(_)));
        }
        check!(blocked[2], "PING" => "+PONG");
    });
}
