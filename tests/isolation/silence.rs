//! A server that falls silent, stalls or moves: who waits for it is told, and nobody joins those who wait.

use crate::behind::*;
use crate::common::*;
use crate::relayed::Flow;

/// A second is enough for a server on the same machine, also when it is busy.
const SHORT: [&str; 4] = ["--upstream-timeout", "1", "--connect-timeout", "1"];

/// Clients that come now are answered. Those that came too early may wait, so each gets a few seconds.
fn newcomers_are_answered(stack: &Behind) -> Client {
    eventually("a new client is answered", || {
        let mut client = stack.client();
        hurry(&client, 3);
        client.write(&args!("GET", "k"));
        let reply = client.try_reply().ok()?;
        (!reply.is_error()).then_some(client)
    })
}

#[test]
fn requests_to_a_silent_server_are_answered_with_an_error() {
    for mode in MODES {
        let stack = Behind::start(mode, &SHORT);
        let (mut client, mut other) = (stack.client(), stack.client());
        check!(client, "SET", "k", "v" => "+OK");
        check!(other, "GET", "k" => "\"v\"");
        stack.relay.future(Flow::Swallow, Flow::Swallow);
        stack.relay.present(Flow::Swallow, Flow::Swallow);
        client.send(&piece(&[args!("GET", "k"), args!("INCR", "n")]));
        other.write(&args!("GET", "k"));
        let replies = [client.reply(), client.reply(), other.reply()];
        assert_eq!(texts(&replies), vec![format!("-{LOST}"); 3], "{mode}");
        stack.relay.future(Flow::Pass, Flow::Pass);
        stack.relay.cut_all();
        for client in [&mut client, &mut other] {
            eventually("commands work again", || {
                let reply = cmd!(client, "GET", "k");
                (reply.to_string() == "\"v\"").then_some(())
            });
        }
        check!(stack.redis.client(), "EXISTS", "n" => "0");
    }
}

#[test]
fn replies_that_come_too_late_are_nobodys() {
    for mode in MODES {
        let stack = Behind::start(mode, &SHORT);
        let mut client = stack.client();
        check!(client, "SET", "k", "v" => "+OK");
        stack.relay.future(Flow::Hold, Flow::Hold);
        stack.relay.present(Flow::Pass, Flow::Hold);
        client.write(&args!("ECHO", "late"));
        assert_eq!(client.reply().error(), LOST, "{mode}");
        stack.relay.future(Flow::Pass, Flow::Pass);
        stack.relay.present(Flow::Pass, Flow::Pass);
        eventually("commands work again", || {
            let reply = cmd!(client, "ECHO", "on time").to_string();
            assert_ne!(reply, "\"late\"");
            (reply == "\"on time\"").then_some(())
        });
    }
}

#[test]
fn a_connection_that_fell_silent_is_replaced() {
    let stack = Behind::start("shared", &SHORT);
    let (mut stuck, mut idle) = (stack.client(), stack.client());
    check!(stuck, "SET", "k", "v" => "+OK");
    check!(idle, "GET", "k" => "\"v\"");
    stack.relay.present(Flow::Swallow, Flow::Swallow);
    stuck.write(&args!("GET", "k"));
    newcomers_are_answered(&stack);
    for _ in 0..30 {
        let mut client = stack.client();
        hurry(&client, 3);
        check!(client, "GET", "k" => "\"v\"");
        check!(client, "SELECT", "1" => "+OK");
        check!(client, "GET", "k" => "$nil");
    }
    // It had nothing under way on the connection that is stuck.
    hurry(&idle, 10);
    check!(idle, "GET", "k" => "\"v\"");
}

/// Whoever comes is not kept waiting until the connection is given up: the server answers on another one.
#[test]
fn newcomers_do_not_join_those_who_wait() {
    let stack = Behind::start("shared", &["--upstream-timeout", "600"]);
    let (mut stuck, mut idle) = (stack.client(), stack.client());
    check!(stuck, "SET", "k", "v" => "+OK");
    check!(idle, "GET", "k" => "\"v\"");
    stack.relay.present(Flow::Swallow, Flow::Swallow);
    stuck.write(&args!("GET", "k"));
    newcomers_are_answered(&stack);
    for _ in 0..10 {
        let mut client = stack.client();
        hurry(&client, 3);
        check!(client, "GET", "k" => "\"v\"");
    }
    // It had nothing under way on the connection that is stuck.
    hurry(&idle, 10);
    check!(idle, "GET", "k" => "\"v\"");
}

#[test]
fn after_a_move_nobody_speaks_to_the_old_server() {
    let stack = Behind::start("shared", &SHORT);
    let mut stuck = stack.client();
    check!(stuck, "SET", "k", "old" => "+OK");
    let new = Redis::start();
    check!(new.client(), "SET", "k", "new" => "+OK");
    // The old server's machine is gone without a word; its address is another's now.
    stack.relay.move_to(new.port());
    stack.relay.present(Flow::Swallow, Flow::Swallow);
    stuck.write(&args!("GET", "k"));
    let mut first = newcomers_are_answered(&stack);
    check!(first, "GET", "k" => "\"new\"");
    for number in 0..30 {
        let mut client = stack.client();
        hurry(&client, 3);
        check!(client, "GET", "k" => "\"new\"");
        check!(client, "SET", format!("k{number}"), "1" => "+OK");
    }
    check!(new.client(), "DBSIZE" => "31");
}

#[test]
fn a_long_wait_is_no_silence() {
    for mode in MODES {
        let redis = Redis::with(&["--busy-reply-threshold", "100"]);
        let stack = Behind::over(redis, mode, &["--upstream-timeout", "1"]);
        let (mut blocked, mut scripted) = (stack.client(), stack.client());
        check!(scripted, "SET", "k", "v" => "+OK");
        blocked.write(&args!("BLPOP", "nothing", "4"));
        stack.redis.wait_blocked(1);
        let busy = "local begun = redis.call('TIME')[1]
            repeat until redis.call('TIME')[1] - begun >= 3
            return 'done'";
        check!(scripted, "EVAL", busy, "0" => "\"done\"");
        check!(scripted, "GET", "k" => "\"v\"");
        assert_eq!(blocked.reply().to_string(), "*nil");
    }
}
