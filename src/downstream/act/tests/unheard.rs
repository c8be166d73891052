//! Requests without a reply, and their client's end.

use super::*;

#[test]
fn what_follows_a_change_without_a_reply_runs_though_its_client_sends_no_more() {
    let mut stage = Stage::new();
    let sent = stage.send("CLIENT REPLY OFF|SELECT 5|SET k v");
    assert_eq!(
        sent,
        "pin; raw: CLIENT REPLY OFF; Own, unheard: CLIENT REPLY ON; Own: SELECT 5; raw: CLIENT REPLY OFF"
    );
    stage.client.half_closed();
    assert_eq!(stage.go_on(), "", "the server's word is waited for, however long it takes");
    assert_eq!(stage.reply("+OK\r\n"), "");
    assert_eq!(stage.go_on(), "raw: SET k v");
    assert_eq!(stage.client.end(), Some(End::Politely));
}

#[test]
fn a_wait_without_a_reply_ends_when_its_client_sends_no_more() {
    let mut stage = Stage::new();
    stage.send("CLIENT REPLY OFF|BLPOP k 0|SELECT 5|SET k v");
    stage.client.half_closed();
    assert_eq!(stage.go_on(), "alarm");
    stage.client.time_passed();
    assert_eq!(stage.go_on(), "finish");
}

#[test]
fn a_wait_that_is_over_is_not_ended() {
    let mut stage = Stage::new();
    stage.send("CLIENT REPLY OFF|BLPOP k 1|SELECT 5|SELECT 6|SET k v");
    stage.reply("+OK\r\n");
    stage.go_on();
    stage.client.half_closed();
    assert_eq!(stage.go_on(), "");
    stage.reply("+OK\r\n");
    assert_eq!(stage.go_on(), "raw: SET k v");
}

#[test]
fn quit_behind_a_wait_without_a_reply_ends_nothing_before_its_client_goes() {
    let mut stage = Stage::new();
    let sent = stage.send("CLIENT REPLY OFF|BLPOP k 0|SET k v|QUIT");
    assert_eq!(sent, "pin; raw: CLIENT REPLY OFF; raw: BLPOP k 0; raw: SET k v; raw: QUIT");
    stage.client.half_closed();
    assert_eq!(stage.go_on(), "finish");
    let mut stage = Stage::new();
    let sent = stage.send("CLIENT REPLY OFF|SET k v|QUIT");
    assert_eq!(sent, "pin; raw: CLIENT REPLY OFF; raw: SET k v; raw: QUIT; finish");
}

#[test]
fn what_is_no_request_is_the_servers_affair_when_replies_cannot_be_told_apart() {
    let mut stage = Stage::new();
    stage.send("CLIENT REPLY OFF|SUBSCRIBE c");
    stage.input.extend_from_slice(b"*1\r\n$-5\r\n");
    assert_eq!(stage.go_on(), "raw: |");
    assert_eq!(stage.told(), "");
    stage.lose(To::Own);
    assert_eq!(stage.client.end(), Some(End::Politely));
}

#[test]
fn a_transaction_that_the_server_does_not_begin_is_none() {
    let mut stage = Stage::new();
    let sent = stage.send("CLIENT REPLY OFF|MULTI now|SELECT 5");
    assert!(sent.contains("; raw: MULTI now; Own, unheard: CLIENT REPLY ON; Own: SELECT 5"));
    let mut stage = Stage::new();
    stage.world.pool = vec![Asked::Refused(DialError::Unreachable("away".to_owned()))];
    stage.send("MULTI now|GET k");
    assert_eq!(stage.told(), "-UPSTREAM unavailable: away\r\n");
    assert_eq!(stage.world.sent.len(), 1, "what follows is no part of it");
}

#[test]
fn a_subscriber_without_replies_that_may_not_switch_them_off_again_is_left_to_the_server() {
    let mut stage = Stage::new();
    stage.send("HELLO 3");
    stage.reply("%0\r\n");
    stage.send("SUBSCRIBE c");
    let front = stage.world.sent[0].0;
    stage.client.judge(Some(front), b">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
    stage.reply(">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
    let sent = stage.send("CLIENT REPLY OFF|HELLO 2|AUTH joe pw");
    assert_eq!(sent, "raw: CLIENT REPLY OFF; raw: HELLO 2; raw: AUTH joe pw");
}
