//! What the server sends of its own accord keeps its place among the replies.

use crate::behind::*;
use crate::common::*;
use crate::relayed::Flow;

/// The client's own write in a transaction: the server tells of it behind the reply to EXEC, whatever else is in it.
#[test]
fn an_invalidation_does_not_overtake_the_exec_that_causes_it() {
    each_mode(|stack| {
        for queued in [
            args!("PING"),
            args!("CLIENT", "ID"),
            args!("CLIENT", "SETNAME", "n"),
            args!("CLIENT", "GETNAME"),
            args!("CLIENT", "INFO"),
            args!("CLIENT", "NO-EVICT", "ON"),
            args!("CLIENT", "NO-EVICT", "OFF"),
            args!("SELECT", "0"),
            args!("INFO", "server"),
            args!("COMMAND", "COUNT"),
            args!("HELLO", "3"),
        ] {
            let mut client = stack.client().resp3();
            check!(client, "CLIENT", "TRACKING", "ON" => "+OK");
            cmd!(client, "GET", "k");
            client.send(&piece(&[
                args!("MULTI"),
                queued.clone(),
                args!("SET", "k", "1"),
                args!("EXEC"),
                args!("ECHO", "end"),
            ]));
            let kinds: Vec<String> = (0..6).map(|_| kind(&client.reply())).collect();
            let want = ["+OK", "+QUEUED", "+QUEUED", "array", ">invalidate", "\"end\""];
            assert_eq!(kinds, want, "with {}", args_text(&queued));
        }
    });
}

fn kind(reply: &Value) -> String {
    match reply {
        Value::Push(items) => format!(">{}", items[0].text()),
        Value::Array(_) => "array".to_owned(),
        Value::Map(_) => "map".to_owned(),
        other => other.to_string(),
    }
}

/// The command that the server has last run for its only subscriber.
fn last_command(redis: &Redis) -> String {
    let connections = redis.connections();
    let line = connections.iter().find(|line| line.contains(" sub=1 ")).unwrap();
    line.split(" cmd=").nth(1).unwrap().split(' ').next().unwrap().to_owned()
}

/// A message before the request is run and one after: the reply stands between them, also when all arrive at once.
fn stands_between(request: &[Vec<u8>], command: &str) {
    for mode in MODES {
        let stack = Behind::start(mode, &[]);
        let mut redis = stack.redis.client();
        let mut client = stack.client().resp3();
        check!(client, "SUBSCRIBE", "news" => ">[\"subscribe\", \"news\", 1]");
        if command == "exec" {
            check!(client, "MULTI" => "+OK");
            check!(client, "CLIENT", "ID" => "+QUEUED");
        }
        stack.relay.present(Flow::Pass, Flow::Hold);
        check!(redis, "PUBLISH", "news", "before" => "1");
        client.write(request);
        eventually("the server has run it", || {
            (last_command(&stack.redis) == command).then_some(())
        });
        check!(redis, "PUBLISH", "news", "after" => "1");
        stack.relay.wait_held(b"after");
        stack.relay.present(Flow::Pass, Flow::Pass);
        let what = format!("{mode}, {}", args_text(request));
        let first = client.reply().to_string();
        assert_eq!(first, ">[\"message\", \"news\", \"before\"]", "{what}");
        let reply = client.reply();
        assert!(!matches!(reply, Value::Push(_)), "{what}: overtaken by {reply}");
        let last = client.reply().to_string();
        assert_eq!(last, ">[\"message\", \"news\", \"after\"]", "{what}");
    }
}

/// Another client's write after the request is run: the server tells of it behind the reply.
#[test]
fn an_invalidation_does_not_overtake_hello() {
    for mode in MODES {
        let stack = Behind::start(mode, &[]);
        let mut redis = stack.redis.client();
        let mut client = stack.client().resp3();
        check!(client, "CLIENT", "TRACKING", "ON" => "+OK");
        check!(client, "GET", "k" => "_");
        stack.relay.present(Flow::Pass, Flow::Hold);
        client.write(&args!("HELLO", "3"));
        eventually("the server has run it", || {
            let connections = stack.redis.connections();
            let tracking = |line: &&String| line.contains(" flags=t ");
            let line = connections.iter().find(tracking).unwrap();
            line.contains(" cmd=hello ").then_some(())
        });
        check!(redis, "SET", "k", "1" => "+OK");
        stack.relay.wait_held(b"invalidate");
        stack.relay.present(Flow::Pass, Flow::Pass);
        let kinds = [kind(&client.reply()), kind(&client.reply())];
        assert_eq!(kinds, ["map", ">invalidate"], "{mode}");
        check!(client, "GET", "k" => "\"1\"");
    }
}

#[test]
fn a_message_does_not_overtake_hello() {
    stands_between(&args!("HELLO", "3"), "hello");
}

#[test]
fn a_message_does_not_overtake_select() {
    stands_between(&args!("SELECT", "1"), "select");
}

#[test]
fn a_message_does_not_overtake_exec() {
    stands_between(&args!("EXEC"), "exec");
}

#[test]
fn a_message_does_not_overtake_what_is_said_of_clients() {
    stands_between(&args!("CLIENT", "INFO"), "client|info");
    stands_between(&args!("CLIENT", "ID"), "client|id");
}

#[test]
fn a_message_does_not_overtake_a_plain_reply() {
    stands_between(&args!("GET", "k"), "get");
}
