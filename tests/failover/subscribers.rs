//! Subscribers hear what is published on the next primary, and nothing of how they came there.

use crate::common::*;
use crate::front::*;

/// One subscriber, with a channel, a pattern and a shard channel that nobody else has.
struct Subscriber {
    client: Client,
    resp3: bool,
    number: usize,
}

impl Subscriber {
    fn new(sessiond: &Sessiond, number: usize) -> Subscriber {
        let resp3 = number % 2 == 1;
        let mut client = sessiond.client();
        if resp3 {
            client = client.resp3();
        }
        let mut subscriber = Subscriber { client, resp3, number };
        subscriber.client.send(&wire(&format!(
            "SUBSCRIBE c{number}
             PSUBSCRIBE p{number}*
             SSUBSCRIBE s{number}"
        )));
        subscriber.expect(&format!("[\"subscribe\", \"c{number}\", 1]"));
        subscriber.expect(&format!("[\"psubscribe\", \"p{number}*\", 2]"));
        subscriber.expect(&format!("[\"ssubscribe\", \"s{number}\", 1]"));
        subscriber
    }

    fn expect(&mut self, text: &str) {
        let push = if self.resp3 { ">" } else { "" };
        let what = format!("subscriber {}", self.number);
        assert_eq!(self.client.reply().to_string(), format!("{push}{text}"), "{what}");
    }

    /// Waits until the server knows all three subscriptions.
    fn wait_subscribed(&self, server: &mut Client) {
        let number = self.number;
        eventually("the new primary knows the subscriptions", || {
            let channels = cmd!(server, "PUBSUB", "NUMSUB", format!("c{number}")).items()[1].int();
            let shard =
                cmd!(server, "PUBSUB", "SHARDNUMSUB", format!("s{number}")).items()[1].int();
            (channels == 1 && shard == 1).then_some(())
        });
        // Patterns are only counted in all: one that is there gets a message, which the subscriber is shown.
        eventually("the new primary knows the pattern", || {
            (cmd!(server, "PUBLISH", format!("p{number}-probe"), "x").int() == 1).then_some(())
        });
    }

    /// What is published arrives, and nothing else.
    fn hears(&mut self, publisher: &mut Client, text: &str) {
        let number = self.number;
        check!(publisher, "PUBLISH", format!("c{number}"), text => "1");
        check!(publisher, "PUBLISH", format!("p{number}x"), text => "1");
        check!(publisher, "SPUBLISH", format!("s{number}"), text => "1");
        self.expect(&format!("[\"message\", \"c{number}\", \"{text}\"]"));
        self.expect(&format!("[\"pmessage\", \"p{number}*\", \"p{number}x\", \"{text}\"]"));
        self.expect(&format!("[\"smessage\", \"s{number}\", \"{text}\"]"));
    }

    /// The counts in later confirmations are right, and the client is an ordinary one in the end.
    fn leaves(&mut self) {
        let number = self.number;
        self.client.send(&wire("UNSUBSCRIBE\nPUNSUBSCRIBE\nSUNSUBSCRIBE"));
        self.expect(&format!("[\"unsubscribe\", \"c{number}\", 1]"));
        self.expect(&format!("[\"punsubscribe\", \"p{number}*\", 0]"));
        self.expect(&format!("[\"sunsubscribe\", \"s{number}\", 0]"));
        check!(self.client, "SET", format!("k{number}"), "v" => "+OK");
    }
}

fn subscribers_follow(fail_over: impl Fn(&mut Group) -> usize) {
    let mut group = Group::start();
    let fronts = fronts(&group.url(), &PATIENT);
    let mut subscribers = subscribers(&fronts, &mut group.client(0));
    let new = fail_over(&mut group);
    all_hear(&mut subscribers, &fronts, &mut group.client(new));
}

/// Two subscribers of each sessiond, who hear what is published on this server.
fn subscribers(fronts: &[Sessiond], server: &mut Client) -> Vec<Subscriber> {
    let numbers = 0..2 * fronts.len();
    let mut subscribers: Vec<Subscriber> =
        numbers.map(|number| Subscriber::new(&fronts[number / 2], number)).collect();
    subscribers.iter_mut().for_each(|subscriber| subscriber.hears(server, "before"));
    subscribers
}

/// They hear what is published on this server as soon as they are subscribed there, and leave.
fn all_hear(subscribers: &mut [Subscriber], fronts: &[Sessiond], server: &mut Client) {
    for subscriber in subscribers {
        subscriber.wait_subscribed(server);
        let number = subscriber.number;
        let probe = format!("[\"pmessage\", \"p{number}*\", \"p{number}-probe\", \"x\"]");
        subscriber.expect(&probe);
        subscriber.hears(server, "after");
        subscriber.hears(&mut fronts[0].client(), "through sessiond");
        subscriber.leaves();
    }
}

#[test]
fn subscribers_follow_a_planned_failover() {
    subscribers_follow(|group| group.fail_over());
}

#[test]
fn subscribers_follow_when_the_primary_dies() {
    subscribers_follow(|group| {
        group.nodes[0].kill();
        group.wait_other_than(0)
    });
}

#[test]
fn subscribers_follow_when_the_primary_is_cut_off() {
    // It is well and says that it is a primary, but the Sentinels have chosen another one.
    let (old, new) = (Redis::start(), Redis::start());
    let fake = FakeSentinel::start(Says::Names(old.port()));
    let fronts = fronts(&fake.url(), &PATIENT);
    let mut subscribers = subscribers(&fronts, &mut old.client());
    eventually("all listen", || (fake.listeners() >= fronts.len()).then_some(()));
    fake.say(Says::Names(new.port()));
    fake.publish_switch(old.port(), new.port());
    all_hear(&mut subscribers, &fronts, &mut new.client());
    check!(old.client(), "PUBLISH", "c0", "nobody" => "0");
}

#[test]
fn what_is_not_subscribed_any_more_is_not_made_again() {
    let mut group = Group::start();
    for sessiond in fronts(&group.url(), &PATIENT) {
        let mut client = sessiond.client().resp3();
        client
            .send(&wire("SUBSCRIBE stays leaves\nUNSUBSCRIBE leaves\nPSUBSCRIBE p*\nPUNSUBSCRIBE"));
        (0..5).for_each(|_| drop(client.reply()));
        client.send(&wire("MULTI\nSUBSCRIBE queued\nEXEC"));
        (0..3).for_each(|_| drop(client.reply()));
        let mut reset = sessiond.client();
        check!(reset, "SUBSCRIBE", "forgotten" => "[\"subscribe\", \"forgotten\", 1]");
        check!(reset, "RESET" => "+RESET");
        let old = group.primary();
        group.nodes[old].kill();
        let new = group.wait_other_than(old);
        let mut server = group.client(new);
        eventually("the new primary knows the subscription", || {
            (cmd!(server, "PUBLISH", "stays", "x").int() == 1).then_some(())
        });
        assert_eq!(client.reply().to_string(), ">[\"message\", \"stays\", \"x\"]");
        check!(server, "PUBLISH", "queued", "y" => "1");
        assert_eq!(client.reply().to_string(), ">[\"message\", \"queued\", \"y\"]");
        check!(server, "PUBSUB", "NUMPAT" => "0");
        check!(server, "PUBSUB", "NUMSUB", "leaves", "forgotten" =>
            "[\"leaves\", 0, \"forgotten\", 0]");
        check!(reset, "SET", "k", "v" => "+OK");
        group.nodes[old].start_again();
        group.settled();
    }
}

#[test]
fn a_subscription_that_the_old_primary_did_not_confirm() {
    let mut group = Group::start();
    let fronts = fronts(&group.url(), &PATIENT);
    let mut clients = Vec::new();
    for (number, sessiond) in fronts.iter().enumerate() {
        let mut client = sessiond.client();
        let own = format!("own{number}");
        check!(client, "SUBSCRIBE", own => format!("[\"subscribe\", \"{own}\", 1]"));
        clients.push((client, own));
    }
    group.nodes[0].stop();
    for (client, _) in &mut clients {
        client.write(&["SUBSCRIBE", "second"]);
    }
    let new = group.wait_other_than(0);
    let mut server = group.client(new);
    for (client, own) in &mut clients {
        let own = own.as_str();
        assert_eq!(client.reply().error(), LOST);
        eventually("the new primary knows the subscription", || {
            (cmd!(server, "PUBLISH", own, "x").int() == 1).then_some(())
        });
        assert_eq!(client.reply().to_string(), format!("[\"message\", \"{own}\", \"x\"]"));
        check!(client, "SUBSCRIBE", "second" => "[\"subscribe\", \"second\", 2]");
    }
    check!(server, "PUBLISH", "second", "y" => clients.len().to_string());
}

#[test]
fn subscribing_while_there_is_no_primary_waits_for_the_next() {
    let mut group = Group::start();
    let fronts = fronts(&group.url(), &PATIENT);
    let mut clients: Vec<Client> = fronts.iter().map(Sessiond::client).collect();
    clients.iter_mut().for_each(|client| check!(client, "PING" => "+PONG"));
    group.nodes[0].kill();
    for client in &mut clients {
        client.write(&["SUBSCRIBE", "c"]);
    }
    let new = group.wait_other_than(0);
    for client in &mut clients {
        assert_eq!(client.reply().to_string(), "[\"subscribe\", \"c\", 1]");
    }
    check!(group.client(new), "PUBLISH", "c", "x" => clients.len().to_string());
    for client in &mut clients {
        assert_eq!(client.reply().to_string(), "[\"message\", \"c\", \"x\"]");
    }
}
