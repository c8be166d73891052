//! Slots that move, replicas that take over, nodes that come and go.

use std::time::Instant;

use crate::common::*;
use crate::watched::{Watched, looks, primaries, wait_looks};

/// A slot of the first primary, and one of each other.
const SLOT: u16 = 7;
const OTHERS: [u16; 2] = [8000, 16383];

#[test]
fn a_slot_that_moves_is_followed() {
    let cluster = Cluster::start();
    let watched = Watched::of(&cluster);
    let before = watched.primaries();
    let [_, slot] = OTHERS;
    for to in [1, 0, 2] {
        cluster.move_slot(slot, to);
        watched.doubt();
        watched.wait_owner(slot, &cluster.nodes[to]);
        assert_eq!(watched.owner(slot - 1), Some(cluster.nodes[2].port()));
        assert_eq!(watched.primaries(), before);
    }
    assert_eq!(watched.topology.failovers(), 0);
}

#[test]
fn every_doubt_is_followed() {
    let cluster = Cluster::start();
    let watched = Watched::of(&cluster);
    // Far more often than it would be looked without any.
    let before = looks(&cluster.nodes[0]);
    eventually("the node is asked", || {
        watched.doubt();
        (looks(&cluster.nodes[0]) >= before + 50).then_some(())
    });
}

#[test]
fn a_move_that_nobody_tells_is_found() {
    let cluster = Cluster::start();
    let watched = Watched::of(&cluster);
    // What may be seen by chance, so soon after the start, is not seen twice so.
    for to in [1, 2] {
        cluster.move_slot(SLOT, to);
        watched.wait_owner(SLOT, &cluster.nodes[to]);
    }
}

#[test]
fn a_replica_that_is_told_to_takes_over() {
    let cluster = Cluster::start();
    let watched = Watched::of(&cluster);
    let others = OTHERS.map(|slot| watched.owner(slot));
    for round in 1..=4 {
        let before = watched.primaries();
        let old = cluster.owner(SLOT).unwrap();
        let new = cluster.replica_of(old);
        cluster.fail_over(new);
        watched.doubt();
        watched.wait_owner(SLOT, &cluster.nodes[new]);
        // It has its primary's place, and all others have theirs.
        assert_eq!(watched.primaries(), [&[cluster.nodes[new].port()], &before[1..]].concat());
        watched.wait_failovers(round);
    }
    assert_eq!(OTHERS.map(|slot| watched.owner(slot)), others);
}

#[test]
fn a_primary_that_dies_is_replaced() {
    let mut cluster = Cluster::start();
    let watched = Watched::of(&cluster);
    // The one that knows the commands and what else there is of one server.
    let server = || watched.topology.server().map(|server| server.address);
    for round in 1..=3 {
        let old = cluster.owner(SLOT).unwrap();
        let address = crate::watched::address(cluster.nodes[old].port());
        cluster.nodes[old].kill();
        // Only once: what has come of it is found out from then on.
        watched.doubt();
        let new = cluster.wait_other_owner(SLOT, old);
        watched.wait_owner(SLOT, &cluster.nodes[new]);
        watched.wait_failovers(round);
        eventually("another one answers", || server().ok().filter(|server| *server != address));
        cluster.settled();
        assert_eq!(watched.primaries(), primaries(&cluster));
        cluster.nodes[old].start_again();
        cluster.settled();
        assert_eq!(watched.owner(SLOT), Some(cluster.nodes[new].port()));
    }
}

/// Nobody takes the place of a primary without replicas, and nobody doubts: it is looked for all the same.
#[test]
fn it_is_looked_for_as_long_as_somebody_is_missing() {
    let mut cluster = Cluster::start();
    let watched = Watched::of(&cluster);
    let before = watched.map();
    let (primary, replica) = (0, cluster.replica_of(0));
    cluster.nodes[replica].kill();
    cluster.nodes[primary].kill();
    watched.doubt();
    wait_looks(&cluster.nodes[1], 50);
    assert_eq!(watched.map(), before);
    cluster.nodes[primary].start_again();
    cluster.nodes[replica].start_again();
    cluster.settled();
    // All is well: there is one look now and then.
    let quiet = || {
        let (asked, begun) = (looks(&cluster.nodes[1]), Instant::now());
        wait_looks(&cluster.nodes[1], 1);
        (begun.elapsed().as_secs() > 1).then_some(asked)
    };
    eventually("nobody is looked for any more", quiet);
    assert_eq!((watched.map(), watched.topology.failovers()), (before, 0));
}

#[test]
fn a_primary_that_was_frozen_does_not_come_back_as_one() {
    let mut cluster = Cluster::start();
    let watched = Watched::of(&cluster);
    for round in 1..=2 {
        let old = cluster.owner(SLOT).unwrap();
        cluster.nodes[old].stop();
        watched.doubt();
        let new = cluster.wait_other_owner(SLOT, old);
        watched.wait_owner(SLOT, &cluster.nodes[new]);
        let wanted = Some(cluster.nodes[new].port());
        cluster.nodes[old].resume();
        // It still says that it is the primary, until the others have told it better.
        eventually("it follows", || {
            watched.doubt();
            assert_eq!(watched.owner(SLOT), wanted);
            (!cluster.is_primary(old)).then_some(())
        });
        cluster.settled();
        watched.doubt();
        wait_looks(&cluster.nodes[old], 2);
        assert_eq!(watched.owner(SLOT), wanted);
        watched.wait_failovers(round);
    }
}

#[test]
fn nodes_come_and_go() {
    let mut cluster = Cluster::start();
    let watched = Watched::of(&cluster);
    let before = watched.primaries();
    let added = cluster.add_node();
    cluster.move_slot(0, added);
    watched.doubt();
    watched.wait_owner(0, &cluster.nodes[added]);
    // It has the lowest slot.
    assert_eq!(watched.primaries(), [&[cluster.nodes[added].port()], &before[..]].concat());
    wait_looks(&cluster.nodes[added], 1);
    cluster.move_slot(0, 0);
    watched.doubt();
    watched.wait_owner(0, &cluster.nodes[0]);
    assert_eq!(watched.primaries(), before);
    // It has given its slot away: nobody has taken its place.
    assert_eq!(watched.topology.failovers(), 0);
    cluster.remove_last();
    // It is not missed.
    let replica = cluster.replica_of(0);
    cluster.fail_over(replica);
    watched.doubt();
    watched.wait_owner(0, &cluster.nodes[replica]);
}

#[test]
fn slots_without_owners_are_looked_for() {
    let cluster = Cluster::start();
    let watched = Watched::of(&cluster);
    let forget = || {
        // All at once: who hears of an owner takes it for that.
        for node in &cluster.nodes {
            cmd!(node.client(), "CLUSTER", "DELSLOTS", SLOT);
        }
    };
    eventually("nobody has the slot", || {
        forget();
        watched.doubt();
        watched.owner(SLOT).is_none().then_some(())
    });
    assert_eq!(watched.map().assigned(), 16383);
    eventually("somebody has it again", || {
        let reply = cmd!(cluster.client(1), "CLUSTER", "ADDSLOTS", SLOT);
        assert!(!reply.is_error() || reply.error().contains("busy"), "{reply}");
        (watched.owner(SLOT).is_some() && watched.map().is_complete()).then_some(())
    });
}

#[test]
fn the_commands_are_read_again_when_somebody_asks() {
    let cluster = Cluster::start();
    let watched = Watched::of(&cluster);
    let first = eventually("the commands are known", || watched.topology.specs());
    let calls = || -> u64 {
        let calls = |node: &Member| {
            let stats = cmd!(node.client(), "INFO", "commandstats").text();
            let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_command:calls="));
            line.map_or(0, |line| line.split(',').next().unwrap().parse::<u64>().unwrap())
        };
        cluster.nodes.iter().map(calls).sum()
    };
    // What has come of the first time is known when they are read the second time.
    for _ in 0..2 {
        let before = calls();
        watched.topology.renew_specs();
        eventually("they are read", || (calls() > before).then_some(()));
    }
    let now = watched.topology.specs().unwrap();
    assert!(std::sync::Arc::ptr_eq(&now, &first), "what has not changed was told");
}
