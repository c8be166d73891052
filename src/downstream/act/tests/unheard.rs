//! Requests whose replies the client does not want, and their client's end.

use super::*;

/// A client that has switched its replies off.
fn quiet() -> Stage {
    let mut stage = Stage::new();
    assert_eq!(stage.send("CLIENT REPLY OFF"), "pin; Own: CLIENT REPLY ON");
    assert_eq!(stage.reply("+OK\r\n"), "");
    stage
}

#[test]
fn what_follows_a_change_runs_though_its_client_sends_no_more() {
    let mut stage = quiet();
    assert_eq!(stage.send("SELECT 5|SET k v"), "Own: SELECT 5");
    stage.client.half_closed();
    assert_eq!(stage.go_on(), "", "the server's word is waited for, however long it takes");
    assert_eq!(stage.reply("+OK\r\n"), "");
    assert_eq!(stage.go_on(), "Own: SET k v");
    assert_eq!(stage.client.end(), None, "it is still to be written");
    assert_eq!(stage.reply("+OK\r\n"), "");
    stage.go_on();
    assert_eq!(stage.client.end(), Some(End::Politely));
}

#[test]
fn a_wait_ends_when_its_client_sends_no_more() {
    let mut stage = quiet();
    assert_eq!(stage.send("BLPOP k 0|SELECT 5|SET k v"), "Own: BLPOP k 0; Own: SELECT 5");
    stage.client.half_closed();
    assert_eq!(stage.go_on(), "alarm");
    stage.client.time_passed();
    assert_eq!(stage.go_on(), "finish");
}

#[test]
fn a_wait_that_is_over_is_not_ended() {
    let mut stage = quiet();
    stage.send("BLPOP k 1|SELECT 5|SET k v");
    stage.reply("*-1\r\n");
    stage.client.half_closed();
    assert_eq!(stage.go_on(), "");
    stage.reply("+OK\r\n");
    assert_eq!(stage.go_on(), "Own: SET k v");
}

#[test]
fn quit_behind_a_wait_ends_nothing_before_its_client_goes() {
    let mut stage = quiet();
    assert_eq!(stage.send("BLPOP k 0|QUIT"), "Own: BLPOP k 0");
    assert_eq!(stage.go_on(), "");
    stage.reply("*-1\r\n");
    assert_eq!(stage.go_on(), "Own: QUIT; finish");
}

#[test]
fn a_transaction_that_the_server_does_not_begin_is_none() {
    let mut stage = Stage::new();
    stage.world.pool = vec![Asked::Refused(DialError::Unreachable("away".to_owned()))];
    stage.send("MULTI now|GET k");
    assert_eq!(stage.told(), "-UPSTREAM unavailable: away\r\n");
    assert_eq!(stage.world.sent.len(), 1, "what follows is no part of it");
}

#[test]
fn what_is_left_out_is_understood_all_the_same() {
    let mut stage = Stage::new();
    assert_eq!(stage.send("CLIENT REPLY OFF|CLIENT KILL ID 5|PING"), "pin; Own: CLIENT REPLY ON");
    assert_eq!(stage.reply("+OK\r\n"), "");
    let asked = stage.go_on();
    assert!(asked.starts_with("Own: CLIENT KILL ID 9223372036854775807"), "{asked}");
    assert_eq!(stage.reply(":0\r\n"), "");
    assert_eq!(stage.world.done(), "ask 1", "the client that is meant is one of ours");
}

#[test]
fn one_that_cannot_be_told_of_a_lost_request_is_closed() {
    let mut stage = Stage::new();
    stage.send("CLIENT REPLY SKIP|SET k v");
    assert_eq!(stage.reply("+OK\r\n"), "");
    assert_eq!(stage.go_on(), "Own: SET k v");
    assert_eq!(stage.lose(To::Own), "");
    assert_eq!(stage.client.end(), Some(End::Politely));
}
