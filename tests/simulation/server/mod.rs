//! A model of a Redis 7.0 server: what it answers to whom, byte for byte, without sockets, clocks or threads.
//!
//! The order of things is Redis' own: a turn of its event loop executes what a client has sent, then lets those go on who no
//! longer wait, tells what was changed, writes, and closes. What the model does not do like Redis:
//!
//! - `EVAL` runs no Lua. Every text is the same script: see [`scripts`].
//! - Nothing expires, `SET` knows no options, and only the commands of [`table`] exist.
//! - A client's output has no bound, and nobody is closed for being idle.
//! - The limit of an inline request does not depend on how its bytes arrive.

mod acl;
mod auth;
mod blocking;
mod catalog;
mod client;
mod client_command;
mod client_line;
mod client_tracking;
mod config;
mod data;
mod execute;
mod glob;
mod keys;
mod lists;
mod log;
mod module;
mod monitor;
mod number;
mod pause;
mod permission;
mod pubsub;
mod request;
mod scripts;
mod sessions;
mod sha1;
mod state;
mod strings;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod tracking;
mod transaction;
mod turn;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use client::Client;

pub(crate) use log::{Log, Runs};
pub(crate) use scripts::LUA;
pub(crate) use sessions::TOKEN;
pub(crate) use sha1::hex as sha1;
pub(crate) use state::{Blocked, ConnState, Reply};

/// A byte string.
pub(crate) type Text = Vec<u8>;

/// A command's name and arguments.
pub(crate) type Args = Vec<Text>;

/// What a client hears for which there is no room; then it is closed.
pub(crate) const FULL: &[u8] = b"-ERR max number of clients reached\r\n";

/// A connection; its number is the client's id.
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash, Debug)]
pub(crate) struct Conn(pub(crate) u64);

/// What a server is started with.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// What `HELLO` tells, and what commands there are.
    pub(crate) version: (u32, u32, u32),
    /// How many databases there are.
    pub(crate) databases: usize,
    /// How many clients there may be at a time.
    pub(crate) maxclients: usize,
    /// The password of the default user.
    pub(crate) requirepass: Option<String>,
    /// Whether `DEBUG` is allowed.
    pub(crate) debug: bool,
    /// The id of the first client.
    pub(crate) first_id: u64,
    /// Whether it is written down what has run.
    pub(crate) logs: bool,
    /// Whether it knows the session commands.
    pub(crate) sessions: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            version: (7, 0, 15),
            databases: 16,
            maxclients: 10_000,
            requirepass: None,
            debug: false,
            first_id: 3,
            logs: false,
            sessions: false,
        }
    }
}

/// The whole server.
#[derive(Clone)]
pub(crate) struct Server {
    settings: Settings,
    /// Milliseconds since it was started.
    now: u64,
    next_id: u64,
    /// Counts who began to wait, so that the first is served first.
    next_wait: u64,
    clients: BTreeMap<u64, Client>,
    /// What connections that are closed have still to receive.
    last_words: BTreeMap<u64, Text>,
    databases: Vec<BTreeMap<Text, data::Value>>,
    users: BTreeMap<Text, acl::User>,
    /// The setting; not necessarily the default user's password.
    requirepass: Option<Text>,
    topics: pubsub::Topics,
    scripts: BTreeSet<String>,
    watchers: BTreeMap<(usize, Text), BTreeSet<u64>>,
    tracking: tracking::Table,
    pause: Option<pause::Pause>,
    /// Lists that have come to be while someone waits for them.
    ready: Vec<(usize, Text)>,
    /// Clients that no longer wait and have not gone on yet.
    unblocked: VecDeque<u64>,
    /// How many clients wait for a list.
    waiting: usize,
    monitors: Vec<u64>,
    /// Whose command is executed.
    current: Option<u64>,
    /// How deep commands are in commands: those of a transaction are in `EXEC`.
    depth: usize,
    /// A script's changes count as nobody's.
    in_script: bool,
    /// Something was asked that makes Redis 7.0 break down.
    beyond_redis: bool,
    log: Log,
}

impl Server {
    /// A fresh server.
    pub(crate) fn new(settings: Settings) -> Self {
        let requirepass = settings.requirepass.clone().map(String::into_bytes);
        let default = acl::User::default_user(requirepass.clone());
        Self {
            now: 0,
            next_id: settings.first_id,
            next_wait: 0,
            clients: BTreeMap::new(),
            last_words: BTreeMap::new(),
            databases: vec![BTreeMap::new(); settings.databases],
            users: BTreeMap::from([(b"default".to_vec(), default)]),
            requirepass,
            topics: pubsub::Topics::default(),
            scripts: BTreeSet::new(),
            watchers: BTreeMap::new(),
            tracking: tracking::Table::default(),
            pause: None,
            ready: Vec::new(),
            unblocked: VecDeque::new(),
            waiting: 0,
            monitors: Vec::new(),
            current: None,
            depth: 0,
            in_script: false,
            beyond_redis: false,
            log: Log::default(),
            settings,
        }
    }

    /// A new connection. `None` when there are too many: then the peer is told [`FULL`] and closed.
    pub(crate) fn connect(&mut self) -> Option<Conn> {
        if self.clients.len() >= self.settings.maxclients {
            return None;
        }
        let id = self.next_id;
        self.next_id += 1;
        let mut client = Client::new(id, self.now);
        client.authenticated = self.users[&client.user].lets_anyone_in();
        self.clients.insert(id, client);
        Some(Conn(id))
    }

    /// The id of the next connection.
    pub(crate) fn set_next_id(&mut self, id: u64) {
        self.next_id = id;
    }

    /// Takes bytes of a client, split anywhere, and executes every request that is whole.
    pub(crate) fn input(&mut self, conn: Conn, bytes: &[u8]) {
        let Some(client) = self.clients.get_mut(&conn.0) else { return };
        client.requests.extend(bytes);
        self.take_turn(conn.0);
        self.end_turn();
    }

    /// Takes what there is to send, of a closed connection too.
    pub(crate) fn output(&mut self, conn: Conn) -> Vec<u8> {
        match self.clients.get_mut(&conn.0) {
            Some(client) => std::mem::take(&mut client.sent),
            None => self.last_words.remove(&conn.0).unwrap_or_default(),
        }
    }

    /// Whether the server has closed the connection. Its last words may still wait.
    pub(crate) fn is_closed(&self, conn: Conn) -> bool {
        !self.clients.contains_key(&conn.0)
    }

    /// The peer has ended its side. Redis closes the other at once; what it wrote before may still arrive.
    pub(crate) fn disconnect(&mut self, conn: Conn) {
        self.free(conn.0);
        self.end_turn();
    }

    /// Lets time pass: waits with a limit end, and so does `CLIENT PAUSE`.
    pub(crate) fn tick(&mut self, millis: u64) {
        self.pass(millis);
    }

    /// Whether Redis 7.0 would have broken down by now: a subscriber has taken its own channels away, or a client that
    /// waits for the end of a pause was to be unblocked.
    pub(crate) fn is_beyond_redis(&self) -> bool {
        self.beyond_redis
    }

    /// Whether the pause holds all commands, also the one that would end it.
    pub(crate) fn is_paused_for_all(&self) -> bool {
        self.pause.as_ref().is_some_and(|pause| pause.all)
    }

    /// In how many milliseconds something will happen by itself.
    pub(crate) fn next_end(&self) -> Option<u64> {
        self.next_event().map(|at| at.saturating_sub(self.now))
    }

    /// Whether `CLIENT PAUSE` is in force.
    pub(crate) fn is_paused(&self) -> bool {
        self.pause.is_some()
    }

    /// What the server knows of a connection.
    pub(crate) fn state(&self, conn: Conn) -> ConnState {
        self.clients.get(&conn.0).map(state::of).unwrap_or_default()
    }

    /// The connections that are open.
    pub(crate) fn connections(&self) -> impl Iterator<Item = Conn> + '_ {
        self.clients.keys().map(|id| Conn(*id))
    }

    /// What has been asked and has run.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Executes a request as an administrator would, on a connection of its own.
    pub(crate) fn administer(&mut self, request: &[u8]) -> Vec<u8> {
        let id = self.next_id;
        let mut client = Client::new(id, self.now);
        client.authenticated = true;
        self.clients.insert(id, client);
        self.input(Conn(id), request);
        let answer = self.output(Conn(id));
        self.free(id);
        self.last_words.remove(&id);
        answer
    }

    fn client(&mut self, id: u64) -> &mut Client {
        self.clients.get_mut(&id).expect("a command is executed for a client that is there")
    }
}
