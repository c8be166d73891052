//! Clients that wait: for an element of a list, for replicas, for the end of a pause.

use super::data::Value;
use super::lists::{End, pop};
use super::{Args, Server, Text, number};

/// A client's wait.
#[derive(Clone)]
pub(super) struct Wait {
    pub(super) reason: For,
    /// When it ends by itself.
    pub(super) until: Option<u64>,
    /// Its place among all who wait.
    pub(super) turn: u64,
}

/// What is waited for.
#[derive(Clone)]
pub(super) enum For {
    List { keys: Vec<Text>, end: End },
    Replicas,
    Pause,
}

impl Wait {
    pub(super) fn is_for_list(&self) -> bool {
        matches!(self.reason, For::List { .. })
    }

    /// `CLIENT UNBLOCK` ends the wait, but not that for the end of a pause.
    pub(super) fn can_be_ended(&self) -> bool {
        !matches!(self.reason, For::Pause)
    }
}

pub(super) fn blpop(server: &mut Server, id: u64, args: &Args) {
    take(server, id, args, End::Left);
}

pub(super) fn brpop(server: &mut Server, id: u64, args: &Args) {
    take(server, id, args, End::Right);
}

fn take(server: &mut Server, id: u64, args: &Args, end: End) {
    let (timeout, keys) = args[1..].split_last().expect("the arity is checked");
    let Some(millis) = number::seconds(timeout) else {
        return server.client(id).error("timeout is not a float or out of range");
    };
    let Some(until) = server.until(id, millis) else { return };
    for key in keys {
        match server.value(id, key) {
            None => {}
            Some(Value::List(_)) => {
                let element = pop(server, id, key, end).unwrap_or_default();
                let client = server.client(id);
                client.array(2);
                client.bulk(key);
                client.bulk(&element);
                return server.changed(id, key);
            }
            Some(_) => return server.client(id).wrong_type(),
        }
    }
    if server.client(id).deny_blocking {
        return server.client(id).null_array();
    }
    server.block(id, For::List { keys: keys.to_vec(), end }, until);
}

pub(super) fn wait(server: &mut Server, id: u64, args: &Args) {
    let Some(replicas) = number::integer(&args[1]) else {
        return server.client(id).error("value is not an integer or out of range");
    };
    let Some(millis) = number::integer(&args[2]) else {
        return server.client(id).error("timeout is not an integer or out of range");
    };
    let Some(until) = server.until(id, millis) else { return };
    if replicas <= 0 || server.client(id).multi {
        return server.client(id).integer(0);
    }
    server.block(id, For::Replicas, until);
}

impl Server {
    /// The end of a wait, which may never come; says so if the timeout makes no sense.
    fn until(&mut self, id: u64, millis: i64) -> Option<Option<u64>> {
        let Ok(millis) = u64::try_from(millis) else {
            self.client(id).error("timeout is negative");
            return None;
        };
        Some((millis > 0).then(|| self.now + millis))
    }

    pub(super) fn block(&mut self, id: u64, reason: For, until: Option<u64>) {
        let turn = self.next_wait;
        self.next_wait += 1;
        let wait = Wait { reason, until, turn };
        if wait.is_for_list() {
            self.waiting += 1;
        }
        self.client(id).wait = Some(wait);
    }

    /// Ends a client's wait; it goes on before the turn ends.
    pub(super) fn unblock(&mut self, id: u64) {
        let client = self.client(id);
        let Some(wait) = client.wait.take() else { return };
        if wait.can_be_ended() {
            super::turn::finish_command(client);
        }
        if wait.is_for_list() {
            self.waiting -= 1;
        }
        if !self.unblocked.contains(&id) {
            self.unblocked.push_back(id);
        }
    }

    /// Answers a client whose wait has brought nothing.
    pub(super) fn answer_late(&mut self, id: u64) {
        let client = self.client(id);
        match client.wait.as_ref().map(|wait| &wait.reason) {
            Some(For::List { .. }) => client.null_array(),
            Some(For::Replicas) => client.integer(0),
            Some(For::Pause) | None => {}
        }
    }

    /// Ends the waits whose time has come.
    pub(super) fn end_waits(&mut self) {
        let now = self.now;
        let late = |wait: &Wait| wait.until.is_some_and(|until| until <= now);
        let all = self.clients.iter();
        let late = all.filter(|(_, client)| client.wait.as_ref().is_some_and(late));
        for id in late.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.answer_late(id);
            self.unblock(id);
        }
    }

    /// Notes that a list has come to be.
    pub(super) fn signal_ready(&mut self, database: usize, key: &[u8]) {
        if self.waiting == 0 || self.ready.iter().any(|(at, known)| *at == database && known == key)
        {
            return;
        }
        self.ready.push((database, key.to_vec()));
    }

    /// Gives elements of new lists to those who wait for them, the first first.
    pub(super) fn serve_ready(&mut self) {
        for (database, key) in std::mem::take(&mut self.ready) {
            while let Some((id, end)) = self.first_waiting(database, &key) {
                let Some(Value::List(list)) = self.databases[database].get_mut(&key) else { break };
                let element = end.pop(list).unwrap_or_default();
                if list.is_empty() {
                    self.databases[database].remove(&key);
                }
                let client = self.client(id);
                client.array(2);
                client.bulk(&key);
                client.bulk(&element);
                self.unblock(id);
            }
        }
    }

    fn first_waiting(&self, database: usize, key: &Text) -> Option<(u64, End)> {
        let waiting = self.clients.values().filter_map(|client| match &client.wait {
            Some(Wait { reason: For::List { keys, end }, turn, .. })
                if client.database == database && keys.contains(key) =>
            {
                Some((*turn, client.id, *end))
            }
            _ => None,
        });
        waiting.min_by_key(|(turn, ..)| *turn).map(|(_, id, end)| (id, end))
    }
}
