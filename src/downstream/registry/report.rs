//! The section `# Sessiond` of `INFO`.

use std::{
    fmt::Write,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use super::roster::Counts;
use crate::upstream::topology::Topology;

/// What does not change while the process runs, and the counters of the listener.
#[derive(Debug)]
pub struct Facts {
    /// The port that clients connect to.
    pub port: u16,
    /// What stands behind.
    pub topology: Topology,
    /// Worker threads.
    pub workers: usize,
    /// Whether every client has an upstream connection of its own.
    pub dedicated: bool,
    /// Clients that are served at a time.
    pub max_clients: usize,
    /// When the server began to listen.
    pub started: Instant,
    /// Clients that have been accepted.
    pub accepted: AtomicU64,
    /// Clients that were refused because there were too many.
    pub rejected: AtomicU64,
}

impl Facts {
    /// The section, with `counts` of all workers.
    pub fn section(&self, counts: Counts) -> String {
        let Counts { clients, pinned, blocked, subscribers, lanes, idle, .. } = counts;
        let mode = if self.dedicated { "dedicated" } else { "shared" };
        let mut out = "# Sessiond\r\n".to_owned();
        let mut line = |name: &str, value: &dyn std::fmt::Display| {
            // Writing to a string does not fail.
            let _ = write!(out, "{name}:{value}\r\n");
        };
        line("sessiond_version", &env!("CARGO_PKG_VERSION"));
        line("sessiond_process_id", &std::process::id());
        line("sessiond_tcp_port", &self.port);
        line("sessiond_uptime_in_seconds", &self.started.elapsed().as_secs());
        line("sessiond_workers", &self.workers);
        line("sessiond_upstream_mode", &mode);
        match self.topology.server() {
            Ok(server) => line("sessiond_upstream", &server),
            Err(why) => line("sessiond_upstream", &format_args!("unknown: {why}")),
        }
        if self.topology.moves() {
            line("sessiond_failovers", &self.topology.failovers());
        }
        if let Some(map) = self.topology.map() {
            line("sessiond_cluster_nodes", &map.primaries().len());
            line("sessiond_cluster_slots", &map.assigned());
        }
        line("sessiond_connected_clients", &clients);
        line("sessiond_max_clients", &self.max_clients);
        line("sessiond_pinned_clients", &pinned);
        line("sessiond_blocked_clients", &blocked);
        line("sessiond_subscribed_clients", &subscribers);
        line("sessiond_upstream_lanes", &lanes);
        line("sessiond_upstream_connections", &(lanes + pinned + idle));
        line("sessiond_total_connections_received", &self.accepted.load(Ordering::Relaxed));
        line("sessiond_rejected_connections", &self.rejected.load(Ordering::Relaxed));
        out
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::upstream::{
        address::{Address, Endpoint},
        site::{Place, Seeds, Site},
    };

    fn section(site: Site) -> String {
        let facts = Facts {
            port: 0,
            topology: Topology::of(&site, Duration::ZERO).0,
            workers: 1,
            dedicated: false,
            max_clients: 1,
            started: Instant::now(),
            accepted: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
        };
        facts.section(Counts::default())
    }

    #[test]
    fn a_cluster_is_told_from_a_server() {
        let address = Address::Tcp { host: "h".into(), port: 1 };
        let server = section(Endpoint::new(address.clone()).into());
        assert!(server.contains("\r\nsessiond_upstream:redis://h:1/0\r\n"), "{server}");
        assert!(!server.contains("cluster") && !server.contains("failovers"), "{server}");
        let place = Place::Cluster(Seeds { nodes: vec![address] });
        let cluster = section(Site { place, credentials: None, database: 0, tls: None });
        for line in [
            "sessiond_upstream:unknown: no node of the cluster is known yet",
            "sessiond_failovers:0",
            "sessiond_cluster_nodes:0",
            "sessiond_cluster_slots:0",
        ] {
            assert!(cluster.contains(&format!("\r\n{line}\r\n")), "{cluster}");
        }
    }
}
