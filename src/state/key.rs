//! What tells one upstream connection from another: who it speaks as, in which database, in which protocol.

use std::rc::Rc;

use bytes::Bytes;

use crate::{resp::Protocol, secret::Secret};

/// The user that an upstream connection has authenticated as.
///
/// Two clients are the same identity only when they named the same user *and* proved it with the same password, so that
/// nobody joins a connection whose password has meanwhile been changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Identity(Option<Rc<Proof>>);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Proof {
    user: Option<Bytes>,
    password: Secret,
}

impl Identity {
    /// A connection that never sent `AUTH`: the server's default user, if that one needs no password.
    pub fn unproven() -> Self {
        Self(None)
    }

    /// A connection on which `AUTH [user] password` succeeded.
    pub fn proven(user: Option<&[u8]>, password: &[u8]) -> Self {
        Self(Some(Rc::new(Proof {
            user: user.map(Bytes::copy_from_slice),
            password: Secret::new(password),
        })))
    }

    /// The name of the user.
    pub fn user(&self) -> &[u8] {
        self.credentials().and_then(|(user, _)| user).unwrap_or(b"default")
    }

    /// Whether credentials were sent.
    pub fn is_proven(&self) -> bool {
        self.0.is_some()
    }

    /// The user (`None` for the one-argument form of `AUTH`) and the password, where there are any.
    pub fn credentials(&self) -> Option<(Option<&[u8]>, &[u8])> {
        self.0.as_ref().map(|proof| (proof.user.as_deref(), proof.password.expose()))
    }
}

/// The state of a connection that requests depend on. Clients in the same state may share one upstream connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LaneKey {
    /// Who the connection speaks as.
    pub identity: Identity,
    /// The selected database.
    pub database: u32,
    /// RESP2, or RESP3 after `HELLO 3`.
    pub protocol: Protocol,
}
