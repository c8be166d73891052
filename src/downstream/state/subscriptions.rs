//! What channels, patterns and shard channels a client is subscribed to, told by the server's confirmations.

use std::{collections::BTreeSet, rc::Rc};

use bytes::{Bytes, BytesMut};

use crate::{
    command::table::{Subscription, Topic},
    resp::{ReplyScanner, encode, reply},
};

/// The server's confirmations that one command still has to be answered with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Confirmations {
    subscription: Subscription,
    /// `None` for an unsubscription from everything: it is confirmed once for each topic there is then, or once if there
    /// is none.
    left: Option<u32>,
}

impl Confirmations {
    /// For a command with `topics` arguments.
    pub(crate) fn new(subscription: Subscription, topics: usize) -> Self {
        let left = (topics > 0).then(|| u32::try_from(topics).unwrap_or(u32::MAX));
        Self { subscription, left }
    }
}

/// What the client is subscribed to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Subscriptions {
    channels: u32,
    patterns: u32,
    shards: u32,
    /// Confirmations to come for subscriptions that are made again; the client is shown none of them.
    again: u32,
    /// The connection they were made on is gone, and they have to be made again.
    lost: bool,
    /// Whether they are remembered by name, to be made again.
    by_name: bool,
    topics: Option<Rc<Topics>>,
}

/// The names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Topics {
    channels: BTreeSet<Bytes>,
    patterns: BTreeSet<Bytes>,
    shards: BTreeSet<Bytes>,
}

impl Topics {
    fn of(&mut self, topic: Topic) -> &mut BTreeSet<Bytes> {
        match topic {
            Topic::Channel => &mut self.channels,
            Topic::Pattern => &mut self.patterns,
            Topic::Shard => &mut self.shards,
        }
    }
}

/// What a frame means for the subscriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// A published message.
    Message,
    /// A confirmation; true when it was the last one of the command at the front.
    Confirmed(bool),
    /// A confirmation that no command is waiting for.
    Announced,
    /// Something else.
    Other,
}

/// What the first word of a confirmation says; true for a subscription.
fn confirmed(word: &[u8]) -> Option<(Topic, bool)> {
    match word {
        b"subscribe" => Some((Topic::Channel, true)),
        b"unsubscribe" => Some((Topic::Channel, false)),
        b"psubscribe" => Some((Topic::Pattern, true)),
        b"punsubscribe" => Some((Topic::Pattern, false)),
        b"ssubscribe" => Some((Topic::Shard, true)),
        b"sunsubscribe" => Some((Topic::Shard, false)),
        _ => None,
    }
}

fn is_confirmation(frame: &[u8]) -> bool {
    let word = reply::elements(frame).and_then(|elements| elements.flatten().next());
    word.and_then(reply::as_bulk).and_then(confirmed).is_some()
}

/// Whether a frame, of which at least the beginning is there, is a published message.
pub(crate) fn is_message(frame: &[u8]) -> bool {
    let word = reply::elements(frame).and_then(|elements| elements.flatten().next());
    matches!(
        word.and_then(reply::as_bulk),
        Some(b"message" | b"pmessage" | b"smessage" | b"invalidate")
    )
}

impl Subscriptions {
    /// None; those to come are remembered by name if they may have to be made again.
    pub(crate) fn none(by_name: bool) -> Self {
        Self { by_name, ..Self::default() }
    }

    /// There are none any more.
    pub(crate) fn clear(&mut self) {
        *self = Self::none(self.by_name);
    }

    /// The connection they were made on is gone; false if they cannot be made again.
    pub(crate) fn lose(&mut self) -> bool {
        self.again = 0;
        self.lost = self.by_name && self.any();
        self.lost
    }

    /// Whether they have to be made again.
    pub(crate) fn are_lost(&self) -> bool {
        self.lost
    }

    /// Whether a frame answers a request by which they are made again: a confirmation, or a refusal.
    pub(crate) fn answers_again(&self, frame: &[u8]) -> bool {
        self.again > 0 && (reply::is_error(frame) || is_confirmation(frame))
    }

    /// Takes such a frame; false if it is a refusal.
    pub(crate) fn made_again(&mut self, frame: &[u8]) -> bool {
        self.again -= 1;
        !reply::is_error(frame)
    }

    /// The requests by which they are made again, on a new connection.
    pub(crate) fn make_again(&mut self, out: &mut BytesMut) {
        self.lost = false;
        let topics = self.topics.as_deref().cloned().unwrap_or_default();
        let Topics { channels, patterns, shards } = topics;
        let plain: [(&[u8], _); 2] = [(b"SUBSCRIBE", channels), (b"PSUBSCRIBE", patterns)];
        // Shard channels of different slots do not go into one request.
        let shards = shards.into_iter().map(|shard| (&b"SSUBSCRIBE"[..], BTreeSet::from([shard])));
        for (name, topics) in plain.into_iter().chain(shards) {
            if topics.is_empty() {
                continue;
            }
            self.again += u32::try_from(topics.len()).unwrap_or(u32::MAX);
            let words: Vec<&[u8]> =
                std::iter::once(name).chain(topics.iter().map(|topic| &topic[..])).collect();
            encode::command(out, words);
        }
    }

    /// Whether there is any subscription. In RESP2 the connection then takes only a few commands.
    pub(crate) fn any(&self) -> bool {
        self.channels + self.patterns + self.shards > 0
    }

    /// Those to channels, patterns and shard channels.
    pub(crate) fn counts(&self) -> [u32; 3] {
        [self.channels, self.patterns, self.shards]
    }

    /// How many confirmations a command with so many topics gets now.
    pub(crate) fn confirmations(&self, subscription: Subscription, topics: usize) -> u32 {
        let topics = u32::try_from(topics).unwrap_or(u32::MAX);
        if topics > 0 { topics } else { self.count(subscription.kind).max(1) }
    }

    /// Reads confirmations that stand back to back.
    pub(crate) fn read(&mut self, mut frames: &[u8]) {
        while let Ok(Some(len)) = ReplyScanner::new().scan(frames) {
            self.notice(None, &frames[..len]);
            frames = &frames[len..];
        }
    }

    /// Reads a frame of which at least the beginning is there. `front`: what the oldest request waits for, if that is
    /// confirmations.
    pub(crate) fn notice(&mut self, front: Option<&mut Confirmations>, frame: &[u8]) -> Notice {
        let Some(elements) = reply::elements(frame) else { return Notice::Other };
        let mut elements = elements.flatten();
        let Some(word) = elements.next().and_then(reply::as_bulk) else { return Notice::Other };
        let (topic, begins) = match word {
            b"message" | b"pmessage" | b"smessage" => return Notice::Message,
            word => match confirmed(word) {
                Some(confirmed) => confirmed,
                None => return Notice::Other,
            },
        };
        let name = elements.next().and_then(reply::as_bulk);
        let count = elements.next().and_then(reply::as_integer);
        let count = count.and_then(|count| u32::try_from(count).ok());
        let before = self.count(topic);
        if let Some(name) = name.filter(|_| self.by_name) {
            let names = Rc::make_mut(self.topics.get_or_insert_default()).of(topic);
            match begins {
                true => drop(names.insert(Bytes::copy_from_slice(name))),
                false => drop(names.remove(name)),
            }
        }
        if let Some(count) = count {
            self.note(topic, count);
        }
        match front {
            Some(front)
                if front.subscription.kind == topic && front.subscription.begins == begins =>
            {
                let left = front.left.unwrap_or(before).saturating_sub(1);
                front.left = Some(left);
                Notice::Confirmed(left == 0)
            }
            _ => Notice::Announced,
        }
    }

    fn count(&self, topic: Topic) -> u32 {
        match topic {
            Topic::Channel => self.channels,
            Topic::Pattern => self.patterns,
            Topic::Shard => self.shards,
        }
    }

    /// `count` is what the server gives behind the topic's name: channels and patterns together, or shard channels.
    fn note(&mut self, topic: Topic, count: u32) {
        match topic {
            Topic::Channel => self.channels = count.saturating_sub(self.patterns),
            Topic::Pattern => self.patterns = count.saturating_sub(self.channels),
            Topic::Shard => self.shards = count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(word: &str, topic: &str, count: u32) -> Vec<u8> {
        let (word_len, topic_len) = (word.len(), topic.len());
        format!("*3\r\n${word_len}\r\n{word}\r\n${topic_len}\r\n{topic}\r\n:{count}\r\n")
            .into_bytes()
    }

    fn waiting(kind: Topic, begins: bool, topics: usize) -> Confirmations {
        Confirmations::new(Subscription { kind, begins }, topics)
    }

    #[test]
    fn a_command_is_done_after_one_confirmation_for_each_topic() {
        let mut subscriptions = Subscriptions::default();
        let mut front = waiting(Topic::Channel, true, 2);
        let mut notice = |frame: &[u8]| subscriptions.notice(Some(&mut front), frame);
        assert_eq!(notice(&frame("subscribe", "a", 1)), Notice::Confirmed(false));
        assert_eq!(notice(&frame("message", "a", 0)), Notice::Message);
        assert_eq!(notice(&frame("subscribe", "b", 2)), Notice::Confirmed(true));
        assert_eq!(subscriptions.counts(), [2, 0, 0]);
    }

    #[test]
    fn leaving_everything_takes_one_confirmation_for_each_topic_there_is_or_one() {
        let mut subscriptions =
            Subscriptions { channels: 2, patterns: 1, shards: 3, ..Subscriptions::default() };
        let mut front = waiting(Topic::Channel, false, 0);
        let mut notice = |frame: &[u8]| subscriptions.notice(Some(&mut front), frame);
        assert_eq!(notice(&frame("unsubscribe", "a", 2)), Notice::Confirmed(false));
        assert_eq!(notice(&frame("unsubscribe", "b", 1)), Notice::Confirmed(true));
        assert!(subscriptions.any());
        let mut front = waiting(Topic::Channel, false, 0);
        let none = b"*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:1\r\n";
        assert_eq!(subscriptions.notice(Some(&mut front), none), Notice::Confirmed(true));
        assert_eq!(subscriptions.counts(), [0, 1, 3]);
    }

    #[test]
    fn what_is_lost_is_made_again_without_a_word() {
        let mut subscriptions = Subscriptions::none(true);
        let seen = [
            frame("subscribe", "b", 1),
            frame("subscribe", "a", 2),
            frame("unsubscribe", "b", 1),
            frame("psubscribe", "p*", 2),
            frame("ssubscribe", "s", 1),
        ];
        subscriptions.read(&seen.concat());
        assert!(subscriptions.lose());
        let mut out = BytesMut::new();
        subscriptions.make_again(&mut out);
        assert!(!subscriptions.are_lost());
        let text = String::from_utf8(out.to_vec()).unwrap();
        let words: Vec<_> =
            text.split("\r\n").filter(|word| !word.starts_with(['*', '$'])).collect();
        assert_eq!(words, ["SUBSCRIBE", "a", "PSUBSCRIBE", "p*", "SSUBSCRIBE", "s", ""]);
        let confirmations =
            [frame("subscribe", "a", 1), frame("psubscribe", "p*", 2), frame("ssubscribe", "s", 1)];
        assert!(!subscriptions.answers_again(&frame("message", "a", 0)));
        for frame in confirmations {
            assert!(subscriptions.answers_again(&frame) && subscriptions.made_again(&frame));
        }
        assert!(!subscriptions.answers_again(&frame("subscribe", "c", 3)));
        assert!(!Subscriptions { channels: 1, ..Subscriptions::none(false) }.lose());
    }

    #[test]
    fn other_arrays_are_not_taken_for_confirmations() {
        let mut subscriptions = Subscriptions::default();
        for other in
            [&b"*2\r\n$4\r\npong\r\n$0\r\n\r\n"[..], b"*0\r\n", b"+OK\r\n", b"*1\r\n:1\r\n"]
        {
            assert_eq!(subscriptions.notice(None, other), Notice::Other);
        }
        assert_eq!(subscriptions.notice(None, &frame("sunsubscribe", "s", 0)), Notice::Announced);
    }
}
