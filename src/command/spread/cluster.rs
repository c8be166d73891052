//! `CLUSTER`, answered as by a cluster of one node that has all slots (cluster.c of Redis 7).

use std::fmt::Write;

use bytes::BytesMut;

use super::{Announced, Front, Spread, answer, refused, wrong_arity};
use crate::{
    command::{route::is, specs::Specs},
    resp::{Protocol, Request, encode, parse_integer},
    state::slot::Slot,
};

/// What a subcommand asks.
#[derive(Clone, Copy)]
enum Question {
    Slots,
    Shards,
    Nodes,
    Info,
    Id,
    ShardId,
    KeySlot,
    Links,
    Replicas,
    FailureReports,
    /// How many keys, or which, are in a slot: the node that has it knows.
    InSlot,
}

/// Subcommands that are answered, and the number of their arguments with both names.
const QUESTIONS: &[(&str, usize, Question)] = &[
    ("SLOTS", 2, Question::Slots),
    ("SHARDS", 2, Question::Shards),
    ("NODES", 2, Question::Nodes),
    ("INFO", 2, Question::Info),
    ("MYID", 2, Question::Id),
    ("MYSHARDID", 2, Question::ShardId),
    ("KEYSLOT", 3, Question::KeySlot),
    ("LINKS", 2, Question::Links),
    ("REPLICAS", 3, Question::Replicas),
    ("SLAVES", 3, Question::Replicas),
    ("COUNT-FAILURE-REPORTS", 3, Question::FailureReports),
    ("COUNTKEYSINSLOT", 3, Question::InSlot),
    ("GETKEYSINSLOT", 4, Question::InSlot),
];

/// Subcommands that change the cluster. What else the server says it has is refused too: it may do the same.
const CHANGES: &[&str] = &[
    "ADDSLOTS",
    "ADDSLOTSRANGE",
    "BUMPEPOCH",
    "DELSLOTS",
    "DELSLOTSRANGE",
    "FAILOVER",
    "FLUSHSLOTS",
    "FORGET",
    "MEET",
    "REPLICATE",
    "RESET",
    "SAVECONFIG",
    "SET-CONFIG-EPOCH",
    "SETSLOT",
];

/// What becomes of a `CLUSTER` request.
pub(super) fn spread(request: &Request<'_>, specs: &Specs, front: &Front<'_>) -> Spread {
    let Some(sub) = request.arg(1) else { return wrong_arity(b"cluster") };
    let asked = QUESTIONS.iter().find(|(name, ..)| is(sub, name.as_bytes()));
    let Some((name, len, question)) = asked else { return other(sub, specs) };
    if request.len() != *len {
        return wrong_arity(format!("cluster|{}", name.to_ascii_lowercase()).as_bytes());
    }
    let operand = request.arg(2).unwrap_or_default();
    let Front { protocol, announced, .. } = *front;
    if matches!(question, Question::Replicas | Question::FailureReports)
        && !is(operand, announced.id().as_bytes())
    {
        return answer(|out| encode::error(out, [b"ERR Unknown node ", operand].concat()));
    }
    if let Question::InSlot = question {
        let number = parse_integer(operand).and_then(|number| u16::try_from(number).ok());
        // Any node says what is wrong with the number of a slot.
        let slot = number.and_then(Slot::new);
        return slot.map_or(Spread::Any, |slot| Spread::Slot { slot, together: true });
    }
    answer(|out| match question {
        Question::Slots => slots(announced, protocol, out),
        Question::Shards => shards(announced, protocol, out),
        Question::Nodes => text(&nodes(announced), protocol, out),
        Question::Info => text(INFO, protocol, out),
        Question::Id => encode::bulk(out, announced.id()),
        Question::ShardId => encode::bulk(out, announced.shard()),
        Question::KeySlot => encode::integer(out, Slot::of(operand).number().into()),
        Question::Links | Question::Replicas => encode::array_header(out, 0),
        Question::FailureReports | Question::InSlot => encode::integer(out, 0),
    })
}

fn other(sub: &[u8], specs: &Specs) -> Spread {
    if is(sub, b"HELP") {
        return Spread::Any;
    }
    let changes = CHANGES.iter().any(|name| is(sub, name.as_bytes()));
    if changes || specs.has_subcommand(b"cluster", sub) {
        let name = String::from_utf8_lossy(sub).to_ascii_uppercase();
        return refused(&format!("CLUSTER {name}"));
    }
    let shown = &sub[..sub.len().min(LONGEST_SHOWN)];
    let text = [b"ERR unknown subcommand '", shown, b"'. Try CLUSTER HELP."].concat();
    answer(|out| encode::error(out, text))
}

/// Of an unknown subcommand no more is shown (`commandCheckExistence` in server.c).
const LONGEST_SHOWN: usize = 128;

/// A new cluster of one node in good health.
const INFO: &str = "cluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_slots_ok:16384\r\n\
    cluster_slots_pfail:0\r\ncluster_slots_fail:0\r\ncluster_known_nodes:1\r\ncluster_size:1\r\n\
    cluster_current_epoch:0\r\ncluster_my_epoch:0\r\ncluster_stats_messages_sent:0\r\n\
    cluster_stats_messages_received:0\r\ntotal_cluster_links_buffer_limit_exceeded:0\r\n";

/// Nodes speak with each other at a port so much higher (`CLUSTER_PORT_INCR` in cluster.h).
const BUS: u32 = 10_000;

fn nodes(announced: &Announced) -> String {
    let (host, port, id) = (announced.host(), announced.port(), announced.id());
    let bus = u32::from(port) + BUS;
    let mut line = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(
        line,
        "{id} {host}:{port}@{bus} myself,master - 0 0 0 connected 0-{}",
        Slot::COUNT - 1
    );
    line
}

/// One range of slots: the first, the last, and the node with an empty map of what else is known of it.
fn slots(announced: &Announced, protocol: Protocol, out: &mut BytesMut) {
    encode::array_header(out, 1);
    encode::array_header(out, 3);
    range(out);
    encode::array_header(out, 4);
    encode::bulk(out, announced.host());
    encode::integer(out, announced.port().into());
    encode::bulk(out, announced.id());
    encode::map_header(out, protocol, 0);
}

fn shards(announced: &Announced, protocol: Protocol, out: &mut BytesMut) {
    encode::array_header(out, 1);
    encode::map_header(out, protocol, 2);
    encode::bulk(out, "slots");
    encode::array_header(out, 2);
    range(out);
    encode::bulk(out, "nodes");
    encode::array_header(out, 1);
    encode::map_header(out, protocol, 7);
    encode::bulk(out, "id");
    encode::bulk(out, announced.id());
    encode::bulk(out, "port");
    encode::integer(out, announced.port().into());
    encode::bulk(out, "ip");
    encode::bulk(out, announced.host());
    encode::bulk(out, "endpoint");
    encode::bulk(out, announced.host());
    encode::bulk(out, "role");
    encode::bulk(out, "master");
    encode::bulk(out, "replication-offset");
    encode::integer(out, 0);
    encode::bulk(out, "health");
    encode::bulk(out, "online");
}

fn range(out: &mut BytesMut) {
    encode::integer(out, 0);
    encode::integer(out, i64::from(Slot::COUNT) - 1);
}

/// Text for people: in RESP3 a verbatim string.
fn text(text: &str, protocol: Protocol, out: &mut BytesMut) {
    match protocol {
        Protocol::Resp2 => encode::bulk(out, text),
        Protocol::Resp3 => {
            let len = "txt:".len() + text.len();
            out.extend_from_slice(format!("={len}\r\ntxt:{text}\r\n").as_bytes());
        }
    }
}
