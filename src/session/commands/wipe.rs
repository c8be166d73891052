//! `SESSION.WIPE`: the removal of what has expired.

use bytes::BytesMut;

use crate::session::batch::Batch;
use crate::session::command::{Command, Plan, Settings};
use crate::session::error::Error;
use crate::session::keys::Namespace;
use crate::session::limits;
use crate::session::script::WIPE;

pub(super) const COMMAND: Command = Command {
    name: "session.wipe",
    arguments: &[],
    summary: "Removes expired sessions and returns how many they were.",
    writes: true,
    plan,
};

fn plan(settings: &Settings, _args: &[&[u8]], _buffer: BytesMut) -> Result<Plan, Error> {
    Ok(Plan::Batched(batch(settings)))
}

/// A wipe of the selected database.
#[must_use]
pub fn batch(settings: &Settings) -> Batch {
    let namespace = Namespace::new(&settings.ns);
    Batch::count(
        &WIPE,
        vec![namespace.expiries().to_vec()],
        vec![
            namespace.prefix().to_vec(),
            namespace.channel().to_vec(),
            limits::MAX_TTL.to_string().into_bytes(),
        ],
        &[b"due", b"0"],
    )
}
