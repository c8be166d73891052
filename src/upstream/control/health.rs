//! Whether the upstream is there and what it is; told once when that changes.

use std::{fmt, time::Duration};

use bytes::Bytes;
use tokio::sync::watch;

use super::{
    agreement::Inquiry,
    link::{Link, LinkError},
};
use crate::upstream::{
    address::{Address, Endpoint},
    backoff::Backoff,
    topology::Topology,
};

/// How often a connection that seems well is tried, so that one that hangs is found.
const PING_EVERY: Duration = Duration::from_secs(10);

/// The first and the longest wait between attempts.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// The longest wait for whatever session commands depend on.
const AWAITED: Duration = Duration::from_millis(500);

/// What is known about the upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Not tried yet.
    Unknown,
    /// It answers.
    Up(ServerInfo),
    /// It cannot be reached, or does not let us in.
    Away,
}

/// What a server says about itself in `INFO`. A user who may not ask finds empty fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerInfo {
    /// `Redis` or `Valkey`.
    pub name: &'static str,
    /// Its own version, such as `7.0.15`.
    pub version: String,
    /// `master` or `slave`, as `INFO` words it.
    pub role: String,
}

/// `Redis 7.0.15`, with the role where it is not the usual one.
impl fmt::Display for ServerInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.version.as_str(), self.role.as_str()) {
            ("", _) => f.write_str("version unknown"),
            (version, "" | "master") => write!(f, "{} {version}", self.name),
            (version, _) => write!(f, "{} {version}, a replica", self.name),
        }
    }
}

impl ServerInfo {
    /// Reads the text of `INFO`.
    fn read(text: &str) -> Self {
        let field = |name: &str| {
            text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap_or("")
        };
        let (name, version) = match field("valkey_version") {
            "" => ("Redis", field("redis_version")),
            version => ("Valkey", version),
        };
        Self { name, version: version.trim().into(), role: field("role").trim().into() }
    }
}

/// Looks after the upstream for ever, reporting every change to `state`.
pub(super) async fn watch(
    mut topology: Topology,
    timeout: Duration,
    mut inquiry: Inquiry,
    state: watch::Sender<State>,
) {
    let mut backoff = Backoff::new(RETRY.0, RETRY.1);
    loop {
        let Ok(endpoint) = of_key(&topology, inquiry.key().as_deref()) else {
            // Whoever looks for it tells why there is none.
            topology.changed().await;
            continue;
        };
        match contact(&endpoint, timeout, &mut inquiry).await {
            Ok((mut link, server)) => {
                if *state.borrow() == State::Away {
                    tracing::info!("upstream {} is back: {server}", endpoint.address);
                }
                state.send_replace(State::Up(server));
                backoff.reset();
                let key = inquiry.key();
                let why = tokio::select! {
                    why = lost(&mut link, &mut inquiry) => why,
                    () = replaced(&mut topology, key, &endpoint.address) => continue,
                };
                tracing::warn!("upstream {} is away: {why}", endpoint.address);
            }
            Err(why) => {
                if *state.borrow() != State::Away {
                    tracing::warn!("upstream {} is away: {why}", endpoint.address);
                }
            }
        }
        state.send_replace(State::Away);
        tokio::select! {
            () = tokio::time::sleep(soon(backoff.delay(), &inquiry)) => {}
            () = topology.changed() => backoff.reset(),
        }
    }
}

/// The server to look after: of a cluster the one that holds the number of buckets.
fn of_key(topology: &Topology, key: Option<&[u8]>) -> Result<Endpoint, String> {
    key.map_or_else(|| topology.server(), |key| topology.server_of(key))
}

/// The wait, or less of it if session commands are refused until then.
fn soon(wait: Duration, inquiry: &Inquiry) -> Duration {
    if inquiry.is_settled() { wait } else { wait.min(AWAITED) }
}

async fn contact(
    endpoint: &Endpoint,
    timeout: Duration,
    inquiry: &mut Inquiry,
) -> Result<(Link, ServerInfo), LinkError> {
    let link = Link::open(endpoint, 0, timeout).await?;
    let info = link.call(vec![Bytes::from_static(b"INFO")]).await?;
    let server = ServerInfo::read(&String::from_utf8_lossy(&info));
    inquiry.make(&link).await?;
    Ok((link, server))
}

/// Returns when another server than the one at `address` is to be spoken to, or none.
async fn replaced(topology: &mut Topology, key: Option<Vec<u8>>, address: &Address) {
    loop {
        topology.changed().await;
        if !of_key(topology, key.as_deref()).is_ok_and(|server| server.address == *address) {
            return;
        }
    }
}

/// Returns with the reason once the connection is of no more use.
async fn lost(link: &mut Link, inquiry: &mut Inquiry) -> String {
    loop {
        tokio::select! {
            () = link.closed() => return "connection lost".into(),
            () = tokio::time::sleep(soon(PING_EVERY, inquiry)) => {}
        }
        let ping = link.call(vec![Bytes::from_static(b"PING")]).await;
        if let Err(why) = ping.map(drop).and(inquiry.make(link).await) {
            return why.to_string();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn info_tells_name_version_and_role() {
        let redis = "# Server\r\nredis_version:7.0.15\r\nrole:master\r\n";
        assert_eq!(ServerInfo::read(redis).to_string(), "Redis 7.0.15");
        let valkey =
            "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.0\r\nrole:slave";
        assert_eq!(ServerInfo::read(valkey).to_string(), "Valkey 8.1.0, a replica");
        assert_eq!(ServerInfo::read("-NOPERM no\r\n").to_string(), "version unknown");
    }
}
