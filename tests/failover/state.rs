//! What a client is in the middle of when the primary changes: lost as when a server dies, and never half run.

use crate::common::*;
use crate::front::*;

/// The clients of one sessiond, each in the middle of something.
struct Busy {
    watching: Client,
    queueing: Client,
    both: Client,
    blocked: Client,
    number: usize,
}

impl Busy {
    fn new(sessiond: &Sessiond, number: usize) -> Busy {
        let mut watching = sessiond.client();
        check!(watching, "WATCH", format!("w{number}") => "+OK");
        let mut queueing = sessiond.client();
        check!(queueing, "MULTI" => "+OK");
        check!(queueing, "SET", format!("q{number}"), "1" => "+QUEUED");
        check!(queueing, "RPUSH", format!("ql{number}"), "1" => "+QUEUED");
        let mut both = sessiond.client();
        check!(both, "WATCH", format!("b{number}") => "+OK");
        check!(both, "MULTI" => "+OK");
        check!(both, "SET", format!("b{number}"), "1" => "+QUEUED");
        let mut blocked = sessiond.client();
        blocked.write(&args!("BLPOP", format!("l{number}"), "0"));
        Busy { watching, queueing, both, blocked, number }
    }

    /// What each is told, and that everybody can go on.
    fn ends(&mut self, server: &mut Client) {
        let number = self.number;
        let replies = self.watching.pipeline(&[
            args!("MULTI"),
            args!("SET", format!("w{number}"), "1"),
            args!("EXEC"),
        ]);
        assert_not_run(&replies[2]);
        let queued = cmd!(self.queueing, "RPUSH", format!("ql{number}"), "2");
        assert!(queued.is_error() || queued.to_string() == "+QUEUED", "{queued}");
        assert_not_run(&cmd!(self.queueing, "EXEC"));
        assert_not_run(&cmd!(self.both, "EXEC"));
        let told = self.blocked.reply();
        // A server that becomes a replica says so to those who wait; one that is gone says nothing.
        let text = told.error();
        assert!(text == LOST || text.starts_with("UNBLOCKED "), "{text}");
        for key in ["w", "q", "ql", "b"] {
            check!(server, "EXISTS", format!("{key}{number}") => "0");
        }
        let own = format!("own{number}");
        for client in [&mut self.watching, &mut self.queueing, &mut self.both, &mut self.blocked] {
            let before = cmd!(server, "INCRBY", own, "0").int();
            check!(client, "INCR", own => (before + 1).to_string());
            check!(client, "EXEC" => "-ERR EXEC without MULTI");
            check!(client, "WATCH", own => "+OK");
            check!(client, "MULTI" => "+OK");
            check!(client, "INCR", own => "+QUEUED");
            assert!(matches!(cmd!(client, "EXEC"), Value::Array(_)));
        }
        self.blocked.write(&args!("BLPOP", format!("l{number}"), "0"));
        check!(server, "RPUSH", format!("l{number}"), "x" => "1");
        assert_eq!(self.blocked.reply().to_string(), format!("[\"l{number}\", \"x\"]"));
    }
}

fn assert_not_run(exec: &Value) {
    let lost = match exec {
        Value::NullArray | Value::Null => true,
        Value::Error(text) => text.starts_with("EXECABORT"),
        _ => false,
    };
    assert!(lost, "EXEC answered {exec}");
}

fn nothing_is_half_run(fail_over: impl Fn(&mut Group) -> usize) {
    let mut group = Group::start();
    let fronts = fronts(&group.url(), &PATIENT);
    let mut busy: Vec<Busy> =
        fronts.iter().enumerate().map(|(number, front)| Busy::new(front, number)).collect();
    eventually("all who block do so", || {
        let clients = group.info(0, "clients", "blocked_clients")?;
        (clients == fronts.len().to_string()).then_some(())
    });
    let new = fail_over(&mut group);
    for (sessiond, busy) in fronts.iter().zip(&mut busy) {
        wait_served(sessiond, &group, new);
        busy.ends(&mut group.client(new));
    }
}

#[test]
fn nothing_is_half_run_at_a_planned_failover() {
    nothing_is_half_run(|group| group.fail_over());
}

#[test]
fn nothing_is_half_run_when_the_primary_dies() {
    nothing_is_half_run(|group| {
        group.nodes[0].kill();
        group.wait_other_than(0)
    });
}

#[test]
fn nothing_is_half_run_when_the_primary_freezes() {
    nothing_is_half_run(|group| {
        group.nodes[0].stop();
        let new = group.wait_other_than(0);
        group.nodes[0].resume();
        group.settled();
        new
    });
}

#[test]
fn nothing_is_half_run_when_the_primary_is_cut_off() {
    // It is well and says that it is a primary, but the Sentinels have chosen another one.
    for mode in modes() {
        let (old, new) = (Redis::start(), Redis::start());
        let fake = FakeSentinel::start(Says::Names(old.port()));
        let sessiond = front(*mode, &fake.url(), &PATIENT);
        let mut busy = Busy::new(&sessiond, 0);
        old.wait_blocked(1);
        eventually("it listens", || (fake.listeners() > 0).then_some(()));
        fake.say(Says::Names(new.port()));
        fake.publish_switch(old.port(), new.port());
        eventually("sessiond has gone over to the new primary", || {
            (serving(&mut sessiond.client()) == Ok(new.port())).then_some(())
        });
        busy.ends(&mut new.client());
        old.wait_blocked(0);
        check!(old.client(), "DBSIZE" => "0");
    }
}

#[test]
fn names_databases_users_and_protocols_are_kept() {
    let mut group = Group::start();
    for node in 0..3 {
        check!(group.client(node), "ACL", "SETUSER", "bob", "on", ">pw", "~*", "&*", "+@all" => "+OK");
    }
    let fronts = fronts(&group.url(), &PATIENT);
    let mut clients = Vec::new();
    for sessiond in &fronts {
        let mut client = sessiond.client().resp3();
        check!(client, "AUTH", "bob", "pw" => "+OK");
        check!(client, "SELECT", "2" => "+OK");
        check!(client, "CLIENT", "SETNAME", "kept" => "+OK");
        check!(client, "SET", "k", "two" => "+OK");
        clients.push(client);
    }
    group.replicated(0);
    group.nodes[0].kill();
    let new = group.wait_other_than(0);
    for (sessiond, client) in fronts.iter().zip(&mut clients) {
        wait_served(sessiond, &group, new);
        check!(client, "GET", "k" => "\"two\"");
        check!(client, "GET", "none" => "_");
        check!(client, "ACL", "WHOAMI" => "\"bob\"");
        check!(client, "CLIENT", "GETNAME" => "\"kept\"");
    }
}
