//! `SESSION.CREATE`: a new session.

use bytes::BytesMut;

use crate::session::arguments::{self, Options};
use crate::session::command::{Argument, Command, Plan, Settings};
use crate::session::data::Data;
use crate::session::error::Error;
use crate::session::identity::{App, Ip, UserId};
use crate::session::keys::Namespace;
use crate::session::reply::Adapt;
use crate::session::script::{CREATE, Call};

pub(super) const COMMAND: Command = Command {
    name: "session.create",
    arguments: &[
        Argument::text("app"),
        Argument::text("id"),
        Argument::text("ip"),
        Argument::number("seconds").after("TTL"),
        Argument::text("json").after("DATA"),
        Argument::word("noresave", "NORESAVE"),
    ],
    summary: "Creates a session and returns its token.",
    writes: true,
    plan,
};

fn plan(settings: &Settings, args: &[&[u8]], buffer: BytesMut) -> Result<Plan, Error> {
    let [app, id, ip, options @ ..] = args else {
        return Err(COMMAND.arity_error());
    };
    let (mut ttl, mut data, mut no_resave) = (None, None, false);
    let mut options = Options::new(options);
    while let Some(word) = options.word() {
        if word.eq_ignore_ascii_case(b"TTL") {
            options.value(&mut ttl)?;
        } else if word.eq_ignore_ascii_case(b"DATA") {
            options.value(&mut data)?;
        } else if word.eq_ignore_ascii_case(b"NORESAVE") {
            arguments::set(&mut no_resave)?;
        } else {
            return Err(Error::Syntax);
        }
    }

    let (app, id, ip) = (App::parse(app)?, UserId::parse(id)?, Ip::parse(ip)?);
    let ttl = ttl.map_or(Ok(settings.ttl), arguments::ttl)?;
    let data = data.map(|data| Data::parse(data, settings.max_data)).transpose()?;
    let d = data.as_ref().and_then(Data::stored).unwrap_or_default();
    let keys = Namespace::of(settings).of_id(app, id);
    let token = keys.random_token()?;

    let mut call = Call::begin(&CREATE, Adapt::Verbatim, buffer);
    keys.add_session(&mut call, &token);
    call.key(keys.tokens_of(id));
    keys.add_indexes(&mut call);
    call.arg(app.as_bytes());
    call.arg(token.as_bytes());
    call.arg(id.as_bytes());
    call.arg(ip.as_bytes());
    call.number(ttl.into());
    call.arg(d.as_bytes());
    call.arg(if no_resave { "1" } else { "" });
    Ok(Plan::Script(call))
}
