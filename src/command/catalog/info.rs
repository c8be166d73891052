//! The entries of session commands, as `COMMAND INFO` gives them.

use bytes::BytesMut;

use crate::{
    resp::{
        Protocol, encode,
        reply::{self, Kind},
    },
    session::{Command, Plan, Settings},
};

/// Commands that need memory: the server refuses their scripts' writes when it has none left.
const GROWING: [&str; 3] = ["session.create", "session.get", "session.set"];

/// What the server's own entries consist of: 6 elements on Redis 5, 7 on Redis 6 (and ACL
/// categories), 10 since Redis 7 (and tips, key specifications, subcommands).
pub(super) struct Shape(Vec<Kind>);

impl Shape {
    /// The shape of one entry; `None` for what is none.
    pub(super) fn of(entry: &[u8]) -> Option<Self> {
        let elements = reply::elements(entry)?;
        let kinds: Vec<_> =
            elements.map(|element| reply::kind(element.ok()?)).collect::<Option<_>>()?;
        let begins = matches!(kinds[..], [Kind::Bulk, Kind::Integer, Kind::Array | Kind::Set, ..]);
        begins.then_some(Self(kinds))
    }

    /// Appends the entry of a session command. No argument of it is the name of a key.
    pub(super) fn write(&self, command: &Command, out: &mut BytesMut) {
        encode::array_header(out, self.0.len());
        let flags_kind = self.0.get(2).copied().unwrap_or(Kind::Array);
        for (index, kind) in self.0.iter().enumerate() {
            match index {
                0 => encode::bulk(out, command.name),
                1 => encode::integer(out, command.arity()),
                2 => write_words(*kind, &flags(command), out),
                6 => write_words(*kind, &categories(command), out),
                _ => match kind {
                    Kind::Integer => encode::integer(out, 0),
                    Kind::Bulk | Kind::Simple => encode::bulk(out, ""),
                    // A container's subcommands are an array, but an empty set where there are none.
                    _ => write_header(flags_kind, 0, out),
                },
            }
        }
    }
}

/// The flags, in the order of Redis. Scripts cannot call session commands. The names of their keys
/// are made of their arguments, and told by `COMMAND GETKEYS`.
fn flags(command: &Command) -> Vec<&'static str> {
    let flags = [
        (command.writes, "write"),
        (!command.writes, "readonly"),
        (GROWING.contains(&command.name), "denyoom"),
        (true, "noscript"),
        (has_keys(command), "movablekeys"),
    ];
    flags.into_iter().filter_map(|(set, flag)| set.then_some(flag)).collect()
}

/// The ACL categories that a user needs for the command, which is a script call.
pub(super) fn categories(command: &Command) -> [&'static str; 3] {
    [if command.writes { "@write" } else { "@read" }, "@slow", "@scripting"]
}

/// Whether the command works on any keys.
pub(super) fn has_keys(command: &Command) -> bool {
    !matches!(command.plan(&Settings::default(), &[]), Ok(Plan::Lines(_)))
}

fn write_words(kind: Kind, words: &[&str], out: &mut BytesMut) {
    write_header(kind, words.len(), out);
    words.iter().for_each(|word| encode::simple(out, word));
}

fn write_header(kind: Kind, len: usize, out: &mut BytesMut) {
    let protocol = if kind == Kind::Set { Protocol::Resp3 } else { Protocol::Resp2 };
    encode::set_header(out, protocol, len);
}
