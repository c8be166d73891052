//! Finds the primaries of a cluster and their slots, and follows them.

mod commands;
mod look;
mod pace;
mod slots;
mod view;

use std::{collections::HashSet, sync::Arc, time::Duration};

use tokio::{sync::watch, time::sleep};

use super::{Current, map::Map};
use crate::upstream::{
    address::{Address, Endpoint},
    backoff::jittered,
    doubt::Doubt,
    site::{Seeds, Site},
};
use look::{Asker, Found, KNOWN};
use pace::Pace;
use view::View;

/// How often the nodes are asked though nobody has any doubt.
const POLL: Duration = Duration::from_secs(15);
/// No two looks follow each other faster, however many doubt.
const BREATH: Duration = Duration::from_millis(20);
/// After so many looks in a row in which no primary has answered there is none.
const AWAY: u32 = 2;

/// Looks for the nodes of a cluster.
#[derive(Debug)]
pub(super) struct Finder {
    site: Arc<Site>,
    seeds: Seeds,
    timeout: Duration,
    current: watch::Sender<Current>,
    doubt: Doubt,
    /// Raised by who wants the commands to be read.
    commands: Doubt,
    /// What the last look has shown.
    signs: Signs,
    /// For how many looks no primary has answered.
    unanswered: u32,
    /// Primaries that others have all slots of now, and it is not clear yet why.
    former: Vec<Address>,
}

/// What makes it likely that there will be another primary soon, or tells that there is one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Signs {
    /// The latest epoch that a node tells of. An election begins one.
    epoch: u64,
    /// How many slots the nodes do not hear from the owners of.
    failing: u64,
    /// Primaries that were asked and have not answered.
    silent: Vec<Address>,
}

impl Finder {
    pub(super) fn new(
        site: Arc<Site>,
        seeds: Seeds,
        timeout: Duration,
        current: watch::Sender<Current>,
        doubt: Doubt,
        commands: Doubt,
    ) -> Self {
        let (signs, unanswered, former) = Default::default();
        Self { site, seeds, timeout, current, doubt, commands, signs, unanswered, former }
    }

    /// Looks, whenever there is reason to and every so often, for ever.
    pub(super) async fn run(mut self) {
        let (current, asked) = (self.current.clone(), self.commands.clone());
        let commands = commands::keep(current, self.timeout, asked);
        tokio::join!(self.find(), commands);
    }

    async fn find(&mut self) {
        let mut asker = Asker::new(Arc::clone(&self.site), self.timeout);
        let mut pace = Pace::new();
        let mut known = self.seeds.nodes.clone();
        loop {
            let found = asker.look(&known).await;
            let map = self.conclude(&found);
            let signs = found.signs(&map);
            let is_well = found.is_well(&map, &signs);
            if is_well || signs != self.signs {
                pace.begin_anew();
            }
            self.signs = signs;
            known = found.known(&map, &self.seeds, is_well);
            sleep(BREATH).await;
            tokio::select! {
                () = sleep(if is_well { jittered(POLL) } else { pace.delay() }) => {}
                () = self.doubt.raised() => {}
            }
        }
    }

    /// Goes by what was found; gives the map that holds from now on.
    fn conclude(&mut self, found: &Found) -> Arc<Map> {
        let (present, server) = {
            let current = self.current.borrow();
            (current.map.clone().unwrap_or_default(), current.server.clone())
        };
        let map = view::decide(&found.views, &present);
        let map = if map == *present { present.clone() } else { Arc::new(map) };
        let server = self.server(found, &map, server);
        let is_new = !Arc::ptr_eq(&map, &present);
        let is_failover = self.is_failover(found, &present, &map);
        if map.primaries() != present.primaries() {
            tell(&map);
        }
        self.current.send_if_modified(|current| {
            let is_other = match (&current.server, &server) {
                (Ok(before), Ok(now)) => before.address != now.address,
                (Err(before), Err(now)) => before != now,
                _ => true,
            };
            if is_new {
                current.map = Some(Arc::clone(&map));
            }
            // That alone is no reason to do anything.
            current.failovers += u64::from(is_failover);
            if is_other {
                current.server = server;
            }
            is_new || is_other
        });
        map
    }

    /// Whether a replica has taken over, not only slots have moved: who has given its last slot away is a primary still.
    fn is_failover(&mut self, found: &Found, present: &Map, map: &Map) -> bool {
        for address in present.replaced(map) {
            if !self.former.contains(address) {
                self.former.push(address.clone());
            }
        }
        let mut is_failover = false;
        self.former.retain(|address| {
            let own = found.views.iter().find(|view| view.of == *address);
            match own.filter(|own| own.is_primary) {
                _ if map.index_of(address).is_some() => false,
                // It does not know yet what the others do.
                Some(own) if own.map.index_of(address).is_some() => true,
                Some(_) => false,
                None => {
                    is_failover = true;
                    false
                }
            }
        });
        is_failover
    }

    /// A primary that answers; why there is none.
    fn server(
        &mut self,
        found: &Found,
        map: &Map,
        present: Result<Endpoint, String>,
    ) -> Result<Endpoint, String> {
        let answers = |address: &&Address| found.views.iter().any(|view| view.of == **address);
        let before = present.as_ref().ok().map(|server| &server.address);
        let still = before.filter(|address| answers(address) && map.index_of(address).is_some());
        if let Some(address) = still.or_else(|| map.primaries().iter().find(answers)) {
            self.unanswered = 0;
            return Ok(self.site.at(address.clone()));
        }
        self.unanswered = self.unanswered.saturating_add(1);
        if present.is_ok() && self.unanswered < AWAY {
            return present;
        }
        let why = found.why();
        if present.as_ref().err() != Some(&why) {
            tracing::warn!("{why}");
        }
        Err(why)
    }
}

/// Told when the primaries are others, not for each slot that moves.
fn tell(map: &Map) {
    let primaries: Vec<_> = map.primaries().iter().map(ToString::to_string).collect();
    tracing::info!("{} slots of the cluster are with {}", map.assigned(), primaries.join(", "));
}

impl Found {
    /// What those say who have had the latest news.
    fn latest(&self) -> impl Iterator<Item = &View> {
        let latest = self.views.iter().map(|view| view.epoch).max();
        self.views.iter().filter(move |view| Some(view.epoch) == latest)
    }

    /// What those say who belong to the cluster by the word of the others. A seed may have left it.
    fn members(&self) -> impl Iterator<Item = &View> {
        let named: HashSet<&Address> = self.latest().flat_map(|view| &view.nodes).collect();
        self.views.iter().filter(move |view| named.contains(&view.of))
    }

    fn signs(&self, map: &Map) -> Signs {
        let epoch = self.latest().next().map_or(0, |view| view.epoch);
        let failing = self.members().map(|view| view.failing).max().unwrap_or(0);
        let is_silent = |primary: &&Address| {
            self.asked.contains(primary) && self.views.iter().all(|view| view.of != **primary)
        };
        Signs {
            epoch,
            failing,
            silent: map.primaries().iter().filter(is_silent).cloned().collect(),
        }
    }

    /// Whether nothing has to be found out soon: all slots have owners, these answer and are heard by the others, and all nodes
    /// agree.
    fn is_well(&self, map: &Map, signs: &Signs) -> bool {
        let is_heard = !self.views.is_empty() && signs.silent.is_empty() && signs.failing == 0;
        is_heard && map.is_complete() && self.members().all(|view| view.map == *map)
    }

    /// Why no primary answers.
    fn why(&self) -> String {
        if !self.views.is_empty() {
            return "no primary of the cluster answers".to_owned();
        }
        // Always of the same one, if it can be, as long as nothing changes.
        let failure = |node| self.failures.iter().find(|(failed, _)| failed == node);
        match self.asked.iter().find_map(failure) {
            Some((node, why)) => format!("no node of the cluster answers: {node}: {why}"),
            None => "no node of the cluster answers".to_owned(),
        }
    }

    /// Whom to ask the next time: the primaries first, then all others that are named by who has the latest news. One that has
    /// left the cluster names itself at most.
    fn known(&self, map: &Map, seeds: &Seeds, is_well: bool) -> Vec<Address> {
        let named = self.latest().flat_map(|view| &view.nodes);
        let all: Vec<&Address> = match (self.views.is_empty(), is_well) {
            // They may have come back at other addresses, which the seeds know.
            (true, _) => seeds.nodes.iter().chain(map.primaries()).chain(&self.asked).collect(),
            (false, false) => map.primaries().iter().chain(named).chain(&seeds.nodes).collect(),
            (false, true) => map.primaries().iter().chain(named).collect(),
        };
        let mut known: Vec<Address> = Vec::new();
        for address in all {
            if known.len() < KNOWN && !known.contains(address) {
                known.push(address.clone());
            }
        }
        known
    }
}

#[cfg(test)]
mod tests;
