//! Where an upstream server is and as whom to speak to it, shown without secrets.

use std::{fmt, path::PathBuf};

use crate::{net::tls::TlsContext, secret::Secret};

/// The place of a server, without credentials.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// Plain TCP.
    Tcp {
        /// A name or an IP address; IPv6 without brackets.
        host: String,
        /// The TCP port.
        port: u16,
    },
    /// TLS over TCP; the certificate must be valid for `host`.
    Tls {
        /// A name or an IP address; IPv6 without brackets.
        host: String,
        /// The TCP port.
        port: u16,
    },
    /// A Unix domain socket.
    Unix(PathBuf),
}

/// As whom a connection authenticates.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// The ACL user; `None` is the two-word `AUTH password` of the user `default`.
    pub user: Option<String>,
    /// The password; for a user who needs none (`nopass`) any will do.
    pub password: Secret,
}

/// A server as the configuration names it.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Where it is.
    pub address: Address,
    /// As whom new connections authenticate, if at all.
    pub credentials: Option<Credentials>,
    /// The database that new clients start in.
    pub database: u32,
    /// The trust anchors for [`Address::Tls`]; `None` for the other addresses.
    pub tls: Option<TlsContext>,
}

impl Endpoint {
    /// The server at `address`, database 0, without credentials and TLS.
    pub fn new(address: Address) -> Self {
        Self { address, credentials: None, database: 0, tls: None }
    }
}

/// Address and database, in the form of a URL, never the credentials.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)?;
        match (&self.address, self.database) {
            (Address::Unix(_), 0) => Ok(()),
            (Address::Unix(_), database) => write!(f, "?db={database}"),
            (_, database) => write!(f, "/{database}"),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bracketed = |host: &str| match host.contains(':') {
            true => format!("[{host}]"),
            false => host.to_owned(),
        };
        match self {
            Self::Tcp { host, port } => write!(f, "redis://{}:{port}", bracketed(host)),
            Self::Tls { host, port } => write!(f, "rediss://{}:{port}", bracketed(host)),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}
