//! `SESSION.GET`: one session.

use crate::session::arguments::{Options, set};
use crate::session::command::{Argument, Command, Plan, Settings};
use crate::session::error::Error;
use crate::session::identity::App;
use crate::session::keys::Namespace;
use crate::session::reply::Adapt;
use crate::session::script::{Call, GET, PEEK};
use crate::session::token::Token;
use crate::session::view::Form;

pub(super) const COMMAND: Command = Command {
    name: "session.get",
    arguments: &[
        Argument::text("app"),
        Argument::text("token"),
        Argument::word("peek", "PEEK"),
        Argument::word("json", "JSON"),
    ],
    summary: "Returns a session, counts the reading and refreshes the session.",
    writes: true,
    plan,
};

fn plan(settings: &Settings, args: &[&[u8]]) -> Result<Plan, Error> {
    let [app, token, options @ ..] = args else {
        return Err(COMMAND.arity_error());
    };
    let (mut peek, mut json) = (false, false);
    let mut options = Options::new(options);
    while let Some(word) = options.word() {
        if word.eq_ignore_ascii_case(b"PEEK") {
            set(&mut peek)?;
        } else if word.eq_ignore_ascii_case(b"JSON") {
            set(&mut json)?;
        } else {
            return Err(Error::Syntax);
        }
    }

    let (app, token) = (App::parse(app)?, Token::parse(token)?);
    let namespace = Namespace::new(&settings.ns);
    let keys = namespace.app(app);
    let session = keys.session(&token);
    let adapt = Adapt::Session(Form::json_if(json));
    Ok(Plan::Script(if peek {
        Call::new::<_, &[u8]>(&PEEK, &[session], &[], adapt)
    } else {
        let keys_of_get = [session, keys.sessions(), keys.users(), namespace.expiries()];
        Call::new(&GET, &keys_of_get, &[keys.member(&token)], adapt)
    }))
}
