//! `SESSION.SOID`: the sessions of an id.

use bytes::BytesMut;

use crate::session::arguments;
use crate::session::batch::Batch;
use crate::session::command::{Argument, Command, Plan, Settings};
use crate::session::error::Error;
use crate::session::identity::{App, UserId};
use crate::session::keys::Namespace;
use crate::session::script::SOID;
use crate::session::target::Target;
use crate::session::view::Form;

pub(super) const COMMAND: Command = Command {
    name: "session.soid",
    arguments: &[Argument::text("app"), Argument::text("id"), Argument::word("json", "JSON")],
    summary: "Lists the sessions of an id, the most recently active first.",
    writes: false,
    plan,
};

fn plan(settings: &Settings, args: &[&[u8]], _buffer: BytesMut) -> Result<Plan, Error> {
    let [app, id, options @ ..] = args else {
        return Err(COMMAND.arity_error());
    };
    let json = arguments::json(options)?;
    let (app, id) = (App::parse(app)?, UserId::parse(id)?);
    let keys = Namespace::of(settings).of_id(app, id);
    let target = Target {
        keys: vec![keys.tokens_of(id).to_vec()],
        args: vec![id.as_bytes().to_vec(), keys.base().to_vec()],
    };
    Ok(Plan::Batched(Batch::walk(&SOID, target, Form::json_if(json)).into()))
}
