//! A cluster of real processes: three primaries with a replica each, made without any tool.

use super::client::Client;
use super::member::{Kind, Member};
use super::value::Value;
use super::wait::eventually;

/// How many slots there are.
pub(crate) const SLOTS: u16 = 16384;
/// How many primaries a cluster has at first.
const PRIMARIES: usize = 3;

/// A running cluster. At first nodes 0 to 2 are primaries, and node n + 3 is the replica of node n.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Member>,
}

impl Cluster {
    /// A cluster in which every node says that all is well.
    pub(crate) fn start() -> Cluster {
        let nodes: Vec<Member> = (0..2 * PRIMARIES).map(|_| start_node()).collect();
        let cluster = Cluster { nodes };
        for primary in 0..PRIMARIES {
            let mut client = cluster.client(primary);
            let (first, last) = range(primary);
            expect_ok(&mut client, &["CLUSTER", "ADDSLOTSRANGE", &first, &last]);
            // Without an epoch of its own a node would have to agree with others on one first.
            let epoch = (primary + 1).to_string();
            expect_ok(&mut client, &["CLUSTER", "SET-CONFIG-EPOCH", &epoch]);
        }
        for node in 1..cluster.nodes.len() {
            cluster.meet(node);
        }
        for replica in PRIMARIES..cluster.nodes.len() {
            cluster.replicate(replica, replica - PRIMARIES);
        }
        cluster.settled();
        cluster
    }

    /// The address as sessiond's `--upstream` will want it.
    pub(crate) fn url(&self) -> String {
        let hosts: Vec<String> = self.nodes.iter().map(Member::address).collect();
        format!("redis+cluster://{}", hosts.join(","))
    }

    /// A client of a node itself.
    pub(crate) fn client(&self, node: usize) -> Client {
        self.nodes[node].client()
    }

    /// The id that the cluster knows a node by.
    pub(crate) fn id(&self, node: usize) -> String {
        self.client(node).run(&["CLUSTER", "MYID"]).text()
    }

    /// The node on a port.
    pub(crate) fn node_on(&self, port: u16) -> Option<usize> {
        self.nodes.iter().position(|node| node.port() == port)
    }

    /// The primary that has a slot, by the word of a running node.
    pub(crate) fn owner(&self, slot: u16) -> Option<usize> {
        let any = self.nodes.iter().find(|node| node.running()).expect("a running node");
        let ranges = any.client().run(&["CLUSTER", "SLOTS"]);
        let holds = |range: &&Value| {
            let ends = range.items();
            (ends[0].int()..=ends[1].int()).contains(&i64::from(slot))
        };
        let range = ranges.items().iter().find(holds)?;
        self.node_on(range.items()[2].items()[1].int() as u16)
    }

    /// A running replica of a primary.
    pub(crate) fn replica_of(&self, primary: usize) -> usize {
        let port = self.nodes[primary].port();
        eventually("the primary has a replica", || {
            (0..self.nodes.len()).find(|node| {
                self.nodes[*node].running() && self.follows(*node).is_some_and(|of| of == port)
            })
        })
    }

    /// Whether a node says that it is a primary.
    pub(crate) fn is_primary(&self, node: usize) -> bool {
        let role = self.client(node).run(&["ROLE"]);
        role.items()[0].text() == "master"
    }

    /// The slot of a key.
    pub(crate) fn slot(&self, key: &str) -> u16 {
        self.client(0).run(&["CLUSTER", "KEYSLOT", key]).int() as u16
    }

    /// Waits until every running node says that all slots are served, knows the same owners, and every replica
    /// follows its primary.
    pub(crate) fn settled(&self) {
        let running = || (0..self.nodes.len()).filter(|node| self.nodes[*node].running());
        eventually("the cluster is well", || {
            let mut views = running().map(|node| {
                let mut client = self.client(node);
                let info = client.run(&["CLUSTER", "INFO"]).text();
                let well = info.contains("cluster_state:ok")
                    && info.contains("cluster_slots_ok:16384")
                    && client.run(&["INFO", "replication"]).text().lines().all(is_following);
                well.then(|| owners(&mut client))
            });
            let first = views.next()??;
            views.all(|view| view.as_ref() == Some(&first)).then_some(())
        });
    }

    /// Lets a replica take over from its primary, with the primary's consent; it is the owner afterwards.
    pub(crate) fn fail_over(&self, replica: usize) {
        let mut polls = 0;
        eventually("the failover happens", || {
            // A replica that is not in step yet refuses, and one that is too slow gives up after five seconds, which a
            // second request before that would begin anew.
            if polls % 1500 == 0 {
                let reply = self.client(replica).run(&["CLUSTER", "FAILOVER"]);
                polls += usize::from(!reply.is_error());
            } else {
                polls += 1;
            }
            self.is_primary(replica).then_some(())
        });
        self.settled();
    }

    /// Waits until another node than `old` has this slot.
    pub(crate) fn wait_other_owner(&self, slot: u16, old: usize) -> usize {
        eventually("another owner", || self.owner(slot).filter(|owner| *owner != old))
    }

    /// Begins to move a slot: from now on its owner answers ASK for keys that it does not have.
    pub(crate) fn begin_move(&self, slot: u16, to: usize) -> Move<'_> {
        let from = self.owner(slot).expect("the slot has an owner");
        let number = slot.to_string();
        let (source, target) = (self.id(from), self.id(to));
        let importing = ["CLUSTER", "SETSLOT", &number, "IMPORTING", &source];
        expect_ok(&mut self.client(to), &importing);
        let migrating = ["CLUSTER", "SETSLOT", &number, "MIGRATING", &target];
        expect_ok(&mut self.client(from), &migrating);
        Move { cluster: self, slot, from, to }
    }

    /// Moves a slot with its keys.
    pub(crate) fn move_slot(&self, slot: u16, to: usize) {
        let moving = self.begin_move(slot, to);
        moving.all_keys();
        moving.finish();
    }

    /// Adds a primary without slots; its number.
    pub(crate) fn add_node(&mut self) -> usize {
        self.nodes.push(start_node());
        let added = self.nodes.len() - 1;
        self.meet(added);
        self.settled();
        added
    }

    /// Makes a node the replica of another.
    pub(crate) fn replicate(&self, replica: usize, primary: usize) {
        let id = self.id(primary);
        eventually("the replica knows its primary", || {
            let reply = self.client(replica).run(&["CLUSTER", "REPLICATE", &id]);
            (reply.to_string() == "+OK").then_some(())
        });
    }

    /// Removes the last node, which must have no slots, from the cluster, and ends it.
    pub(crate) fn remove_last(&mut self) {
        let id = self.id(self.nodes.len() - 1);
        self.nodes.pop();
        for node in self.nodes.iter().filter(|node| node.running()) {
            // One that has heard of it from another meanwhile does not know it any more.
            node.client().run(&["CLUSTER", "FORGET", &id]);
        }
        self.settled();
    }

    /// Introduces a node to the first one.
    fn meet(&self, node: usize) {
        let mut client = self.client(0);
        let port = self.nodes[node].port().to_string();
        let bus = self.client(node).run(&["CONFIG", "GET", "cluster-port"]);
        let bus = bus.field("cluster-port").text();
        expect_ok(&mut client, &["CLUSTER", "MEET", "127.0.0.1", &port, &bus]);
        let known = (node + 1).to_string();
        eventually("the nodes know each other", || {
            let nodes = client.run(&["CLUSTER", "NODES"]).text();
            let met = nodes.lines().filter(|line| !line.contains("handshake"));
            (met.count().to_string() == known).then_some(())
        });
    }

    /// The port of the primary that a node follows.
    fn follows(&self, node: usize) -> Option<u16> {
        let info = self.client(node).run(&["INFO", "replication"]).text();
        let port = info.lines().find_map(|line| line.strip_prefix("master_port:"))?;
        port.parse().ok()
    }
}

/// A slot on its way from one node to another.
pub(crate) struct Move<'a> {
    cluster: &'a Cluster,
    slot: u16,
    pub(crate) from: usize,
    pub(crate) to: usize,
}

impl Move<'_> {
    /// Moves one key.
    pub(crate) fn key(&self, key: &str) {
        let port = self.cluster.nodes[self.to].port().to_string();
        let command = ["MIGRATE", "127.0.0.1", &port, key, "0", "10000"];
        expect_ok(&mut self.cluster.client(self.from), &command);
    }

    /// Moves every key that is there.
    pub(crate) fn all_keys(&self) {
        let slot = self.slot.to_string();
        let mut from = self.cluster.client(self.from);
        loop {
            let keys = from.run(&["CLUSTER", "GETKEYSINSLOT", &slot, "100"]);
            if keys.items().is_empty() {
                return;
            }
            keys.items().iter().for_each(|key| self.key(&key.text()));
        }
    }

    /// The new node has the slot from now on, and everybody knows.
    pub(crate) fn finish(self) {
        let slot = self.slot.to_string();
        let id = self.cluster.id(self.to);
        let command = ["CLUSTER", "SETSLOT", &slot, "NODE", &id];
        // The new owner first: if all others forgot it now, the slot would still have one.
        expect_ok(&mut self.cluster.client(self.to), &command);
        expect_ok(&mut self.cluster.client(self.from), &command);
        self.cluster.settled();
    }
}

fn start_node() -> Member {
    Member::start(Kind::Node, None, |_| {
        let bus = super::redis::free_port();
        format!(
            "cluster-enabled yes\ncluster-port {bus}\ncluster-node-timeout 1000\nsave \"\"\n\
             cluster-config-file nodes.conf\nenable-debug-command yes\n\
             cluster-allow-replica-migration no\nrepl-diskless-sync-delay 0\n"
        )
    })
}

/// The slots of a primary at first.
fn range(primary: usize) -> (String, String) {
    let bound = |number: usize| usize::from(SLOTS) * number / PRIMARIES;
    (bound(primary).to_string(), (bound(primary + 1) - 1).to_string())
}

/// Whether a line of `INFO replication` is one of a node that has all that it should.
fn is_following(line: &str) -> bool {
    !line.starts_with("master_link_status:") || line == "master_link_status:up"
}

/// Who has which slots, in the words of one node.
fn owners(client: &mut Client) -> Vec<(i64, i64, i64)> {
    let ranges = client.run(&["CLUSTER", "SLOTS"]);
    let mut owners: Vec<_> = ranges
        .items()
        .iter()
        .map(|range| {
            let parts = range.items();
            (parts[0].int(), parts[1].int(), parts[2].items()[1].int())
        })
        .collect();
    owners.sort_unstable();
    owners
}

fn expect_ok(client: &mut Client, command: &[&str]) {
    let reply = client.run(command);
    assert_eq!(reply.to_string(), "+OK", "{command:?}");
}
