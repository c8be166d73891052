//! `WAIT` counts the replicas that have the client's own write, whatever the client may do besides.

use crate::behind::MODES;
use crate::common::*;
use crate::relay::Relay;
use crate::relayed::Flow;

struct Replicated {
    sessiond: Sessiond,
    relay: Relay,
    primary: Redis,
    _replica: Redis,
}

/// A primary whose replica is fed through a relay.
fn replicated(mode: &str) -> Replicated {
    let primary = Redis::with(&["--repl-diskless-sync-delay", "0"]);
    let relay = Relay::to(primary.port());
    let port = relay.port().to_string();
    let replica = Redis::with(&["--replicaof", "127.0.0.1", &port]);
    let sessiond = Sessiond::start(&[
        "--upstream",
        &primary.url(),
        "--upstream-mode",
        mode,
        "--workers",
        "1",
        "--wipe",
        "0",
    ]);
    let mut client = primary.client();
    eventually("the replica is online", || {
        let info = cmd!(client, "INFO", "replication").text();
        info.contains("state=online").then_some(())
    });
    check!(client, "SET", "k", "0" => "+OK");
    check!(client, "WAIT", "1", "0" => "1");
    Replicated { sessiond, relay, primary, _replica: replica }
}

/// A client with these rights writes while the replica gets nothing.
fn counts_no_stalled_replica(rights: &[&str]) {
    for mode in MODES {
        let stack = replicated(mode);
        let mut redis = stack.primary.client();
        let mut words = vec!["ACL", "SETUSER", "bob", "on", ">secret", "~*", "resetchannels"];
        words.extend_from_slice(rights);
        check!(redis, "CONFIG", "SET", "repl-ping-replica-period", "100" => "+OK");
        assert_eq!(redis.run(&words).to_string(), "+OK");
        let mut bob = stack.sessiond.client();
        check!(bob, "AUTH", "bob", "secret" => "+OK");
        check!(bob, "SET", "k", "1" => "+OK");
        check!(bob, "WAIT", "1", "0" => "1");
        stack.relay.present(Flow::Hold, Flow::Hold);
        for value in 2..5 {
            check!(bob, "SET", "k", value => "+OK");
            let counted = cmd!(bob, "WAIT", "1", "200").to_string();
            assert_eq!(counted, "0", "{mode}, {rights:?}: counts a replica without the write");
        }
        stack.relay.present(Flow::Pass, Flow::Pass);
        check!(bob, "SET", "k", "5" => "+OK");
        check!(bob, "WAIT", "1", "0" => "1");
    }
}

#[test]
fn with_all_rights() {
    counts_no_stalled_replica(&["+@all", "&*"]);
}

#[test]
fn without_rights_to_any_channel() {
    counts_no_stalled_replica(&["+@all"]);
}

#[test]
fn without_the_right_to_send_shard_messages() {
    counts_no_stalled_replica(&["+@all", "-spublish", "&*"]);
}

#[test]
fn with_no_rights_but_to_write_and_wait() {
    counts_no_stalled_replica(&["+set", "+wait"]);
}
