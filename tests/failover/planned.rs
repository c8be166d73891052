//! The primary hands over while it is well, and who it was is a replica then.

use crate::common::*;
use crate::front::*;
use crate::load::*;

#[test]
fn a_planned_failover_under_load() {
    let mut group = Group::start();
    let fronts = fronts(&group.url(), &PATIENT);
    let counters = under_load(&fronts, &mut group, 30, |load, group| {
        load.safe(group);
        let upstream = connections(group, 0).len();
        group.fail_over();
        load.progress();
        group.settled();
        let refused = errors(group, 0, "READONLY");
        assert!(refused <= upstream as u64, "{refused} READONLY on {upstream} connections");
        assert_left_alone(load, group, 0);
    });
    assert_bounded(&counters, group.changes());
}

/// Two servers and a Sentinel that speaks only when it is asked.
struct Pair {
    first: Redis,
    second: Redis,
    fake: FakeSentinel,
}

impl Pair {
    /// The second server follows the first, which the Sentinel names.
    fn start() -> Pair {
        let (first, second) = (Redis::start(), Redis::start());
        let fake = FakeSentinel::start(Says::Names(first.port()));
        check!(second.client(), "REPLICAOF", "127.0.0.1", first.port() => "+OK");
        eventually("the second server follows", || {
            let info = cmd!(first.client(), "INFO", "replication").text();
            info.contains("state=online").then_some(())
        });
        Pair { first, second, fake }
    }

    /// They change places, and no connection breaks.
    fn change_places(&self) {
        check!(self.second.client(), "REPLICAOF", "NO", "ONE" => "+OK");
        self.fake.say(Says::Names(self.second.port()));
        check!(self.first.client(), "REPLICAOF", "127.0.0.1", self.second.port() => "+OK");
    }
}

#[test]
fn the_first_refused_write_is_the_last_one() {
    for mode in modes() {
        let pair = Pair::start();
        let sessiond = front(*mode, &pair.fake.url(), &PATIENT);
        let mut clients: Vec<Client> = (0..3).map(|_| sessiond.client()).collect();
        for client in &mut clients {
            check!(client, "SET", "k", "before" => "+OK");
        }
        let upstream = pair.first.connections().len();
        pair.change_places();
        let mut refused = 0;
        for client in &mut clients {
            eventually("a write is taken", || {
                let reply = cmd!(client, "SET", "k", "after");
                let taken = reply.to_string() == "+OK";
                if !taken {
                    assert!(reply.error().starts_with("READONLY "), "{reply}");
                    refused += 1;
                }
                taken.then_some(())
            });
        }
        assert!(refused <= upstream, "{mode}: {refused} READONLY on {upstream} connections");
        check!(pair.second.client(), "GET", "k" => "\"after\"");
    }
}

#[test]
fn a_refused_write_reaches_its_client_in_its_place() {
    for mode in modes() {
        let pair = Pair::start();
        let sessiond = front(*mode, &pair.fake.url(), &PATIENT);
        let mut client = sessiond.client();
        check!(client, "SET", "k", "v" => "+OK");
        // Reads are served by a replica, so the replies around the error show its place.
        eventually("the replica has it", || {
            (cmd!(pair.second.client(), "GET", "k").to_string() == "\"v\"").then_some(())
        });
        pair.change_places();
        let replies = client.pipeline(&[
            args!("ECHO", "one"),
            args!("SET", "k", "w"),
            args!("ECHO", "two"),
            args!("GET", "k"),
        ]);
        let texts: Vec<String> = replies.iter().map(Value::to_string).collect();
        assert_eq!((&*texts[0], &*texts[2]), ("\"one\"", "\"two\""), "{mode}");
        match &replies[1] {
            Value::Error(text) if text.starts_with("READONLY ") => assert_eq!(texts[3], "\"v\""),
            other => assert_eq!((&*other.to_string(), &*texts[3]), ("+OK", "\"w\""), "{mode}"),
        }
        eventually("a write is taken", || {
            (cmd!(client, "SET", "k", "x").to_string() == "+OK").then_some(())
        });
        check!(pair.second.client(), "GET", "k" => "\"x\"");
    }
}
