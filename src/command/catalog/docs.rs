//! The documentation of session commands, as `COMMAND DOCS` gives it.

use bytes::{Bytes, BytesMut};

use crate::{
    resp::{
        Protocol, encode,
        reply::{self, Kind},
    },
    session::{self, Argument, Command},
};

/// The version that brought the session commands.
const SINCE: &str = "0.1.0";
const GROUP: &str = "session";

/// Appends the server's map with what it lacks: all session commands, or those among `names`, in
/// the order asked for. `None` when the frame is no such map.
pub(super) fn merge(
    names: &[Bytes],
    frame: &[u8],
    protocol: Protocol,
    out: &mut BytesMut,
) -> Option<()> {
    if !matches!(reply::kind(frame)?, Kind::Map | Kind::Array) {
        return None;
    }
    let mut theirs = reply::elements(frame)?;
    let pairs = usize::try_from(theirs.remaining()?).ok()? / 2;
    if names.is_empty() {
        encode::map_header(out, protocol, pairs.checked_add(session::commands().len())?);
        out.extend_from_slice(theirs.rest());
        session::commands().iter().for_each(|command| write(command, protocol, out));
        return Some(());
    }
    let ours = names.iter().filter(|name| session::lookup(name).is_some()).count();
    encode::map_header(out, protocol, pairs.checked_add(ours)?);
    for name in names {
        if let Some(command) = session::lookup(name) {
            write(command, protocol, out);
            continue;
        }
        // The server leaves out what it does not know.
        let mut ahead = theirs.clone();
        if let (Some(Ok(key)), Some(Ok(docs))) = (ahead.next(), ahead.next())
            && reply::as_bulk(key).is_some_and(|key| key.eq_ignore_ascii_case(name))
        {
            out.extend_from_slice(key);
            out.extend_from_slice(docs);
            theirs = ahead;
        }
    }
    // Commands that the server calls otherwise than the client does (`rename-command`).
    out.extend_from_slice(theirs.rest());
    Some(())
}

/// Appends a command's name and its documentation.
fn write(command: &Command, protocol: Protocol, out: &mut BytesMut) {
    encode::bulk(out, command.name);
    let fields = [("summary", command.summary), ("since", SINCE), ("group", GROUP)];
    let has_arguments = !command.arguments.is_empty();
    encode::map_header(out, protocol, fields.len() + usize::from(has_arguments));
    fields.into_iter().for_each(|field| write_field(field, out));
    if has_arguments {
        encode::bulk(out, "arguments");
        encode::array_header(out, command.arguments.len());
        command.arguments.iter().for_each(|argument| write_argument(argument, protocol, out));
    }
}

/// Appends an argument. Redis 7.0 has no `display_text`, and its clients skip what they do not know;
/// `redis-cli` from 7.2 on shows nothing else.
fn write_argument(argument: &Argument, protocol: Protocol, out: &mut BytesMut) {
    let mut fields = vec![
        ("name", argument.name),
        ("type", argument.kind.as_str()),
        ("display_text", argument.name),
    ];
    fields.extend(argument.token.map(|token| ("token", token)));
    let flags: Vec<_> = [(argument.optional, "optional"), (argument.multiple, "multiple")]
        .into_iter()
        .filter_map(|(set, flag)| set.then_some(flag))
        .collect();
    encode::map_header(out, protocol, fields.len() + usize::from(!flags.is_empty()));
    fields.into_iter().for_each(|field| write_field(field, out));
    if !flags.is_empty() {
        encode::bulk(out, "flags");
        encode::set_header(out, protocol, flags.len());
        flags.iter().for_each(|flag| encode::simple(out, flag));
    }
}

fn write_field((name, value): (&str, &str), out: &mut BytesMut) {
    encode::bulk(out, name);
    encode::bulk(out, value);
}
