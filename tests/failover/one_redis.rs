//! In front of a Sentinel group clients see one Redis.

use crate::common::*;
use crate::front::*;

#[test]
fn a_group_is_one_redis() {
    let group = Group::start();
    for mut sessiond in fronts(&group.url(), &[]) {
        let mut client = sessiond.client();
        assert_eq!(serving(&mut client), Ok(group.nodes[0].port()));
        check!(client, "SET", "k", "v" => "+OK");
        check!(group.client(0), "GET", "k" => "\"v\"");
        check!(client, "MULTI" => "+OK");
        check!(client, "INCR", "n" => "+QUEUED");
        check!(client, "SELECT", "5" => "+QUEUED");
        check!(client, "SET", "five", "1" => "+QUEUED");
        check!(client, "EXEC" => "[1, +OK, +OK]");
        check!(client, "GET", "k" => "$nil");
        check!(sessiond.client(), "GET", "k" => "\"v\"");
        check!(client, "FLUSHALL" => "+OK");
        check!(client, "RPUSH", "l", "a" => "1");
        check!(client, "BLPOP", "l", "0" => "[\"l\", \"a\"]");
        check!(client, "WAIT", "2", "0" => "2");
        let info = cmd!(client, "INFO", "replication").text();
        assert!(info.contains("role:master") && info.contains("connected_slaves:2"), "{info}");
        assert!(cmd!(client, "INFO").text().contains("# Sessiond"));
        assert_eq!(cmd!(client, "ROLE").items()[0].text(), "master");
        assert!(matches!(cmd!(client.resp3(), "CONFIG", "GET", "port"), Value::Map(_)));
        // A group that is well is no reason for a warning.
        sessiond.kill();
        let log = sessiond.log();
        let trouble = |line: &&str| line.contains("WARN") || line.contains("ERROR");
        assert_eq!(log.lines().filter(trouble).collect::<Vec<_>>(), [""; 0]);
    }
}

#[test]
fn sessions_live_on_after_a_failover() {
    let group = Group::start();
    let fronts = fronts(&group.url(), &PATIENT);
    let mut sessions = Vec::new();
    for (number, sessiond) in fronts.iter().enumerate() {
        let mut client = sessiond.client();
        let id = format!("user{number}");
        let token = cmd!(client, "SESSION.CREATE", "app", id, "ip").text();
        check!(client, "SESSION.ACTIVITY", "app" => (number + 1).to_string());
        sessions.push((client, id, token));
    }
    group.replicated(0);
    let new = group.fail_over();
    for (sessiond, (client, id, token)) in fronts.iter().zip(&mut sessions) {
        let (id, token) = (id.as_str(), token.as_str());
        wait_served(sessiond, &group, new);
        // A call by digest: the new primary has never seen the script.
        assert_eq!(cmd!(client, "SESSION.GET", "app", token).field("id").text(), id);
        assert_eq!(cmd!(client, "SESSION.SOID", "app", id).items().len(), 1);
        check!(client, "SESSION.KILL", "app", token => "1");
    }
    assert_consistent(&mut group.client(new), "app");
}

#[test]
fn the_database_of_the_url_is_the_one_of_every_client() {
    let group = Group::start();
    let url = format!("{}/3", group.url());
    let fronts = fronts(&url, &PATIENT);
    let mut clients: Vec<Client> = fronts.iter().map(Sessiond::client).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        check!(client, "SET", format!("k{number}"), "three" => "+OK");
    }
    group.replicated(0);
    let new = group.fail_over();
    for (sessiond, (number, client)) in fronts.iter().zip(clients.iter_mut().enumerate()) {
        wait_served(sessiond, &group, new);
        check!(client, "GET", format!("k{number}") => "\"three\"");
    }
    let mut node = group.client(new);
    check!(node, "SELECT", "3" => "+OK");
    check!(node, "DBSIZE" => modes().len().to_string());
}
