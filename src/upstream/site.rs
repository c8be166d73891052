//! What stands behind sessiond, as the configuration names it: one server, a group of which one is the primary, or a cluster.

use std::fmt;

use super::address::{Address, Credentials, Endpoint};
use crate::net::tls::TlsContext;

/// What stands behind, and as whom to speak to it.
#[derive(Clone, Debug)]
pub struct Site {
    /// Where it is.
    pub place: Place,
    /// As whom the control plane authenticates at the servers, if at all.
    pub credentials: Option<Credentials>,
    /// The database that new clients start in.
    pub database: u32,
    /// The trust anchors for [`Address::Tls`]; `None` for the other addresses.
    pub tls: Option<TlsContext>,
}

/// Where the server is that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// There is one, and this is it.
    Server(Address),
    /// Some Sentinels know.
    Sentinel(Group),
    /// There are several, and each has a part of the keys.
    Cluster(Seeds),
}

/// A primary and its replicas under the eyes of Sentinels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The Sentinels that are asked first; they know of others.
    pub sentinels: Vec<Address>,
    /// What the Sentinels call the group.
    pub service: String,
    /// As whom to authenticate at the Sentinels, if at all.
    pub credentials: Option<Credentials>,
}

/// A cluster, by some of its nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeds {
    /// The nodes that are asked first; they know of the others.
    pub nodes: Vec<Address>,
}

impl Site {
    /// The server of this site that is found at `address`.
    pub fn at(&self, address: Address) -> Endpoint {
        Endpoint {
            address,
            credentials: self.credentials.clone(),
            database: self.database,
            tls: self.tls.clone(),
        }
    }
}

impl Place {
    /// The addresses that the configuration names. Either all of them use TLS, or none does.
    pub fn addresses(&self) -> &[Address] {
        match self {
            Self::Server(address) => std::slice::from_ref(address),
            Self::Sentinel(group) => &group.sentinels,
            Self::Cluster(seeds) => &seeds.nodes,
        }
    }

    /// Whether another server may come to stand behind.
    pub fn moves(&self) -> bool {
        matches!(self, Self::Sentinel(_) | Self::Cluster(_))
    }
}

impl From<Endpoint> for Site {
    fn from(endpoint: Endpoint) -> Self {
        let Endpoint { address, credentials, database, tls } = endpoint;
        Self { place: Place::Server(address), credentials, database, tls }
    }
}

/// A URL, never with the credentials.
impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Server(address) => self.at(address.clone()).fmt(f),
            Place::Sentinel(group) => write!(f, "{group}/{}", self.database),
            Place::Cluster(seeds) => write!(f, "{seeds}/{}", self.database),
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hosts(f, "sentinel", &self.sentinels)?;
        write!(f, "/{}", percent_encoding::utf8_percent_encode(&self.service, SERVICE))
    }
}

impl fmt::Display for Seeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hosts(f, "cluster", &self.nodes)
    }
}

/// A URL's scheme, with the `kind` of what stands behind, and its hosts.
fn write_hosts(f: &mut fmt::Formatter<'_>, kind: &str, hosts: &[Address]) -> fmt::Result {
    for (index, host) in hosts.iter().enumerate() {
        // Every address shows its scheme; here it is shown once, for all.
        let shown = host.to_string();
        let (scheme, place) = shown.split_once("://").unwrap_or(("", &shown));
        match index {
            0 => write!(f, "{scheme}+{kind}://{place}")?,
            _ => write!(f, ",{place}")?,
        }
    }
    Ok(())
}

/// What cannot stand in a part of a URL's path as it is.
const SERVICE: &percent_encoding::AsciiSet =
    &percent_encoding::CONTROLS.add(b' ').add(b'%').add(b'/').add(b'?').add(b'#');
