//! What a client has become it is on every node, and nobody else is.

use crate::common::*;
use crate::routed::front;

/// Keys on all nodes.
const KEYS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

#[test]
fn a_connection_that_somebody_has_logged_in_on_is_given_to_nobody_else() {
    let cluster = Cluster::start();
    let sessiond = front(&cluster, &["--workers", "1"]);
    let mut admin = sessiond.client();
    check!(admin, "ACL", "SETUSER", "joe", "on", ">secret", "~*", "&*", "+@all" => "+OK");
    for key in KEYS {
        let mut joe = sessiond.client();
        check!(joe, "WATCH", key => "+OK");
        check!(joe, "AUTH", "joe", "secret" => "+OK");
        check!(joe, "ACL", "WHOAMI" => "\"joe\"");
        check!(joe, "UNWATCH" => "+OK");
        check!(joe, "ACL", "WHOAMI" => "\"joe\"");
        let mut other = sessiond.client();
        check!(other, "WATCH", key => "+OK");
        check!(other, "MULTI" => "+OK");
        check!(other, "ACL", "WHOAMI" => "+QUEUED");
        check!(other, "EXEC" => "[\"default\"]");
    }
}

#[test]
fn a_client_is_on_every_node_who_it_has_become() {
    let cluster = Cluster::start();
    for mode in ["shared", "dedicated"] {
        let sessiond = front(&cluster, &["--workers", "1", "--upstream-mode", mode]);
        let mut admin = sessiond.client();
        check!(admin, "ACL", "SETUSER", "low", "on", ">secret", "~*", "+@all", "-set" => "+OK");
        for key in KEYS {
            check!(admin, "DEL", key => "0");
        }
        let mut low = sessiond.client();
        for key in KEYS {
            check!(low, "GET", key => "$nil");
        }
        assert!(!cmd!(low, "HELLO", "3", "AUTH", "low", "secret").is_error());
        for key in KEYS {
            let refused = cmd!(low, "SET", key, "v");
            assert!(
                refused.is_error() && refused.error().starts_with("NOPERM"),
                "{mode}: {refused}"
            );
            low.write(&args!("HGETALL", key));
            assert_eq!(low.line().trim_end(), "%0", "{mode}");
        }
        check!(low, "AUTH", "default", "" => "+OK");
        for key in KEYS {
            check!(low, "SET", key, "v" => "+OK");
            check!(low, "DEL", key => "1");
        }
    }
}

#[test]
fn who_listens_is_heard_on_the_node_that_it_listens_to() {
    let cluster = Cluster::start();
    let sessiond = front(&cluster, &["--workers", "1"]);
    for _ in 0..6 {
        let mut listener = sessiond.client();
        assert!(!cmd!(listener, "HELLO", "3").is_error());
        check!(listener, "SUBSCRIBE", "news" => ">[\"subscribe\", \"news\", 1]");
        // Its other requests go to other nodes as well.
        for key in KEYS {
            check!(listener, "WATCH", key => "+OK");
            check!(listener, "UNWATCH" => "+OK");
        }
        check!(listener, "UNSUBSCRIBE", "news" => ">[\"unsubscribe\", \"news\", 0]");
        check!(listener, "PUBSUB", "NUMSUB", "news" => "[\"news\", 0]");
    }
}
