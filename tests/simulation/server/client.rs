//! A client of the server: its connection's state, and how replies are written to it.

use std::collections::{BTreeSet, VecDeque};

use super::request::Requests;
use super::table::Entry;
use super::{Args, Text, blocking, tracking};

/// One client.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) id: u64,
    pub(super) since: u64,
    /// 2 or 3.
    pub(super) protocol: u8,
    pub(super) database: usize,
    pub(super) user: Text,
    pub(super) authenticated: bool,
    pub(super) name: Option<Text>,
    pub(super) library: (Text, Text),

    pub(super) requests: Requests,
    /// What this turn has brought; lost if the client is killed before the turn ends.
    pub(super) pending: Text,
    /// What has been written.
    pub(super) sent: Text,
    /// Whether the turn's end has to write to it, be it nothing.
    pub(super) writes: bool,

    /// What runs: in `EXEC` one command after another.
    pub(super) command: Option<&'static Entry>,
    /// What the client has said last.
    pub(super) last: Option<&'static Entry>,
    pub(super) multi: bool,
    /// A watched key was changed.
    pub(super) dirty_keys: bool,
    /// A command could not be queued.
    pub(super) dirty_queue: bool,
    pub(super) queue: Vec<(&'static Entry, Args)>,
    pub(super) watched: BTreeSet<(usize, Text)>,
    /// Set while a transaction is executed.
    pub(super) deny_blocking: bool,

    pub(super) channels: BTreeSet<Text>,
    pub(super) patterns: VecDeque<Text>,
    pub(super) shards: BTreeSet<Text>,
    pub(super) subscriber: bool,

    pub(super) replies_off: bool,
    pub(super) skip: bool,
    pub(super) skip_next: bool,
    /// What is written is no reply, so that it is not held back.
    pub(super) pushing: bool,

    pub(super) close_after_reply: bool,
    pub(super) close_after_command: bool,
    /// It is closed when the turn ends, and hears nothing more.
    pub(super) close_now: bool,

    pub(super) wait: Option<blocking::Wait>,
    /// A command that waits for the end of a pause.
    pub(super) postponed: Option<Args>,
    pub(super) monitor: bool,
    pub(super) tracking: tracking::Client,
    pub(super) no_evict: bool,
    pub(super) no_touch: bool,
    /// What `MOD.STATEFUL` has left.
    pub(super) mark: Option<Text>,
    /// Scripts of session commands that it has brought.
    pub(super) scripts: BTreeSet<String>,
}

impl Client {
    pub(super) fn new(id: u64, now: u64) -> Self {
        Self {
            id,
            since: now,
            protocol: 2,
            database: 0,
            user: b"default".to_vec(),
            authenticated: false,
            name: None,
            library: Default::default(),
            requests: Requests::default(),
            pending: Text::new(),
            sent: Text::new(),
            writes: false,
            command: None,
            last: None,
            multi: false,
            dirty_keys: false,
            dirty_queue: false,
            queue: Vec::new(),
            watched: BTreeSet::new(),
            deny_blocking: false,
            channels: BTreeSet::new(),
            patterns: VecDeque::new(),
            shards: BTreeSet::new(),
            subscriber: false,
            replies_off: false,
            skip: false,
            skip_next: false,
            pushing: false,
            close_after_reply: false,
            close_after_command: false,
            close_now: false,
            wait: None,
            postponed: None,
            monitor: false,
            tracking: tracking::Client::default(),
            no_evict: false,
            no_touch: false,
            mark: None,
            scripts: BTreeSet::new(),
        }
    }

    /// Channels and patterns, as their replies count them.
    pub(super) fn subscriptions(&self) -> usize {
        self.channels.len() + self.patterns.len()
    }

    /// Writes bytes, unless the client is not to hear them.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        if self.close_now || ((self.replies_off || self.skip) && !self.pushing) {
            return;
        }
        self.writes = true;
        if !self.close_after_reply {
            self.pending.extend_from_slice(bytes);
        }
    }

    /// Writes a length that Redis fills in later, and then even behind the last reply.
    pub(super) fn late(&mut self, write: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.close_after_reply, false);
        write(self);
        self.close_after_reply = before;
    }

    /// Writes what is no reply.
    pub(super) fn push(&mut self, write: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.pushing, true);
        write(self);
        self.pushing = before;
    }

    fn header(&mut self, kind: char, length: impl std::fmt::Display) {
        self.put(format!("{kind}{length}\r\n").as_bytes());
    }

    pub(super) fn ok(&mut self) {
        self.status("OK");
    }

    pub(super) fn status(&mut self, text: &str) {
        self.header('+', text);
    }

    pub(super) fn integer(&mut self, number: i64) {
        self.header(':', number);
    }

    pub(super) fn count(&mut self, number: usize) {
        self.header(':', number);
    }

    pub(super) fn bulk(&mut self, bytes: &[u8]) {
        self.header('$', bytes.len());
        self.put(bytes);
        self.put(b"\r\n");
    }

    /// A bulk string, or nothing.
    pub(super) fn maybe(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.bulk(bytes),
            None => self.null(),
        }
    }

    pub(super) fn verbatim(&mut self, text: &[u8]) {
        if self.protocol == 2 {
            return self.bulk(text);
        }
        self.header('=', text.len() + 4);
        self.put(b"txt:");
        self.put(text);
        self.put(b"\r\n");
    }

    pub(super) fn null(&mut self) {
        let null = null(self.protocol);
        self.put(null);
    }

    pub(super) fn null_array(&mut self) {
        self.put(if self.protocol == 2 { b"*-1\r\n" } else { b"_\r\n" });
    }

    pub(super) fn array(&mut self, length: usize) {
        self.header('*', length);
    }

    pub(super) fn map(&mut self, pairs: usize) {
        if self.protocol == 2 {
            self.header('*', pairs * 2);
        } else {
            self.header('%', pairs);
        }
    }

    pub(super) fn set(&mut self, length: usize) {
        self.header(if self.protocol == 2 { '*' } else { '~' }, length);
    }

    /// The head of a message that is no reply in RESP3, and looks like one in RESP2.
    pub(super) fn push_header(&mut self, length: usize) {
        self.header(if self.protocol == 2 { '*' } else { '>' }, length);
    }

    /// An error. With `-` its code is given, otherwise it is `ERR`.
    pub(super) fn error(&mut self, text: impl AsRef<[u8]>) {
        let text = text.as_ref();
        let mut line = if text.starts_with(b"-") { Text::new() } else { b"-ERR ".to_vec() };
        // No argument may end the line.
        line.extend(
            text.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }),
        );
        line.extend(b"\r\n");
        self.put(&line);
    }

    pub(super) fn wrong_type(&mut self) {
        self.error("-WRONGTYPE Operation against a key holding the wrong kind of value");
    }

    pub(super) fn syntax_error(&mut self) {
        self.error("syntax error");
    }

    /// What a command with too many or too few arguments is told.
    pub(super) fn arity_error(&mut self) {
        let name = self.command.map_or("", |command| command.name);
        self.error(format!("wrong number of arguments for '{name}' command"));
    }
}

/// Nothing, in a protocol.
pub(super) fn null(protocol: u8) -> &'static [u8] {
    if protocol == 2 { b"$-1\r\n" } else { b"_\r\n" }
}
