//! A client leaves at the very moment when the reply to its last request arrives: both wait for sessiond when it looks.

use std::time::Duration;

use socket2::SockRef;

use crate::behind::*;
use crate::common::*;
use crate::freeze::{Frozen, process};
use crate::leaving::{assert_fresh, prepare};
use crate::relayed::Flow;

type Command = Vec<Vec<u8>>;

/// Which of the two sessiond sees first may change from time to time.
const ROUNDS: usize = 10;

/// The client is answered all but its last request, and leaves together with the reply to that.
fn leave_at_the_last_moment(
    stack: &Behind,
    before: &[Command],
    last: &[Command],
    behind: &[u8],
    abort: bool,
) {
    let process = process(&mut stack.client());
    // Whatever shared connection the client will need is there: replies are held on those that are.
    let mut pilot = stack.client();
    for command in before.iter().chain(last) {
        pilot.run(command);
    }
    let mut client = stack.client();
    // There is a connection of one's own that somebody has given back.
    check!(client, "WATCH", "k" => "+OK");
    check!(client, "UNWATCH" => "+OK");
    for command in before {
        client.run(command);
    }
    stack.relay.present(Flow::Pass, Flow::Hold);
    client.send(&piece(last));
    eventually("the reply is there", || (stack.relay.held() > 0).then_some(()));
    let frozen = Frozen::stop(&process);
    stack.relay.present(Flow::Pass, Flow::Pass);
    client.send(behind);
    if abort {
        SockRef::from(&client.duplicate()).set_linger(Some(Duration::ZERO)).unwrap();
    }
    drop(client);
    drop(frozen);
}

fn leaves_nothing(words: &[Command]) {
    let (last, before) = words.split_last().unwrap();
    leaves_nothing_behind(before, std::slice::from_ref(last));
}

fn leaves_nothing_behind(before: &[Command], last: &[Command]) {
    for mode in MODES {
        let stack = Behind::start(mode, &[]);
        prepare(&mut stack.redis.client());
        for round in 0..ROUNDS {
            let behind: &[u8] = match round % 5 {
                0 => b"",
                1 => b"*1\r\n$5\r\nMULTI\r\n*1\r\n$4\r\nPING\r\n",
                2 => b"*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n",
                3 => b"*1\r\n$4\r\nQUIT\r\n",
                _ => b"*2\r\n$3\r\nGE",
            };
            leave_at_the_last_moment(&stack, before, last, behind, round / 5 == 0);
            for _ in 0..2 {
                assert_fresh(&mut stack.client());
            }
        }
    }
}

#[test]
fn after_multi() {
    leaves_nothing(&[args!("MULTI")]);
    leaves_nothing(&[args!("WATCH", "k"), args!("MULTI")]);
}

#[test]
fn after_multi_behind_other_replies() {
    leaves_nothing_behind(&[], &[args!("GET", "k"), args!("MULTI")]);
    leaves_nothing_behind(&[args!("WATCH", "k")], &[args!("GET", "k"), args!("MULTI")]);
}

#[test]
fn after_watch() {
    leaves_nothing(&[args!("WATCH", "k")]);
}

#[test]
fn after_select() {
    leaves_nothing(&[args!("SELECT", "3")]);
    leaves_nothing(&[args!("WATCH", "k"), args!("SELECT", "3")]);
}

#[test]
fn after_auth() {
    leaves_nothing(&[args!("AUTH", "bob", "secret")]);
}

#[test]
fn after_hello() {
    leaves_nothing(&[args!("HELLO", "3", "AUTH", "bob", "secret", "SETNAME", "left")]);
    leaves_nothing(&[args!("HELLO", "3")]);
}

#[test]
fn after_reset() {
    leaves_nothing(&[args!("SELECT", "3"), args!("MULTI"), args!("RESET")]);
    leaves_nothing(&[args!("WATCH", "k"), args!("RESET")]);
}

#[test]
fn after_quit() {
    leaves_nothing(&[args!("MULTI"), args!("QUIT")]);
    leaves_nothing(&[args!("SUBSCRIBE", "news"), args!("QUIT")]);
}

#[test]
fn after_subscribe() {
    leaves_nothing(&[args!("SUBSCRIBE", "news")]);
    leaves_nothing(&[
        args!("HELLO", "3"),
        args!("WATCH", "k"),
        args!("UNWATCH"),
        args!("SUBSCRIBE", "news"),
    ]);
    leaves_nothing(&[args!("PSUBSCRIBE", "*")]);
}

#[test]
fn after_monitor() {
    leaves_nothing(&[args!("MONITOR")]);
}

#[test]
fn after_client_tracking() {
    leaves_nothing(&[
        args!("HELLO", "3"),
        args!("WATCH", "k"),
        args!("UNWATCH"),
        args!("CLIENT", "TRACKING", "ON", "BCAST"),
    ]);
}

#[test]
fn after_client_no_evict() {
    leaves_nothing(&[args!("CLIENT", "NO-EVICT", "ON")]);
}

#[test]
fn after_client_setname() {
    leaves_nothing(&[args!("WATCH", "k"), args!("CLIENT", "SETNAME", "left")]);
}

#[test]
fn after_a_queued_command() {
    leaves_nothing(&[args!("MULTI"), args!("SELECT", "3")]);
    leaves_nothing(&[args!("MULTI"), args!("SUBSCRIBE", "news")]);
}

#[test]
fn after_exec() {
    leaves_nothing(&[args!("MULTI"), args!("SELECT", "3"), args!("EXEC")]);
    leaves_nothing(&[args!("MULTI"), args!("SUBSCRIBE", "news"), args!("EXEC")]);
    leaves_nothing(&[args!("MULTI"), args!("MONITOR"), args!("EXEC")]);
    leaves_nothing(&[args!("MULTI"), args!("CLIENT", "NO-EVICT", "ON"), args!("EXEC")]);
}

#[test]
fn after_a_command_that_nobody_knows() {
    leaves_nothing(&[args!("PFDEBUG", "TODENSE", "nothing")]);
    leaves_nothing(&[args!("PFSELFTEST")]);
}
