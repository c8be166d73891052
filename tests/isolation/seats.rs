//! Those who have gone take no room: no seat, no descriptor, however long a reply to them is due.

use std::time::Duration;

use socket2::SockRef;

use crate::behind::*;
use crate::common::*;
use crate::freeze::process;
use crate::relayed::Flow;

const SEATS: usize = 40;
/// Seats that are taken only while free ones are looked for, so that a seat that is given back late is nobody's trouble.
const SPARE: usize = 4;

/// Takes a seat, and says whether there was one. Malformed bytes are answered without the server.
fn is_seated(stack: &Behind) -> bool {
    let mut client = stack.client();
    let _ = client.try_send(b"*1\r\nmalformed\r\n");
    match reply_or_end(&mut client) {
        Some(Value::Error(text)) if text.contains("max number of clients") => false,
        Some(Value::Error(text)) if text.contains("Protocol error") => true,
        Some(other) => panic!("{other}"),
        None => false,
    }
}

#[test]
fn those_who_left_before_their_reply_keep_no_seat() {
    let seats = (SEATS + SPARE).to_string();
    let stack = Behind::start("shared", &["--max-clients", &seats]);
    let mut first = stack.client();
    check!(first, "SET", "k", "v" => "+OK");
    let process = process(&mut first);
    let before = process.descriptors();
    stack.relay.record();
    stack.relay.present(Flow::Pass, Flow::Hold);
    for round in 1..=3 {
        let mut waiting: Vec<Client> = (1..SEATS).map(|_| stack.client()).collect();
        for client in &mut waiting {
            client.write(&args!("ECHO", "awaited"));
        }
        eventually("all requests are on their way", || {
            (stack.relay.recorded(b"awaited") == round * (SEATS - 1)).then_some(())
        });
        for client in &waiting {
            SockRef::from(&client.duplicate()).set_linger(Some(Duration::ZERO)).unwrap();
        }
        drop(waiting);
        let spare: Vec<Client> = (0..SPARE).map(|_| stack.client()).collect();
        eventually("the seats are free", || is_seated(&stack).then_some(()));
        drop(spare);
        if let Some(before) = before {
            eventually("the descriptors are free", || {
                (process.descriptors().unwrap() < before + SPARE).then_some(())
            });
        }
    }
    // Nobody gets the replies that were for others.
    first.write(&args!("ECHO", "mine"));
    let mut last = stack.client();
    last.write(&args!("ECHO", "last"));
    stack.relay.present(Flow::Pass, Flow::Pass);
    assert_eq!(first.reply().text(), "mine");
    assert_eq!(last.reply().text(), "last");
}

/// Who goes in the middle of a request that is too large to be held leaves its seat and its connection, though there will be
/// no reply.
#[test]
fn those_who_left_within_a_large_request_keep_no_seat() {
    for mode in MODES {
        let stack = Behind::start(mode, &[]);
        let mut watching = stack.client();
        for _ in 0..6 {
            let mut client = stack.client();
            client.send(&piece(&[args!("PING")]));
            let half = ["*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3000000\r\n", &"x".repeat(2_000_000)];
            client.send(half.concat().as_bytes());
            assert_eq!(client.reply().to_string(), "+PONG", "{mode}");
        }
        eventually("they have gone", || {
            let info = cmd!(watching, "INFO", "clients").text();
            info.contains("connected_clients:1\r").then_some(())
        });
        check!(watching, "EXISTS", "k" => "0");
        // The one that asks, the lane or the connection of the one that watches, and what looks after the server.
        let mut redis = stack.redis.client();
        eventually("the connections are closed", || {
            let list = cmd!(redis, "CLIENT", "LIST").text();
            (list.lines().count() <= 4).then_some(())
        });
    }
}
