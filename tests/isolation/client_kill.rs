//! `CLIENT KILL` ends a client at once, whatever it still waits for.

use crate::behind::*;
use crate::common::*;
use crate::relayed::Flow;

/// `pinned`: on a connection of the victim's own.
fn ends_while_waiting(request: &[Vec<u8>], by_address: bool, pinned: bool) {
    for mode in MODES {
        let stack = Behind::start(mode, &[]);
        let mut victim = stack.client();
        let id = victim.id();
        check!(victim, "SET", "k", "v" => "+OK");
        if pinned {
            check!(victim, "WATCH", "k" => "+OK");
        }
        stack.relay.record();
        stack.relay.present(Flow::Pass, Flow::Hold);
        victim.write(request);
        eventually("the request is on its way", || {
            (stack.relay.recorded(&request[0]) > 0).then_some(())
        });
        let mut killer = stack.client();
        hurry(&killer, 10);
        if by_address {
            check!(killer, "CLIENT", "KILL", victim.address() => "+OK");
        } else {
            check!(killer, "CLIENT", "KILL", "ID", id => "1");
        }
        hurry(&victim, 10);
        assert_eq!(victim.rest_until_closed(), b"", "{mode}");
        // The reply that was for the victim is nobody else's.
        let mut other = stack.client();
        other.write(&args!("GET", "k"));
        stack.relay.present(Flow::Pass, Flow::Pass);
        assert_eq!(other.reply().text(), "v");
        check!(killer, "GET", "k" => "\"v\"");
        let list = cmd!(killer, "CLIENT", "LIST").text();
        assert!(!list.contains(&format!("id={id} ")), "{list}");
    }
}

#[test]
fn a_client_that_waits_for_a_read_is_closed_at_once() {
    ends_while_waiting(&args!("ECHO", "awaited"), false, false);
}

#[test]
fn by_its_address_too() {
    ends_while_waiting(&args!("ECHO", "awaited"), true, false);
}

#[test]
fn a_client_that_waits_on_its_own_connection_is_closed_at_once() {
    ends_while_waiting(&args!("SELECT", "3"), false, true);
}

#[test]
fn a_client_that_does_not_read_is_closed_at_once() {
    for mode in MODES {
        let stack = Behind::start(mode, &[]);
        let mut victim = stack.client();
        let id = victim.id();
        check!(victim, "SET", "large", vec![b'x'; 8 << 20] => "+OK");
        for _ in 0..4 {
            victim.write(&args!("GET", "large"));
        }
        let mut killer = stack.client();
        check!(killer, "CLIENT", "KILL", "ID", id => "1");
        hurry(&victim, 10);
        let rest = victim.rest_until_closed();
        assert!(rest.len() < 4 * (8 << 20), "{mode}: all of it was delivered first");
    }
}
