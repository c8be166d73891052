//! A topology of a cluster that a finder keeps up to date, on a thread of its own.

use std::{sync::Arc, thread::JoinHandle, time::Duration};

use sessiond::{
    state::slot::Slot,
    upstream::{
        address::Address,
        site::{Place, Seeds, Site},
        topology::{Topology, map::Map},
    },
};
use tokio_util::sync::CancellationToken;

use crate::common::*;

/// How long one attempt to connect may take: longer than a test waits for anything.
const ATTEMPT: Duration = Duration::from_secs(90);

/// What is known, and who finds it out.
pub(crate) struct Watched {
    pub(crate) topology: Topology,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Watched {
    /// Looks for the cluster behind these ports.
    pub(crate) fn by(ports: &[u16]) -> Watched {
        let nodes = ports.iter().map(|port| address(*port)).collect();
        let place = Place::Cluster(Seeds { nodes });
        let site = Site { place, credentials: None, database: 0, tls: None };
        let (topology, finder) = Topology::of(&site, ATTEMPT);
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime.enable_all().build().unwrap();
            let finder = finder.expect("a cluster has to be looked for");
            runtime.block_on(stopped.run_until_cancelled_owned(finder.run()));
        });
        Watched { topology, stop, thread: Some(thread) }
    }

    /// The same with a map that is complete.
    pub(crate) fn of(cluster: &Cluster) -> Watched {
        let watched = Watched::by(&cluster.nodes.iter().map(Member::port).collect::<Vec<_>>());
        watched.wait_complete();
        watched
    }

    /// What is known now.
    pub(crate) fn map(&self) -> Arc<Map> {
        self.topology.map().expect("a cluster has a map")
    }

    /// Waits until every slot has an owner.
    pub(crate) fn wait_complete(&self) {
        eventually("all slots have owners", || self.map().is_complete().then_some(()));
    }

    /// The port of a slot's owner.
    pub(crate) fn owner(&self, slot: u16) -> Option<u16> {
        let slot = Slot::new(slot).unwrap();
        self.map().address_of(slot).map(port)
    }

    /// The ports of the primaries in their order.
    pub(crate) fn primaries(&self) -> Vec<u16> {
        self.map().primaries().iter().map(port).collect()
    }

    /// Waits until a slot is known to belong to a node.
    pub(crate) fn wait_owner(&self, slot: u16, node: &Member) {
        eventually("the owner is known", || (self.owner(slot) == Some(node.port())).then_some(()));
    }

    /// Waits until exactly so many replicas are known to have taken over.
    pub(crate) fn wait_failovers(&self, count: u64) {
        eventually("the failover is counted", || {
            let counted = self.topology.failovers();
            assert!(counted <= count, "{counted} failovers");
            (counted == count).then_some(())
        });
    }

    /// There is reason to look.
    pub(crate) fn doubt(&self) {
        self.topology.doubt().expect("a cluster may change").raise();
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.stop.cancel();
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(matches!(ended, Some(Ok(()))) || std::thread::panicking());
    }
}

/// A node of this machine.
pub(crate) fn address(port: u16) -> Address {
    Address::Tcp { host: "127.0.0.1".into(), port }
}

fn port(address: &Address) -> u16 {
    match address {
        Address::Tcp { host, port } if host == "127.0.0.1" => *port,
        other => panic!("{other} is no node"),
    }
}

/// The ports of the primaries by the word of the cluster, in the order of their lowest slots.
pub(crate) fn primaries(cluster: &Cluster) -> Vec<u16> {
    let any = cluster.nodes.iter().find(|node| node.running()).unwrap();
    let ranges = cmd!(any.client(), "CLUSTER", "SLOTS");
    let mut owners: Vec<(i64, u16)> = ranges
        .items()
        .iter()
        .map(|range| (range.items()[0].int(), range.items()[2].items()[1].int() as u16))
        .collect();
    owners.sort_unstable();
    let mut ports = Vec::new();
    for (_, port) in owners {
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    ports
}

/// How often a node has been asked who has which slots, by its own count.
pub(crate) fn looks(node: &Member) -> u64 {
    let stats = cmd!(node.client(), "INFO", "commandstats").text();
    let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_cluster|slots:calls="));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

/// Waits until a node has been asked so many times more.
pub(crate) fn wait_looks(node: &Member, more: u64) {
    let wanted = looks(node) + more;
    eventually("the node is asked", || (looks(node) >= wanted).then_some(()));
}
