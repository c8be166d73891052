//! No command needs keys of two slots: a node of a cluster, which has all slots, says so.

use super::{bucketed, create, fill, ids};
use crate::common::*;

/// As [`bucketed`], in front of a cluster of one node.
fn on_a_node(count: u16) -> Stack {
    let redis = Redis::with(&["--cluster-enabled", "yes"]);
    let mut node = redis.client();
    check!(node, "CLUSTER", "ADDSLOTSRANGE", "0", "16383" => "+OK");
    eventually("the cluster is well", || {
        cmd!(node, "CLUSTER", "INFO").text().contains("cluster_state:ok").then_some(())
    });
    Stack::laid_out(redis, modes()[0], Layout::Buckets(count), &[])
}

#[test]
fn every_command_keeps_to_one_slot_at_a_time() {
    let stack = on_a_node(64);
    let (mut client, mut redis) = (stack.client(), stack.redis.client());
    let tokens = fill(&stack, &mut client, 150);
    let again: Vec<_> = (0..5).map(|_| create(&mut client, "u7", &["DATA", "{\"a\":1}"])).collect();
    let gets: Vec<_> = tokens.iter().map(|token| args!("SESSION.GET", "app", token)).collect();
    for reply in client.pipeline(&gets) {
        assert_eq!(reply.field("r"), Value::Int(2), "{reply}");
    }
    let gets: Vec<_> = again.iter().map(|token| args!("SESSION.GET", "app", token)).collect();
    assert!(client.pipeline(&gets).iter().all(|reply| reply.field("r") == Value::Int(2)));
    assert_eq!(cmd!(client, "SESSION.SET", "app", again[0], "{\"b\":2}").field("w").int(), 2);
    assert_eq!(cmd!(client, "SESSION.GET", "app", again[0], "PEEK").field("r").int(), 2);
    assert_eq!(ids(&cmd!(client, "SESSION.SOID", "app", "u7")), ["u7"; 6]);
    assert_eq!(cmd!(client, "SESSION.SOAPP", "app", "100000").items().len(), 155);
    check!(client, "SESSION.ACTIVITY", "app" => "150");
    let mut kill = args!("SESSION.KILL", "app");
    kill.extend(tokens[..50].iter().map(Arg::to_arg));
    assert_eq!(client.run(&kill), Value::Int(50));
    check!(client, "SESSION.KILLSOID", "app", "u7" => "5");
    for token in &tokens[60..80] {
        age(&mut redis, "app", token, 100_000);
    }
    check!(client, "SESSION.WIPE" => "20");
    assert_consistent(&mut redis, "app");
    check!(client, "SESSION.KILLALL", "app" => "80");
    check!(redis, "DBSIZE" => "1");
}

#[test]
fn transactions_are_of_one_slot() {
    let stack = on_a_node(64);
    let mut client = stack.client();
    let token = create(&mut client, "u0", &[]);
    check!(client, "MULTI" => "+OK");
    check!(client, "SESSION.GET", "app", token => "+QUEUED");
    check!(client, "SESSION.SOID", "app", "u0" => "+QUEUED");
    assert_eq!(cmd!(client, "EXEC").items().len(), 2);
    let crossing = "-CROSSSLOT Keys in request don't hash to the same slot";
    let other = create(&mut client, "u1", &[]);
    for command in [
        args!("SESSION.ACTIVITY", "app"),
        args!("SESSION.SOAPP", "app"),
        args!("SESSION.KILLALL", "app"),
        args!("SESSION.KILL", "app", token, other),
    ] {
        check!(client, "MULTI" => "+OK");
        assert_eq!(client.run(&command).to_string(), crossing, "{}", args_text(&command));
        assert!(cmd!(client, "EXEC").error().starts_with("EXECABORT"));
    }
    check!(client, "SESSION.KILL", "app", token, other => "2");
    // With one bucket there is only one slot.
    let stack = on_a_node(1);
    let mut client = stack.client();
    let [one, two] = ["u0", "u1"].map(|id| create(&mut client, id, &[]));
    check!(client, "MULTI" => "+OK");
    check!(client, "SESSION.ACTIVITY", "app" => "+QUEUED");
    check!(client, "SESSION.KILL", "app", one, two => "+QUEUED");
    check!(client, "SESSION.KILLALL", "app" => "+QUEUED");
    check!(client, "EXEC" => "[2, 2, 0]");
}

#[test]
fn both_fronts_find_the_same_sessions() {
    // What one server holds can be moved to a cluster as it is.
    let (server, node) = (bucketed(64), on_a_node(64));
    let mut client = server.client();
    let tokens = fill(&server, &mut client, 30);
    let (mut from, mut to) = (server.redis.client(), node.redis.client());
    for key in cmd!(from, "KEYS", "{rs:*").items() {
        let key = key.text();
        let Value::Bulk(dump) = cmd!(from, "DUMP", key) else { panic!("{key} is gone") };
        check!(to, "RESTORE", key, "0", dump => "+OK");
    }
    let mut client = node.client();
    for (place, token) in tokens.iter().enumerate() {
        let got = cmd!(client, "SESSION.GET", "app", token, "PEEK");
        assert_eq!(got.field("id").text(), format!("u{place}"));
    }
    check!(client, "SESSION.KILLALL", "app" => "30");
}
