//! Sentinels that lie, hang, know nothing or are gone: one good word is enough, and without any the last one holds.

use std::time::{Duration, Instant};

use crate::common::*;
use crate::front::*;

/// How long one attempt to connect may take, in seconds: far longer than all that is measured here.
const ATTEMPT: u64 = 40;

#[test]
fn a_bad_sentinel_in_the_first_place_costs_nothing() {
    let mut group = Group::start();
    let good: Vec<u16> = group.sentinels.iter().map(Member::port).collect();
    let fakes = [
        FakeSentinel::start(Says::Nothing),
        FakeSentinel::start(Says::Unknown),
        FakeSentinel::start(Says::Names(group.nodes[1].port())),
    ];
    let mut gone = Member::start(Kind::Sentinel, None, |_| String::new());
    gone.kill();
    let attempt = ATTEMPT.to_string();
    let options = [&PATIENT[..], &["--connect-timeout", &attempt]].concat();
    let measure = |bad: Option<u16>| {
        let begun = Instant::now();
        let ports: Vec<u16> = bad.into_iter().chain(good.clone()).collect();
        let sessiond = front(modes()[0], &group.url_by(&ports), &options);
        let served = serving(&mut sessiond.client());
        assert_eq!(served, Ok(group.nodes[0].port()));
        (sessiond, begun.elapsed())
    };
    let (clean, least) = measure(None);
    let first = fakes.iter().map(FakeSentinel::port).chain([gone.port()]);
    let tried: Vec<_> = first.map(|port| measure(Some(port))).collect();
    for (_, took) in &tried {
        assert_near(*took, least, "the start");
    }
    group.nodes[0].kill();
    let new = group.wait_other_than(0);
    let begun = Instant::now();
    wait_served(&clean, &group, new);
    let least = begun.elapsed();
    for (sessiond, _) in &tried {
        wait_served(sessiond, &group, new);
        assert_near(begun.elapsed(), least, "the failover");
    }
    assert!(fakes[1].asked() > 0 && fakes[2].asked() > 0, "nobody asked the bad ones");
}

/// Waiting for one attempt to end would show; a busy machine does not.
fn assert_near(took: Duration, least: Duration, what: &str) {
    let most = least + Duration::from_secs(ATTEMPT) / 2;
    assert!(took < most, "{what} took {took:?}, without a bad sentinel {least:?}");
}

#[test]
fn an_old_primary_that_a_liar_still_names_is_not_asked() {
    let mut group = Group::start();
    let liar = FakeSentinel::start(Says::Names(group.nodes[0].port()));
    let mut ports = vec![liar.port()];
    ports.extend(group.sentinels.iter().map(Member::port));
    let fronts = fronts(&group.url_by(&ports), &PATIENT);
    let mut clients: Vec<Client> = fronts.iter().map(Sessiond::client).collect();
    clients.iter_mut().for_each(|client| check!(client, "SET", "k", "v" => "+OK"));
    group.nodes[0].kill();
    let new = group.wait_other_than(0);
    fronts.iter().for_each(|sessiond| wait_served(sessiond, &group, new));
    group.nodes[0].start_again();
    // Now it is a replica.
    group.settled();
    check!(group.client(0), "CONFIG", "RESETSTAT" => "+OK");
    liar.publish_switch(group.nodes[new].port(), group.nodes[0].port());
    let asked = liar.asked();
    // A lost connection is a reason to look again.
    cmd!(group.client(new), "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    eventually("the liar is asked", || {
        let answered = clients.iter_mut().all(|client| !cmd!(client, "SET", "k", "w").is_error());
        (answered && liar.asked() > asked).then_some(())
    });
    for round in 0..20 {
        for (client, sessiond) in clients.iter_mut().zip(&fronts) {
            check!(client, "SET", "k", round => "+OK");
            check!(sessiond.client(), "GET", "k" => format!("\"{round}\""));
        }
    }
    assert_eq!(calls(&group, 0, "get"), 0);
    assert_eq!(errors(&group, 0, "READONLY"), 0);
}

#[test]
fn without_any_sentinel_the_last_primary_stays() {
    let mut group = Group::start();
    let fronts = fronts(&group.url(), &PATIENT);
    let mut clients: Vec<Client> = fronts.iter().map(Sessiond::client).collect();
    clients.iter_mut().for_each(|client| check!(client, "SET", "k", "v" => "+OK"));
    group.sentinels.iter_mut().for_each(Member::kill);
    for round in 0..3 {
        for (client, sessiond) in clients.iter_mut().zip(&fronts) {
            // A request that was under way when its connection broke is the only one that fails.
            eventually("the client goes on", || {
                let reply = cmd!(client, "SET", "k", round);
                assert!(!reply.is_error() || reply.error() == LOST, "{reply}");
                (reply.to_string() == "+OK").then_some(())
            });
            check!(sessiond.client(), "GET", "k" => format!("\"{round}\""));
            check!(sessiond.client(), "SELECT", "1" => "+OK");
        }
        cmd!(group.client(0), "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    }
    // They come back, and their word counts again.
    group.sentinels.iter_mut().for_each(Member::start_again);
    group.settled();
    let new = group.fail_over();
    for (client, sessiond) in clients.iter_mut().zip(&fronts) {
        wait_served(sessiond, &group, new);
        check!(client, "SET", "k", "x" => "+OK");
    }
}

#[test]
fn others_are_known_by_the_one_in_the_url() {
    let mut group = Group::start();
    let fronts = fronts(&group.url_by(&[group.sentinels[0].port()]), &PATIENT);
    let mut clients: Vec<Client> = fronts.iter().map(Sessiond::client).collect();
    clients.iter_mut().for_each(|client| check!(client, "SET", "k", "v" => "+OK"));
    group.sentinels[0].kill();
    group.nodes[0].kill();
    let new = group.wait_other_than(0);
    for (client, sessiond) in clients.iter_mut().zip(&fronts) {
        wait_served(sessiond, &group, new);
        check!(client, "SET", "k", "w" => "+OK");
    }
}

#[test]
fn a_published_switch_is_followed() {
    let (first, second) = (Redis::start(), Redis::start());
    let fake = FakeSentinel::start(Says::Names(first.port()));
    let fronts = fronts(&fake.url(), &PATIENT);
    let mut clients: Vec<Client> = fronts.iter().map(Sessiond::client).collect();
    clients.iter_mut().for_each(|client| check!(client, "SET", "k", "first" => "+OK"));
    eventually("all listen", || (fake.listeners() >= fronts.len()).then_some(()));
    // Both say that they are primaries, as after a network partition: the Sentinel's word decides. Finding out by a
    // question now and then would take longer for all rounds together than a test waits for one event.
    let begun = Instant::now();
    for round in 0..10 {
        let (from, to) = if round % 2 == 0 { (&first, &second) } else { (&second, &first) };
        fake.say(Says::Names(to.port()));
        fake.publish_switch(from.port(), to.port());
        for (client, sessiond) in clients.iter_mut().zip(&fronts) {
            eventually("the client is with the new primary", || {
                let reply = serving(client);
                assert!(reply.is_ok() || reply == Err(LOST.to_owned()), "{reply:?}");
                (reply == Ok(to.port())).then_some(())
            });
            eventually("others are as well", || {
                (serving(&mut sessiond.client()) == Ok(to.port())).then_some(())
            });
        }
        check!(from.client(), "CONFIG", "RESETSTAT" => "+OK");
        for (client, sessiond) in clients.iter_mut().zip(&fronts) {
            assert!(!cmd!(client, "INCR", "n").is_error());
            check!(sessiond.client(), "SELECT", "1" => "+OK");
        }
        let stats = cmd!(from.client(), "INFO", "commandstats").text();
        assert!(!stats.contains("cmdstat_incr") && !stats.contains("cmdstat_select"), "{stats}");
    }
    assert!(begun.elapsed() < PATIENCE, "the published words were not listened to");
}

#[test]
fn a_switch_that_nobody_tells_is_found() {
    let (first, second) = (Redis::start(), Redis::start());
    let fake = FakeSentinel::start(Says::Names(first.port()));
    let fronts = fronts(&fake.url(), &PATIENT);
    let mut clients: Vec<Client> = fronts.iter().map(Sessiond::client).collect();
    clients.iter_mut().for_each(|client| assert_eq!(serving(client), Ok(first.port())));
    // Once may be chance, so soon after the start.
    for to in [&second, &first] {
        fake.say(Says::Names(to.port()));
        for client in &mut clients {
            eventually("the client is with the new primary", || {
                (serving(client) == Ok(to.port())).then_some(())
            });
        }
    }
}

#[test]
fn a_start_before_its_sentinels() {
    let mut group = Group::start();
    group.sentinels.iter_mut().for_each(Member::kill);
    let mut clients: Vec<Client> = Vec::new();
    let fronts = fronts(&group.url(), &PATIENT);
    let impatient = front(modes()[0], &group.url(), &["--hold", "0"]);
    for sessiond in &fronts {
        let mut client = sessiond.client();
        client.send(&wire("SET k v\nGET k"));
        clients.push(client);
    }
    let told = cmd!(impatient.client(), "GET", "k");
    assert!(told.error().starts_with(UNAVAILABLE), "{told}");
    group.sentinels.iter_mut().for_each(Member::start_again);
    for client in &mut clients {
        assert_eq!(client.reply().to_string(), "+OK");
        assert_eq!(client.reply().to_string(), "\"v\"");
    }
}

#[test]
fn a_replica_that_is_named_is_not_used() {
    let (primary, replica) = (Redis::start(), Redis::start());
    check!(replica.client(), "REPLICAOF", "127.0.0.1", primary.port() => "+OK");
    for mode in modes() {
        let fake = FakeSentinel::start(Says::Names(replica.port()));
        let sessiond = front(*mode, &fake.url(), &["--hold", "0"]);
        let mut client = sessiond.client();
        let told = cmd!(client, "GET", "k");
        assert!(told.error().starts_with(UNAVAILABLE), "{told}");
        fake.say(Says::Unknown);
        let told = cmd!(client, "GET", "k");
        assert!(told.error().starts_with(UNAVAILABLE), "{told}");
        fake.say(Says::Names(primary.port()));
        eventually("the primary is found", || {
            (cmd!(client, "SET", "k", "v").to_string() == "+OK").then_some(())
        });
    }
    let mut asked = replica.client();
    let stats = cmd!(asked, "INFO").text() + &cmd!(asked, "INFO", "commandstats").text();
    assert!(!stats.contains("cmdstat_get") && !stats.contains("errorstat_READONLY"), "{stats}");
}
