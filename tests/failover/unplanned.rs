//! The primary dies or freezes under load: clients stay connected, wait, and go on with the next one.

use crate::common::*;
use crate::front::*;
use crate::load::*;

const CLIENTS: usize = 30;

#[test]
fn the_primary_is_killed_under_load() {
    let mut group = Group::start();
    let fronts = fronts(&group.url(), &PATIENT);
    let counters = under_load(&fronts, &mut group, CLIENTS, |load, group| {
        load.safe(group);
        group.nodes[0].kill();
        group.wait_other_than(0);
    });
    assert_bounded(&counters, group.changes());
    assert_eq!(counters.iter().map(|counter| counter.refused).sum::<usize>(), 0);
}

#[test]
fn the_primary_freezes_under_load() {
    let mut group = Group::start();
    let fronts = fronts(&group.url(), &PATIENT);
    let counters = under_load(&fronts, &mut group, CLIENTS, |load, group| {
        load.safe(group);
        group.nodes[0].stop();
        group.wait_other_than(0);
        load.progress();
        // It wakes up as a primary and does what it had received. Nobody hears of that, and nobody asks it any more.
        group.nodes[0].resume();
        group.settled();
        assert_left_alone(load, group, 0);
    });
    assert_bounded(&counters, group.changes());
}

#[test]
fn three_failovers_in_a_row() {
    let mut group = Group::start();
    let fronts = fronts(&group.url(), &PATIENT);
    let counters = under_load(&fronts, &mut group, CLIENTS, |load, group| {
        for round in 0..3 {
            load.safe(group);
            let old = group.primary();
            if round == 1 {
                group.fail_over();
                load.progress();
            } else {
                group.nodes[old].kill();
                group.wait_other_than(old);
                load.progress();
                group.nodes[old].start_again();
            }
            group.settled();
        }
    });
    assert!(group.changes() >= 3);
    assert_bounded(&counters, group.changes());
}

#[test]
fn a_frozen_primary_holds_up_nobody_who_comes_meanwhile() {
    let mut group = Group::start();
    // An attempt to connect would take longer than a test waits for a reply.
    let fronts = fronts(&group.url(), &[&PATIENT[..], &["--connect-timeout", "300"]].concat());
    let mut known: Vec<Client> = fronts.iter().map(Sessiond::client).collect();
    known.iter_mut().for_each(|client| check!(client, "GET", "k" => "$nil"));
    group.nodes[0].stop();
    let mut newcomers = Vec::new();
    for sessiond in &fronts {
        for number in 0..20 {
            let mut client = sessiond.client();
            // Some can share a connection, some need one of another kind, some need one of their own.
            client.send(&wire(match number % 4 {
                0 => "SELECT 1\nGET none",
                1 => "WATCH k\nGET none",
                2 => "BLPOP l 0.01\nGET none",
                _ => "GET none\nGET none",
            }));
            newcomers.push(client);
        }
    }
    group.wait_other_than(0);
    for client in &mut newcomers {
        for _ in 0..2 {
            let reply = client.reply();
            // What went to a connection that there was is lost.
            assert!(!reply.is_error() || reply.error() == LOST, "{reply}");
        }
        assert_eq!(serving_any(client), Ok(()));
    }
    known.iter_mut().for_each(|client| assert_eq!(serving_any(client), Ok(())));
}

fn serving_any(client: &mut Client) -> Result<(), String> {
    serving(client).map(drop)
}

#[test]
fn what_was_not_sent_runs_on_the_next_primary() {
    const REQUESTS: usize = 300;
    let mut group = Group::start();
    let fronts = fronts(&group.url(), &PATIENT);
    let mut clients: Vec<Client> = fronts.iter().map(Sessiond::client).collect();
    clients.iter_mut().for_each(|client| check!(client, "PING" => "+PONG"));
    // More than fits into the sockets to a server that reads nothing.
    group.nodes[0].stop();
    // Should a part of a request go anywhere without its beginning, this would be a request of its own.
    let value = b"\r\nSET smuggled yes\r\n".repeat(5000);
    let length = value.len().to_string();
    let requests = |number: usize| {
        let one = |request| encode(&args!("SET", format!("k{number}:{request}"), value));
        (0..REQUESTS).map(one).collect()
    };
    let writers: Vec<_> = clients
        .iter()
        .enumerate()
        .map(|(number, client)| client.send_aside(requests(number)))
        .collect();
    let new = group.wait_other_than(0);
    for (number, client) in clients.iter_mut().enumerate() {
        let reply = |request| {
            let reply = client.try_reply();
            reply.unwrap_or_else(|error| panic!("client {number}, request {request}: {error}"))
        };
        let replies: Vec<String> =
            (0..REQUESTS).map(reply).map(|reply| reply.to_string()).collect();
        let lost = replies.iter().take_while(|reply| **reply == format!("-{LOST}")).count();
        assert!(lost < REQUESTS, "all of it was sent, or counts as sent");
        for (request, reply) in replies.iter().enumerate().skip(lost) {
            assert_eq!(reply, "+OK", "client {number}, request {request}, {lost} were lost");
            check!(group.client(new), "STRLEN", format!("k{number}:{request}") => length);
        }
    }
    check!(group.client(new), "EXISTS", "smuggled" => "0");
    writers.into_iter().for_each(|writer| writer.join().unwrap());
}

#[test]
fn a_long_pipeline_keeps_its_order_across_a_failover() {
    const REQUESTS: usize = 100_000;
    let mut group = Group::start();
    let fronts = fronts(&group.url(), &PATIENT);
    let mut clients: Vec<Client> = fronts.iter().map(Sessiond::client).collect();
    let writers: Vec<_> = clients
        .iter()
        .map(|client| {
            let requests: Vec<Vec<u8>> =
                (0..REQUESTS).map(|number| encode(&args!("ECHO", number))).collect();
            client.send_aside(requests.chunks(100).map(<[Vec<u8>]>::concat).collect())
        })
        .collect();
    let mut lost = 0;
    for number in 0..REQUESTS {
        if number == REQUESTS / 10 {
            group.nodes[0].kill();
        }
        for client in &mut clients {
            match client.reply() {
                Value::Bulk(echo) => assert_eq!(echo, number.to_string().into_bytes()),
                Value::Error(text) if text == LOST => lost += 1,
                other => panic!("ECHO {number} answered {other}"),
            }
        }
    }
    assert!(lost < clients.len() * REQUESTS / 2, "{lost} lost: it was over before the next one");
    writers.into_iter().for_each(|writer| writer.join().unwrap());
}
