//! The keys of a session command, as `COMMAND GETKEYS` gives them.

use bytes::{Bytes, BytesMut};

use super::info;
use crate::{
    resp::{Protocol, Request, encode, parse_integer, reply},
    session::{self, Command, Plan, Settings},
};

/// How the server says that it does not know the command in question.
const UNKNOWN: &[u8] = b"ERR Invalid command specified";

/// The answer to `COMMAND GETKEYS` and `COMMAND GETKEYSANDFLAGS` for a session command: its keys, or
/// why it has none, in the words of Redis (`getKeysSubcommandImpl` in server.c).
pub(super) struct Keys {
    keys: Result<Vec<Bytes>, &'static str>,
    /// What is done with them, where that is asked.
    flags: Option<&'static [&'static str]>,
}

impl Keys {
    /// What `request` asks for; `None` when it names no session command.
    pub(super) fn of(request: &Request<'_>, settings: &Settings, with_flags: bool) -> Option<Self> {
        let command = session::lookup(request.arg(2)?)?;
        let args: Vec<_> = request.args().skip(3).collect();
        let flags: &[_] =
            if command.writes { &["RW", "access", "update"] } else { &["RO", "access"] };
        Some(Self { keys: keys(command, settings, &args), flags: with_flags.then_some(flags) })
    }

    /// Appends the answer in place of `frame`; `None` when the server says anything else than that
    /// it does not know the command.
    pub(super) fn write(&self, frame: &[u8], protocol: Protocol, out: &mut BytesMut) -> Option<()> {
        reply::error_text(frame).filter(|text| *text == UNKNOWN)?;
        match &self.keys {
            Err(error) => encode::error(out, error),
            Ok(keys) => {
                encode::array_header(out, keys.len());
                for key in keys {
                    let Some(flags) = self.flags else {
                        encode::bulk(out, key);
                        continue;
                    };
                    encode::array_header(out, 2);
                    encode::bulk(out, key);
                    encode::set_header(out, protocol, flags.len());
                    flags.iter().for_each(|flag| encode::simple(out, flag));
                }
            }
        }
        Some(())
    }
}

fn keys(
    command: &Command,
    settings: &Settings,
    args: &[&[u8]],
) -> Result<Vec<Bytes>, &'static str> {
    if !info::has_keys(command) {
        return Err("ERR The command has no key arguments");
    }
    if !command.accepts(args.len()) {
        return Err("ERR Invalid number of arguments specified for command");
    }
    let planned = || planned_keys(command.plan(settings, args).ok()?);
    let (Some(keys), Some(again)) = (planned(), planned()) else {
        return Err("ERR Invalid arguments specified for command");
    };
    // What differs each time is made of a new token: nobody knows it beforehand.
    Ok(keys
        .into_iter()
        .zip(again)
        .filter(|(key, again)| key == again)
        .map(|(key, _)| key)
        .collect())
}

/// The keys that the script call declares.
fn planned_keys(plan: Plan) -> Option<Vec<Bytes>> {
    let call = match plan {
        Plan::Script(call) => call,
        Plan::Batched(batch) => batch.whole(),
        Plan::Lines(_) => return None,
    };
    let mut arguments = call.arguments().into_iter();
    let count = parse_integer(&arguments.next()?)?;
    Some(arguments.take(usize::try_from(count).ok()?).collect())
}
