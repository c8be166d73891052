//! What there is to tell of one client, in the words of `CLIENT LIST`.

use bytes::Bytes;

use crate::state::label::Label;

/// Everything that `CLIENT LIST` shows of a client, and `CLIENT KILL` goes by.
///
/// Sizes are in bytes. They mean what they mean in Redis (`catClientInfoString` in networking.c), with our buffers in
/// the place of the server's; one that is not known is 0.
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
    /// What was read from it and is not handled yet (`qbuf`); see [`Profile::as_asker`] for the one who asks.
    pub input: usize,
    /// The room behind that (`qbuf-free`).
    pub input_free: usize,
    /// The arguments of the request that is being handled (`argv-mem`).
    pub argument_memory: usize,
    /// The arguments of the commands queued in its transaction (`multi-mem`).
    pub multi_memory: usize,
    /// Replies that wait for it.
    pub backlog: usize,
    /// The size of the buffer that replies are written from (`rbs`).
    pub reply_buffer: usize,
    /// The most that was in this buffer of late (`rbp`).
    pub reply_peak: usize,
    /// The part of the backlog that is in this buffer (`obl`).
    pub output_buffered: usize,
    /// The memory that it takes besides its buffers.
    pub itself: usize,
    /// What it has sent so far (`tot-net-in`).
    pub received: u64,
    /// What it was sent so far (`tot-net-out`).
    pub sent: u64,
    /// How many commands of it have been handled (`tot-cmds`).
    pub commands: u64,
    /// Nothing is read from it at present.
    pub unread: bool,
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
    /// Makes it the profile of the client whose request, of this size and with so many bytes of arguments, is being
    /// answered: the server handles a request where it was read, so it still counts as input then.
    pub fn as_asker(&mut self, request: usize, arguments: usize) {
        let buffer = self.input + self.input_free;
        self.input = request;
        self.input_free = buffer.saturating_sub(request);
        self.argument_memory = arguments;
    }

    /// Makes it the profile of the client whose transaction, of so many commands and bytes, is being executed.
    pub fn as_executor(&mut self, queued: usize, memory: usize) {
        const EXEC: usize = "EXEC".len();
        self.as_asker("*1\r\n$4\r\nEXEC\r\n".len(), EXEC);
        self.flags = self.flags.with(Flags::TRANSACTION, true);
        self.queued = Some(queued);
        self.multi_memory = memory;
    }

    /// The memory of replies that are in no fixed buffer (`omem`).
    #[must_use]
    pub fn list_memory(&self) -> usize {
        self.backlog.saturating_sub(self.output_buffered)
    }

    /// The number of pieces that these are kept in (`oll`).
    #[must_use]
    pub fn list_length(&self) -> usize {
        usize::from(self.list_memory() > 0)
    }

    /// All memory that the client takes (`getClientMemoryUsage` in networking.c).
    #[must_use]
    pub fn memory(&self) -> usize {
        let input = self.input + self.input_free + self.argument_memory + self.multi_memory;
        self.itself + input + self.reply_buffer + self.list_memory()
    }

    /// What its socket is watched for: `r` to read, `w` to go on writing.
    #[must_use]
    pub fn events(&self) -> &'static str {
        match (self.unread, self.backlog > 0) {
            (false, false) => "r",
            (false, true) => "rw",
            (true, true) => "w",
            (true, false) => "",
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_input_while_it_is_answered() {
        // As Redis 7 answers CLIENT INFO: qbuf=26 qbuf-free=20448 argv-mem=10.
        let mut asking = Profile { input_free: 20474, ..Profile::default() };
        asking.as_asker(26, 10);
        let told = (asking.input, asking.input_free, asking.argument_memory);
        assert_eq!(told, (26, 20448, 10));
    }

    #[test]
    fn memory_is_added_up() {
        let client = Profile {
            input: 1,
            input_free: 2,
            argument_memory: 4,
            multi_memory: 8,
            reply_buffer: 16,
            backlog: 96,
            output_buffered: 32,
            itself: 1000,
            ..Profile::default()
        };
        assert_eq!((client.list_memory(), client.list_length(), client.memory()), (64, 1, 1095));
        let client = Profile { output_buffered: 96, ..client };
        assert_eq!((client.list_memory(), client.list_length(), client.memory()), (0, 0, 1031));
    }

    #[test]
    fn events_are_what_the_socket_is_watched_for() {
        let events = |unread, backlog| Profile { unread, backlog, ..Profile::default() }.events();
        assert_eq!((events(false, 0), events(false, 1)), ("r", "rw"));
        assert_eq!((events(true, 0), events(true, 1)), ("", "w"));
    }
}
