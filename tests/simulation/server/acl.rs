//! Users: their passwords and rights, and `ACL SETUSER`, `DELUSER`, `WHOAMI`.

use super::glob;
use super::table::{self, Entry};
use super::text::{has_blanks, is, join, shown};
use super::{Args, Server, Text};

/// One user.
#[derive(Clone, Debug, Default)]
pub(super) struct User {
    pub(super) enabled: bool,
    pub(super) nopass: bool,
    passwords: Vec<Text>,
    /// The last one that names a command decides.
    commands: Vec<(bool, Rule)>,
    pub(super) all_keys: bool,
    keys: Vec<Text>,
    all_channels: bool,
    channels: Vec<Text>,
}

/// Which commands a rule is for.
#[derive(Clone, Debug)]
enum Rule {
    All,
    Category(Text),
    Command(Text),
}

impl Rule {
    fn names(&self, entry: &Entry) -> bool {
        match self {
            Self::All => true,
            Self::Category(category) => entry.categories().any(|other| is(category, other)),
            Self::Command(name) => {
                is(name, entry.name)
                    || entry.name.split_once('|').is_some_and(|(container, _)| is(name, container))
            }
        }
    }
}

impl User {
    /// The user that everyone is at first.
    pub(super) fn default_user(password: Option<Text>) -> Self {
        Self {
            enabled: true,
            nopass: password.is_none(),
            passwords: password.into_iter().collect(),
            commands: vec![(true, Rule::All)],
            all_keys: true,
            all_channels: true,
            ..Self::default()
        }
    }

    /// As the default user: whether no password is asked for.
    pub(super) fn lets_anyone_in(&self) -> bool {
        self.nopass && self.enabled
    }

    pub(super) fn accepts(&self, password: &[u8]) -> bool {
        self.enabled && (self.nopass || self.passwords.iter().any(|known| known == password))
    }

    pub(super) fn set_password(&mut self, password: Option<&Text>) {
        self.passwords = password.cloned().into_iter().collect();
        self.nopass = password.is_none();
    }

    pub(super) fn may_run(&self, entry: &Entry) -> bool {
        let last = self.commands.iter().rev().find(|(_, rule)| rule.names(entry));
        last.is_some_and(|(allowed, _)| *allowed)
    }

    pub(super) fn may_touch(&self, key: &[u8]) -> bool {
        self.all_keys || self.keys.iter().any(|pattern| glob::matches(pattern, key))
    }

    /// Patterns have to be given to the user word by word.
    pub(super) fn may_hear(&self, channel: &[u8], is_pattern: bool) -> bool {
        let fits = |known: &Text| match is_pattern {
            true => known == channel,
            false => glob::matches(known, channel),
        };
        self.all_channels || self.channels.iter().any(fits)
    }

    fn change(&mut self, word: &[u8]) -> Result<(), &'static str> {
        const SYNTAX: &str = "Syntax error";
        const UNKNOWN: &str = "Unknown command or category name in ACL";
        let rest = word.get(1..).unwrap_or_default();
        match word.to_ascii_lowercase().as_slice() {
            b"" | b"sanitize-payload" | b"skip-sanitize-payload" | b"clearselectors" => {}
            b"on" => self.enabled = true,
            b"off" => self.enabled = false,
            b"nopass" => self.set_password(None),
            b"resetpass" => {
                self.passwords.clear();
                self.nopass = false;
            }
            b"allkeys" | b"~*" => {
                self.keys.clear();
                self.all_keys = true;
            }
            b"resetkeys" => {
                self.keys.clear();
                self.all_keys = false;
            }
            b"allchannels" | b"&*" => {
                self.channels.clear();
                self.all_channels = true;
            }
            b"resetchannels" => {
                self.channels.clear();
                self.all_channels = false;
            }
            b"allcommands" | b"+@all" => self.commands = vec![(true, Rule::All)],
            b"nocommands" | b"-@all" => self.commands.clear(),
            b"reset" => *self = Self::default(),
            [b'>', ..] => {
                if !self.passwords.iter().any(|known| known == rest) {
                    self.passwords.push(rest.to_vec());
                }
                self.nopass = false;
            }
            [b'<', ..] => {
                let before = self.passwords.len();
                self.passwords.retain(|known| known != rest);
                if self.passwords.len() == before {
                    return Err(
                        "The password you are trying to remove from the user does not exist",
                    );
                }
            }
            [b'~', ..] if self.all_keys => {
                return Err("Adding a pattern after the * pattern (or the 'allkeys' flag) is not \
                            valid and does not have any effect. Try 'resetkeys' to start with an \
                            empty list of patterns");
            }
            [b'&', ..] if self.all_channels => {
                return Err("Adding a pattern after the * pattern (or the 'allchannels' flag) is \
                            not valid and does not have any effect. Try 'resetchannels' to start \
                            with an empty list of channels");
            }
            [b'~' | b'&', ..] if has_blanks(rest) => return Err(SYNTAX),
            [b'~', ..] => self.keys.push(rest.to_vec()),
            [b'&', ..] => self.channels.push(rest.to_vec()),
            [sign @ (b'+' | b'-'), b'@', category @ ..] => {
                if !table::is_category(category) {
                    return Err(UNKNOWN);
                }
                self.commands.push((*sign == b'+', Rule::Category(category.to_vec())));
            }
            [sign @ (b'+' | b'-'), name @ ..] => {
                if !table::exists(name) {
                    return Err(UNKNOWN);
                }
                self.commands.push((*sign == b'+', Rule::Command(name.to_vec())));
            }
            _ => return Err(SYNTAX),
        }
        Ok(())
    }
}

pub(super) fn whoami(server: &mut Server, id: u64, _: &Args) {
    let client = server.client(id);
    let user = client.user.clone();
    client.bulk(&user);
}

pub(super) fn setuser(server: &mut Server, id: u64, args: &Args) {
    let name = &args[2];
    if has_blanks(name) {
        let error = "Usernames can't contain spaces or null characters";
        return server.client(id).error(error);
    }
    let before = server.users.get(name).cloned();
    let mut user = before.clone().unwrap_or_default();
    for word in &args[3..] {
        if let Err(error) = user.change(word) {
            let word = shown(word, usize::MAX);
            let what = b"Error in ACL SETUSER modifier '";
            return server.client(id).error(join([what, word, b"': ", error.as_bytes()]));
        }
    }
    if let Some(before) = before {
        server.end_forbidden_subscriptions(id, name, &before, &user);
    }
    server.users.insert(name.clone(), user);
    server.client(id).ok();
}

pub(super) fn deluser(server: &mut Server, id: u64, args: &Args) {
    if args[2..].iter().any(|name| name == b"default") {
        return server.client(id).error("The 'default' user cannot be removed");
    }
    let mut deleted = 0;
    for name in &args[2..] {
        if server.users.remove(name).is_none() {
            continue;
        }
        deleted += 1;
        for client in server.clients.values_mut().filter(|client| client.user == *name) {
            client.user = b"default".to_vec();
            client.authenticated = false;
            if client.id == id {
                client.close_after_command = true;
            } else {
                client.close_now = true;
            }
        }
    }
    server.client(id).count(deleted);
}

impl Server {
    /// Closes subscribers of a user who may no longer hear what they listen to.
    fn end_forbidden_subscriptions(&mut self, id: u64, name: &Text, before: &User, after: &User) {
        // Redis 7.0 means to leave those alone whose user has lost nothing, but then looks at all of them.
        if after.all_channels || (!before.all_channels && before.channels.is_empty()) {
            return;
        }
        let mut forbidden = Vec::new();
        for client in self.clients.values() {
            if client.user != *name || !client.subscriber {
                continue;
            }
            let mut channels = client.channels.iter().chain(&client.shards);
            let mut patterns = client.patterns.iter();
            if patterns.any(|pattern| !after.may_hear(pattern, true))
                || channels.any(|channel| !after.may_hear(channel, false))
            {
                forbidden.push(client.id);
            }
        }
        for other in forbidden {
            if other == id {
                self.beyond_redis = true;
                self.client(id).close_now = true;
            } else {
                self.free(other);
            }
        }
    }
}
