//! The clusters that the tests start do what clusters do.

use crate::common::*;

#[test]
fn a_slot_moves_step_by_step() {
    let cluster = Cluster::start();
    let slot = cluster.slot("{a}");
    let from = cluster.owner(slot).unwrap();
    let to = (from + 1) % 3;
    let mut source = cluster.client(from);
    for key in ["{a}1", "{a}2", "{a}3"] {
        check!(source, "SET", key, "v" => "+OK");
    }
    let moving = cluster.begin_move(slot, to);
    moving.key("{a}1");
    check!(source, "GET", "{a}2" => "\"v\"");
    let target = cluster.nodes[to].address();
    check!(source, "GET", "{a}1" => format!("-ASK {slot} {target}"));
    check!(source, "MGET", "{a}1", "{a}2" => "-TRYAGAIN Multiple keys request during rehashing of slot");
    let mut importing = cluster.client(to);
    check!(importing, "ASKING" => "+OK");
    check!(importing, "GET", "{a}1" => "\"v\"");
    moving.all_keys();
    moving.finish();
    assert_eq!(cluster.owner(slot), Some(to));
    check!(source, "GET", "{a}1" => format!("-MOVED {slot} {target}"));
    check!(importing, "GET", "{a}3" => "\"v\"");
}

#[test]
fn replicas_take_over() {
    let mut cluster = Cluster::start();
    let slot = cluster.slot("k");
    let first = cluster.owner(slot).unwrap();
    check!(cluster.client(first), "SET", "k", "v" => "+OK");
    let second = cluster.replica_of(first);
    cluster.fail_over(second);
    assert_eq!(cluster.owner(slot), Some(second));
    check!(cluster.client(second), "GET", "k" => "\"v\"");
    // The primary of before follows now, and is there when the new one dies.
    cluster.nodes[second].kill();
    assert_eq!(cluster.wait_other_owner(slot, second), first);
    cluster.settled();
    cluster.nodes[second].start_again();
    cluster.settled();
    assert!(!cluster.is_primary(second));
    cluster.nodes[first].stop();
    assert_eq!(cluster.wait_other_owner(slot, first), second);
    cluster.nodes[first].resume();
    cluster.settled();
}

#[test]
fn nodes_come_and_go() {
    let mut cluster = Cluster::start();
    assert!(cluster.url().starts_with("redis+cluster://127.0.0.1:"));
    let slot = cluster.slot("k");
    let before = cluster.owner(slot).unwrap();
    check!(cluster.client(before), "SET", "k", "v" => "+OK");
    let added = cluster.add_node();
    cluster.move_slot(slot, added);
    assert_eq!(cluster.owner(slot), Some(added));
    check!(cluster.client(added), "GET", "k" => "\"v\"");
    cluster.move_slot(slot, before);
    cluster.remove_last();
    assert_eq!(cluster.owner(slot), Some(before));
}
