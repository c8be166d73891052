//! `CLIENT INFO` and `CLIENT LIST`: what they say of connections, without sizes.

use super::client::Client;
use super::text::{is, join, shown};
use super::{Args, Server, Text, monitor, number};

pub(super) fn info(server: &mut Server, id: u64, _: &Args) {
    let line = server.line(id);
    server.client(id).verbatim(&line);
}

pub(super) fn list(server: &mut Server, id: u64, args: &Args) {
    let mut ids: Vec<u64> = server.clients.keys().copied().collect();
    match &args[2..] {
        [] => {}
        [option, kind_name] if is(option, "type") => match kind_named(kind_name) {
            Ok(wanted) => ids.retain(|id| kind(&server.clients[id]) == wanted),
            Err(error) => return server.client(id).error(error),
        },
        [option, wanted @ ..] if is(option, "id") && !wanted.is_empty() => {
            let wanted: Option<Vec<i64>> = wanted.iter().map(|id| number::integer(id)).collect();
            let Some(wanted) = wanted else { return server.client(id).error("Invalid client ID") };
            let known = |id: i64| u64::try_from(id).ok().filter(|id| ids.contains(id));
            ids = wanted.into_iter().filter_map(known).collect();
        }
        _ => return server.client(id).syntax_error(),
    }
    let lines: Text = ids.into_iter().flat_map(|id| server.line(id)).collect();
    server.client(id).verbatim(&lines);
}

/// The class of a client, for `TYPE`.
pub(super) fn kind(client: &Client) -> &'static str {
    if client.subscriber { "pubsub" } else { "normal" }
}

/// A class by its name.
pub(super) fn kind_named(name: &[u8]) -> Result<&'static str, Text> {
    for kind in ["normal", "replica", "pubsub", "master"] {
        if is(name, kind) || (kind == "replica" && is(name, "slave")) {
            return Ok(kind);
        }
    }
    Err(join([b"Unknown client type '", shown(name, usize::MAX), b"'"]))
}

impl Server {
    fn line(&self, id: u64) -> Text {
        let client = &self.clients[&id];
        let tracking = &client.tracking;
        let flags = [
            (client.monitor, 'O'),
            (client.subscriber, 'P'),
            (client.multi, 'x'),
            (client.wait.is_some(), 'b'),
            (tracking.on, 't'),
            (tracking.broken, 'R'),
            (tracking.broadcast, 'B'),
            (client.dirty_keys, 'd'),
            (client.close_after_reply, 'c'),
            (self.unblocked.contains(&id), 'u'),
            (client.close_now, 'A'),
            (client.no_evict, 'e'),
            (client.no_touch, 'T'),
        ];
        let flags: String = flags.iter().filter(|(set, _)| *set).map(|(_, flag)| flag).collect();
        let flags = if flags.is_empty() { "N" } else { &flags };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let address = monitor::address(id);
        let name = text(client.name.as_deref().unwrap_or_default());
        let age = (self.now - client.since) / 1000;
        let (database, protocol) = (client.database, client.protocol);
        let (sub, psub, ssub) = (client.channels.len(), client.patterns.len(), client.shards.len());
        let multi = if client.multi { client.queue.len() as i64 } else { -1 };
        let qbuf = client.requests.unread();
        let command = client.last.map_or("NULL", |command| command.name);
        let user = text(&client.user);
        let redirection = client.redirection();
        let mut line = format!(
            "id={id} addr={address} laddr=127.0.0.1:6379 fd=8 name={name} age={age} idle=0 \
             flags={flags} db={database} sub={sub} psub={psub} ssub={ssub} multi={multi} \
             qbuf={qbuf} qbuf-free=20474 argv-mem=0 multi-mem=0 rbs=1024 rbp=0 obl=0 oll=0 omem=0 \
             tot-mem=22298 events=r cmd={command} user={user} redir={redirection} resp={protocol}"
        );
        if self.settings.version >= (7, 2, 0) {
            let (name, version) = (text(&client.library.0), text(&client.library.1));
            line.push_str(&format!(" lib-name={name} lib-ver={version}"));
        }
        line.push('\n');
        line.into_bytes()
    }
}

impl Client {
    /// Where invalidation messages go, as it is shown.
    pub(super) fn redirection(&self) -> i64 {
        if self.tracking.on { i64::try_from(self.tracking.redirect).unwrap_or(0) } else { -1 }
    }
}
