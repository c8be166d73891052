//! `SESSION.ACTIVITY`: how many ids of an app are active.

use bytes::BytesMut;

use crate::session::arguments;
use crate::session::batch::{Batch, Scripts};
use crate::session::command::{Argument, Command, Plan, Settings};
use crate::session::error::Error;
use crate::session::identity::App;
use crate::session::keys::{Index, Namespace};
use crate::session::reply::Adapt;
use crate::session::script::{ACTIVITY, ACTIVITY_SEVERAL, Call};
use crate::session::target::{Argument as Arg, Pattern, Targets};

pub(super) const COMMAND: Command = Command {
    name: "session.activity",
    arguments: &[Argument::text("app"), Argument::number("dt")],
    summary: "Counts the ids of an app that were active within dt seconds.",
    writes: false,
    plan,
};

fn plan(settings: &Settings, args: &[&[u8]], buffer: BytesMut) -> Result<Plan, Error> {
    let [app, window @ ..] = args else {
        return Err(COMMAND.arity_error());
    };
    let app = App::parse(app)?;
    let window = arguments::window(window.first().copied())?;
    let namespace = Namespace::of(settings);
    if namespace.buckets().is_some() {
        // An id is in one bucket only, so none is counted twice.
        let args = vec![Arg::Fixed(window.to_string().into_bytes())];
        let targets = Targets::of_app(settings, app, Pattern { keys: &[Index::Users], args });
        return Ok(Plan::Batched(
            Batch::sum(Scripts(&ACTIVITY, &ACTIVITY_SEVERAL), targets).into(),
        ));
    }
    let keys = namespace.within(app, None);
    let mut call = Call::begin(&ACTIVITY, Adapt::Verbatim, buffer);
    call.key(keys.users());
    call.number(window);
    Ok(Plan::Script(call))
}
