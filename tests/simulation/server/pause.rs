//! `CLIENT PAUSE`: commands are held until it ends.

use super::blocking::For;
use super::client::Client;
use super::table::{Entry, MAY_REPLICATE, WRITE};
use super::text::is;
use super::{Args, Server, number};

/// A pause that is under way.
#[derive(Clone)]
pub(super) struct Pause {
    pub(super) all: bool,
    pub(super) until: u64,
}

pub(super) fn pause(server: &mut Server, id: u64, args: &Args) {
    if args.len() > 4 {
        return super::client_command::syntax(server, id, args);
    }
    let client = server.client(id);
    let all = match args.get(3) {
        None => true,
        Some(mode) if is(mode, "all") => true,
        Some(mode) if is(mode, "write") => false,
        Some(_) => return client.error("CLIENT PAUSE mode must be WRITE or ALL"),
    };
    let Some(millis) = number::integer(&args[2]) else {
        return client.error("timeout is not an integer or out of range");
    };
    let Ok(millis) = u64::try_from(millis) else {
        return client.error("timeout is negative");
    };
    client.ok();
    let until = if millis > 0 { server.now + millis } else { 0 };
    let before = server.pause.take();
    server.pause = Some(Pause {
        all: all || before.as_ref().is_some_and(|before| before.all),
        until: before.map_or(until, |before| before.until.max(until)),
    });
    if until == 0 {
        server.update_pause();
    }
}

pub(super) fn unpause(server: &mut Server, id: u64, _: &Args) {
    server.pause = None;
    server.release_postponed();
    server.client(id).ok();
}

impl Server {
    /// Whether a command has to wait.
    pub(super) fn is_paused_for(&self, id: u64, entry: &Entry) -> bool {
        let Some(pause) = &self.pause else { return false };
        let Some(client) = self.clients.get(&id).filter(|client| !client.monitor) else {
            return false;
        };
        let changes = |entry: &Entry| entry.is(WRITE | MAY_REPLICATE);
        let queued =
            || entry.name == "exec" && client.queue.iter().any(|(entry, _)| changes(entry));
        pause.all || changes(entry) || queued()
    }

    pub(super) fn postpone(&mut self, id: u64, args: Args) {
        self.client(id).postponed = Some(args);
        self.block(id, For::Pause, None);
    }

    /// Ends the pause when its time has come.
    pub(super) fn update_pause(&mut self) {
        if self.pause.as_ref().is_some_and(|pause| pause.until <= self.now) {
            self.pause = None;
            self.release_postponed();
        }
    }

    fn release_postponed(&mut self) {
        let held = |client: &Client| client.wait.as_ref().map(|wait| (wait.turn, client.id));
        let all = self.clients.values().filter(|client| client.postponed.is_some());
        let mut held: Vec<_> = all.filter_map(held).collect();
        held.sort_unstable();
        for (_, id) in held {
            self.unblock(id);
        }
    }
}
