//! A client's own connection is given back once nothing holds it: a refused command and a passing failure hold nothing.

use std::thread;
use std::time::{Duration, Instant};

use crate::behind::*;
use crate::common::*;

/// Twice the time that a connection which was given back is kept for the next client, and more.
const SETTLING: Duration = Duration::from_secs(10);

/// What there is upstream beyond `idle` connections, when that does not change any more.
fn left_over(stack: &Behind, idle: usize) -> Vec<String> {
    let deadline = Instant::now() + SETTLING;
    loop {
        let connections = stack.redis.connections();
        if connections.len() <= idle || Instant::now() > deadline {
            let more = connections.len().saturating_sub(idle);
            let command = |line: &String| line.split(" cmd=").nth(1).unwrap().to_owned();
            let mut commands: Vec<String> = connections.iter().map(command).collect();
            commands.sort();
            return if more == 0 { Vec::new() } else { commands };
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Clients in the state that `prepare` brings them to run the command and stay; their connections do not.
fn gives_back(prepare: &[Vec<Vec<u8>>], commands: &[Vec<Vec<u8>>]) {
    const CLIENTS: usize = 3;
    let stack = Behind::start("shared", &[]);
    let mut redis = stack.redis.client();
    let rights = ["ACL", "SETUSER", "bob", "on", ">secret", "~k*", "resetchannels", "+@all"];
    let denied = ["-monitor", "-pfdebug", "-client|tracking", "-client|no-evict", "-client|reply"];
    let denied_too = ["-blpop", "-watch", "-multi", "-readonly", "-replconf", "-psync"];
    redis.run(&[&rights[..], &denied[..], &denied_too[..]].concat());
    drop(redis);
    let mut clients: Vec<(Client, &Vec<Vec<u8>>)> = Vec::new();
    for command in commands {
        clients.extend((0..CLIENTS).map(|_| (stack.client(), command)));
    }
    for (client, _) in &mut clients {
        for step in prepare {
            assert!(!client.run(step).is_error());
        }
        check!(client, "GET", "k" => "$nil");
    }
    // What the logins needed is gone after a while; what remains is what idle clients cost.
    let idle = left_over(&stack, 0).len();
    for (client, command) in &mut clients {
        let reply = client.run(command);
        assert!(reply.is_error(), "{}: {reply}", args_text(command));
    }
    let held = left_over(&stack, idle + 1);
    assert!(held.is_empty(), "{idle} connections when idle, now {}: {held:#?}", held.len());
    for (client, command) in &mut clients {
        let reply = cmd!(client, "GET", "k").to_string();
        assert_eq!(reply, "$nil", "after {}", args_text(command));
    }
}

#[test]
fn after_a_refused_command() {
    gives_back(
        &[],
        &[
            args!("READONLY"),
            args!("READWRITE"),
            args!("ASKING"),
            args!("REPLCONF", "a"),
            args!("REPLCONF", "bogus", "1"),
            args!("CLIENT", "TRACKING", "ON", "REDIRECT", "999999"),
            args!("CLIENT", "TRACKING", "MAYBE"),
            args!("CLIENT", "CACHING", "YES"),
            args!("CLIENT", "REPLY", "MAYBE"),
            args!("CLIENT", "NO-EVICT", "MAYBE"),
            args!("SCRIPT", "DEBUG", "MAYBE"),
            args!("MONITOR", "x"),
            args!("SELECT", "99999"),
        ],
    );
}

#[test]
fn after_an_unknown_command_that_the_server_refuses() {
    // The server knows these, and sessiond does not.
    gives_back(
        &[],
        &[
            args!("PFDEBUG"),
            args!("PFDEBUG", "GETREG", "nothing"),
            args!("RESTORE-ASKING", "a", "0", "x"),
            args!("NOSUCHCOMMAND"),
            args!("NOSUCHCOMMAND", "x".repeat(2 << 20)),
        ],
    );
}

#[test]
fn after_a_refused_hello() {
    gives_back(
        &[],
        &[
            args!("HELLO", "9"),
            args!("HELLO", "3", "BOGUS"),
            args!("HELLO", "3", "AUTH", "nobody", "wrong"),
            args!("AUTH", "nobody", "wrong"),
        ],
    );
}

#[test]
fn after_a_command_without_the_right_to_it() {
    gives_back(
        &[args!("AUTH", "bob", "secret")],
        &[
            args!("SUBSCRIBE", "news"),
            args!("PSUBSCRIBE", "*"),
            args!("SSUBSCRIBE", "news"),
            args!("MONITOR"),
            args!("PFDEBUG", "GETREG", "k"),
            args!("CLIENT", "TRACKING", "ON"),
            args!("CLIENT", "NO-EVICT", "ON"),
            args!("BLPOP", "k", "0"),
            args!("WATCH", "k"),
            args!("WATCH", "elsewhere"),
            args!("MULTI"),
            args!("READONLY"),
            args!("REPLCONF", "ACK", "1"),
            args!("PSYNC", "?", "-1"),
        ],
    );
}

#[test]
fn after_a_failure_that_has_passed() {
    const CLIENTS: usize = 4;
    let stack = Behind::start("shared", &[]);
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| stack.client()).collect();
    for client in &mut clients {
        check!(client, "GET", "k" => "$nil");
        check!(client, "WATCH", "k" => "+OK");
    }
    for client in &mut clients {
        check!(client, "UNWATCH" => "+OK");
    }
    // A connection for the new state cannot be had yet.
    stack.relay.refuse(true);
    for client in &mut clients {
        client.send(&piece(&[args!("SELECT", "5"), args!("GET", "k")]));
        reply_or_end(client);
        reply_or_end(client);
    }
    stack.relay.refuse(false);
    // Who is refused a change of state is closed, and comes again.
    let settle = |_| {
        eventually("the database is changed", || {
            let mut client = stack.client();
            (!cmd!(client, "SELECT", "5").is_error()).then_some(client)
        })
    };
    let mut settled: Vec<Client> = (0..CLIENTS).map(settle).collect();
    for client in &mut settled {
        check!(client, "GET", "k" => "$nil");
    }
    for client in &mut clients {
        if client.try_send(&encode(&args!("GET", "k"))).is_ok() {
            reply_or_end(client);
        }
    }
    eventually("all share the connection for that database", || {
        let connections = stack.redis.connections();
        let there = connections.iter().filter(|line| line.contains(" db=5 ")).count();
        (there <= 1).then_some(())
    });
}
