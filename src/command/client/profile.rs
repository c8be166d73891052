//! What there is to tell of one client, in the words of `CLIENT LIST`.

use bytes::Bytes;

use crate::upstream::label::Label;

/// Everything that `CLIENT LIST` shows of a client, and `CLIENT KILL` goes by.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// The id that `CLIENT ID` tells.
    pub id: u64,
    /// The client's own address.
    pub address: String,
    /// The address that it is connected to.
    pub local_address: String,
    /// The descriptor of its socket in this process.
    pub descriptor: i32,
    /// What it calls itself.
    pub label: Label,
    /// Seconds since it came.
    pub age: u64,
    /// Seconds since its last request.
    pub idle: u64,
    /// What it is doing.
    pub flags: Flags,
    /// The selected database.
    pub database: u32,
    /// Subscriptions to channels, patterns and shard channels.
    pub subscriptions: [u32; 3],
    /// Commands queued in its transaction, if it is in one.
    pub queued: Option<usize>,
    /// Watched keys.
    pub watched: u32,
    /// Bytes of replies that wait for it.
    pub backlog: usize,
    /// The last command, in lower case.
    pub command: String,
    /// The user that it has authenticated as.
    pub user: Bytes,
    /// The client that is told of its invalidated keys; 0 when it is told itself, `None` without tracking.
    pub redirect: Option<u64>,
    /// The version of RESP.
    pub protocol: u8,
}

/// What a client is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u16);

/// The flags in the order in which Redis gives their letters (`getClientInfoString` in networking.c).
const LETTERS: [(Flags, u8); 9] = [
    (Flags::REPLICA, b'S'),
    (Flags::MONITOR, b'O'),
    (Flags::SUBSCRIBED, b'P'),
    (Flags::TRANSACTION, b'x'),
    (Flags::BLOCKED, b'b'),
    (Flags::TRACKING, b't'),
    (Flags::BROADCAST, b'B'),
    (Flags::NO_EVICT, b'e'),
    (Flags::NO_TOUCH, b'T'),
];

impl Flags {
    /// It receives the stream of a replica.
    pub const REPLICA: Self = Self(1);
    /// `MONITOR`
    pub const MONITOR: Self = Self(1 << 1);
    /// It is subscribed to something.
    pub const SUBSCRIBED: Self = Self(1 << 2);
    /// It is in a transaction.
    pub const TRANSACTION: Self = Self(1 << 3);
    /// It waits in a blocking command.
    pub const BLOCKED: Self = Self(1 << 4);
    /// `CLIENT TRACKING`
    pub const TRACKING: Self = Self(1 << 5);
    /// `CLIENT TRACKING ... BCAST`
    pub const BROADCAST: Self = Self(1 << 6);
    /// `CLIENT NO-EVICT`
    pub const NO_EVICT: Self = Self(1 << 7);
    /// `CLIENT NO-TOUCH`
    pub const NO_TOUCH: Self = Self(1 << 8);

    /// Whether any of `other` is set.
    #[must_use]
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// With `other` set or not.
    #[must_use]
    pub const fn with(self, other: Self, on: bool) -> Self {
        if on { Self(self.0 | other.0) } else { Self(self.0 & !other.0) }
    }

    /// The letters of the set flags; `N` for none.
    #[must_use]
    pub fn letters(self) -> String {
        let set = LETTERS.iter().filter(|(flag, _)| self.has(*flag));
        let letters: String = set.map(|(_, letter)| char::from(*letter)).collect();
        if letters.is_empty() { "N".to_owned() } else { letters }
    }
}

/// The kinds that `TYPE` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// None of the others.
    Normal,
    /// The server's own connection to its master: no client of ours.
    Master,
    /// It receives the stream of a replica.
    Replica,
    /// It is subscribed to something.
    Subscriber,
}

impl Profile {
    /// The client's kind (`getClientType` in networking.c; who monitors counts as a normal client).
    #[must_use]
    pub fn kind(&self) -> Kind {
        if self.flags.has(Flags::REPLICA) {
            Kind::Replica
        } else if self.flags.has(Flags::SUBSCRIBED) {
            Kind::Subscriber
        } else {
            Kind::Normal
        }
    }
}
