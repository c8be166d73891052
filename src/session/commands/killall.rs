//! `SESSION.KILLALL`: the end of all sessions of an app.

use bytes::BytesMut;

use crate::session::batch::Batch;
use crate::session::command::{Argument, Command, Plan, Settings};
use crate::session::error::Error;
use crate::session::identity::App;
use crate::session::keys::Namespace;
use crate::session::script::KILLALL;

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
    let namespace = Namespace::new(&settings.ns);
    let keys = namespace.app(app);
    Ok(Plan::Batched(Batch::count(
        &KILLALL,
        vec![keys.sessions().to_vec(), keys.users().to_vec(), namespace.expiries().to_vec()],
        vec![app.as_bytes().to_vec(), keys.base().to_vec(), namespace.channel().to_vec()],
        &[],
    )))
}
