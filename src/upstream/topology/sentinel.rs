//! Finds the primary that some Sentinels look after, and follows it.

use std::time::Duration;

use tokio::{sync::watch, task::JoinSet, time::sleep};

use super::{
    Current,
    listen::listen,
    look::{Found, Says, at_sentinel, look},
};
use crate::upstream::{
    address::{Address, Endpoint},
    backoff::{Backoff, jittered},
    doubt::Doubt,
    site::{Group, Site},
};

/// How often the Sentinels are asked though nobody has any doubt.
const POLL: Duration = Duration::from_secs(10);
/// The first and the longest wait between looks as long as there is no primary.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// No two looks follow each other faster, however many doubt.
const BREATH: Duration = Duration::from_millis(20);
/// How many Sentinels are kept in mind. What the Sentinels themselves say beyond that is not believed.
const KNOWN: usize = 32;

/// Looks for the primary of a group.
#[derive(Debug)]
pub(super) struct Finder {
    site: Site,
    group: Group,
    timeout: Duration,
    current: watch::Sender<Current>,
    doubt: Doubt,
}

impl Finder {
    pub(super) fn new(
        site: Site,
        group: Group,
        timeout: Duration,
        current: watch::Sender<Current>,
        doubt: Doubt,
    ) -> Self {
        Self { site, group, timeout, current, doubt }
    }

    /// Looks, whenever there is reason to and every so often, for ever.
    pub(super) async fn run(self) {
        let mut sentinels: Vec<Address> = Vec::new();
        let mut listeners = JoinSet::new();
        let mut backoff = Backoff::new(RETRY.0, RETRY.1);
        let mut heard = self.group.sentinels.clone();
        loop {
            for sentinel in heard {
                if sentinels.len() < KNOWN && !sentinels.contains(&sentinel) {
                    let endpoint = at_sentinel(&self.site, &self.group, sentinel.clone());
                    let service = self.group.service.clone();
                    listeners.spawn(listen(endpoint, service, self.timeout, self.doubt.clone()));
                    sentinels.push(sentinel);
                }
            }
            let present = self.current.borrow().server.clone().ok();
            let found = look(
                &self.site,
                &self.group,
                &sentinels,
                self.timeout,
                present.as_ref(),
                &self.doubt,
            )
            .await;
            let next = match self.conclude(&found, present.as_ref()) {
                true => {
                    backoff.reset();
                    jittered(POLL)
                }
                false => backoff.delay(),
            };
            heard = found.sentinels;
            sleep(BREATH).await;
            tokio::select! {
                () = sleep(next) => {}
                () = self.doubt.raised() => {}
            }
        }
    }

    /// Goes by what was found; false if the primary has still to be found.
    fn conclude(&self, found: &Found, present: Option<&Endpoint>) -> bool {
        let before = present.map(|server| &server.address);
        if let Some(address) = found.primary(before) {
            if before != Some(address) {
                tracing::info!("the primary of {} is {address}", self.group.service);
                self.set(Ok(self.site.at(address.clone())));
            }
            return !found.is_disputed(address);
        }
        // The last primary is kept, unless it says that it is none any more.
        match before {
            Some(before) if found.says(before) == Some(&Says::Replica) => {
                self.lose(format!("{before} has become a replica: {}", found.why()));
            }
            Some(_) => {}
            None => {
                self.lose(format!(
                    "no primary of {} is known: {}",
                    self.group.service,
                    found.why()
                ));
            }
        }
        false
    }

    fn lose(&self, why: String) {
        let known = self.current.borrow().server.clone();
        match known {
            Ok(_) => {
                tracing::warn!("{why}");
                self.set(Err(why));
            }
            Err(before) if before != why => {
                tracing::warn!("{why}");
                self.current.send_modify(|current| current.server = Err(why));
            }
            Err(_) => {}
        }
    }

    fn set(&self, server: Result<Endpoint, String>) {
        self.current.send_modify(|current| current.set(server));
    }
}
