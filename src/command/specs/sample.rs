//! The reply to `COMMAND` for tests, made of short lines.

use bytes::BytesMut;

use super::Specs;
use crate::resp::{Protocol, encode};

/// `name flags first last step`, then tips, then key specifications behind `;` each: `i` or `k` for where they begin,
/// `r` or `n` for how they go on, `!` for an incomplete one, `?` for one that says nothing. Subcommands follow their
/// container.
const COMMANDS: &str = "\
get readonly 1 1 1; i1 r0.1.0
set write 1 1 1; i1 r0.1.0
mget readonly 1 -1 1 request_policy:multi_shard; i1 r-1.1.0
mset write 1 -1 2 request_policy:multi_shard response_policy:all_succeeded; i1 r-1.2.0
msetnx write 1 -1 2 request_policy:multi_shard response_policy:agg_min; i1 r-1.2.0
del write 1 -1 1 request_policy:multi_shard response_policy:agg_sum; i1 r-1.1.0
unlink write 1 -1 1; i1 r-1.1.0
exists readonly 1 -1 1; i1 r-1.1.0
touch readonly 1 -1 1; i1 r-1.1.0
watch noscript 1 -1 1; i1 r-1.1.0
blpop write,blocking 1 -2 1; i1 r-2.1.0
bitop write 2 -1 1; i2 r0.1.0; i3 r-1.1.0
rename write 1 2 1; i1 r0.1.0; i2 r0.1.0
eval noscript,movablekeys 0 0 0; i2 n0.1.1
lmpop write,movablekeys 0 0 0; i1 n0.1.1
zunionstore write,movablekeys 1 1 1; i1 r0.1.0; i2 n0.1.1
xread readonly,blocking,movablekeys 0 0 0; kSTREAMS.1 r-1.1.2
xreadgroup write,blocking,movablekeys 0 0 0; kSTREAMS.4 r-1.1.2
sort write,movablekeys 1 1 1; i1 r0.1.0; ?; ?
sort_ro readonly,movablekeys 1 1 1; i1 r0.1.0; ?
georadius write,movablekeys 1 1 1; i1 r0.1.0; kSTORE.6 r0.1.0; kSTOREDIST.6 r0.1.0
migrate write,movablekeys 3 3 1; i3 r0.1.0; kKEYS.-2 r-1.1.0 !
ssubscribe pubsub,noscript 1 -1 1; i1 r-1.1.0
spublish pubsub 1 1 1; i1 r0.1.0
publish pubsub 0 0 0
half.told write,movablekeys 1 1 1; i1 r0.1.0 !
not.told write,movablekeys 0 0 0
last.told write 1 1 1; kAT.-2 r-1.1.0
ping fast 0 0 0 request_policy:all_shards response_policy:all_succeeded
dbsize readonly 0 0 0 request_policy:all_shards response_policy:agg_sum
new.sum readonly 0 0 0 request_policy:all_shards response_policy:agg_sum
new.list readonly 0 0 0 request_policy:all_nodes
new.special readonly 0 0 0 request_policy:all_shards response_policy:special
flushall write 0 0 0
keys readonly 0 0 0
scan readonly 0 0 0
info loading 0 0 0
wait noscript 0 0 0
monitor admin 0 0 0
sync admin 0 0 0
replicaof admin 0 0 0
failover admin 0 0 0
randomkey readonly 0 0 0
readonly fast 0 0 0
readwrite fast 0 0 0
asking fast 0 0 0
object - 0 0 0
object|encoding readonly 2 2 1; i2 r0.1.0
object|help - 0 0 0
memory - 0 0 0
memory|usage readonly 2 2 1; i2 r0.1.0
memory|purge - 0 0 0
memory|stats - 0 0 0
cluster - 0 0 0
cluster|meet admin 0 0 0
cluster|novel admin 0 0 0
cluster|info - 0 0 0
config - 0 0 0
config|set admin 0 0 0
config|get admin 0 0 0
script - 0 0 0
script|exists noscript 0 0 0
script|kill noscript 0 0 0
client - 0 0 0
client|setname - 0 0 0 request_policy:all_nodes response_policy:all_succeeded
client|pause admin 0 0 0
slowlog - 0 0 0
slowlog|get admin 0 0 0
pubsub - 0 0 0
pubsub|numsub pubsub 0 0 0
acl - 0 0 0
acl|setuser admin 0 0 0
acl|whoami - 0 0 0
xgroup - 0 0 0
xgroup|create write 2 2 1; i2 r0.1.0";

/// Commands as Redis 6 tells of them: no subcommands, tips, specifications.
const OLD_COMMANDS: &str = "\
get readonly 1 1 1
mset write 1 -1 2
blpop write,noscript 1 -2 1
object readonly 2 2 1
memory readonly,movablekeys 0 0 0
eval noscript,movablekeys 0 0 0
zunionstore write,movablekeys 0 0 0
zunion readonly,movablekeys 0 0 0
xread readonly,movablekeys 0 0 0
xreadgroup write,movablekeys 0 0 0
sort write,movablekeys 1 1 1
georadius write,movablekeys 1 1 1
georadiusbymember write,movablekeys 1 1 1
migrate write,movablekeys 0 0 0
stralgo readonly,movablekeys 0 0 0
flushall write 0 0 0
dbsize readonly 0 0 0
half.told write,movablekeys 1 1 1";

/// What a server of today says.
pub(crate) fn specs() -> Specs {
    Specs::read(&reply(COMMANDS, Protocol::Resp2, true)).expect("the reply is an array")
}

/// What Redis 6 says.
pub(crate) fn old_specs() -> Specs {
    Specs::read(&reply(OLD_COMMANDS, Protocol::Resp2, false)).expect("the reply is an array")
}

/// The reply of a server of today.
pub(super) fn frame(protocol: Protocol) -> BytesMut {
    reply(COMMANDS, protocol, true)
}

fn reply(lines: &str, protocol: Protocol, full: bool) -> BytesMut {
    let lines: Vec<_> = lines.lines().collect();
    let name = |line: &&str| line.split(' ').next().unwrap_or_default().to_owned();
    let commands: Vec<_> = lines.iter().filter(|line| !name(line).contains('|')).collect();
    let mut out = BytesMut::new();
    encode::array_header(&mut out, commands.len());
    for command in commands {
        let prefix = format!("{}|", name(command));
        let inner: Vec<_> = lines.iter().filter(|line| line.starts_with(&prefix)).collect();
        entry(&mut out, command, protocol, full);
        if full {
            encode::array_header(&mut out, inner.len());
            for line in inner {
                entry(&mut out, line, protocol, true);
                encode::array_header(&mut out, 0);
            }
        }
    }
    out
}

/// All of an entry but its subcommands.
fn entry(out: &mut BytesMut, line: &str, protocol: Protocol, full: bool) {
    let (head, specs) = line.split_once("; ").unwrap_or((line, ""));
    let words: Vec<_> = head.split(' ').collect();
    encode::array_header(out, if full { 10 } else { 7 });
    encode::bulk(out, words[0]);
    encode::integer(out, -2);
    let flags: Vec<_> = words[1].split(',').filter(|flag| *flag != "-").collect();
    encode::set_header(out, protocol, flags.len());
    flags.iter().for_each(|flag| encode::simple(out, flag));
    words[2..5].iter().for_each(|number| encode::integer(out, number.parse().unwrap()));
    encode::set_header(out, protocol, 0);
    if full {
        encode::set_header(out, protocol, words.len() - 5);
        words[5..].iter().for_each(|tip| encode::bulk(out, tip));
        let specs: Vec<_> = specs.split("; ").filter(|spec| !spec.is_empty()).collect();
        encode::set_header(out, protocol, specs.len());
        specs.iter().for_each(|spec| key_spec(out, spec, protocol));
    }
}

fn key_spec(out: &mut BytesMut, spec: &str, protocol: Protocol) {
    encode::map_header(out, protocol, 3);
    encode::bulk(out, "flags");
    let incomplete = spec.ends_with('!');
    encode::set_header(out, protocol, usize::from(incomplete));
    if incomplete {
        encode::simple(out, "incomplete");
    }
    let mut words = spec.split(' ');
    for (name, part) in [("begin_search", words.next()), ("find_keys", words.next())] {
        let part = part.unwrap_or("?");
        let (kind, fields): (_, &[&str]) = match part.as_bytes()[0] {
            b'i' => ("index", &["index"]),
            b'k' => ("keyword", &["keyword", "startfrom"]),
            b'r' => ("range", &["lastkey", "keystep", "limit"]),
            b'n' => ("keynum", &["keynumidx", "firstkey", "keystep"]),
            _ => ("unknown", &[]),
        };
        encode::bulk(out, name);
        encode::map_header(out, protocol, 2);
        encode::bulk(out, "type");
        encode::bulk(out, kind);
        encode::bulk(out, "spec");
        encode::map_header(out, protocol, fields.len());
        for (field, value) in fields.iter().zip(part[1..].split('.')) {
            encode::bulk(out, field);
            match value.parse() {
                Ok(number) => encode::integer(out, number),
                Err(_) => encode::bulk(out, value),
            }
        }
    }
}
