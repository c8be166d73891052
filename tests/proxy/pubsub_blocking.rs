//! Subscriptions, blocking commands and MONITOR: what needs a connection of its own, and gives it back.

use crate::common::*;

/// Publishes until `count` subscribers have been reached by one message.
fn publish(client: &mut Client, command: &str, channel: &str, text: &str, count: i64) {
    let got = cmd!(client, command, channel, text);
    assert_eq!(got, Value::Int(count), "{command} {channel}");
}

#[test]
fn subscriptions_in_resp2() {
    each_mode(|stack| {
        let (mut client, mut other) = (stack.client(), stack.client());
        check!(client, "SUBSCRIBE", "a", "b" => "[\"subscribe\", \"a\", 1]");
        assert_eq!(client.reply().to_string(), "[\"subscribe\", \"b\", 2]");
        check!(client, "PSUBSCRIBE", "n*" => "[\"psubscribe\", \"n*\", 3]");
        publish(&mut other, "PUBLISH", "a", "hello", 1);
        publish(&mut other, "PUBLISH", "news", "today", 1);
        assert_eq!(client.reply().to_string(), "[\"message\", \"a\", \"hello\"]");
        assert_eq!(client.reply().to_string(), "[\"pmessage\", \"n*\", \"news\", \"today\"]");
        check!(client, "PING" => "[\"pong\", \"\"]");
        check!(client, "PING", "x" => "[\"pong\", \"x\"]");
        let refused = cmd!(client, "GET", "k");
        let text = "ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / \
                    RESET are allowed in this context";
        assert_eq!(refused.error(), text);
        let refused = cmd!(client, "SESSION.GET", "app", "x".repeat(64));
        assert!(refused.is_error(), "{refused}");
        check!(client, "UNSUBSCRIBE", "a" => "[\"unsubscribe\", \"a\", 2]");
        check!(client, "UNSUBSCRIBE" => "[\"unsubscribe\", \"b\", 1]");
        check!(client, "PUNSUBSCRIBE" => "[\"punsubscribe\", \"n*\", 0]");
        check!(client, "SET", "k", "v" => "+OK");
        check!(client, "PING" => "+PONG");
        check!(client, "UNSUBSCRIBE" => "[\"unsubscribe\", $nil, 0]");
        check!(client, "UNSUBSCRIBE", "never" => "[\"unsubscribe\", \"never\", 0]");
        check!(client, "GET", "k" => "\"v\"");
        publish(&mut other, "PUBLISH", "a", "nobody", 0);
    });
}

#[test]
fn subscriptions_in_resp3_leave_other_commands_allowed() {
    each_mode(|stack| {
        let (mut client, mut other) = (stack.client().resp3(), stack.client());
        check!(client, "SUBSCRIBE", "a" => ">[\"subscribe\", \"a\", 1]");
        check!(client, "SET", "k", "v" => "+OK");
        check!(client, "GET", "missing" => "_");
        publish(&mut other, "PUBLISH", "a", "1", 1);
        assert_eq!(client.reply().to_string(), ">[\"message\", \"a\", \"1\"]");
        check!(client, "PING" => "+PONG");
        let token = cmd!(client, "SESSION.CREATE", "app", "user", "ip").text();
        assert!(matches!(cmd!(client, "SESSION.GET", "app", token), Value::Map(_)));
        check!(client, "PUBLISH", "a", "own" => ">[\"message\", \"a\", \"own\"]");
        assert_eq!(client.reply(), Value::Int(1));
        check!(client, "UNSUBSCRIBE" => ">[\"unsubscribe\", \"a\", 0]");
        check!(client, "GET", "k" => "\"v\"");
    });
}

#[test]
fn sharded_subscriptions() {
    each_mode(|stack| {
        let (mut client, mut other) = (stack.client(), stack.client());
        check!(client, "SSUBSCRIBE", "s" => "[\"ssubscribe\", \"s\", 1]");
        publish(&mut other, "SPUBLISH", "s", "hello", 1);
        assert_eq!(client.reply().to_string(), "[\"smessage\", \"s\", \"hello\"]");
        check!(client, "SUNSUBSCRIBE" => "[\"sunsubscribe\", \"s\", 0]");
        check!(client, "PING" => "+PONG");
        check!(client, "SUNSUBSCRIBE" => "[\"sunsubscribe\", $nil, 0]");
    });
}

#[test]
fn subscribing_in_the_middle_of_a_pipeline_keeps_the_order() {
    each_mode(|stack| {
        let mut client = stack.client();
        for round in 0..20 {
            client.send(
                format!(
                    "SET k {round}\r\nGET k\r\nSUBSCRIBE c d\r\nUNSUBSCRIBE c d\r\n\
                     GET k\r\nINCR k\r\nPSUBSCRIBE p\r\nPUNSUBSCRIBE\r\nGET k\r\n"
                )
                .as_bytes(),
            );
            let shown: Vec<String> = (0..11).map(|_| client.reply().to_string()).collect();
            let (old, new) = (format!("\"{round}\""), format!("\"{}\"", round + 1));
            let want = [
                "+OK",
                &old,
                "[\"subscribe\", \"c\", 1]",
                "[\"subscribe\", \"d\", 2]",
                "[\"unsubscribe\", \"c\", 1]",
                "[\"unsubscribe\", \"d\", 0]",
                &old,
                &(round + 1).to_string(),
                "[\"psubscribe\", \"p\", 1]",
                "[\"punsubscribe\", \"p\", 0]",
                &new,
            ];
            assert_eq!(shown, want);
        }
    });
}

#[test]
fn many_subscribers_get_their_own_messages_and_nothing_else() {
    each_mode(|stack| {
        let mut subscribers: Vec<Client> = (0..40).map(|_| stack.client()).collect();
        for (number, client) in subscribers.iter_mut().enumerate() {
            let channel = format!("c{}", number % 10);
            check!(client, "SUBSCRIBE", channel => format!("[\"subscribe\", \"{channel}\", 1]"));
        }
        let mut publisher = stack.client();
        for text in 0..25 {
            for channel in 0..10 {
                publish(&mut publisher, "PUBLISH", &format!("c{channel}"), &text.to_string(), 4);
            }
        }
        for (number, client) in subscribers.iter_mut().enumerate() {
            for text in 0..25 {
                let want = format!("[\"message\", \"c{}\", \"{text}\"]", number % 10);
                assert_eq!(client.reply().to_string(), want);
            }
            check!(client, "PING" => "[\"pong\", \"\"]");
        }
    });
}

#[test]
fn stored_replies_that_look_like_messages_are_replies() {
    each_mode(|stack| {
        let (mut client, mut other) = (stack.client().resp3(), stack.client());
        check!(client, "SUBSCRIBE", "a" => ">[\"subscribe\", \"a\", 1]");
        check!(client, "RPUSH", "l", "message", "a", "fake" => "3");
        client.write(&["LRANGE", "l", "0", "-1"]);
        assert_eq!(client.reply().to_string(), "[\"message\", \"a\", \"fake\"]");
        check!(client, "EVAL", "return {'unsubscribe','a',0}", "0" => "[\"unsubscribe\", \"a\", 0]");
        publish(&mut other, "PUBLISH", "a", "real", 1);
        assert_eq!(client.reply().to_string(), ">[\"message\", \"a\", \"real\"]");
    });
}

#[test]
fn blocking_commands_wake_and_time_out() {
    each_mode(|stack| {
        let mut pusher = stack.client();
        let waits = [
            (args!("BLPOP", "a", "b", "0"), args!("LPUSH", "b", "x"), "[\"b\", \"x\"]"),
            (args!("BRPOP", "a", "30"), args!("LPUSH", "a", "y"), "[\"a\", \"y\"]"),
            (
                args!("BLMPOP", "0", "1", "a", "LEFT", "COUNT", "2"),
                args!("RPUSH", "a", "1", "2"),
                "[\"a\", [\"1\", \"2\"]]",
            ),
            (args!("BLMOVE", "a", "z", "LEFT", "LEFT", "0"), args!("LPUSH", "a", "m"), "\"m\""),
            (args!("BRPOPLPUSH", "a", "z", "0"), args!("LPUSH", "a", "m"), "\"m\""),
            (
                args!("BZPOPMIN", "s", "0"),
                args!("ZADD", "s", "1.5", "m"),
                "[\"s\", \"m\", \"1.5\"]",
            ),
            (
                args!("BZMPOP", "0", "1", "s", "MAX"),
                args!("ZADD", "s", "2", "m"),
                "[\"s\", [[\"m\", \"2\"]]]",
            ),
            (
                args!("XREAD", "BLOCK", "0", "STREAMS", "x", "$"),
                args!("XADD", "x", "5-1", "f", "v"),
                "[[\"x\", [[\"5-1\", [\"f\", \"v\"]]]]]",
            ),
        ];
        for (wait, push, want) in waits {
            let mut waiter = stack.client();
            check!(waiter, "PING" => "+PONG");
            waiter.write(&wait);
            stack.redis.wait_blocked(1);
            assert!(!pusher.run(&push).is_error());
            assert_eq!(waiter.reply().to_string(), want, "{}", args_text(&wait));
            check!(waiter, "PING" => "+PONG");
            stack.redis.wait_blocked(0);
        }
        let mut client = stack.client();
        check!(client, "BLPOP", "nothing", "0.01" => "*nil");
        check!(client, "BZPOPMAX", "nothing", "0.01" => "*nil");
        check!(client, "XREAD", "BLOCK", "10", "STREAMS", "nothing", "$" => "*nil");
        check!(client, "BLPOP", "l", "-1" => "-ERR timeout is negative");
        check!(client, "XREAD", "STREAMS", "nothing", "$" => "*nil");
        check!(client, "PING" => "+PONG");
    });
}

#[test]
fn a_blocked_client_blocks_nobody_else() {
    each_mode(|stack| {
        let mut waiters: Vec<Client> = (0..30).map(|_| stack.client()).collect();
        for (number, waiter) in waiters.iter_mut().enumerate() {
            waiter.send(format!("BLPOP q{number} 0\r\nECHO after{number}\r\n").as_bytes());
        }
        stack.redis.wait_blocked(30);
        let mut client = stack.client();
        for number in 0..30 {
            check!(client, "SET", "k", number => "+OK");
            check!(client, "RPUSH", format!("q{number}"), number => "1");
        }
        for (number, waiter) in waiters.iter_mut().enumerate() {
            assert_eq!(waiter.reply().to_string(), format!("[\"q{number}\", \"{number}\"]"));
            assert_eq!(waiter.reply().to_string(), format!("\"after{number}\""));
        }
    });
}

#[test]
fn an_abandoned_blocking_pop_takes_nothing_and_leaves_nothing() {
    each_mode(|stack| {
        let warm: Vec<Client> = (0..20)
            .map(|_| {
                let mut client = stack.client();
                check!(client, "BLPOP", "nothing", "0.01" => "*nil");
                client
            })
            .collect();
        drop(warm);
        let idle = eventually("the idle level of upstream connections", || {
            let count = stack.redis.connections().len();
            (count <= 30).then_some(count)
        });
        for round in 0..5 {
            let mut gone: Vec<Client> = (0..20).map(|_| stack.client()).collect();
            for client in &mut gone {
                client.write(&args!("BLPOP", format!("queue{round}"), "0"));
            }
            stack.redis.wait_blocked(20);
            drop(gone);
            stack.redis.wait_blocked(0);
            let queue = format!("queue{round}");
            check!(stack.client(), "RPUSH", queue, "kept" => "1");
            check!(stack.client(), "LRANGE", queue, "0", "-1" => "[\"kept\"]");
        }
        eventually("upstream connections back to their idle level", || {
            (stack.redis.connections().len() <= idle + 8).then_some(())
        });
    });
}

#[test]
fn subscribers_gone_are_gone_upstream() {
    each_mode(|stack| {
        let mut gone: Vec<Client> = (0..20).map(|_| stack.client()).collect();
        for client in &mut gone {
            cmd!(client, "SUBSCRIBE", "c");
        }
        let mut redis = stack.redis.client();
        check!(redis, "PUBSUB", "NUMSUB", "c" => "[\"c\", 20]");
        drop(gone);
        eventually("no subscription is left", || {
            (cmd!(redis, "PUBSUB", "NUMSUB", "c").to_string() == "[\"c\", 0]").then_some(())
        });
        for _ in 0..20 {
            check!(stack.client(), "GET", "k" => "$nil");
        }
    });
}

#[test]
fn connections_are_clean_when_they_serve_the_next_client() {
    each_mode(|stack| {
        for round in 0..20 {
            let mut client = stack.client();
            check!(client, "SUBSCRIBE", "c" => "[\"subscribe\", \"c\", 1]");
            check!(client, "UNSUBSCRIBE" => "[\"unsubscribe\", \"c\", 0]");
            check!(client, "WATCH", "k" => "+OK");
            check!(client, "MULTI" => "+OK");
            check!(client, "EXEC" => "[]");
            check!(client, "CLIENT", "SETNAME", format!("name{round}") => "+OK");
            check!(client, "BLPOP", "none", "0.01" => "*nil");
            drop(client);
            let mut next = stack.client();
            check!(next, "BLPOP", "none", "0.01" => "*nil");
            check!(next, "CLIENT", "GETNAME" => "$nil");
            check!(next, "PUBLISH", "c", "x" => "0");
        }
    });
}

#[test]
fn monitor_shows_the_commands_of_all() {
    each_mode(|stack| {
        let (mut monitor, mut client) = (stack.client(), stack.client());
        check!(monitor, "MONITOR" => "+OK");
        check!(client, "SET", "seen", "1" => "+OK");
        let line = loop {
            let line = monitor.reply().to_string();
            if line.contains("\"seen\"") {
                break line;
            }
        };
        assert!(line.ends_with("\"SET\" \"seen\" \"1\""), "{line}");
        drop(monitor);
        check!(client, "GET", "seen" => "\"1\"");
    });
}

#[test]
fn quit_ends_a_monitor() {
    each_mode(|stack| {
        for seen in [0, 3] {
            let (mut monitor, mut client) = (stack.client(), stack.client());
            check!(monitor, "MONITOR" => "+OK");
            for _ in 0..seen {
                check!(client, "PING" => "+PONG");
            }
            monitor.write(&["QUIT"]);
            let rest = monitor.rest_until_closed();
            assert!(rest.ends_with(b"+OK\r\n"), "{}", rest.escape_ascii());
            check!(client, "PING" => "+PONG");
        }
    });
}

#[test]
fn reset_ends_a_subscription_and_a_monitor() {
    each_mode(|stack| {
        let mut client = stack.client();
        check!(client, "SUBSCRIBE", "c" => "[\"subscribe\", \"c\", 1]");
        check!(client, "RESET" => "+RESET");
        check!(client, "GET", "k" => "$nil");
        check!(client, "MONITOR" => "+OK");
        client.write(&["RESET"]);
        while client.reply().to_string() != "+RESET" {}
        check!(client, "PING" => "+PONG");
        check!(stack.redis.client(), "PUBSUB", "NUMSUB", "c" => "[\"c\", 0]");
    });
}

#[test]
fn client_tracking_and_reply_modes_stay_with_their_client() {
    each_mode(|stack| {
        let (mut client, mut other) = (stack.client().resp3(), stack.client());
        check!(client, "CLIENT", "TRACKING", "ON" => "+OK");
        check!(client, "GET", "k" => "_");
        check!(other, "SET", "k", "1" => "+OK");
        assert_eq!(client.reply().to_string(), ">[\"invalidate\", [\"k\"]]");
        check!(client, "CLIENT", "TRACKING", "OFF" => "+OK");
        check!(other, "CLIENT", "TRACKINGINFO" => "[\"flags\", [\"off\"], \"redirect\", -1, \"prefixes\", []]");

        other
            .send(b"CLIENT REPLY OFF\r\nSET silent 1\r\nGET silent\r\nCLIENT REPLY ON\r\nPING\r\n");
        assert_eq!(other.reply().to_string(), "+OK");
        assert_eq!(other.reply().to_string(), "+PONG");
        other.send(b"CLIENT REPLY SKIP\r\nSET silent 2\r\nGET silent\r\n");
        assert_eq!(other.reply().to_string(), "\"2\"");
        check!(client, "GET", "silent" => "\"2\"");
    });
}

#[test]
fn a_blocking_command_whose_client_sends_nothing_more_is_answered_or_ended() {
    each_mode(|stack| {
        let mut other = stack.client();
        check!(other, "RPUSH", "queue", "a", "b" => "2");
        let mut client = stack.client();
        client.send(b"BLPOP queue 0\r\n");
        client.finish_writing();
        let answer = b"*2\r\n$5\r\nqueue\r\n$1\r\na\r\n";
        assert_eq!(client.rest_until_closed(), answer);

        // What stands behind it is reached as well.
        let mut client = stack.client();
        client.send(b"BLPOP queue 0\r\nMULTI\r\nINCR n\r\nEXEC\r\nPING\r\n");
        client.finish_writing();
        let all = String::from_utf8(client.rest_until_closed()).unwrap();
        assert!(all.ends_with("$1\r\nb\r\n+OK\r\n+QUEUED\r\n*1\r\n:1\r\n+PONG\r\n"), "{all}");

        // One that waits ends without a word, takes nothing, and nothing behind it is reached.
        let mut client = stack.client();
        client.send(b"BLPOP queue 0\r\nINCR n\r\n");
        client.finish_writing();
        assert_eq!(client.rest_until_closed(), b"");
        check!(other, "RPUSH", "queue", "c" => "1");
        check!(other, "LRANGE", "queue", "0", "-1" => "[\"c\"]");
        check!(other, "GET", "n" => "\"1\"");
    });
}
