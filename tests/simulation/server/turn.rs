//! A turn of the event loop: clients' requests one after another, and what is done when all have been read.

use super::client::Client;
use super::{Args, Server};

impl Server {
    /// Executes the whole requests of a client, until it has to wait or is closed.
    fn process_input(&mut self, id: u64) {
        loop {
            let unproven = self.is_unproven(id);
            let Some(client) = self.clients.get_mut(&id) else { return };
            if client.wait.is_some() || client.close_after_reply || client.close_now {
                return;
            }
            match client.requests.next(unproven) {
                None => return,
                // Even nothing ends CLIENT REPLY SKIP.
                Some(Ok(args)) if args.is_empty() => finish_command(client),
                Some(Ok(args)) => self.run(id, args),
                Some(Err(error)) => {
                    client.error(error);
                    client.close_after_reply = true;
                }
            }
        }
    }

    /// Executes one request.
    pub(super) fn run(&mut self, id: u64, args: Args) {
        let before = self.current.replace(id);
        self.process(id, args);
        let client = self.client(id);
        if client.wait.is_none() && !client.close_now {
            finish_command(client);
        }
        self.current = before;
    }

    /// What is done before the server sleeps.
    pub(super) fn end_turn(&mut self) {
        loop {
            while let Some(id) = self.unblocked.pop_front() {
                self.go_on(id);
            }
            self.broadcast();
            self.serve_ready();
            if self.unblocked.is_empty() {
                break;
            }
        }
        self.write_and_close();
    }

    /// A client that waited takes up what it has sent meanwhile.
    fn go_on(&mut self, id: u64) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        if client.wait.is_some() {
            return;
        }
        if let Some(args) = client.postponed.take() {
            self.run(id, args);
        }
        self.take_turn(id);
    }

    /// Executes what a client has sent. If that closes it, it is gone before the turn's news are told.
    pub(super) fn take_turn(&mut self, id: u64) {
        self.process_input(id);
        if self.clients.get(&id).is_some_and(|client| client.close_now) {
            self.free(id);
        }
    }

    fn write_and_close(&mut self) {
        let mut closed = Vec::new();
        for (id, client) in &mut self.clients {
            if client.close_now {
                closed.push(*id);
            } else if client.writes {
                client.writes = false;
                client.sent.append(&mut client.pending);
                if client.close_after_reply {
                    closed.push(*id);
                }
            }
        }
        for id in closed {
            self.free(id);
        }
    }

    /// Removes a client and all that others know of it.
    pub(super) fn free(&mut self, id: u64) {
        self.unwatch(id);
        self.leave_topics(id);
        self.stop_tracking(id);
        self.monitors.retain(|monitor| *monitor != id);
        self.unblocked.retain(|other| *other != id);
        let Some(client) = self.clients.remove(&id) else { return };
        if client.wait.is_some_and(|wait| wait.is_for_list()) {
            self.waiting -= 1;
        }
        if !client.sent.is_empty() {
            self.last_words.insert(id, client.sent);
        }
    }

    /// When the next wait or pause ends by itself.
    pub(super) fn next_event(&self) -> Option<u64> {
        let waits = self.clients.values().filter_map(|client| client.wait.as_ref()?.until);
        waits.chain(self.pause.as_ref().map(|pause| pause.until)).min()
    }

    /// Lets time pass, from one end of a wait to the next.
    pub(super) fn pass(&mut self, millis: u64) {
        let end = self.now + millis;
        while let Some(next) = self.next_event().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.end_waits();
            self.update_pause();
            self.end_turn();
        }
        self.now = end;
    }
}

/// Makes a client ready for its next request.
pub(super) fn finish_command(client: &mut Client) {
    let was_client_command = client.command.is_some_and(|entry| entry.name.starts_with("client|"));
    if !client.multi && !was_client_command {
        client.tracking.caching = false;
    }
    client.skip = std::mem::take(&mut client.skip_next);
}
