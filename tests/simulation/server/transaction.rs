//! `MULTI`, `EXEC`, `DISCARD`, `WATCH`, `UNWATCH`, and what a changed key does to those who watch it.

use super::{Args, Server, Text};

pub(super) fn multi(server: &mut Server, id: u64, _: &Args) {
    let client = server.client(id);
    if client.multi {
        client.error("MULTI calls can not be nested");
    } else {
        client.multi = true;
        client.ok();
    }
}

pub(super) fn discard(server: &mut Server, id: u64, _: &Args) {
    if !server.client(id).multi {
        return server.client(id).error("DISCARD without MULTI");
    }
    server.discard_transaction(id);
    server.client(id).ok();
}

pub(super) fn exec(server: &mut Server, id: u64, _: &Args) {
    let client = server.client(id);
    if !client.multi {
        return client.error("EXEC without MULTI");
    }
    if client.dirty_queue || client.dirty_keys {
        if client.dirty_queue {
            client.error("-EXECABORT Transaction discarded because of previous errors.");
        } else {
            client.null_array();
        }
        return server.discard_transaction(id);
    }
    server.unwatch(id);
    let client = server.client(id);
    client.deny_blocking = true;
    let exec = client.command;
    let queue = client.queue.clone();
    client.array(queue.len());
    for (entry, args) in queue {
        server.client(id).command = Some(entry);
        match server.check_permission(id, entry, &args) {
            Ok(()) => server.call(id, entry, &args),
            Err(denied) => server.client(id).error(format!(
                "-NOPERM ACLs rules changed between the moment the transaction was accumulated and \
                 the EXEC call. This command is no longer allowed for the following reason: {}",
                denied.in_exec()
            )),
        }
    }
    let client = server.client(id);
    client.deny_blocking = false;
    client.command = exec;
    server.discard_transaction(id);
}

pub(super) fn watch(server: &mut Server, id: u64, args: &Args) {
    let client = server.client(id);
    if client.multi {
        return client.error("WATCH inside MULTI is not allowed");
    }
    client.ok();
    if client.dirty_keys {
        return;
    }
    let database = client.database;
    for key in &args[1..] {
        let place = (database, key.clone());
        server.client(id).watched.insert(place.clone());
        server.watchers.entry(place).or_default().insert(id);
    }
}

pub(super) fn unwatch(server: &mut Server, id: u64, _: &Args) {
    server.unwatch(id);
    server.client(id).dirty_keys = false;
    server.client(id).ok();
}

impl Server {
    pub(super) fn discard_transaction(&mut self, id: u64) {
        let client = self.client(id);
        client.queue.clear();
        client.multi = false;
        client.dirty_keys = false;
        client.dirty_queue = false;
        self.unwatch(id);
    }

    /// Forgets what a client watches; that a key was changed is remembered.
    pub(super) fn unwatch(&mut self, id: u64) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        for place in std::mem::take(&mut client.watched) {
            if let Some(watchers) = self.watchers.get_mut(&place) {
                watchers.remove(&id);
                if watchers.is_empty() {
                    self.watchers.remove(&place);
                }
            }
        }
    }

    /// Tells those who watch a key that it was changed.
    pub(super) fn touch(&mut self, database: usize, key: &[u8]) {
        if self.watchers.is_empty() {
            return;
        }
        let place = (database, key.to_vec());
        for id in self.watchers.get(&place).cloned().unwrap_or_default() {
            self.client(id).dirty_keys = true;
            self.unwatch(id);
        }
    }

    /// The same for all keys of a database that is about to be emptied.
    pub(super) fn touch_all(&mut self, database: usize) {
        let exists = |key: &Text| self.databases[database].contains_key(key);
        let watched = self.watchers.iter().filter(|((at, key), _)| *at == database && exists(key));
        let ids: Vec<u64> = watched.flat_map(|(_, ids)| ids.iter().copied()).collect();
        for id in ids {
            self.client(id).dirty_keys = true;
        }
    }
}
