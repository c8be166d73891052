//! How many channels, patterns and shard channels a client is subscribed to, told by the server's confirmations.

use crate::{
    command::table::{Subscription, Topic},
    resp::{ReplyScanner, reply},
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Subscriptions {
    channels: u32,
    patterns: u32,
    shards: u32,
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

/// Whether a frame, of which at least the beginning is there, is a published message.
pub(crate) fn is_message(frame: &[u8]) -> bool {
    let word = reply::elements(frame).and_then(|elements| elements.flatten().next());
    matches!(
        word.and_then(reply::as_bulk),
        Some(b"message" | b"pmessage" | b"smessage" | b"invalidate")
    )
}

impl Subscriptions {
    /// Whether there is any subscription. In RESP2 the connection then takes only a few commands.
    pub(crate) fn any(self) -> bool {
        self.channels + self.patterns + self.shards > 0
    }

    /// Those to channels, patterns and shard channels.
    pub(crate) fn counts(self) -> [u32; 3] {
        [self.channels, self.patterns, self.shards]
    }

    /// How many confirmations a command with so many topics gets now.
    pub(crate) fn confirmations(self, subscription: Subscription, topics: usize) -> u32 {
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
            b"subscribe" => (Topic::Channel, true),
            b"unsubscribe" => (Topic::Channel, false),
            b"psubscribe" => (Topic::Pattern, true),
            b"punsubscribe" => (Topic::Pattern, false),
            b"ssubscribe" => (Topic::Shard, true),
            b"sunsubscribe" => (Topic::Shard, false),
            _ => return Notice::Other,
        };
        let count = elements.nth(1).and_then(reply::as_integer);
        let count = count.and_then(|count| u32::try_from(count).ok());
        let before = self.count(topic);
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

    fn count(self, topic: Topic) -> u32 {
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
        assert_eq!(subscriptions, Subscriptions { channels: 2, patterns: 0, shards: 0 });
    }

    #[test]
    fn leaving_everything_takes_one_confirmation_for_each_topic_there_is_or_one() {
        let mut subscriptions = Subscriptions { channels: 2, patterns: 1, shards: 3 };
        let mut front = waiting(Topic::Channel, false, 0);
        let mut notice = |frame: &[u8]| subscriptions.notice(Some(&mut front), frame);
        assert_eq!(notice(&frame("unsubscribe", "a", 2)), Notice::Confirmed(false));
        assert_eq!(notice(&frame("unsubscribe", "b", 1)), Notice::Confirmed(true));
        assert!(subscriptions.any());
        let mut front = waiting(Topic::Channel, false, 0);
        let none = b"*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:1\r\n";
        assert_eq!(subscriptions.notice(Some(&mut front), none), Notice::Confirmed(true));
        assert_eq!(subscriptions, Subscriptions { channels: 0, patterns: 1, shards: 3 });
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
