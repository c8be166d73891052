//! The upstream dies and comes back, sessiond is told to stop: no wrong reply, nothing runs twice.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::common::*;

const LOST: &str = "UPSTREAM connection lost, the command may or may not have run";
const AWAY: &str = "UPSTREAM unavailable: ";

/// What became of one command while the upstream comes and goes.
#[derive(Debug, PartialEq)]
enum Fate {
    Answered(Value),
    Unknown,
    NotRun,
}

fn fate(reply: Value) -> Fate {
    match &reply {
        Value::Error(text) if text == LOST => Fate::Unknown,
        Value::Error(text) if text.starts_with(AWAY) && text.len() > AWAY.len() => Fate::NotRun,
        Value::Error(text) if text.starts_with("LOADING") => Fate::NotRun,
        Value::Error(text) => panic!("an error that nothing explains: {text}"),
        _ => Fate::Answered(reply),
    }
}

/// One client's counter: which values its next INCR may answer, and what the server may hold.
struct Counter {
    least: i64,
    most: i64,
}

impl Counter {
    fn incremented(&mut self, fate: Fate) {
        match fate {
            Fate::Answered(value) => {
                let value = value.int();
                let range = self.least + 1..=self.most + 1;
                assert!(range.contains(&value), "INCR answered {value}, possible was {range:?}");
                (self.least, self.most) = (value, value);
            }
            Fate::Unknown => self.most += 1,
            Fate::NotRun => {}
        }
    }
}

#[test]
fn upstream_killed_and_restarted_under_load() {
    // Without fsync every answered write has reached the file: "everysec" may hold one back for two seconds.
    let persistent = ["--appendonly", "yes", "--appendfsync", "no"];
    each_mode_with(&persistent, &[], |mut stack| {
        const CLIENTS: usize = 24;
        const OUTAGES: usize = 3;
        stack.sessiond().expect_troubles();
        let stop = AtomicBool::new(false);
        let rounds = AtomicUsize::new(0);
        let port = stack.port();
        let counters: Vec<Counter> = thread::scope(|scope| {
            let load: Vec<_> = (0..CLIENTS)
                .map(|number| {
                    let (stop, rounds) = (&stop, &rounds);
                    scope.spawn(move || load_until(port, number, stop, rounds))
                })
                .collect();
            let progress = || {
                let reached = rounds.load(Ordering::Relaxed) + 20 * CLIENTS;
                eventually("the clients go on", || {
                    (rounds.load(Ordering::Relaxed) >= reached).then_some(())
                });
            };
            for _ in 0..OUTAGES {
                progress();
                stack.redis.kill();
                stack.redis.start_again();
                eventually("commands work again", || {
                    let mut probe = stack.client();
                    (cmd!(probe, "PING").to_string() == "+PONG").then_some(())
                });
            }
            progress();
            stop.store(true, Ordering::Relaxed);
            load.into_iter().map(|client| client.join().unwrap()).collect()
        });
        let mut redis = stack.redis.client();
        for (number, counter) in counters.iter().enumerate() {
            let stored = match cmd!(redis, "GET", format!("counter{number}")) {
                Value::NullBulk => 0,
                value => value.text().parse().unwrap(),
            };
            assert!(
                (counter.least..=counter.most).contains(&stored),
                "client {number}: {stored} stored, {} acknowledged, at most {}",
                counter.least,
                counter.most
            );
        }
    });
}

/// Increments an own counter through every outage, on one connection, alone and in pipelines.
fn load_until(port: u16, number: usize, stop: &AtomicBool, rounds: &AtomicUsize) -> Counter {
    let mut client = Client::connect(port);
    let mut counter = Counter { least: 0, most: 0 };
    let key = format!("counter{number}");
    let mut round = 0;
    while !stop.load(Ordering::Relaxed) {
        counter.incremented(fate(cmd!(client, "INCR", key)));
        let mark = format!("{number}-{round}");
        let replies = client.pipeline(&[
            args!("ECHO", mark),
            args!("INCR", key),
            args!("SET", format!("own{number}"), mark),
            args!("INCR", key),
            args!("ECHO", format!("end-{mark}")),
        ]);
        let mut replies = replies.into_iter().map(fate);
        let mut next = || replies.next().unwrap();
        if let Fate::Answered(echo) = next() {
            assert_eq!(echo.text(), mark, "a reply of another client or command");
        }
        counter.incremented(next());
        if let Fate::Answered(set) = next() {
            assert_eq!(set.to_string(), "+OK");
        }
        counter.incremented(next());
        if let Fate::Answered(echo) = next() {
            assert_eq!(echo.text(), format!("end-{mark}"));
        }
        if number.is_multiple_of(3) {
            transaction(&mut client, &key, &mut counter);
        }
        rounds.fetch_add(1, Ordering::Relaxed);
        round += 1;
    }
    counter
}

/// MULTI, INCR, EXEC in one write: either all of it, or an error that says what may have happened.
fn transaction(client: &mut Client, key: &str, counter: &mut Counter) {
    let replies = client.pipeline(&[args!("MULTI"), args!("INCR", key), args!("EXEC")]);
    let begun = matches!(fate(replies[0].clone()), Fate::Answered(_));
    match &replies[2] {
        Value::Array(results) => counter.incremented(Fate::Answered(results[0].clone())),
        Value::Error(text) if text == LOST => counter.most += 1,
        Value::Error(text) if text.starts_with("EXECABORT") => {}
        Value::Error(text) if text.starts_with("ERR EXEC without MULTI") => {
            // The transaction's connection was lost before EXEC: INCR then stood alone or nowhere.
            assert!(!begun || replies[1].is_error(), "EXEC forgot a transaction: {replies:?}");
            counter.incremented(fate(replies[1].clone()));
        }
        Value::Error(text) if text.starts_with(AWAY) || text.starts_with("LOADING") => {
            if let Value::Int(_) = &replies[1] {
                counter.incremented(Fate::Answered(replies[1].clone()));
            } else if replies[1].is_error() && replies[1].error() == LOST {
                counter.most += 1;
            }
        }
        other => panic!("EXEC answered {other}"),
    }
    // Whatever happened, the next command must not be queued.
    if let Fate::Answered(reply) = fate(client.run(&["GET", "none"]))
        && reply.to_string() == "+QUEUED"
    {
        client.run(&["DISCARD"]);
        panic!("still in a transaction after EXEC answered {}", replies[2]);
    }
}

#[test]
fn without_an_upstream_commands_say_so_and_connections_stay() {
    each_mode(|mut stack| {
        stack.sessiond().expect_troubles();
        let mut clients: Vec<Client> = (0..10).map(|_| stack.client()).collect();
        for client in &mut clients {
            check!(client, "SET", "k", "1" => "+OK");
            check!(client, "SELECT", "2" => "+OK");
            check!(client, "CLIENT", "SETNAME", "kept" => "+OK");
        }
        stack.redis.kill();
        for client in &mut clients {
            for command in [
                args!("GET", "k"),
                args!("BLPOP", "l", "0"),
                args!("SUBSCRIBE", "c"),
                args!("NOSUCHCOMMAND"),
                args!("SESSION.ACTIVITY", "app"),
                args!("WATCH", "k"),
            ] {
                let reply = eventually("the outage is noticed", || {
                    let reply = client.run(&command);
                    (reply.is_error() && reply.error() != LOST).then_some(reply)
                });
                let text = reply.error();
                assert!(text.starts_with(AWAY) && text.len() > AWAY.len(), "{text}");
            }
        }
        let mut late = stack.client();
        assert!(cmd!(late, "GET", "k").error().starts_with(AWAY));
        stack.redis.start_again();
        for client in clients.iter_mut().chain([&mut late]) {
            eventually("the same connection works again", || {
                (cmd!(client, "SET", "back", "1").to_string() == "+OK").then_some(())
            });
        }
        for client in &mut clients {
            check!(client, "CLIENT", "GETNAME" => "\"kept\"");
        }
        let mut redis = stack.redis.client();
        check!(redis, "EXISTS", "back" => "1");
        check!(redis, "SELECT", "2" => "+OK");
        check!(redis, "EXISTS", "back" => "1");
        check!(late, "SESSION.ACTIVITY", "app" => "0");
    });
}

#[test]
fn a_command_in_flight_when_the_connection_breaks() {
    each_mode(|mut stack| {
        stack.sessiond().expect_troubles();
        let mut paused = stack.client();
        check!(paused, "SET", "warm", "1" => "+OK");
        let mut blocked = stack.client();
        blocked.write(&["BLPOP", "l", "0"]);
        stack.redis.wait_blocked(1);
        check!(stack.redis.client(), "CLIENT", "PAUSE", "60000", "WRITE" => "+OK");
        paused.send(b"SET k 1\r\nGET k\r\n");
        stack.redis.wait_blocked(2);
        stack.redis.kill();
        let lost = format!("-{LOST}");
        assert_eq!(paused.reply().to_string(), lost);
        // The second one had left with the first, or it had not; it is never silently dropped.
        fate(paused.reply());
        assert_eq!(blocked.reply().to_string(), lost);
        stack.redis.start_again();
        for client in [&mut paused, &mut blocked] {
            eventually("the connection works again", || {
                (cmd!(client, "GET", "k").to_string() == "$nil").then_some(())
            });
        }
    });
}

#[test]
fn an_open_transaction_dies_with_its_connection() {
    each_mode(|mut stack| {
        stack.sessiond().expect_troubles();
        let mut client = stack.client();
        check!(client, "WATCH", "k" => "+OK");
        check!(client, "MULTI" => "+OK");
        check!(client, "SET", "k", "1" => "+QUEUED");
        stack.redis.kill();
        stack.redis.start_again();
        let exec = cmd!(client, "EXEC");
        assert!(exec.is_error(), "EXEC after the connection was lost answered {exec}");
        eventually("the connection works again", || {
            (cmd!(client, "GET", "k").to_string() == "$nil").then_some(())
        });
        check!(client, "EXEC" => "-ERR EXEC without MULTI");
    });
}

#[test]
fn killed_upstream_connections_are_replaced() {
    each_mode(|mut stack| {
        stack.sessiond().expect_troubles();
        let mut clients: Vec<Client> = (0..10).map(|_| stack.client()).collect();
        for round in 0..5 {
            for client in &mut clients {
                eventually("the client goes on", || {
                    (cmd!(client, "SET", "k", round).to_string() == "+OK").then_some(())
                });
            }
            cmd!(stack.redis.client(), "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
        }
    });
}

#[test]
fn sigterm_delivers_what_is_in_flight_and_takes_no_new_clients() {
    each_mode_with(&[], &["--drain-timeout", "60"], |mut stack| {
        let mut client = stack.client();
        let mut idle = stack.client();
        check!(idle, "PING" => "+PONG");
        check!(stack.redis.client(), "CLIENT", "PAUSE", "60000", "WRITE" => "+OK");
        client.send(b"INCR k\r\nINCR k\r\n");
        stack.redis.wait_blocked(1);
        let port = stack.port();
        stack.sessiond().terminate();
        eventually("new clients are turned away", || {
            let Ok(mut late) = Client::try_connect(port) else { return Some(()) };
            let _ = late.try_send(b"PING\r\n");
            late.try_reply().is_err().then_some(())
        });
        check!(stack.redis.client(), "CLIENT", "UNPAUSE" => "+OK");
        assert_eq!(client.rest_until_closed(), b":1\r\n:2\r\n");
        assert_eq!(idle.rest_until_closed(), b"");
        assert_eq!(stack.sessiond().wait_exit().code(), Some(0));
    });
}

#[test]
fn an_idle_sessiond_stops_at_once_and_cleanly() {
    each_mode_with(&[], &["--drain-timeout", "60"], |mut stack| {
        let mut client = stack.client();
        check!(client, "SET", "k", "1" => "+OK");
        let mut subscriber = stack.client();
        cmd!(subscriber, "SUBSCRIBE", "c");
        stack.sessiond().terminate();
        assert_eq!(client.rest_until_closed(), b"");
        assert_eq!(stack.sessiond().wait_exit().code(), Some(0));
    });
}

#[test]
fn a_drain_ends_at_its_timeout() {
    each_mode_with(&[], &["--drain-timeout", "1"], |mut stack| {
        stack.sessiond().expect_troubles();
        let mut client = stack.client();
        client.write(&["BLPOP", "l", "0"]);
        stack.redis.wait_blocked(1);
        stack.sessiond().terminate();
        client.rest_until_closed();
        stack.sessiond().wait_exit();
        stack.redis.wait_blocked(0);
    });
}
