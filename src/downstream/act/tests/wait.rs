//! `WAIT`, and the mark of what has been written.

use super::*;

#[test]
fn what_could_not_be_marked_is_not_counted() {
    let mut stage = Stage::new();
    assert_eq!(stage.send("WAIT 1 0|WAIT 1 0"), "pin; Own: HELLO");
    assert_eq!(stage.reply("-NOPERM no\r\n"), "");
    assert_eq!(stage.go_on(), "Own: WAIT 1 0; Own: HELLO");
    assert_eq!(stage.reply(":1\r\n"), "-NOPERM no\r\n", "of which write it is nobody knows");
    assert_eq!(stage.reply("*2\r\n+proto\r\n:2\r\n"), "");
    assert_eq!(stage.go_on(), "Own: WAIT 1 0");
    assert_eq!(stage.reply(":1\r\n"), ":1\r\n");
}

#[test]
fn what_the_server_says_of_a_wait_comes_before_what_was_not_marked() {
    let mut stage = Stage::new();
    stage.send("WAIT 1 x");
    stage.reply("-NOPERM no\r\n");
    stage.go_on();
    assert_eq!(stage.reply("-ERR timeout\r\n"), "-ERR timeout\r\n");
}
