//! What clients have asked to be written, and what was, where and as whom: for those who compare one server with another.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::table::{Entry, WRITE};
use super::{Args, Server, Text};

/// A command that may write, of a client whose number begins the names that it uses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Run {
    pub(crate) owner: u64,
    user: String,
    database: usize,
    digest: u64,
    /// As much of it as there is room for.
    shown: String,
}

/// Counts of commands.
pub(crate) type Runs = BTreeMap<Run, usize>;

/// What has been asked, and what has run.
#[derive(Clone, Default)]
pub(crate) struct Log {
    pub(crate) asked: Runs,
    pub(crate) ran: Runs,
    /// Whether a change of state happens depends on what becomes of other requests: it was queued, or refused as a subscriber's.
    pub(crate) depends: bool,
}

impl Server {
    pub(super) fn note_asked(&mut self, id: u64, entry: &Entry, args: &Args) {
        if let Some(run) = self.run_of(id, entry, args) {
            *self.log.asked.entry(run).or_default() += 1;
        }
    }

    /// The command was queued, or refused as a subscriber's.
    pub(super) fn note_put_off(&mut self, entry: &Entry) {
        self.log.depends |= ["auth", "hello", "select"].contains(&entry.name);
    }

    pub(super) fn note_ran(&mut self, id: u64, entry: &Entry, args: &Args) {
        if let Some(run) = self.run_of(id, entry, args) {
            *self.log.ran.entry(run).or_default() += 1;
        }
    }

    fn run_of(&mut self, id: u64, entry: &Entry, args: &Args) -> Option<Run> {
        if !self.settings.logs || !(entry.is(WRITE) || entry.name.starts_with("eval")) {
            return None;
        }
        let owner = args.iter().skip(1).find_map(owner)?;
        let client = self.client(id);
        let mut hasher = DefaultHasher::new();
        args.hash(&mut hasher);
        let words = args.iter().map(|arg| arg[..arg.len().min(40)].escape_ascii().to_string());
        Some(Run {
            owner,
            user: String::from_utf8_lossy(&client.user).into_owned(),
            database: client.database,
            digest: hasher.finish(),
            shown: words.collect::<Vec<_>>().join(" "),
        })
    }
}

/// The number that a name begins with.
fn owner(name: &Text) -> Option<u64> {
    let end = name.iter().position(|byte| *byte == b':')?;
    std::str::from_utf8(&name[..end]).ok()?.parse().ok()
}
