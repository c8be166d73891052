//! What is checked before a command runs, in Redis' order, and running it.

use super::client::Client;
use super::table::{self, ADMIN, Entry, NO_AUTH, READONLY, SKIP_MONITOR, WRITES};
use super::text::{self, join, shown};
use super::{Args, Server, Text, sessions};

/// Commands that a transaction does not queue.
const NEVER_QUEUED: [&str; 6] = ["exec", "discard", "multi", "watch", "quit", "reset"];

/// What a RESP2 subscriber may say.
const FOR_SUBSCRIBERS: [&str; 9] = [
    "ping",
    "subscribe",
    "ssubscribe",
    "unsubscribe",
    "sunsubscribe",
    "psubscribe",
    "punsubscribe",
    "quit",
    "reset",
];

impl Server {
    /// Refuses a command, queues it, lets it wait, or calls it.
    pub(super) fn process(&mut self, id: u64, args: Args) {
        if text::is(&args[0], "host:") || text::is(&args[0], "post") {
            self.client(id).close_now = true;
            return;
        }
        let session = self.settings.sessions.then(|| sessions::find(&args)).flatten();
        let found = match session {
            Some(entry) => Ok(entry),
            None => table::find(&args, self.settings.version),
        };
        let client = self.client(id);
        client.command = found.as_ref().ok().copied();
        client.last = client.command;
        let entry = match found {
            Ok(entry) => entry,
            Err(error) => return self.refuse(id, &args, error),
        };
        self.note_asked(id, entry, &args);
        if let Err(error) = self.check(id, entry, &args) {
            return self.refuse(id, &args, error);
        }
        if self.is_paused_for(id, entry) {
            return self.postpone(id, args);
        }
        let client = self.client(id);
        if client.multi && !NEVER_QUEUED.contains(&entry.name) {
            let queues = !client.dirty_keys && !client.dirty_queue;
            self.note_put_off(entry);
            let client = self.client(id);
            if queues {
                client.queue.push((entry, args));
            }
            client.status("QUEUED");
        } else {
            self.call(id, entry, &args);
            self.serve_ready();
        }
    }

    fn check(&mut self, id: u64, entry: &'static Entry, args: &Args) -> Result<(), Text> {
        if !entry.takes(args.len()) {
            let name = entry.name;
            return Err(format!("wrong number of arguments for '{name}' command").into_bytes());
        }
        if entry.name == "debug" && !self.settings.debug {
            return Err(NO_DEBUG.into());
        }
        if self.is_unproven(id) && !entry.is(NO_AUTH) {
            return Err(b"-NOAUTH Authentication required.".to_vec());
        }
        self.check_permission(id, entry, args).map_err(|denied| denied.before(entry.name))?;
        let client = self.client(id);
        let confined = client.subscriber && client.protocol == 2;
        if confined && !FOR_SUBSCRIBERS.contains(&entry.name) {
            self.note_put_off(entry);
            return Err(format!(
                "Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET \
                 are allowed in this context",
                entry.name
            )
            .into_bytes());
        }
        let touches_keys = entry.is(WRITES | READONLY) || touches_queued(client, entry);
        if client.monitor && touches_keys {
            return Err(b"Replica can't interact with the keyspace".to_vec());
        }
        Ok(())
    }

    /// Says why a command does not run. A transaction then does not run either.
    fn refuse(&mut self, id: u64, args: &Args, error: Text) {
        let client = self.client(id);
        client.dirty_queue |= client.multi;
        if client.command.is_some_and(|entry| entry.name == "exec") {
            self.discard_transaction(id);
            let reason = error.strip_prefix(b"-").unwrap_or(&error);
            let because = b"-EXECABORT Transaction discarded because of: ";
            self.client(id).error(join([because, reason]));
            self.show(id, args);
        } else {
            client.error(error);
        }
    }

    /// Runs a command, also one of a transaction.
    pub(super) fn call(&mut self, id: u64, entry: &'static Entry, args: &Args) {
        self.note_ran(id, entry, args);
        self.depth += 1;
        (entry.run)(self, id, args);
        self.depth -= 1;
        let client = self.client(id);
        if std::mem::take(&mut client.close_after_command) {
            client.close_after_reply = true;
        }
        if !entry.is(SKIP_MONITOR | ADMIN) {
            self.show(id, args);
        }
        if entry.is(READONLY) {
            self.remember_keys(id, entry, args);
        }
        if self.depth == 0 {
            self.tell_own_changes();
        }
    }

    /// Whether the client has to say a password first.
    pub(super) fn is_unproven(&self, id: u64) -> bool {
        let Some(client) = self.clients.get(&id) else { return false };
        !client.authenticated && !self.users[&b"default"[..]].lets_anyone_in()
    }
}

/// Whether it is `EXEC`, and a queued command reads or writes.
fn touches_queued(client: &Client, entry: &Entry) -> bool {
    entry.name == "exec" && client.queue.iter().any(|(queued, _)| queued.is(WRITES | READONLY))
}

const NO_DEBUG: &str = "DEBUG command not allowed. If the enable-debug-command option is set to \
     \"local\", you can run it from a local connection, otherwise you need to set this option in \
     the configuration file, and then restart the server.";

/// The error for a command that does not exist.
pub(super) fn unknown(args: &[Text]) -> Text {
    let mut list = Text::new();
    for arg in &args[1..] {
        if list.len() >= 128 {
            break;
        }
        let part = shown(arg, 128 - list.len());
        list.extend(join([b"'", part, b"' "]));
    }
    let name = shown(&args[0], 128);
    join([b"unknown command '", name, b"', with args beginning with: ", &list])
}

/// The error for a subcommand that does not exist.
pub(super) fn unknown_subcommand(args: &[Text]) -> Text {
    let name = shown(&args[0], usize::MAX).to_ascii_uppercase();
    join([b"unknown subcommand '", shown(&args[1], 128), b"'. Try ", &name, b" HELP."])
}

/// The error of a subcommand that is called with words it does not know.
pub(super) fn subcommand_syntax(args: &[Text]) -> Text {
    let name = shown(&args[0], usize::MAX).to_ascii_uppercase();
    let what = b"unknown subcommand or wrong number of arguments for '";
    join([what, shown(&args[1], 128), b"'. Try ", &name, b" HELP."])
}
