//! A subscriber in RESP2, who may say little.

use super::*;

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
