//! How the upstream server is used: where it is, connections shared or not, how long a dial may take.

use std::{path::PathBuf, time::Duration};

use crate::upstream::site::Site;

/// What a failover takes at most, with the usual settings of Sentinels.
const FAILOVER: Duration = Duration::from_secs(10);

/// Whether clients share upstream connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Clients in the same state share one connection per worker.
    Shared,
    /// Every client has an upstream connection of its own.
    Dedicated,
}

impl Mode {
    /// The word used for it in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Dedicated => "dedicated",
        }
    }
}

/// The upstream part of the configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What to stand in front of; `None` for a private server of our own.
    pub site: Option<Site>,
    /// A PEM file that is trusted beside the system's roots.
    pub authority: Option<PathBuf>,
    /// Whether clients share upstream connections.
    pub mode: Mode,
    /// How long one attempt to connect may take, the TLS handshake included.
    pub connect_timeout: Duration,
    /// How long a server may be silent before it is asked whether it is there; zero is for ever.
    pub upstream_timeout: Duration,
    /// How long requests that have not been sent wait for a server that is away; `None` where that follows from the site.
    pub hold: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            site: None,
            authority: None,
            mode: Mode::Shared,
            connect_timeout: Duration::from_secs(5),
            upstream_timeout: Duration::from_secs(30),
            hold: None,
        }
    }
}

impl Settings {
    /// How long requests that have not been sent wait for a server of `site` that is away.
    pub fn hold(&self, site: &Site) -> Duration {
        let default = if site.place.moves() { FAILOVER } else { Duration::ZERO };
        self.hold.unwrap_or(default)
    }
}
