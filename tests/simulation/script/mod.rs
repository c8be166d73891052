//! What a simulated client does: a seeded script of requests that change its connection's state more often than not.
//!
//! All keys, channels and scripts carry the client's prefix, and nothing is asked that speaks of others. So what a client
//! receives depends on its own script alone, and can be told beforehand: see [`crate::replay`]. Only the number of turns
//! in which the server reads a script shows in two places, which have to be asked for: messages of `BCAST` tracking and
//! what `MONITOR` tells.

mod calls;
mod pieces;
mod refusals;
mod step;

use crate::random::Random;
use crate::server::Server;

pub(crate) use step::{Kind, Step};

/// Users that every world has, with their passwords.
pub(crate) const USERS: [(&str, &str); 3] =
    [("alice", "wonder"), ("bob", "builder"), ("carol", "silent")];

/// Creates the users: one who may do everything, one who may not do some things, one who is switched off.
pub(crate) const RIGHTS: [&str; 3] = [
    "ACL SETUSER alice on >wonder ~* &* +@all",
    "ACL SETUSER bob on >builder ~* &* +@all -incr -mget -client|setname -publish",
    "ACL SETUSER carol off >silent ~* &* +@all",
];

/// Creates the users in a server.
pub(crate) fn prepare(server: &mut Server) {
    for rights in RIGHTS {
        let answer = server.administer(format!("{rights}\r\n").as_bytes());
        assert_eq!(answer, b"+OK\r\n", "{rights}");
    }
}

/// Who acts, and what may be in the script.
#[derive(Clone, Debug)]
pub(crate) struct Cast {
    /// Begins all names of the client.
    pub(crate) prefix: String,
    /// The default user's password.
    pub(crate) password: Option<String>,
    /// Databases that are selected.
    pub(crate) databases: usize,
    /// Whether commands of the imaginary module are said.
    pub(crate) module: bool,
    /// Whether keys are tracked by prefix.
    pub(crate) broadcast: bool,
    /// Whether the client may begin to watch all others.
    pub(crate) monitor: bool,
    /// Whether there are values of more than a mebibyte.
    pub(crate) large: bool,
    /// Whether session commands are said.
    pub(crate) sessions: bool,
}

impl Cast {
    pub(crate) fn new(prefix: impl Into<String>) -> Self {
        Self {
            prefix: prefix.into(),
            password: None,
            databases: 3,
            module: true,
            broadcast: false,
            monitor: false,
            large: true,
            sessions: false,
        }
    }
}

/// A script of at least so many steps, unless the client ends it before.
pub(crate) fn generate(random: &mut Random, cast: &Cast, steps: usize) -> Vec<Step> {
    let mut writer = pieces::Writer::new(Random::seeded(random.next()), cast.clone());
    if cast.password.is_some() {
        writer.log_in();
    }
    while writer.steps.len() < steps && !writer.has_ended() {
        writer.piece();
    }
    writer.steps
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_gives_the_same_script_again() {
        let script = |seed| generate(&mut Random::seeded(seed), &Cast::new("a:"), 50);
        for seed in 0..100 {
            assert_eq!(script(seed), script(seed));
        }
        assert_ne!(script(1), script(2));
    }

    #[test]
    fn scripts_have_steps_of_every_kind() {
        let mut kinds = BTreeSet::new();
        let cast = Cast { broadcast: true, monitor: true, sessions: true, ..Cast::new("a:") };
        for seed in 0..400 {
            kinds.extend(
                generate(&mut Random::seeded(seed), &cast, 60).iter().map(|step| step.kind),
            );
        }
        let missing: Vec<_> = Kind::ALL.iter().filter(|kind| !kinds.contains(kind)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
