//! `SESSION.SOAPP`: the sessions of an app.

use bytes::BytesMut;

use crate::session::arguments::{self, Options};
use crate::session::batch::{Batch, Scripts};
use crate::session::command::{Argument, Command, Plan, Settings};
use crate::session::error::Error;
use crate::session::identity::App;
use crate::session::keys::Index;
use crate::session::script::{SOAPP, SOAPP_SEVERAL};
use crate::session::target::{Argument as Arg, Pattern, Targets};
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
    let args = vec![Arg::Base, Arg::Fixed(window.to_string().into_bytes())];
    let batch = Batch::window(
        Scripts(&SOAPP, &SOAPP_SEVERAL),
        Targets::of_app(settings, app, Pattern { keys: &[Index::Sessions], args }),
        Form::json_if(json),
    );
    Ok(Plan::Batched(batch.into()))
}
