//! A subscriber in RESP2, who may say little.

use super::*;

/// A client that listens to a channel.
fn listening() -> Stage {
    let mut stage = Stage::new();
    stage.send("HELLO 3");
    stage.reply("%0\r\n");
    stage.send("SUBSCRIBE c");
    let front = stage.world.sent[0].0;
    let confirmation = ">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n";
    stage.client.judge(Some(front), confirmation.as_bytes());
    stage.reply(confirmation);
    stage.told();
    stage
}

#[test]
fn a_session_command_of_several_calls_comes_to_its_end_though_its_client_sends_no_more() {
    for first in ["-NOSCRIPT No matching script.\r\n", "*3\r\n:1\r\n$3\r\ndue\r\n:0\r\n"] {
        let mut stage = listening();
        assert!(stage.send("SESSION.WIPE").starts_with("Own: EVALSHA"));
        stage.client.half_closed();
        assert_eq!(stage.go_on(), "", "another call may follow");
        assert_eq!(stage.reply(first), "");
        assert!(stage.world.done().starts_with("Own: EVAL"), "{first}");
        assert_eq!(stage.go_on(), "");
        assert!(stage.reply("*1\r\n:7\r\n").starts_with(':'));
        assert_eq!(stage.go_on(), "finish");
    }
}

#[test]
fn a_session_command_in_a_whole_transaction_is_refused_by_its_name() {
    let mut stage = Stage::new();
    stage.send("SUBSCRIBE c");
    let front = stage.world.sent[0].0;
    let confirmation = "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n";
    stage.client.judge(Some(front), confirmation.as_bytes());
    stage.reply(confirmation);
    assert_eq!(stage.send("MULTI|SESSION.WIPE|EXEC"), "Own: MULTI", "it may not be begun");
    stage.reply("-ERR Can't execute 'multi'\r\n");
    assert_eq!(stage.go_on(), "Own: EXEC");
    assert!(stage.told().starts_with("-ERR Can't execute 'session.wipe'"));
}

#[test]
fn who_leaves_behind_a_wait_is_told_nothing_behind_what_was_lost() {
    let mut stage = Stage::new();
    stage.send("SUBSCRIBE c");
    let front = stage.world.sent[0].0;
    let confirmation = "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n";
    stage.client.judge(Some(front), confirmation.as_bytes());
    stage.reply(confirmation);
    stage.told();
    stage.send("BLPOP k 0|SESSION.GET shop t");
    stage.client.half_closed();
    assert_eq!(stage.go_on(), "finish");
    assert_eq!(stage.lose(To::Own), "", "the second answer would be taken for the first");
    assert_eq!(stage.client.end(), Some(End::Politely));
}
