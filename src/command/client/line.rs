//! Lines of `CLIENT LIST`, in the form that the server itself gives them.
//!
//! Versions of Redis and Valkey tell different things of a connection. So a line of the server is the pattern: the same
//! properties in the same order, with the client's values. What is not known of a client is 0 where the server has a
//! number, and else empty.

use std::fmt::Write;

use super::profile::Profile;

/// The properties that lines have, in order, and whether one that is not known here is a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form(Vec<(String, bool)>);

/// A line of Redis 7.2, for want of one from the server at hand.
const USUAL: &str = "id=1 addr=a laddr=a fd=1 name= age=1 idle=1 flags=N db=1 sub=1 psub=1 ssub=1 multi=1 qbuf=1 qbuf-free=1 \
    argv-mem=1 multi-mem=1 rbs=1 rbp=1 obl=1 oll=1 omem=1 tot-mem=1 events=r cmd=c user=u redir=1 resp=1 lib-name= lib-ver=";

impl Form {
    /// The form of the first line of a reply to `CLIENT LIST` or `CLIENT INFO`.
    #[must_use]
    pub fn of(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        let line = text.lines().next().filter(|line| line.starts_with("id=")).unwrap_or(USUAL);
        let properties = line.split(' ').filter_map(|property| property.split_once('='));
        Self(properties.map(|(name, value)| (name.to_owned(), is_number(value))).collect())
    }

    /// Appends the client's line, with its line end.
    pub fn write(&self, client: &Profile, out: &mut String) {
        for (place, (name, is_number)) in self.0.iter().enumerate() {
            if place > 0 {
                out.push(' ');
            }
            out.push_str(name);
            out.push('=');
            if write_value(name, client, out).is_none() && *is_number {
                out.push('0');
            }
        }
        out.push('\n');
    }
}

/// Appends the value of the property, if it is known.
fn write_value(name: &str, client: &Profile, out: &mut String) -> Option<()> {
    let [channels, patterns, shards] = client.subscriptions;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    // Writing to a string does not fail.
    let _ = match name {
        "id" => write!(out, "{}", client.id),
        "addr" => write!(out, "{}", client.address),
        "laddr" => write!(out, "{}", client.local_address),
        "fd" => write!(out, "{}", client.descriptor),
        "name" => write!(out, "{}", text(&client.label.name)),
        "age" => write!(out, "{}", client.age),
        "idle" => write!(out, "{}", client.idle),
        "flags" => write!(out, "{}", client.flags.letters()),
        "db" => write!(out, "{}", client.database),
        "sub" => write!(out, "{channels}"),
        "psub" => write!(out, "{patterns}"),
        "ssub" => write!(out, "{shards}"),
        "multi" => match client.queued {
            Some(queued) => write!(out, "{queued}"),
            None => write!(out, "-1"),
        },
        "watch" => write!(out, "{}", client.watched),
        "omem" | "tot-mem" => write!(out, "{}", client.backlog),
        "events" => write!(out, "{}", if client.backlog > 0 { "rw" } else { "r" }),
        "cmd" if client.command.is_empty() => write!(out, "NULL"),
        "cmd" => write!(out, "{}", client.command),
        "user" => write!(out, "{}", text(&client.user)),
        "redir" => match client.redirect {
            Some(id) => write!(out, "{id}"),
            None => write!(out, "-1"),
        },
        "resp" => write!(out, "{}", client.protocol),
        "lib-name" => write!(out, "{}", text(&client.label.library)),
        "lib-ver" => write!(out, "{}", text(&client.label.version)),
        _ => return None,
    };
    Some(())
}

fn is_number(value: &str) -> bool {
    value.parse::<i64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{command::client::profile::Flags, upstream::label::Label};

    fn joe() -> Profile {
        Profile {
            id: 7,
            address: "127.0.0.1:5000".to_owned(),
            local_address: "127.0.0.1:6380".to_owned(),
            descriptor: 12,
            label: Label { name: "joe".into(), library: "lib".into(), version: "1.2".into() },
            age: 100,
            idle: 3,
            flags: Flags::SUBSCRIBED.with(Flags::TRACKING, true),
            database: 4,
            subscriptions: [1, 2, 3],
            queued: None,
            watched: 0,
            backlog: 0,
            command: "client|list".to_owned(),
            user: "default".into(),
            redirect: None,
            protocol: 3,
        }
    }

    fn line(form: &str) -> String {
        let mut out = String::new();
        Form::of(form.as_bytes()).write(&joe(), &mut out);
        out
    }

    #[test]
    fn lines_have_the_form_of_the_server() {
        // Redis 6.2
        assert_eq!(
            line(
                "id=3 addr=127.0.0.1:1 laddr=127.0.0.1:2 fd=8 name= age=0 idle=0 flags=N db=0 sub=0 psub=0 multi=-1 \
                 qbuf=26 qbuf-free=40928 argv-mem=10 obl=0 oll=0 omem=0 tot-mem=61466 events=r cmd=client user=default redir=-1\n"
            ),
            "id=7 addr=127.0.0.1:5000 laddr=127.0.0.1:6380 fd=12 name=joe age=100 idle=3 flags=Pt db=4 sub=1 psub=2 multi=-1 \
             qbuf=0 qbuf-free=0 argv-mem=0 obl=0 oll=0 omem=0 tot-mem=0 events=r cmd=client|list user=default redir=-1\n"
        );
        // Properties of later versions, known or not.
        assert_eq!(
            line("id=3 watch=0 lib-name= lib-ver= io-thread=0 tot-net-in=5 capa=r\n"),
            "id=7 watch=0 lib-name=lib lib-ver=1.2 io-thread=0 tot-net-in=0 capa=\n"
        );
    }

    #[test]
    fn without_a_line_of_the_server_there_is_a_usual_one() {
        for text in ["", "\n", "-ERR no"] {
            assert!(line(text).starts_with("id=7 addr=127.0.0.1:5000 "), "{text}");
            assert!(line(text).ends_with(" resp=3 lib-name=lib lib-ver=1.2\n"), "{text}");
        }
    }
}
