//! Nodes that are named by the configuration and are gone, hang, or are none.

use std::net::TcpListener;

use sessiond::state::slot::Slot;

use crate::common::*;
use crate::watched::{Watched, primaries};

/// Somebody who is silent: connections to it are made, and nobody answers.
fn silent() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn nobody() -> u16 {
    silent().1
}

#[test]
fn one_node_knows_all_others() {
    let cluster = Cluster::start();
    for node in &cluster.nodes {
        let watched = Watched::by(&[node.port()]);
        let mut topology = watched.topology.clone();
        watched.wait_complete();
        assert_eq!(watched.primaries(), primaries(&cluster));
        for number in 0..16384 {
            let known = watched.map().owner(Slot::new(number).unwrap()).unwrap();
            let others = [5461, 10922].into_iter().filter(|first| number >= *first);
            assert_eq!(known, others.count(), "{number}");
        }
        let server = eventually("one answers", || topology.server().ok());
        assert!(watched.map().primaries().contains(&server.address));
        let specs = eventually("the commands are known", || topology.specs());
        assert!(specs.has_subcommand(b"cluster", b"slots"));
        assert_eq!(topology.failovers(), 0);
        // It is told to who waits for it.
        tokio::runtime::Runtime::new().unwrap().block_on(topology.changed());
    }
}

#[test]
fn one_good_seed_is_enough() {
    let cluster = Cluster::start();
    let (_listener, hanging) = silent();
    let redis = Redis::start();
    let good = cluster.nodes[4].port();
    for bad in [&[hanging][..], &[nobody(), hanging, redis.port(), nobody()]] {
        let watched = Watched::by(&[bad, &[good]].concat());
        watched.wait_complete();
        assert_eq!(watched.primaries(), primaries(&cluster));
        // The bad ones cost nothing later either.
        for to in [1, 2, 0] {
            cluster.move_slot(0, to);
            watched.doubt();
            watched.wait_owner(0, &cluster.nodes[to]);
        }
    }
}

#[test]
fn a_start_before_the_cluster() {
    let mut cluster = Cluster::start();
    cluster.nodes.iter_mut().for_each(Member::kill);
    let ports: Vec<u16> = cluster.nodes.iter().map(Member::port).collect();
    let (_listener, hanging) = silent();
    let watched = Watched::by(&[&[hanging], &ports[..]].concat());
    let why = eventually("there is nobody", || {
        watched.topology.server().err().filter(|why| why.contains("refused"))
    });
    assert!(why.starts_with("no node of the cluster answers: redis://127.0.0.1:"), "{why}");
    assert_eq!(watched.map().assigned(), 0);
    cluster.nodes.iter_mut().for_each(Member::start_again);
    watched.wait_complete();
    assert!(eventually("one answers", || watched.topology.specs()).len() > 100);
}

#[test]
fn who_is_no_cluster_has_no_map() {
    let redis = Redis::start();
    let watched = Watched::by(&[redis.port()]);
    let why = eventually("it says so", || {
        watched.topology.server().err().filter(|why| why.contains("cluster support"))
    });
    assert!(why.ends_with("ERR This instance has cluster support disabled"), "{why}");
    assert_eq!(watched.map().assigned(), 0);
}

#[test]
fn the_last_map_stays_when_all_nodes_are_away() {
    let mut cluster = Cluster::start();
    let watched = Watched::of(&cluster);
    let before = watched.map();
    cluster.nodes.iter_mut().for_each(Member::kill);
    watched.doubt();
    eventually("nobody answers", || watched.topology.server().err());
    assert_eq!(watched.map(), before);
    cluster.nodes.iter_mut().for_each(Member::start_again);
    cluster.settled();
    eventually("one answers", || watched.topology.server().ok());
    eventually("the map is true again", || {
        (watched.primaries() == primaries(&cluster)).then_some(())
    });
}
