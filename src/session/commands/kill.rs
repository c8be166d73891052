//! `SESSION.KILL`: the end of sessions by their tokens.

use std::collections::HashSet;

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

fn plan(settings: &Settings, args: &[&[u8]]) -> Result<Plan, Error> {
    let [app, tokens @ ..] = args else {
        return Err(COMMAND.arity_error());
    };
    let app = App::parse(app)?;
    let tokens =
        tokens.iter().map(|token| Token::parse(token)).collect::<Result<Vec<_>, Error>>()?;

    let namespace = Namespace::new(&settings.ns);
    let names = namespace.app(app);
    let mut keys = vec![names.sessions(), names.users(), namespace.expiries()];
    let mut args = vec![app.as_bytes().to_vec(), names.base(), namespace.channel()];
    let mut seen = HashSet::with_capacity(tokens.len());
    for token in tokens.iter().filter(|token| seen.insert(**token)) {
        keys.push(names.session(token));
        args.push(token.as_bytes().to_vec());
    }
    Ok(Plan::Script(Call::new(&KILL, &keys, &args, Adapt::Verbatim)))
}
