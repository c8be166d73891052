//! Half of something large is with the client, or waits for its turn: nothing else ever comes to stand inside it.

use crate::behind::*;
use crate::common::*;
use crate::relayed::Flow;

const SIZE: usize = 3_000_000;

/// What is passed on of it when the rest is lost or late.
const HALF: usize = SIZE / 2;

fn large(stack: &Behind) {
    check!(stack.redis.client(), "SET", "large", "x".repeat(SIZE) => "+OK");
}

fn beginning() -> Vec<u8> {
    format!("${SIZE}\r\n").into_bytes()
}

/// What is left of the connection consists of replies, and a last one may have no end: then it is the large one, and nothing
/// but that.
fn assert_unmixed(client: &mut Client, what: &str) {
    // A client that is still there asks for something else, which may not come inside either.
    let _ = client.try_send(&encode(&["ECHO", "next"]));
    let _ = client.duplicate().finish_writing();
    let bytes = client.rest_until_closed();
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let before = rest;
        if let Ok(reply) = Value::read(&mut rest, &mut Vec::new()) {
            assert!(is_lost(&reply) || reply == Value::bulk("next"), "{what}: {reply}");
            continue;
        }
        let half = before.strip_prefix(beginning().as_slice());
        let half = half.unwrap_or_else(|| panic!("{what}: {}", before.escape_ascii()));
        let other = half.iter().position(|&byte| byte != b'x');
        let other = other.map(|at| half[at..].escape_ascii().to_string());
        assert_eq!(other, None, "{what}: inside the large reply");
        break;
    }
}

/// `INFO` is answered when everything that it counts has been asked: the large reply behind it may have to wait for its turn.
#[test]
fn a_lost_connection_is_not_told_inside_a_reply_behind_info() {
    for mode in MODES {
        let stack = Behind::start(mode, &[]);
        large(&stack);
        let mut client = stack.client();
        check!(client, "PING" => "+PONG");
        stack.relay.present(Flow::Pass, Flow::Hold);
        client.send(&piece(&[args!("INFO", "server"), args!("GET", "large")]));
        let lane = stack.relay.holding(&beginning(), SIZE + 2);
        eventually("all of it is held back", || lane.holds(b"x\r\n").then_some(()));
        lane.pass(lane.held() - HALF);
        lane.cut();
        let info = client.reply();
        assert!(!info.is_error(), "{mode}: {info}");
        assert_unmixed(&mut client, mode);
    }
}

/// The `PING` has gone past the lane, so that it can still be answered when the lane is lost in the middle of a later reply.
#[test]
fn a_lost_connection_is_not_told_inside_a_reply_behind_a_ping() {
    let stack = Behind::start("shared", &[]);
    large(&stack);
    let (mut client, mut other) = (stack.client(), stack.client());
    check!(client, "GET", "none" => "$nil");
    let before = lanes(&mut other);
    check!(client, "PING" => "+PONG");
    eventually("a PING can go past the lane", || (lanes(&mut other) > before).then_some(()));
    stack.relay.present(Flow::Pass, Flow::Hold);
    other.write(&["GET", "none"]);
    // Answered without Redis: by then the request before has been sent.
    let mut fence = stack.client();
    assert!(!cmd!(fence, "SESSION.HELP").is_error());
    client.write(&["PING"]);
    let past = stack.relay.holding(b"+PONG\r\n", 0);
    client.write(&["GET", "large"]);
    let lane = stack.relay.holding(&beginning(), SIZE);
    assert!(!lane.holds(b"+PONG\r\n"));
    other.write(&["ECHO", "behind"]);
    eventually("all of it is held back", || lane.holds(b"behind").then_some(()));
    lane.pass(HALF);
    lane.cut();
    assert_eq!(other.reply().to_string(), "$nil");
    assert!(is_lost(&other.reply()));
    past.set(Flow::Pass, Flow::Pass);
    assert_eq!(client.reply().to_string(), "+PONG");
    assert_unmixed(&mut client, "behind a PING");
}

fn lanes(client: &mut Client) -> usize {
    let info = cmd!(client, "INFO", "sessiond").text();
    let line = info.lines().find_map(|line| line.strip_prefix("sessiond_upstream_lanes:"));
    line.unwrap().parse().unwrap()
}

/// The answer is known without Redis while the message is still coming.
#[test]
fn an_answer_does_not_come_inside_a_message() {
    for mode in MODES {
        for resp3 in [false, true] {
            let stack = Behind::start(mode, &[]);
            let mut subscriber = stack.client();
            if resp3 {
                subscriber = subscriber.resp3();
            }
            cmd!(subscriber, "SUBSCRIBE", "news");
            stack.relay.present(Flow::Pass, Flow::Hold);
            let text = "m".repeat(SIZE);
            check!(stack.redis.client(), "PUBLISH", "news", text => "1");
            let mut message = encode(&["message", "news", text.as_str()]);
            if resp3 {
                message[0] = b'>';
            }
            let link = stack.relay.holding(b"message", message.len());
            link.pass(HALF);
            let mut got = subscriber.read_bytes(HALF / 2);
            subscriber.write(&["SESSION.GET", "app"]);
            let mut fence = stack.client();
            for _ in 0..3 {
                // The same worker has looked at the subscriber's request by then.
                assert!(!cmd!(fence, "SESSION.HELP").is_error());
            }
            stack.relay.present(Flow::Pass, Flow::Pass);
            got.extend(subscriber.read_bytes(message.len() - got.len()));
            let other = got.iter().zip(&message).position(|(got, want)| got != want);
            let inside = other.map(|at| got[at..].iter().take(80).copied().collect::<Vec<_>>());
            let inside = inside.map(|bytes| bytes.escape_ascii().to_string());
            assert_eq!(inside, None, "{mode}, RESP3: {resp3}");
            let reply = subscriber.reply();
            assert!(reply.is_error(), "{mode}, RESP3: {resp3}: {reply}");
            assert!(!cmd!(subscriber, "PING").is_error());
        }
    }
}
