//! Plain clients in front of a cluster: it is one Redis to them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::common::*;

const LOST: &str = "UPSTREAM connection lost, the command may or may not have run";

pub(crate) fn front(cluster: &Cluster, options: &[&str]) -> Sessiond {
    let url = cluster.url();
    let mut all = vec!["--upstream", &url, "--wipe", "0"];
    all.extend_from_slice(options);
    let mut sessiond = Sessiond::start(&all);
    sessiond.expect_troubles();
    sessiond
}

/// Requests over all slots, those that are split, joined, refused, and transactions.
const REQUESTS: [&str; 48] = [
    "SET a 1",
    "MSET a 1 b 2 c 3 d 4 {t}1 x {t}2 y",
    "MGET a nosuch b c d",
    "EXISTS a b c nosuch",
    "TOUCH a b",
    "DBSIZE",
    "INCR a",
    "APPEND b zz",
    "GET b",
    "LPUSH l 1 2 3",
    "LRANGE l 0 -1",
    "BLPOP l 1",
    "LMPOP 2 {t}l {t}m LEFT",
    "ZADD z 1 a 2 b",
    "ZRANGE z 0 -1 WITHSCORES",
    "SORT l",
    "OBJECT ENCODING a",
    "EVAL return{KEYS[1],ARGV[1]} 1 a x",
    "EVAL return{KEYS[1]} 1 b",
    "XADD s 1-1 f v",
    "XREAD COUNT 1 STREAMS s 0",
    "RENAME {t}1 {t}3",
    "NOSUCH a",
    "GET",
    "MSET a",
    "PING",
    "ECHO hello",
    "MULTI",
    "PING",
    "SET {t}1 5",
    "INCR {t}1",
    "EXEC",
    "MULTI",
    "GET a",
    "NOSUCH",
    "EXEC",
    "WATCH a",
    "SET a 9",
    "MULTI",
    "GET a",
    "EXEC",
    "MULTI",
    "MULTI",
    "GET a",
    "EXEC",
    "UNLINK a b c",
    "DEL d z s l",
    "DBSIZE",
];

#[test]
fn a_cluster_answers_as_one_server() {
    let (cluster, plain) = (Cluster::start(), Redis::start());
    for options in [&["--workers", "1"][..], &["--workers", "4"], &["--upstream-mode", "dedicated"]]
    {
        let sessiond = front(&cluster, options);
        let requests: Vec<Vec<Vec<u8>>> = REQUESTS
            .iter()
            .map(|line| line.split(' ').map(|word| word.as_bytes().to_vec()).collect())
            .collect();
        for together in [false, true] {
            let (mut through, mut direct) = (sessiond.client(), plain.client());
            check!(through, "FLUSHALL" => "+OK");
            check!(direct, "FLUSHALL" => "+OK");
            if together {
                let bytes: Vec<u8> = requests.iter().flat_map(|request| encode(request)).collect();
                through.send(&bytes);
                direct.send(&bytes);
            }
            for request in &requests {
                if !together {
                    through.write(request);
                    direct.write(request);
                }
                let want = direct.reply().to_string();
                let got = through.reply().to_string();
                assert_eq!(got, want, "{} {options:?} {together}", args_text(request));
            }
        }
    }
}

#[test]
fn what_is_in_several_slots_is_refused_in_the_servers_words() {
    let cluster = Cluster::start();
    let sessiond = front(&cluster, &[]);
    let mut client = sessiond.client();
    let refused = "-CROSSSLOT Keys in request don't hash to the same slot";
    check!(client, "RENAME", "a", "b" => refused);
    check!(client, "MSETNX", "a", "1", "b", "2" => refused);
    check!(client, "WATCH", "a", "b" => refused);
    check!(client, "WATCH", "a" => "+OK");
    check!(client, "WATCH", "b" => refused);
    check!(client, "MULTI" => "+OK");
    check!(client, "SET", "a", "1" => "+QUEUED");
    check!(client, "SET", "b", "1" => refused);
    check!(client, "EXEC" => "-EXECABORT Transaction discarded because of previous errors.");
    check!(client, "EXISTS", "a", "b" => "0");
    check!(client, "PING" => "+PONG");
}

#[test]
fn scan_gives_every_key_once() {
    let cluster = Cluster::start();
    let sessiond = front(&cluster, &[]);
    let mut client = sessiond.client();
    for number in 0..500 {
        check!(client, "SET", format!("key{number}"), "v" => "+OK");
    }
    let (mut cursor, mut keys) = ("0".to_owned(), Vec::new());
    loop {
        let reply = cmd!(client, "SCAN", &cursor, "COUNT", "20");
        let found = reply.items()[1].items().iter().map(Value::text);
        keys.extend(found.filter(|key| key.starts_with("key")));
        cursor = reply.items()[0].text();
        if cursor == "0" {
            break;
        }
    }
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 500);
}

/// Clients that count, while `happen` happens; how many of their requests may or may not have run.
fn count(sessiond: &Sessiond, happen: impl FnOnce()) -> usize {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let counters: Vec<_> = (0..6)
            .map(|number| {
                let over = &over;
                scope.spawn(move || {
                    let mut client = sessiond.client();
                    let (mut sure, mut unsure) = ([0; 20], [0; 20]);
                    while !over.load(Ordering::Relaxed) {
                        for at in 0..20 {
                            match cmd!(client, "INCR", format!("{number}:{at}")) {
                                Value::Error(text) if text == LOST => unsure[at] += 1,
                                reply => {
                                    sure[at] += 1;
                                    let (least, most) = (sure[at], sure[at] + unsure[at]);
                                    assert!((least..=most).contains(&reply.int()), "{reply}");
                                    sure[at] = reply.int();
                                    unsure[at] = most - reply.int();
                                }
                            }
                        }
                    }
                    unsure.iter().filter(|unsure| **unsure > 0).count()
                })
            })
            .collect();
        happen();
        over.store(true, Ordering::Relaxed);
        counters.into_iter().map(|counter| counter.join().unwrap()).sum()
    })
}

#[test]
fn slots_that_move_are_not_noticed() {
    let cluster = Cluster::start();
    let sessiond = front(&cluster, &[]);
    let unsure = count(&sessiond, || {
        for number in 0..6 {
            let slot = cluster.slot(&format!("{number}:7"));
            let from = cluster.owner(slot).unwrap();
            cluster.move_slot(slot, (from + 1) % 3);
        }
    });
    assert_eq!(unsure, 0);
}

#[test]
fn a_primary_that_dies_is_a_pause() {
    let mut cluster = Cluster::start();
    let sessiond = front(&cluster, &["--hold", "120"]);
    let mut client = sessiond.client();
    let slot = cluster.slot("k");
    let first = cluster.owner(slot).unwrap();
    check!(client, "SET", "k", "v" => "+OK");
    check!(cmd_wait(&mut client), "GET", "k" => "\"v\"");
    count(&sessiond, || {
        cluster.nodes[first].kill();
        cluster.wait_other_owner(slot, first);
        cluster.settled();
    });
    check!(client, "GET", "k" => "\"v\"");
}

/// Waits until replicas have what was written.
fn cmd_wait(client: &mut Client) -> &mut Client {
    eventually("the replicas have it", || {
        (cmd!(client, "WAIT", "1", "1000").int() >= 1).then_some(())
    });
    client
}

#[test]
fn sessions_are_spread_over_the_nodes() {
    let cluster = Cluster::start();
    let sessiond = front(&cluster, &[]);
    let mut client = sessiond.client();
    let mut tokens = Vec::new();
    for user in 0..60 {
        tokens.push(cmd!(client, "SESSION.CREATE", "shop", format!("u{user}"), "1.2.3.4").text());
    }
    for (user, token) in tokens.iter().enumerate() {
        let session = cmd!(client, "SESSION.GET", "shop", token);
        assert_eq!(session.field("id").text(), format!("u{user}"));
    }
    for node in 0..3 {
        assert!(cmd!(cluster.client(node), "DBSIZE").int() > 20);
    }
    check!(client, "SESSION.ACTIVITY", "shop", "600" => "60");
    check!(client, "SESSION.KILL", "shop", &tokens[0] => "1");
    check!(client, "SESSION.KILLSOID", "shop", "u1" => "1");
    check!(client, "SESSION.KILLALL", "shop" => "58");
    check!(client, "SESSION.ACTIVITY", "shop", "600" => "0");
}

#[test]
fn clients_for_clusters_find_one_node() {
    let cluster = Cluster::start();
    let sessiond = front(&cluster, &[]);
    let mut client = sessiond.client();
    let slots = cmd!(client, "CLUSTER", "SLOTS");
    let range = &slots.items()[0];
    assert_eq!(
        (slots.items().len(), range.items()[0].int(), range.items()[1].int()),
        (1, 0, 16383)
    );
    assert_eq!(range.items()[2].items()[1].int(), i64::from(sessiond.port()));
    assert_eq!(cmd!(client, "HELLO", "3").field("mode").text(), "standalone");
    check!(client, "READONLY" => "+OK");
}
