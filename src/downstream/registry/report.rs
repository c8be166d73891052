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
