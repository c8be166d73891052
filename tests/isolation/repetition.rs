//! Session commands are repeated when the server has forgotten a script. Those who leave meanwhile change nothing for others.

use std::time::Duration;

use socket2::SockRef;

use crate::behind::*;
use crate::common::*;
use crate::freeze::{Process, process};
use crate::relayed::Flow;

/// Resets the connection, and waits until the proxy has seen it.
fn reset(stack: &Behind, client: Client, process: &Process) {
    let before = process.descriptors();
    SockRef::from(&client.duplicate()).set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    if let Some(before) = before {
        let fewer = || (process.descriptors().unwrap() < before).then_some(());
        eventually("the client is gone", fewer);
    }
    // Answered without Redis, by the same worker: it has looked at all that came before.
    let mut fence = stack.client();
    for _ in 0..3 {
        assert!(!cmd!(fence, "SESSION.HELP").is_error());
    }
}

fn create(client: &mut Client, id: &str, data: &str) -> String {
    cmd!(client, "SESSION.CREATE", "app", id, "ip", "DATA", data).text()
}

/// What is remembered of a call until it is answered is forgotten with its reply, also when nobody is left to get that, and
/// it is too large to come in one piece.
#[test]
fn nobody_gets_what_was_asked_by_those_who_left() {
    const LARGE: usize = 1_500_000;
    const SESSIONS: usize = 4;
    for mode in MODES {
        let stack = Behind::start(mode, &["--max-data", "4mb"]);
        let mut redis = stack.redis.client();
        let mut client = stack.client();
        let process = process(&mut client);
        let data = format!("{{\"k\":\"{}\"}}", "s".repeat(LARGE));
        let tokens: Vec<String> =
            (0..SESSIONS).map(|n| create(&mut client, &format!("large{n}"), &data)).collect();
        let own = create(&mut client, "own", "{\"of\":\"own\"}");
        let get = |token: &str| args!("SESSION.GET", "app", token, "PEEK");
        // From now on it is known that the server has the script, so that several calls can be under way.
        for _ in 0..2 {
            assert!(!client.run(&get(&own)).is_error());
        }
        let mut leaving = stack.client();
        check!(leaving, "GET", "none" => "$nil");
        stack.relay.present(Flow::Pass, Flow::Hold);
        let requests: Vec<_> = tokens.iter().map(|token| get(token)).collect();
        leaving.send(&piece(&requests));
        stack.relay.holding(b"sssss", LARGE);
        if mode == "shared" {
            stack.relay.holding(b"sssss", SESSIONS * LARGE);
        }
        reset(&stack, leaving, &process);
        stack.relay.present(Flow::Pass, Flow::Pass);
        let mut next = stack.client();
        for _ in 0..4 {
            check!(redis, "SCRIPT", "FLUSH" => "+OK");
            let session = next.run(&get(&own)).to_string();
            assert!(session.contains("{\"of\":\"own\"}"), "{mode}: {session:.300}");
            assert!(!session.contains("sss"), "{mode}");
        }
        check!(redis, "SCRIPT", "FLUSH" => "+OK");
        let killed = cmd!(stack.client(), "SESSION.KILL", "app", own);
        assert!(!killed.is_error(), "{mode}: {killed}");
        check!(redis, "EXISTS", format!("rs:app:{own}") => "0");
        for token in &tokens {
            check!(redis, "EXISTS", format!("rs:app:{token}") => "1");
        }
    }
}

/// How many of so many calls in one piece are sent before the first of them is answered.
fn sent_ahead(stack: &Behind, client: &mut Client, token: &str, calls: usize) -> usize {
    let set = args!("SESSION.SET", "app", token, "{\"a\":1}");
    // The server has the script after this, and it is known that it has.
    assert!(!client.run(&set).is_error());
    assert!(!client.run(&set).is_error());
    stack.relay.present(Flow::Pass, Flow::Hold);
    stack.relay.record();
    client.send(&piece(&vec![set; calls]));
    let mut fence = stack.client();
    for _ in 0..3 {
        // Answered without Redis, by the same worker: it has sent on what it will send.
        assert!(!cmd!(fence, "SESSION.HELP").is_error());
    }
    // The last of what it has sent may still be on its way.
    let one_at_least = || (stack.relay.recorded(token.as_bytes()) > 0).then_some(());
    eventually("the first call is sent", one_at_least);
    let mut sent = 0;
    eventually("no more calls come", || {
        let before = std::mem::replace(&mut sent, stack.relay.recorded(token.as_bytes()));
        (before == sent).then_some(())
    });
    stack.relay.present(Flow::Pass, Flow::Pass);
    for _ in 0..calls {
        assert!(!client.reply().is_error());
    }
    sent
}

/// A repetition is over when it is answered, also when nobody is left to get the reply: only as long as one is under way do
/// calls wait for each other.
#[test]
fn calls_go_ahead_of_replies_after_one_left_in_a_repetition() {
    const CALLS: usize = 50;
    for mode in MODES {
        let stack = Behind::start(mode, &[]);
        let mut client = stack.client();
        let process = process(&mut client);
        let token = create(&mut client, "id", "{}");
        let before = sent_ahead(&stack, &mut client, &token, CALLS);
        assert!(before > 1, "{mode}: {before}");
        check!(stack.redis.client(), "SCRIPT", "FLUSH" => "+OK");
        let mut leaving = stack.client();
        check!(leaving, "GET", "none" => "$nil");
        stack.relay.present(Flow::Pass, Flow::Hold);
        leaving.write(&["SESSION.SET", "app", &token, "{\"b\":1}"]);
        let link = stack.relay.holding(b"NOSCRIPT", 0);
        link.pass(link.held());
        eventually("the repetition is answered", || (link.held() > 0).then_some(()));
        reset(&stack, leaving, &process);
        stack.relay.present(Flow::Pass, Flow::Pass);
        let after = sent_ahead(&stack, &mut client, &token, CALLS);
        assert!(after * 2 > before, "{mode}: {after} calls sent ahead, {before} before");
    }
}
