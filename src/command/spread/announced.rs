//! The one node that a cluster seems to be to those who ask for its nodes.

use std::fmt::Write;

use sha1::{Digest, Sha1};

/// The address that clients find all slots at, and the names that go with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    host: String,
    port: u16,
    id: String,
    shard: String,
}

impl Announced {
    /// The node at this address. Its ids are made of the address, so that they last.
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        let host = host.into();
        let id = hex(&format!("{host}:{port}"));
        let shard = hex(&format!("{host}:{port} shard"));
        Self { host, port, id, shard }
    }

    /// A name or an IP address.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The node's id, 40 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The id of its shard, of the same form.
    #[must_use]
    pub fn shard(&self) -> &str {
        &self.shard
    }
}

impl Default for Announced {
    /// That of a client whose address is not known.
    fn default() -> Self {
        Self::new("?", 0)
    }
}

fn hex(text: &str) -> String {
    Sha1::digest(text.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
