//! What the server's `COMMAND` says of each command: where its keys stand, and how a cluster is asked.

mod find;
mod grammar;
mod policy;
mod read;

use std::{collections::HashMap, ops::ControlFlow};

pub use self::policy::{Ask, Combine};
use self::{find::KeySpec, grammar::Grammar};
use crate::resp::Request;

/// The longest name that a command or subcommand may have, in bytes.
const LONGEST_NAME: usize = 64;

/// All commands of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Specs(Table);

/// Commands, or the subcommands of one, by their names in lower case.
type Table = HashMap<Box<[u8]>, Spec>;

/// One command or subcommand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spec {
    flags: Flags,
    keys: Keys,
    ask: Option<Ask>,
    combine: Option<Combine>,
    subcommands: Table,
}

/// How the keys of a request are found.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Keys {
    /// As the server says; nowhere when there are no specifications.
    Specs(Box<[KeySpec]>),
    /// As we know ourselves, where the server's specifications do not say it all.
    Grammar(Grammar),
    /// The server has to be asked each time; its specifications tell at most some of the keys.
    Asked(Box<[KeySpec]>),
}

impl Default for Keys {
    fn default() -> Self {
        Self::Specs(Box::default())
    }
}

/// Flags of a command, those that matter to who passes it on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// May change the keyspace.
    pub write: bool,
    /// Reads the keyspace and changes nothing.
    pub readonly: bool,
    /// May wait.
    pub blocking: bool,
    /// Depends on its connection, so that no script may call it.
    pub noscript: bool,
    /// Has to do with messages.
    pub pubsub: bool,
    /// For administrators.
    pub admin: bool,
    /// Its keys are not where first, last and step say.
    pub movablekeys: bool,
}

impl Specs {
    /// Reads the complete reply to `COMMAND`, of Redis 6 to 8 or Valkey, RESP2 or RESP3.
    ///
    /// `None` when it is no array. Entries that are none are left out, and so is what no server has so many of.
    #[must_use]
    pub fn read(frame: &[u8]) -> Option<Self> {
        read::table(frame).map(Self)
    }

    /// How many commands are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no command is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is known of the command or subcommand that `request` asks for; `None` when the server does not have it. A
    /// container with a subcommand that it does not have is the container itself.
    #[must_use]
    pub fn of(&self, request: &Request<'_>) -> Option<&Spec> {
        let spec = lookup(&self.0, request.name())?;
        if spec.subcommands.is_empty() {
            return Some(spec);
        }
        let subcommand = request.arg(1).and_then(|name| lookup(&spec.subcommands, name));
        Some(subcommand.unwrap_or(spec))
    }

    /// Whether the server has the subcommand `sub` of the command `name`.
    #[must_use]
    pub fn has_subcommand(&self, name: &[u8], sub: &[u8]) -> bool {
        lookup(&self.0, name).is_some_and(|spec| lookup(&spec.subcommands, sub).is_some())
    }

    /// The places of the keys among the arguments of `request`, the command name being 0; in the server's order, which
    /// need not be ascending. Shard channels count as keys: they are in slots too.
    ///
    /// Empty for a command that is not known, and where the arguments are not what the command takes: that is for the
    /// server to refuse.
    #[must_use]
    pub fn keys(&self, request: &Request<'_>) -> Vec<usize> {
        let mut keys = Vec::new();
        if let Some(spec) = self.of(request) {
            spec.each_key(request, |place| keys.push(place));
        }
        keys
    }

    /// The place of the first of [`Specs::keys`].
    #[must_use]
    pub fn first_key(&self, request: &Request<'_>) -> Option<usize> {
        self.of(request)?.first_key(request)
    }
}

impl Spec {
    /// The command's flags.
    #[must_use]
    pub fn flags(&self) -> Flags {
        self.flags
    }

    /// Which nodes are to be asked, by the tip `request_policy`.
    #[must_use]
    pub fn ask(&self) -> Option<Ask> {
        self.ask
    }

    /// How replies are to be joined, by the tip `response_policy`.
    #[must_use]
    pub fn combine(&self) -> Option<Combine> {
        self.combine
    }

    /// Whether only `COMMAND GETKEYS` tells where the keys are.
    #[must_use]
    pub fn has_hidden_keys(&self) -> bool {
        matches!(self.keys, Keys::Asked(_))
    }

    /// The place of the first key of a request for this command.
    #[must_use]
    pub fn first_key(&self, request: &Request<'_>) -> Option<usize> {
        self.find(request, &mut ControlFlow::Break).break_value()
    }

    /// Calls `look` with the place of each key of a request for this command.
    pub fn each_key(&self, request: &Request<'_>, mut look: impl FnMut(usize)) {
        let _ = self.find::<()>(request, &mut |place| {
            look(place);
            ControlFlow::Continue(())
        });
    }

    fn find<B>(
        &self,
        request: &Request<'_>,
        look: &mut impl FnMut(usize) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        match &self.keys {
            Keys::Specs(specs) | Keys::Asked(specs) => find::in_all(specs, request, look),
            Keys::Grammar(grammar) => grammar.find(request, look),
        }
    }
}

/// Finds a name, whatever its case.
fn lookup<'a>(table: &'a Table, name: &[u8]) -> Option<&'a Spec> {
    let mut lower = [0; LONGEST_NAME];
    let lower = lower.get_mut(..name.len())?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    table.get(&*lower)
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
