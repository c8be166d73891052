//! What is answered in place of a cluster has to be what a cluster of one node says.

use sessiond::{
    command::{
        join::{Fold, Join},
        spread::{Announced, Front, Spread, spread},
    },
    resp::Protocol,
};

use super::{
    common::{Redis, Value, cmd, eventually, words},
    specs, with_request,
};

/// The words of our own answers are those of this server's version or of a later one.
#[test]
fn our_answers_are_those_of_a_cluster_of_one_node() {
    let redis = Redis::with(&["--cluster-enabled", "yes"]);
    let mut client = redis.client();
    cmd!(client, "CLUSTER", "ADDSLOTSRANGE", "0", "16383");
    eventually("the cluster is up", || {
        let info = cmd!(client, "CLUSTER", "INFO").to_string();
        info.contains("cluster_state:ok").then_some(())
    });
    let Value::Bulk(id) = cmd!(client, "CLUSTER", "MYID") else { panic!() };
    let id = String::from_utf8(id).unwrap();
    let announced = Announced::new("", redis.port());
    let [specs, _] = specs(&redis);
    for (protocol, hello) in [(Protocol::Resp2, "2"), (Protocol::Resp3, "3")] {
        cmd!(client, "HELLO", hello);
        for text in [
            "CLUSTER SLOTS",
            "CLUSTER SHARDS",
            "CLUSTER NODES",
            "CLUSTER INFO",
            "CLUSTER MYID",
            "CLUSTER LINKS",
            "CLUSTER KEYSLOT a{b}",
            "CLUSTER",
            "CLUSTER KEYSLOT",
            "CLUSTER slots x",
            "CLUSTER NoSuch x y",
            "CLUSTER REPLICAS x",
            "CLUSTER COUNT-FAILURE-REPORTS x",
            "READONLY",
            "READWRITE",
            "ASKING",
            "READONLY x",
        ] {
            let front = Front { split: true, protocol, announced: &announced };
            let ours = match with_request(text, |request| spread(request, &specs, &front)) {
                Spread::Answer(reply) => String::from_utf8(reply.to_vec()).unwrap(),
                other => panic!("{text}: {other:?}"),
            };
            client.write(&words(text));
            let theirs = String::from_utf8(client.raw_reply()).unwrap();
            assert_eq!(ours.replace(announced.id(), &id), theirs, "{text}");
        }
    }
}

#[test]
fn the_tips_of_the_server_agree_with_the_table() {
    let redis = Redis::start();
    let [specs, _] = specs(&redis);
    let announced = Announced::new("", redis.port());
    let front = Front { split: true, protocol: Protocol::Resp2, announced: &announced };
    for (text, expected) in [
        ("DBSIZE", Spread::All(Join::Fold(Fold::Sum))),
        ("PING", Spread::Any),
        ("INFO", Spread::All(Join::Info)),
        ("FUNCTION STATS", Spread::Any),
        ("MEMORY DOCTOR", Spread::Any),
        ("SCRIPT KILL", Spread::All(Join::OneSucceeded)),
        ("LOLWUT", Spread::Any),
        ("COMMAND COUNT", Spread::Any),
    ] {
        with_request(text, |request| {
            assert_eq!(spread(request, &specs, &front), expected, "{text}")
        });
    }
}
