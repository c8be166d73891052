//! Replies of several real servers become one.

use std::collections::BTreeSet;

use bytes::BytesMut;
use sessiond::{
    command::{
        join::Join,
        specs::Specs,
        spread::{Announced, Front, Spread, spread},
    },
    resp::Protocol,
};

use super::{
    common::{Client, Redis, Value, cmd},
    specs, with_request,
};

/// Servers that each have keys of their own, as primaries have.
fn primaries() -> (Vec<Redis>, Vec<Client>, Specs) {
    let servers: Vec<_> = (0..3).map(|_| Redis::start()).collect();
    let mut clients: Vec<_> = servers.iter().map(Redis::client).collect();
    for (node, client) in clients.iter_mut().enumerate() {
        for key in 0..200 * node {
            cmd!(client, "SET", format!("{node}:{key}"), "v", "EX", "1000");
        }
    }
    let [specs, _] = specs(&servers[0]);
    (servers, clients, specs)
}

fn where_to(text: &str, specs: &Specs) -> Spread {
    let announced = Announced::new("proxy", 1);
    let front = Front { split: true, protocol: Protocol::Resp2, announced: &announced };
    with_request(text, |request| spread(request, specs, &front))
}

fn ask(client: &mut Client, bytes: &[u8]) -> Vec<u8> {
    client.send(bytes);
    client.raw_reply()
}

/// The reply of all to a request that is for all.
fn joined(text: &str, clients: &mut [Client], specs: &Specs) -> (Join, Value) {
    let Spread::All(join) = where_to(text, specs) else { panic!("{text}") };
    let request = with_request(text, |request| request.bytes().to_vec());
    let parts: Vec<_> = clients.iter_mut().map(|client| ask(client, &request)).collect();
    let mut out = BytesMut::new();
    join.join(&parts, &mut out);
    (join, Value::of(&out))
}

#[test]
fn one_cursor_walks_all_servers() {
    let (_servers, mut clients, specs) = primaries();
    let (mut cursor, mut found, mut calls) = ("0".to_owned(), BTreeSet::new(), 0);
    loop {
        let text = format!("SCAN {cursor} COUNT 20 MATCH *:*");
        let Spread::Scan(asked) = where_to(&text, &specs) else { panic!("{text}") };
        let leg = asked.leg(clients.len());
        let request = with_request(&text, |request| leg.request(request));
        let frame = ask(&mut clients[leg.index()], &request);
        let mut out = BytesMut::new();
        leg.reply(&frame, &mut out);
        let reply = Value::of(&out);
        let [next, keys] = reply.items() else { panic!("{reply}") };
        found.extend(keys.items().iter().map(Value::text));
        cursor = next.text();
        calls += 1;
        assert!(calls < 1000);
        if cursor == "0" {
            break;
        }
    }
    assert_eq!(found.len(), 600);
    assert!(calls > 20, "{calls} calls");
}

#[test]
fn replies_of_all_become_one() {
    let (_servers, mut clients, specs) = primaries();
    let mut reply = |text: &str| joined(text, &mut clients, &specs).1;
    assert_eq!(reply("DBSIZE").int(), 600);
    assert_eq!(reply("KEYS *").items().len(), 600);
    assert!(matches!(reply("RANDOMKEY"), Value::Bulk(_)));
    assert_eq!(reply("SCRIPT KILL").error(), "NOTBUSY No scripts in execution right now.");
    assert_eq!(reply("CONFIG SET slowlog-log-slower-than 0").text(), "OK");
    assert!(reply("CONFIG SET nosuch 0").is_error());
    let log = reply("SLOWLOG GET 5");
    let times: Vec<_> = log.items().iter().map(|entry| entry.items()[1].int()).collect();
    assert!(times.len() == 5 && times.is_sorted_by(|one, other| one >= other), "{times:?}");
    assert!(reply("SLOWLOG GET x").is_error());
    assert_eq!(reply("PUBSUB NUMSUB a b").items()[3].int(), 0);
    assert_eq!(reply("WAIT 0 0").int(), 0);
    assert_eq!(reply("ACL DELUSER nobody").int(), 0);
    assert_eq!(reply("FLUSHALL").text(), "OK");
    assert_eq!(reply("DBSIZE").int(), 0);
}

#[test]
fn information_is_that_of_one_server() {
    let (_servers, mut clients, specs) = primaries();
    for hello in ["2", "3"] {
        clients.iter_mut().for_each(|client| drop(cmd!(client, "HELLO", hello)));
        let (_, reply) = joined("INFO", &mut clients, &specs);
        let text = match reply {
            Value::Bulk(text) => String::from_utf8(text).unwrap(),
            Value::Verbatim(text) => text,
            other => panic!("{other}"),
        };
        let field = |name: &str| {
            let lines = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            lines.unwrap_or_else(|| panic!("no {name} in {text}")).to_owned()
        };
        assert!(field("connected_clients").parse::<u64>().unwrap() >= 3);
        assert_eq!(field("redis_mode"), "standalone");
        assert!(field("db0").starts_with("keys=600,expires=600,avg_ttl="));
        assert!(field("used_memory").parse::<u64>().unwrap() > 2_000_000);
        let memory = field("used_memory").parse::<f64>().unwrap() / f64::from(1 << 20);
        assert_eq!(field("used_memory_human"), format!("{memory:.2}M"));
        let own = cmd!(clients[0], "INFO");
        let own = match own {
            Value::Bulk(text) => String::from_utf8(text).unwrap(),
            other => other.text(),
        };
        let names = |text: &str| {
            let names = text.lines().filter_map(|line| Some(line.split_once(':')?.0.to_owned()));
            names.filter(|name| name != "db0").collect::<Vec<_>>()
        };
        assert_eq!(names(&text), names(&own), "the fields are those of the first");
    }
}
