//! `SESSION.KILLSOID`: the end of all sessions of an id.

use bytes::BytesMut;

use crate::session::command::{Argument, Command, Plan, Settings};
use crate::session::error::Error;
use crate::session::identity::{App, UserId};
use crate::session::keys::Namespace;
use crate::session::reply::Adapt;
use crate::session::script::{Call, KILLSOID};

pub(super) const COMMAND: Command = Command {
    name: "session.killsoid",
    arguments: &[Argument::text("app"), Argument::text("id")],
    summary: "Ends all sessions of an id and returns how many of them were alive.",
    writes: true,
    plan,
};

fn plan(settings: &Settings, args: &[&[u8]], buffer: BytesMut) -> Result<Plan, Error> {
    let [app, id] = args else {
        return Err(COMMAND.arity_error());
    };
    let (app, id) = (App::parse(app)?, UserId::parse(id)?);
    let namespace = Namespace::of(settings);
    let keys = namespace.of_id(app, id);
    let mut call = Call::begin(&KILLSOID, Adapt::Verbatim, buffer);
    call.key(keys.tokens_of(id));
    keys.add_indexes(&mut call);
    call.arg(app.as_bytes());
    call.arg_of(keys.base().pieces());
    call.arg_of(namespace.channel().pieces());
    call.arg(id.as_bytes());
    Ok(Plan::Script(call))
}
