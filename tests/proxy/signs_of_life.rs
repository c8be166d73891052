//! `PING` tells whether the server is alive, however long the replies to others take.

use crate::common::*;

/// A client, and the right to expect that its `PING` goes past the lane from now on.
fn pinging(stack: &Stack) -> Client {
    let (mut client, mut asker) = (stack.client(), stack.client());
    check!(client, "GET", "none" => "$nil");
    let before = lanes(&mut asker);
    check!(client, "PING" => "+PONG");
    if !stack.mode.dedicated() && !direct() {
        eventually("the lane has its bypass", || (lanes(&mut asker) > before).then_some(()));
    }
    client
}

fn lanes(client: &mut Client) -> usize {
    let info = cmd!(client, "INFO", "sessiond").text();
    let line = info.lines().find_map(|line| line.strip_prefix("sessiond_upstream_lanes:"));
    line.unwrap_or_default().parse().unwrap_or_default()
}

/// Has a client ask for something that Redis holds back; with its requests, whatever comes behind them on the same
/// connection.
fn held_back(stack: &Stack, redis: &mut Client) -> Client {
    check!(redis, "CLIENT", "PAUSE", "100000", "WRITE" => "+OK");
    let mut client = stack.client();
    client.write(&["SET", "k", "v"]);
    eventually("the request is with Redis", || {
        let list = cmd!(redis, "CLIENT", "LIST").text();
        let held = |line: &str| line.contains("cmd=set") && !line.contains(" argv-mem=0 ");
        list.lines().any(held).then_some(())
    });
    client
}

#[test]
fn a_ping_does_not_wait_for_replies_to_others() {
    each_mode(|stack| {
        let (mut client, mut redis) = (pinging(&stack), stack.redis.client());
        let mut waiting = held_back(&stack, &mut redis);
        for _ in 0..3 {
            check!(client, "PING" => "+PONG");
            check!(client, "PING", "alive" => "\"alive\"");
        }
        check!(redis, "CLIENT", "UNPAUSE" => "+OK");
        assert_eq!(waiting.reply().to_string(), "+OK");
        check!(client, "GET", "k" => "\"v\"");
    });
}

#[test]
fn what_follows_a_ping_comes_behind_it() {
    each_mode(|stack| {
        let (mut client, mut busy, mut other) = (pinging(&stack), stack.client(), stack.client());
        let script = "for i = 1, 1000000 do end return redis.call('INCR', KEYS[1])";
        for round in 1..=30 {
            // Redis finds the PING, which goes past this, and what follows it at the same time.
            busy.write(&["EVAL", script, "1", "busy"]);
            let number = round.to_string();
            client.write(&["PING"]);
            if !direct() {
                // Answered without Redis: by then the PING has been sent.
                cmd!(other, "SESSION.HELP");
            }
            client.write(&["INCR", "k"]);
            client.write(&["PING", "again"]);
            client.write(&["SET", "k", &number]);
            assert_eq!(client.reply().to_string(), "+PONG");
            assert_eq!(client.reply().to_string(), number);
            assert_eq!(client.reply().to_string(), "\"again\"");
            assert_eq!(client.reply().to_string(), "+OK");
            assert_eq!(busy.reply().to_string(), number);
        }
    });
}

#[test]
fn a_ping_leaves_its_client_what_it_is() {
    each_mode(|stack| {
        let (mut redis, mut other) = (stack.redis.client(), stack.client());
        check!(redis, "ACL", "SETUSER", "u", "on", ">old", "~*", "+@all" => "+OK");
        let (mut unproven, mut proven) = (stack.client(), stack.client());
        check!(unproven, "GET", "none" => "$nil");
        check!(proven, "AUTH", "u", "old" => "+OK");
        check!(proven, "SELECT", "3" => "+OK");
        check!(proven, "SET", "mine", "3" => "+OK");
        // Logins go on on Redis, whatever is wanted of newcomers from now on.
        check!(redis, "ACL", "SETUSER", "u", "resetpass", ">new" => "+OK");
        check!(redis, "CONFIG", "SET", "requirepass", "secret" => "+OK");
        let many = encode(&["INCR", "busy"]).repeat(200);
        for _ in 0..50 {
            other.send(&many);
            proven.write(&["PING"]);
            check!(unproven, "PING" => "+PONG");
            assert_eq!(proven.reply().to_string(), "+PONG");
            check!(unproven, "GET", "none" => "$nil");
            check!(proven, "GET", "mine" => "\"3\"");
            (0..200).for_each(|_| drop(other.reply()));
        }
        check!(proven, "ACL", "WHOAMI" => "\"u\"");
    });
}

#[test]
fn a_lane_that_closes_takes_its_bypass_along() {
    each_mode(|stack| {
        let client = pinging(&stack);
        let mut redis = stack.redis.client();
        drop(client);
        eventually("only Redis' own clients and the control plane are left", || {
            let list = cmd!(redis, "CLIENT", "LIST").text();
            let pinged =
                list.lines().filter(|line| line.contains("cmd=ping") || line.contains("cmd=hello"));
            (pinged.count() == 0).then_some(())
        });
        check!(stack.client(), "PING" => "+PONG");
    });
}
