//! A command that waits makes nobody else wait, and ends with its client.

use crate::behind::*;
use crate::common::*;

/// The command waits; another client goes on meanwhile.
fn waits_alone(command: &[Vec<u8>]) {
    each_mode(|stack| {
        let (mut waiting, mut other) = (stack.client(), stack.client());
        hurry(&other, 10);
        for group in ["streams", "block", "g"] {
            check!(other, "XGROUP", "CREATE", "s", group, "$", "MKSTREAM" => "+OK");
        }
        waiting.write(command);
        stack.redis.wait_blocked(1);
        check!(other, "GET", "none" => "$nil");
        check!(other, "XADD", "s", "1-1", "f", "v" => "\"1-1\"");
        check!(other, "XADD", "streams", "1-1", "f", "v" => "\"1-1\"");
        check!(other, "XADD", "block", "1-1", "f", "v" => "\"1-1\"");
        let got = waiting.reply().to_string();
        assert!(got.contains("[\"1-1\", [\"f\", \"v\"]]"), "{}: {got}", args_text(command));
        check!(waiting, "GET", "none" => "$nil");
    });
}

#[test]
fn a_group_named_streams_blocks_nobody_else() {
    waits_alone(&args!("XREADGROUP", "GROUP", "streams", "c", "BLOCK", "0", "STREAMS", "s", ">"));
}

#[test]
fn a_consumer_named_streams_blocks_nobody_else() {
    waits_alone(&args!("XREADGROUP", "GROUP", "g", "streams", "BLOCK", "0", "STREAMS", "s", ">"));
}

#[test]
fn options_as_operands_block_nobody_else() {
    waits_alone(&args!(
        "xreadgroup",
        "count",
        "1",
        "group",
        "block",
        "streams",
        "noack",
        "block",
        "0",
        "streams",
        "s",
        ">"
    ));
}

#[test]
fn streams_named_like_options_block_nobody_else() {
    waits_alone(&args!(
        "XREAD", "COUNT", "2", "BLOCK", "0", "STREAMS", "streams", "block", "$", "$"
    ));
}

#[test]
fn a_stream_named_block_is_read_without_waiting() {
    each_mode(|stack| {
        let mut client = stack.client();
        check!(client, "XREAD", "STREAMS", "block", "0" => "*nil");
        check!(client, "XADD", "block", "1-1", "f", "v" => "\"1-1\"");
        check!(client, "XREAD", "STREAMS", "block", "0" => "[[\"block\", [[\"1-1\", [\"f\", \"v\"]]]]]");
    });
}

#[test]
fn a_client_that_left_with_much_behind_its_blpop_takes_nothing() {
    each_mode(|stack| {
        let mut leaver = stack.client();
        let mut sent = encode(&args!("BLPOP", "jobs", "0"));
        for _ in 0..100_000 {
            sent.extend_from_slice(b"*1\r\n$4\r\nPING\r\n");
        }
        assert!(sent.len() > 1 << 20);
        // What nobody reads yet fits into the sockets' buffers.
        leaver.send(&sent);
        stack.redis.wait_blocked(1);
        leaver.finish_writing();
        drop(leaver);
        stack.redis.wait_blocked(0);
        let mut other = stack.client();
        check!(other, "LPUSH", "jobs", "job" => "1");
        check!(other, "LLEN", "jobs" => "1");
    });
}
