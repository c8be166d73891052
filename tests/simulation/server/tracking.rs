//! Who is told when a key changes: keys that tracking clients have read, and prefixes.

use std::collections::{BTreeMap, BTreeSet};

use super::client::null;
use super::table::{Entry, PUBSUB};
use super::{Server, Text};

/// How one client tracks keys.
#[derive(Clone, Default)]
pub(super) struct Client {
    pub(super) on: bool,
    pub(super) broadcast: bool,
    pub(super) opt_in: bool,
    pub(super) opt_out: bool,
    pub(super) no_loop: bool,
    /// `CLIENT CACHING` was said for the next command.
    pub(super) caching: bool,
    /// The client that messages went to is gone.
    pub(super) broken: bool,
    /// The client that messages go to, or 0.
    pub(super) redirect: u64,
    pub(super) prefixes: BTreeSet<Text>,
}

/// What is known of all clients.
#[derive(Clone, Default)]
pub(super) struct Table {
    /// Set from the first time on that someone tracks.
    pub(super) in_use: bool,
    keys: BTreeMap<Text, BTreeSet<u64>>,
    pub(super) prefixes: BTreeMap<Text, Prefix>,
    /// What the current client is told when its command has been answered; nothing stands for all keys.
    pending: Vec<Option<Text>>,
}

/// A prefix that someone wants to hear of.
#[derive(Clone, Default)]
pub(super) struct Prefix {
    pub(super) clients: BTreeSet<u64>,
    /// Keys that were changed in this turn, and by whom at last.
    changed: BTreeMap<Text, u64>,
}

impl Server {
    /// Notes the keys that a client has read.
    pub(super) fn remember_keys(&mut self, id: u64, entry: &Entry, args: &[Text]) {
        let tracking = &self.client(id).tracking;
        if !tracking.on || tracking.broadcast || entry.is(PUBSUB) {
            return;
        }
        if (tracking.opt_in && !tracking.caching) || (tracking.opt_out && tracking.caching) {
            return;
        }
        for key in entry.keys(args) {
            self.tracking.keys.entry(key.clone()).or_default().insert(id);
        }
    }

    /// Tells those who have read a key that `id` has changed it.
    pub(super) fn invalidate(&mut self, id: u64, key: &[u8]) {
        if !self.tracking.in_use {
            return;
        }
        let by = if self.in_script { 0 } else { id };
        for (prefix, state) in &mut self.tracking.prefixes {
            if key.starts_with(prefix) {
                state.changed.insert(key.to_vec(), by);
            }
        }
        for target in self.tracking.keys.remove(key).unwrap_or_default() {
            let Some(client) = self.clients.get(&target) else { continue };
            let is_current = self.current == Some(target);
            let tracking = &client.tracking;
            if !tracking.on || tracking.broadcast || (tracking.no_loop && is_current) {
                continue;
            }
            if is_current && self.depth > 0 {
                self.tracking.pending.push(Some(key.to_vec()));
            } else {
                self.send_invalid(target, Some(&[key.to_vec()]));
            }
        }
    }

    /// Tells everyone who tracks that all keys have changed.
    pub(super) fn invalidate_all(&mut self) {
        let all = self.clients.values().filter(|client| client.tracking.on);
        for target in all.map(|client| client.id).collect::<Vec<_>>() {
            if self.current == Some(target) {
                self.tracking.pending.push(None);
            } else {
                self.send_invalid(target, None);
            }
        }
        self.tracking.keys.clear();
    }

    /// Tells the current client what it has changed itself, behind the reply.
    pub(super) fn tell_own_changes(&mut self) {
        for key in std::mem::take(&mut self.tracking.pending) {
            if let Some(id) = self.current {
                match key {
                    Some(key) => self.send_invalid(id, Some(&[key])),
                    None => self.send_invalid(id, None),
                }
            }
        }
    }

    /// Tells who wants to hear of prefixes what was changed in this turn.
    pub(super) fn broadcast(&mut self) {
        let mut messages = Vec::new();
        for prefix in self.tracking.prefixes.values_mut() {
            let changed = std::mem::take(&mut prefix.changed);
            if changed.is_empty() {
                continue;
            }
            for id in &prefix.clients {
                let no_loop = self.clients.get(id).is_some_and(|client| client.tracking.no_loop);
                let hears = |(_, by): &(&Text, &u64)| !no_loop || *by != id;
                let keys: Vec<Text> =
                    changed.iter().filter(hears).map(|(key, _)| key.clone()).collect();
                if !keys.is_empty() {
                    messages.push((*id, keys));
                }
            }
        }
        for (id, keys) in messages {
            self.send_invalid(id, Some(&keys));
        }
    }

    /// Sends one message to a tracking client, or to the one that hears in its place.
    fn send_invalid(&mut self, id: u64, keys: Option<&[Text]>) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        let own_protocol = client.protocol;
        let redirect = client.tracking.redirect;
        let target = if redirect == 0 { id } else { redirect };
        if redirect != 0 && !self.clients.contains_key(&redirect) {
            return self.client(id).push(|client| {
                client.tracking.broken = true;
                if client.protocol > 2 {
                    client.push_header(2);
                    client.bulk(b"tracking-redir-broken");
                    client.put(format!(":{redirect}\r\n").as_bytes());
                }
            });
        }
        self.client(target).push(|client| {
            if client.protocol > 2 {
                client.push_header(2);
                client.bulk(b"invalidate");
            } else if redirect != 0 && client.subscriber {
                client.push_header(3);
                client.bulk(b"message");
                client.bulk(b"__redis__:invalidate");
            } else {
                return;
            }
            match keys {
                None => client.put(null(own_protocol)),
                Some(keys) => {
                    client.array(keys.len());
                    for key in keys {
                        client.bulk(key);
                    }
                }
            }
        });
    }

    /// Ends tracking for a client, who may be about to go.
    pub(super) fn stop_tracking(&mut self, id: u64) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        let redirect = client.tracking.redirect;
        let before = std::mem::take(&mut client.tracking);
        client.tracking.redirect = redirect;
        for name in before.prefixes {
            if let Some(prefix) = self.tracking.prefixes.get_mut(&name) {
                prefix.clients.remove(&id);
                if prefix.clients.is_empty() {
                    self.tracking.prefixes.remove(&name);
                }
            }
        }
    }
}
