//! `AUTH`, `HELLO`, `RESET` and `QUIT`: what changes who and how a connection is.

use super::client::Client;
use super::text::{is, join, shown};
use super::{Args, Server, Text, number};

const WRONG: &str = "-WRONGPASS invalid username-password pair or user is disabled.";

pub(super) fn auth(server: &mut Server, id: u64, args: &Args) {
    let (user, password) = match args.as_slice() {
        [_, password] if server.users[&b"default"[..]].nopass => {
            let _ = password;
            return server.client(id).error(
                "AUTH <password> called without any password configured for the default user. Are \
                 you sure your configuration is correct?",
            );
        }
        [_, password] => (&b"default"[..], password),
        [_, user, password] => (user.as_slice(), password),
        _ => return server.client(id).syntax_error(),
    };
    if server.authenticate(id, user, password) {
        server.client(id).ok();
    } else {
        server.client(id).error(WRONG);
    }
}

pub(super) fn hello(server: &mut Server, id: u64, args: &Args) {
    let version = match args.get(1).map(|version| number::integer(version)) {
        Some(None) => {
            let error = "Protocol version is not an integer or out of range";
            return server.client(id).error(error);
        }
        Some(Some(2)) => Some(2),
        Some(Some(3)) => Some(3),
        Some(Some(_)) => return server.client(id).error("-NOPROTO unsupported protocol version"),
        None => None,
    };
    let mut rest = args.get(2..).unwrap_or(&[]);
    while let Some((option, values)) = rest.split_first() {
        if let [user, password, tail @ ..] = values
            && is(option, "auth")
        {
            if !server.authenticate(id, user, password) {
                return server.client(id).error(WRONG);
            }
            rest = tail;
        } else if let [name, tail @ ..] = values
            && is(option, "setname")
        {
            if !set_name(server.client(id), name) {
                return;
            }
            rest = tail;
        } else {
            let option = shown(option, usize::MAX);
            return server.client(id).error(join([
                b"Syntax error in HELLO option '",
                option,
                b"'",
            ]));
        }
    }
    let (major, minor, patch) = server.settings.version;
    let client = server.client(id);
    if !client.authenticated {
        return client.error(
            "-NOAUTH HELLO must be called with the client already authenticated, otherwise the \
             HELLO AUTH <user> <pass> option can be used to authenticate the client and select the \
             RESP protocol version at the same time",
        );
    }
    if let Some(version) = version {
        client.protocol = version;
    }
    client.map(7);
    client.bulk(b"server");
    client.bulk(b"redis");
    client.bulk(b"version");
    client.bulk(format!("{major}.{minor}.{patch}").as_bytes());
    client.bulk(b"proto");
    client.integer(i64::from(client.protocol));
    client.bulk(b"id");
    client.put(format!(":{id}\r\n").as_bytes());
    for part in ["mode", "standalone", "role", "master", "modules"] {
        client.bulk(part.as_bytes());
    }
    client.array(0);
}

/// Gives a client a name, or says why not.
pub(super) fn set_name(client: &mut Client, name: &Text) -> bool {
    if !name.iter().all(|byte| (b'!'..=b'~').contains(byte)) {
        client.error("Client names cannot contain spaces, newlines or special characters.");
        return false;
    }
    client.name = Some(name.clone()).filter(|name| !name.is_empty());
    true
}

pub(super) fn reset(server: &mut Server, id: u64, _: &Args) {
    server.monitors.retain(|monitor| *monitor != id);
    server.stop_tracking(id);
    server.discard_transaction(id);
    server.leave_topics(id);
    let nobody_asks = server.users[&b"default"[..]].lets_anyone_in();
    let client = server.client(id);
    client.monitor = false;
    client.database = 0;
    client.protocol = 2;
    client.user = b"default".to_vec();
    client.authenticated = nobody_asks;
    client.name = None;
    client.subscriber = false;
    client.replies_off = false;
    client.skip_next = false;
    client.status("RESET");
}

pub(super) fn quit(server: &mut Server, id: u64, _: &Args) {
    let client = server.client(id);
    client.ok();
    client.close_after_reply = true;
}

impl Server {
    /// Makes the client this user, if the password is right.
    fn authenticate(&mut self, id: u64, user: &[u8], password: &[u8]) -> bool {
        if !self.users.get(user).is_some_and(|known| known.accepts(password)) {
            return false;
        }
        let client = self.client(id);
        client.authenticated = true;
        client.user = user.to_vec();
        true
    }
}
