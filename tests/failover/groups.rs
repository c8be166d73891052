//! The Sentinel groups that the tests start do what such groups do.

use crate::common::*;

#[test]
fn a_group_fails_over_as_planned_and_when_its_primary_dies() {
    let mut group = Group::start();
    assert_eq!(group.primary(), 0);
    check!(group.client(0), "SET", "k", "v" => "+OK");
    group.replicated(0);
    let second = group.fail_over();
    assert_ne!(second, 0);
    check!(group.client(second), "GET", "k" => "\"v\"");
    group.settled();
    assert!(cmd!(group.client(0), "SET", "k", "w").error().starts_with("READONLY"));
    group.nodes[second].kill();
    let third = group.wait_other_than(second);
    check!(group.client(third), "GET", "k" => "\"v\"");
    // The one that comes back believes that it is the primary still, and is told.
    group.nodes[second].start_again();
    group.settled();
    assert!(!group.is_primary(second));
    assert!(group.changes() >= 2);
}

#[test]
fn a_group_fails_over_when_its_primary_is_frozen() {
    let mut group = Group::start();
    group.nodes[0].stop();
    let second = group.wait_other_than(0);
    group.nodes[0].resume();
    group.settled();
    assert_eq!(group.primary(), second);
}

#[test]
fn a_group_keeps_strangers_out() {
    let login = Some(Login { user: Some("app"), password: "node-word" });
    let sentinel_login = Some(Login { user: None, password: "watch-word" });
    let group = Group::with(Plan { login, sentinel_login, ..Plan::PLAIN });
    for port in [group.nodes[0].port(), group.sentinels[0].port()] {
        assert!(cmd!(Client::connect(port), "PING").error().starts_with("NOAUTH"));
    }
    let second = group.fail_over();
    check!(group.client(second), "SET", "k", "v" => "+OK");
    group.settled();
}

#[test]
fn a_sentinel_that_lies_hangs_or_knows_nothing() {
    let fake = FakeSentinel::start(Says::Names(1234));
    let mut client = Client::connect(fake.port());
    let ask = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE];
    assert_eq!(client.run(&ask).to_string(), "[\"127.0.0.1\", \"1234\"]");
    fake.say(Says::Unknown);
    assert_eq!(client.run(&ask).to_string(), "*nil");
    assert_eq!(fake.asked(), 2);
    let mut listener = Client::connect(fake.port());
    check!(listener, "SUBSCRIBE", "+switch-master" => "[\"subscribe\", \"+switch-master\", 1]");
    fake.publish_switch(1, 2);
    let text = format!("{SERVICE} 127.0.0.1 1 127.0.0.1 2");
    let message = format!("[\"message\", \"+switch-master\", \"{text}\"]");
    assert_eq!(listener.reply().to_string(), message);
    fake.say(Says::Nothing);
    client.write(&ask);
    eventually("it has been asked again", || (fake.asked() == 3).then_some(()));
}
