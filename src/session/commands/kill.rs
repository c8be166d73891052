//! `SESSION.KILL`: the end of sessions by their tokens.

use std::collections::HashSet;

use bytes::BytesMut;

use crate::session::command::{Argument, Command, Plan, Settings};
use crate::session::error::Error;
use crate::session::identity::App;
use crate::session::keys::Namespace;
use crate::session::reply::Adapt;
use crate::session::script::{Call, KILL};
use crate::session::token::Token;

pub(super) const COMMAND: Command = Command {
    name: "session.kill",
    arguments: &[Argument::text("app"), Argument::text("token").repeated()],
    summary: "Ends sessions and returns how many of them were alive.",
    writes: true,
    plan,
};

fn plan(settings: &Settings, args: &[&[u8]], buffer: BytesMut) -> Result<Plan, Error> {
    let [app, tokens @ ..] = args else {
        return Err(COMMAND.arity_error());
    };
    let app = App::parse(app)?;
    let mut tokens =
        tokens.iter().map(|token| Token::parse(token)).collect::<Result<Vec<_>, Error>>()?;
    if tokens.len() > 1 {
        let mut seen = HashSet::with_capacity(tokens.len());
        tokens.retain(|token| seen.insert(*token));
    }

    let namespace = Namespace::new(&settings.ns);
    let names = namespace.app(app);
    let mut call = Call::begin(&KILL, Adapt::Verbatim, buffer);
    call.key(names.sessions());
    call.key(names.users());
    call.key(namespace.expiries());
    tokens.iter().for_each(|token| call.key(names.session(token)));
    call.arg(app.as_bytes());
    call.arg_of(names.base().pieces());
    call.arg_of(namespace.channel().pieces());
    tokens.iter().for_each(|token| call.arg(token.as_bytes()));
    Ok(Plan::Script(call))
}
