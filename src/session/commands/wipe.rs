//! `SESSION.WIPE`: the removal of what has expired.

use bytes::BytesMut;

use crate::session::batch::{Batch, Scripts};
use crate::session::command::{Command, Plan, Settings};
use crate::session::error::Error;
use crate::session::keys::{Index, Namespace};
use crate::session::limits;
use crate::session::script::{WIPE, WIPE_BUCKET, WIPE_BUCKETS};
use crate::session::target::{Argument as Arg, Pattern, Search, Target, Targets};

pub(super) const COMMAND: Command = Command {
    name: "session.wipe",
    arguments: &[],
    summary: "Removes expired sessions and returns how many they were.",
    writes: true,
    plan,
};

fn plan(settings: &Settings, _args: &[&[u8]], _buffer: BytesMut) -> Result<Plan, Error> {
    Ok(Plan::Batched(batch(settings).into()))
}

/// A wipe of the selected database.
#[must_use]
pub fn batch(settings: &Settings) -> Batch {
    let namespace = Namespace::of(settings);
    let channel = namespace.channel().to_vec();
    let longest = limits::MAX_TTL.to_string().into_bytes();
    let (scripts, targets) = match namespace.buckets() {
        None => {
            let keys = vec![namespace.expiries().to_vec()];
            let args = vec![namespace.prefix().to_vec(), channel, longest];
            (Scripts(&WIPE, &WIPE), Targets::One(Some(Target { keys, args })))
        }
        Some(buckets) => {
            let args = vec![Arg::Base, Arg::Fixed(channel), Arg::Fixed(longest)];
            let pattern = Pattern { keys: &[Index::Expiries], args };
            let search = Search::new(settings, buckets, pattern);
            (Scripts(&WIPE_BUCKET, &WIPE_BUCKETS), Targets::Search(search))
        }
    };
    Batch::count(scripts, targets, &[b"due", b"0"])
}
