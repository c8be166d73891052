//! Commands without keys: which of them are for all primaries, whatever their tips say.
//!
//! Servers before Redis 7 have no tips, and some tips are not for who stands in for the whole cluster: `PING` is
//! answered by any node, and a report of one node is none of all.

use super::super::{
    join::{Age, Fold, Join},
    route::is,
};
use crate::resp::{Request, parse_integer};

/// Where a command goes.
pub(super) enum Way {
    /// To any primary.
    Any,
    /// To each primary.
    All(Join),
    /// To one after the other.
    Scan,
    /// Nowhere: there is nothing to do.
    Done,
    /// `CLUSTER`
    Cluster,
    /// Nowhere: a cluster has it not.
    Refused(&'static str),
}

/// The longest name in the table.
const LONGEST: usize = 16;
/// How many entries of a log are told unless a number is given (`slowlogCommand`, `aclCommand`).
const ENTRIES: usize = 10;

/// Where the request goes; `None` when its command is not in the table.
pub(super) fn way(request: &Request<'_>) -> Option<Way> {
    let (mut name, mut sub) = ([0; LONGEST], [0; LONGEST]);
    let name = lower(request.name(), &mut name)?;
    let sub = lower(request.arg(1).unwrap_or_default(), &mut sub).unwrap_or_default();
    let all = |join| Some(Way::All(join));
    match (name, sub) {
        (b"scan", _) => Some(Way::Scan),
        (b"info", _) => all(Join::Info),
        (b"keys", _) => all(Join::Concat),
        (b"dbsize", _) => all(Join::Fold(Fold::Sum)),
        (b"randomkey", _) => all(Join::Random),
        (b"flushall" | b"flushdb" | b"swapdb" | b"save" | b"bgsave" | b"bgrewriteaof", _) => {
            all(Join::AllSucceeded)
        }
        // What all have acknowledged or saved: the least.
        (b"wait" | b"waitaof" | b"lastsave", _) => all(Join::Fold(Fold::Min)),
        (b"script" | b"function", b"kill") => all(Join::OneSucceeded),
        (b"script", b"exists") => all(Join::Fold(Fold::And)),
        (b"script", b"load" | b"flush")
        | (b"function", b"load" | b"delete" | b"flush" | b"restore")
        | (b"config", b"set" | b"resetstat" | b"rewrite")
        | (b"acl", b"setuser" | b"load" | b"save")
        | (b"client", b"pause" | b"unpause")
        | (b"module", b"load" | b"loadex" | b"unload")
        | (b"slowlog" | b"commandlog", b"reset")
        | (b"memory", b"purge") => all(Join::AllSucceeded),
        // A user may be known to some only.
        (b"acl", b"deluser") => all(Join::Fold(Fold::Max)),
        (b"acl", b"log") if request.arg(2).is_some_and(|word| is(word, b"RESET")) => {
            all(Join::AllSucceeded)
        }
        (b"acl", b"log") => all(Join::Newest(Age::Seconds, most(request))),
        (b"slowlog" | b"commandlog", b"get") => all(Join::Newest(Age::Time, most(request))),
        (b"slowlog" | b"commandlog", b"len") | (b"latency", b"reset") => all(Join::Fold(Fold::Sum)),
        (b"pubsub", b"channels" | b"shardchannels") => all(Join::Union),
        (b"pubsub", b"numsub" | b"shardnumsub") => all(Join::Subscribers),
        (b"pubsub", b"numpat") => all(Join::Fold(Fold::Sum)),
        (b"readonly" | b"readwrite" | b"asking", _) => Some(Way::Done),
        (b"cluster", _) => Some(Way::Cluster),
        (b"monitor", _) => Some(Way::Refused("MONITOR")),
        (b"sync", _) => Some(Way::Refused("SYNC")),
        (b"psync", _) => Some(Way::Refused("PSYNC")),
        (b"migrate", _) => Some(Way::Refused("MIGRATE")),
        (b"failover", _) => Some(Way::Refused("FAILOVER")),
        (b"replicaof", _) => Some(Way::Refused("REPLICAOF")),
        (b"slaveof", _) => Some(Way::Refused("SLAVEOF")),
        // Of these the tips say otherwise. `CLIENT` speaks of one connection.
        (b"ping" | b"echo" | b"client" | b"latency" | b"function", _) => Some(Way::Any),
        (b"memory", b"doctor" | b"stats" | b"malloc-stats") => Some(Way::Any),
        _ => None,
    }
}

/// How many entries are asked for; `None` for all of them. What is no number the server refuses.
fn most(request: &Request<'_>) -> Option<usize> {
    let Some(count) = request.arg(2) else { return Some(ENTRIES) };
    usize::try_from(parse_integer(count)?).ok()
}

fn lower<'a>(name: &[u8], buffer: &'a mut [u8; LONGEST]) -> Option<&'a [u8]> {
    let lower = buffer.get_mut(..name.len())?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    Some(lower)
}
