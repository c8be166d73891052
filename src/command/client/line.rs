//! Lines of `CLIENT LIST`, in the form that the server itself gives them.
//!
//! Versions of Redis and Valkey tell different things of a connection. So a line of the server is the pattern: the same
//! properties in the same order, with the client's values. What is not known of a client is what the server says of the
//! connection that the client has for itself; without one it is 0 where the server has a number, and else empty.

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
        self.write_with(client, None, out);
    }

    /// Appends the client's line, with its line end. What is not known here is taken from `server_line`, the server's
    /// own line for the connection that the client has for itself.
    pub fn write_with(&self, client: &Profile, server_line: Option<&str>, out: &mut String) {
        let server_line = server_line.and_then(|line| line.lines().next()).unwrap_or_default();
        let mut alongside = server_line.split(' ');
        for (place, (name, is_number)) in self.0.iter().enumerate() {
            if place > 0 {
                out.push(' ');
            }
            out.push_str(name);
            out.push('=');
            // Mostly it has the same properties in the same order.
            let there = alongside.next().and_then(|property| value_of(name, property));
            let there = there.or_else(|| server_line.split(' ').find_map(|p| value_of(name, p)));
            match (size(name, client), there) {
                // Nothing here, but there may be some at the other end: commands that wait behind one that blocks.
                (Some(0), Some(value)) => out.push_str(value),
                (Some(size), _) => {
                    // Writing to a string does not fail.
                    let _ = write!(out, "{size}");
                }
                (None, _) if write_value(name, client, out).is_some() => {}
                (None, Some(value)) => out.push_str(value),
                (None, None) if *is_number => out.push('0'),
                (None, None) => {}
            }
        }
        out.push('\n');
    }
}

/// What stands behind the name in `property`, if it is the one called so.
fn value_of<'a>(name: &str, property: &'a str) -> Option<&'a str> {
    property.strip_prefix(name)?.strip_prefix('=')
}

/// What buffers hold at this moment, on either side of us. Totals are none of it: the connection may have served others
/// before.
fn size(name: &str, client: &Profile) -> Option<usize> {
    Some(match name {
        "qbuf" => client.input,
        "qbuf-free" => client.input_free,
        "argv-mem" => client.argument_memory,
        "multi-mem" => client.multi_memory,
        "rbs" => client.reply_buffer,
        "rbp" => client.reply_peak,
        "obl" => client.output_buffered,
        "oll" => client.list_length(),
        "omem" => client.list_memory(),
        "tot-mem" => client.memory(),
        _ => return None,
    })
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
        "tot-net-in" => write!(out, "{}", client.received),
        "tot-net-out" => write!(out, "{}", client.sent),
        "tot-cmds" => write!(out, "{}", client.commands),
        "events" => write!(out, "{}", client.events()),
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
    use crate::{command::client::profile::Flags, state::label::Label};

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
            command: "client|list".to_owned(),
            user: "default".into(),
            protocol: 3,
            ..Profile::default()
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

    /// A line of Redis 8.6 with all numbers of a client.
    const NUMBERS: &str = "id=3 multi=-1 watch=0 qbuf=26 qbuf-free=20448 argv-mem=10 multi-mem=1 rbs=16384 rbp=217 \
        obl=2 oll=3 omem=4 tot-mem=38170 events=r io-thread=5 tot-net-in=139 tot-net-out=3199 tot-cmds=6";

    #[test]
    fn numbers_are_the_clients_own() {
        let client = Profile {
            id: 7,
            queued: Some(2),
            watched: 9,
            input: 10,
            input_free: 11,
            argument_memory: 12,
            multi_memory: 13,
            backlog: 36,
            reply_buffer: 15,
            reply_peak: 16,
            output_buffered: 17,
            itself: 20,
            received: 21,
            sent: 22,
            commands: 23,
            unread: true,
            ..Profile::default()
        };
        let line = |server_line| {
            let mut out = String::new();
            Form::of(NUMBERS.as_bytes()).write_with(&client, server_line, &mut out);
            out
        };
        let numbers = "id=7 multi=2 watch=9 qbuf=10 qbuf-free=11 argv-mem=12 multi-mem=13 rbs=15 rbp=16 obl=17 oll=1 \
            omem=19 tot-mem=100 events=w io-thread=0 tot-net-in=21 tot-net-out=22 tot-cmds=23\n";
        assert_eq!(line(None), numbers);
        // What is known here is not asked of the server.
        assert_eq!(line(Some(NUMBERS)), numbers.replace("io-thread=0", "io-thread=5"));
    }

    #[test]
    fn what_is_not_known_is_what_the_server_says_of_the_clients_connection() {
        let line = |server_line: Option<&str>| {
            let mut out = String::new();
            Form::of(NUMBERS.as_bytes()).write_with(&Profile::default(), server_line, &mut out);
            out
        };
        // Totals are of all who have had the connection.
        assert_eq!(
            line(Some(&format!("{NUMBERS}\nid=4 qbuf=9\n"))),
            "id=0 multi=-1 watch=0 qbuf=26 qbuf-free=20448 argv-mem=10 multi-mem=1 rbs=16384 rbp=217 obl=2 \
             oll=3 omem=4 tot-mem=38170 events=r io-thread=5 tot-net-in=0 tot-net-out=0 tot-cmds=0\n"
        );
        // Only what the line has, under its whole name.
        let nothing = line(None);
        assert!(nothing.contains(" qbuf=0 qbuf-free=0 ") && nothing.contains(" tot-mem=0 "));
        assert_eq!(line(Some("id=3 xqbuf=1 free=2 flags=N")), nothing);
        assert_eq!(line(Some("")), nothing);
        assert_eq!(line(Some("id=3 qbuf-free=8")), nothing.replace("qbuf-free=0", "qbuf-free=8"));
    }

    #[test]
    fn words_that_only_the_server_knows_are_taken_too() {
        let form = Form::of(b"id=3 capa= user=u new=");
        let mut out = String::new();
        form.write_with(&joe(), Some("id=3 capa=r user=u new=x"), &mut out);
        assert_eq!(out, "id=7 capa=r user=default new=x\n");
    }

    #[test]
    fn without_a_line_of_the_server_there_is_a_usual_one() {
        for text in ["", "\n", "-ERR no"] {
            assert!(line(text).starts_with("id=7 addr=127.0.0.1:5000 "), "{text}");
            assert!(line(text).ends_with(" resp=3 lib-name=lib lib-ver=1.2\n"), "{text}");
        }
    }
}
