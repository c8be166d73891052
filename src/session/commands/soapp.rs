//! `SESSION.SOAPP`: the sessions of an app.

use bytes::BytesMut;

use crate::session::arguments::{self, Options};
use crate::session::batch::Batch;
use crate::session::command::{Argument, Command, Plan, Settings};
use crate::session::error::Error;
use crate::session::identity::App;
use crate::session::keys::Namespace;
use crate::session::script::SOAPP;
use crate::session::view::Form;

pub(super) const COMMAND: Command = Command {
    name: "session.soapp",
    arguments: &[Argument::text("app"), Argument::number("dt"), Argument::word("json", "JSON")],
    summary: "Lists the sessions of an app active within dt seconds, the most recent first.",
    writes: false,
    plan,
};

fn plan(settings: &Settings, args: &[&[u8]], _buffer: BytesMut) -> Result<Plan, Error> {
    let [app, options @ ..] = args else {
        return Err(COMMAND.arity_error());
    };
    let (mut window, mut json) = (None, false);
    let mut options = Options::new(options);
    while let Some(word) = options.word() {
        if word.eq_ignore_ascii_case(b"JSON") {
            arguments::set(&mut json)?;
        } else if window.replace(word).is_some() {
            return Err(Error::Syntax);
        }
    }

    let app = App::parse(app)?;
    let window = arguments::window(window)?;
    let keys = Namespace::new(&settings.ns).app(app);
    Ok(Plan::Batched(Batch::window(
        &SOAPP,
        vec![keys.sessions().to_vec()],
        vec![keys.base().to_vec(), window.to_string().into_bytes()],
        Form::json_if(json),
    )))
}
