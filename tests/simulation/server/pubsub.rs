//! Channels, patterns and shard channels.

use std::collections::{BTreeMap, BTreeSet};

use super::client::Client;
use super::{Args, Server, Text, glob};

/// Who listens to what.
#[derive(Clone, Default)]
pub(super) struct Topics {
    channels: BTreeMap<Text, BTreeSet<u64>>,
    patterns: BTreeMap<Text, BTreeSet<u64>>,
    shards: BTreeMap<Text, BTreeSet<u64>>,
}

/// A kind of topic.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Channel,
    Pattern,
    Shard,
}

impl Kind {
    fn prefix(self) -> &'static str {
        match self {
            Self::Channel => "",
            Self::Pattern => "p",
            Self::Shard => "s",
        }
    }

    fn listeners(self, topics: &mut Topics) -> &mut BTreeMap<Text, BTreeSet<u64>> {
        match self {
            Self::Channel => &mut topics.channels,
            Self::Pattern => &mut topics.patterns,
            Self::Shard => &mut topics.shards,
        }
    }

    /// Adds a topic to a client's own.
    fn add(self, client: &mut Client, topic: &Text) {
        match self {
            Self::Channel => _ = client.channels.insert(topic.clone()),
            Self::Shard => _ = client.shards.insert(topic.clone()),
            Self::Pattern if client.patterns.contains(topic) => {}
            Self::Pattern => client.patterns.push_back(topic.clone()),
        }
    }

    fn remove(self, client: &mut Client, topic: &Text) {
        match self {
            Self::Channel => _ = client.channels.remove(topic),
            Self::Shard => _ = client.shards.remove(topic),
            Self::Pattern => client.patterns.retain(|pattern| pattern != topic),
        }
    }

    fn all(self, client: &Client) -> Vec<Text> {
        match self {
            Self::Channel => client.channels.iter().cloned().collect(),
            Self::Shard => client.shards.iter().cloned().collect(),
            Self::Pattern => client.patterns.iter().cloned().collect(),
        }
    }

    /// Tells a client about one of its subscriptions.
    fn tell(self, client: &mut Client, what: &str, topic: Option<&Text>) {
        let count = match self {
            Self::Shard => client.shards.len(),
            _ => client.subscriptions(),
        };
        client.push(|client| {
            client.push_header(3);
            client.bulk(format!("{}{what}", self.prefix()).as_bytes());
            client.maybe(topic.map(Text::as_slice));
            client.count(count);
        });
    }
}

pub(super) fn subscribe(server: &mut Server, id: u64, args: &Args) {
    begin(server, id, args, Kind::Channel);
}

pub(super) fn psubscribe(server: &mut Server, id: u64, args: &Args) {
    begin(server, id, args, Kind::Pattern);
}

pub(super) fn ssubscribe(server: &mut Server, id: u64, args: &Args) {
    if server.client(id).deny_blocking {
        return server.client(id).error("SSUBSCRIBE isn't allowed for a DENY BLOCKING client");
    }
    begin(server, id, args, Kind::Shard);
}

fn begin(server: &mut Server, id: u64, args: &Args, kind: Kind) {
    for topic in &args[1..] {
        kind.listeners(&mut server.topics).entry(topic.clone()).or_default().insert(id);
        let client = server.client(id);
        kind.add(client, topic);
        kind.tell(client, "subscribe", Some(topic));
    }
    server.client(id).subscriber = true;
}

pub(super) fn unsubscribe(server: &mut Server, id: u64, args: &Args) {
    end(server, id, args, Kind::Channel);
}

pub(super) fn punsubscribe(server: &mut Server, id: u64, args: &Args) {
    end(server, id, args, Kind::Pattern);
}

pub(super) fn sunsubscribe(server: &mut Server, id: u64, args: &Args) {
    end(server, id, args, Kind::Shard);
}

fn end(server: &mut Server, id: u64, args: &Args, kind: Kind) {
    let named = args[1..].to_vec();
    let topics = if named.is_empty() { kind.all(server.client(id)) } else { named };
    for topic in &topics {
        server.forget(id, kind, topic);
        kind.tell(server.client(id), "unsubscribe", Some(topic));
    }
    let client = server.client(id);
    if topics.is_empty() {
        kind.tell(client, "unsubscribe", None);
    }
    if client.subscriptions() + client.shards.len() == 0 {
        client.subscriber = false;
    }
}

pub(super) fn publish(server: &mut Server, id: u64, args: &Args) {
    let (channel, text) = (&args[1], &args[2]);
    let mut receivers = server.send(Kind::Channel, channel, text);
    let matching = |pattern: &&Text| glob::matches(pattern, channel);
    let patterns: Vec<Text> = server.topics.patterns.keys().filter(matching).cloned().collect();
    for pattern in patterns {
        let listeners = server.topics.patterns[&pattern].clone();
        receivers += listeners.len();
        for listener in listeners {
            server.client(listener).push(|client| {
                client.push_header(4);
                for part in [&b"pmessage"[..], &pattern, channel, text] {
                    client.bulk(part);
                }
            });
        }
    }
    server.client(id).count(receivers);
}

pub(super) fn spublish(server: &mut Server, id: u64, args: &Args) {
    let receivers = server.send(Kind::Shard, &args[1], &args[2]);
    server.client(id).count(receivers);
}

impl Server {
    fn send(&mut self, kind: Kind, channel: &Text, text: &Text) -> usize {
        let listeners = kind.listeners(&mut self.topics).get(channel).cloned().unwrap_or_default();
        let what = format!("{}message", kind.prefix());
        for listener in &listeners {
            self.client(*listener).push(|client| {
                client.push_header(3);
                for part in [what.as_bytes(), channel, text] {
                    client.bulk(part);
                }
            });
        }
        listeners.len()
    }

    fn forget(&mut self, id: u64, kind: Kind, topic: &Text) {
        kind.remove(self.client(id), topic);
        let all = kind.listeners(&mut self.topics);
        if let Some(listeners) = all.get_mut(topic) {
            listeners.remove(&id);
            if listeners.is_empty() {
                all.remove(topic);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn topics_are_empty(&self) -> bool {
        let Topics { channels, patterns, shards } = &self.topics;
        channels.is_empty() && patterns.is_empty() && shards.is_empty()
    }

    /// Ends all subscriptions of a client without a word.
    pub(super) fn leave_topics(&mut self, id: u64) {
        for kind in [Kind::Channel, Kind::Pattern, Kind::Shard] {
            let Some(client) = self.clients.get(&id) else { return };
            for topic in kind.all(client) {
                self.forget(id, kind, &topic);
            }
        }
    }
}
