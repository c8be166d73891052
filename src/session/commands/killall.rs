//! `SESSION.KILLALL`: the end of all sessions of an app.

use bytes::BytesMut;

use crate::session::batch::{Batch, Scripts};
use crate::session::command::{Argument, Command, Plan, Settings};
use crate::session::error::Error;
use crate::session::identity::App;
use crate::session::keys::{Index, Namespace};
use crate::session::script::{KILLALL, KILLALL_SEVERAL};
use crate::session::target::{Argument as Arg, Pattern, Targets};

pub(super) const COMMAND: Command = Command {
    name: "session.killall",
    arguments: &[Argument::text("app")],
    summary: "Ends all sessions of an app and returns how many of them were alive.",
    writes: true,
    plan,
};

fn plan(settings: &Settings, args: &[&[u8]], _buffer: BytesMut) -> Result<Plan, Error> {
    let [app] = args else {
        return Err(COMMAND.arity_error());
    };
    let app = App::parse(app)?;
    let channel = Namespace::of(settings).channel().to_vec();
    let pattern = Pattern {
        keys: &[Index::Sessions, Index::Users, Index::Expiries],
        args: vec![Arg::Fixed(app.as_bytes().to_vec()), Arg::Base, Arg::Fixed(channel)],
    };
    let batch = Batch::count(
        Scripts(&KILLALL, &KILLALL_SEVERAL),
        Targets::of_app(settings, app, pattern),
        &[],
    );
    Ok(Plan::Batched(batch.into()))
}
