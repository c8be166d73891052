//! `SESSION.SET`: a change of a session's data.

use bytes::BytesMut;

use crate::session::arguments;
use crate::session::command::{Argument, Command, Plan, Settings};
use crate::session::data::Data;
use crate::session::error::Error;
use crate::session::identity::App;
use crate::session::keys::Namespace;
use crate::session::reply::Adapt;
use crate::session::script::{Call, SET};
use crate::session::token::Token;
use crate::session::view::Form;

pub(super) const COMMAND: Command = Command {
    name: "session.set",
    arguments: &[
        Argument::text("app"),
        Argument::text("token"),
        Argument::text("json"),
        Argument::word("json", "JSON"),
    ],
    summary: "Adds, replaces and (with null) removes keys of a session's data.",
    writes: true,
    plan,
};

fn plan(settings: &Settings, args: &[&[u8]], buffer: BytesMut) -> Result<Plan, Error> {
    let [app, token, data, options @ ..] = args else {
        return Err(COMMAND.arity_error());
    };
    let json = arguments::json(options)?;
    let (app, token) = (App::parse(app)?, Token::parse(token)?);
    let data = Data::parse(data, settings.max_data)?;
    if data.is_empty() {
        return Err(Error::NoKey);
    }

    let namespace = Namespace::of(settings);
    let keys = namespace.of_token(app, &token);
    let mut call = Call::begin(&SET, Adapt::Session(Form::json_if(json)), buffer);
    keys.add_session(&mut call, &token);
    keys.add_indexes(&mut call);
    call.arg(app.as_bytes());
    call.arg(token.as_bytes());
    call.arg_of(namespace.channel().pieces());
    call.number(settings.max_data as u64);
    for (key, member) in data.changes() {
        call.arg(key);
        call.arg_of(member);
    }
    Ok(Plan::Script(call))
}
