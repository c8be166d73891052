//! What is known of each command: whether it may share a connection, and if not, why.
//!
//! The table is an allowlist. A command that is not in it may do anything to the connection it runs on, so it runs on one
//! that its client has for itself.

/// How a command relates to the state of the connection it runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It neither depends on nor changes the connection's state beyond user, database and protocol.
    Shared,
    /// It may wait for something to happen.
    Blocking(Blocking),
    /// Opens, ends or guards a transaction.
    Transaction(Transaction),
    /// Changes what the connection is subscribed to.
    Subscription(Subscription),
    /// Changes user, database or protocol.
    State(State),
    /// A container command that has to be told apart by its first argument.
    Container(Container),
    /// Speaks of the server; some of it of this one.
    Info,
    /// No command, but the beginning of what a browser sends.
    Browser,
    /// Ends the connection.
    Quit,
    /// Turns the connection into a stream of bytes that are no replies.
    Stream(Stream),
    /// Needs a connection of its own for the time of the command, but leaves no state behind.
    ///
    /// Some of these have to get through while others of the same connection may be stuck. The others hold it up
    /// themselves: the server works for them in a thread (or asks other servers), and until that is done it reads
    /// nothing more from their connection, though it serves all others (`blockClient` in blocked.c, `RM_BlockClient`
    /// in module.c). On a shared one everybody behind would wait:
    ///
    /// - `FLUSHALL`, `FLUSHDB` and `SFLUSH`: since Redis 8 also `SYNC` has memory freed in a thread and waits for it;
    /// - `VSIM`: searches in a thread;
    /// - `FT.*` of RediSearch and valkey-search: queries run in threads, and in a cluster nearly all commands ask its
    ///   nodes. Suggestions (`FT.SUG*`) are shared all the same: they are plain commands for one key, sent with every
    ///   keystroke;
    /// - `TS.MGET`, `TS.MRANGE`, `TS.MREVRANGE` and `TS.QUERYINDEX`: ask the nodes of a cluster.
    ///
    /// In a transaction or script all of them run at once, as others do.
    Aside,
    /// `VADD`: works in a thread, as [`Class::Aside`], when it is asked to with `CAS`.
    VectorAdd,
    /// Leaves state on the connection that is not tracked here; the client keeps its connection.
    Lasting,
}

/// When a command waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocking {
    /// Whenever there is nothing to answer with.
    Always,
    /// Only with the option `BLOCK`.
    WithOption,
    /// Until replicas have acknowledged the connection's last write.
    Replication,
}

/// A step of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transaction {
    /// `MULTI`
    Multi,
    /// `EXEC`
    Exec,
    /// `DISCARD`
    Discard,
    /// `WATCH`
    Watch,
    /// `UNWATCH`
    Unwatch,
}

/// A change of subscriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// What is subscribed to.
    pub kind: Topic,
    /// False for the commands that end subscriptions.
    pub begins: bool,
}

/// What a subscription is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// A channel.
    Channel,
    /// A pattern of channels.
    Pattern,
    /// A shard channel.
    Shard,
}

/// A change of user, database or protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// `AUTH`
    Auth,
    /// `HELLO`
    Hello,
    /// `SELECT`
    Select,
    /// `RESET`
    Reset,
}

/// A command whose first argument decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// `CLIENT`
    Client,
    /// `ACL`, `CONFIG` and `MODULE`: may share a connection, and after some of them what the server has said is old.
    Administration,
    /// `CLUSTER`: all but a few subcommands may share a connection.
    Cluster,
    /// `COMMAND`: may share a connection, but its answers speak of all commands.
    Command,
    /// `SCRIPT` and `FUNCTION`: all but a few subcommands may share a connection.
    Script,
}

/// A connection that is no longer one of requests and replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// `MONITOR`
    Monitor,
    /// `SYNC` and `PSYNC`
    Replication,
}

/// Looks a command up by its name, whatever its case; `None` when it is not known.
pub fn class(name: &[u8]) -> Option<Class> {
    if is_shared(name) {
        return Some(Class::Shared);
    }
    let mut lower = [0u8; LONGEST];
    let lower = lower.get_mut(..name.len())?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    special(lower)
}

/// Whether the command is one of [`SHARED`]: asked for every request, so answered by a hash table made by the compiler.
fn is_shared(name: &[u8]) -> bool {
    if name.len() > LONGEST {
        return false;
    }
    let mut slot = hash(name);
    loop {
        match PLACES[slot] {
            0 => return false,
            place if SHARED[place as usize - 1].as_bytes().eq_ignore_ascii_case(name) => {
                return true;
            }
            _ => slot = (slot + 1) % PLACES.len(),
        }
    }
}

const LONGEST: usize = 24;

/// For each hash the place in [`SHARED`], counted from 1; 0 where there is none. Collisions are found one slot further on.
static PLACES: [u16; 2048] = places();

const fn places() -> [u16; 2048] {
    let mut places = [0; 2048];
    let mut index = 0;
    while index < SHARED.len() {
        let mut slot = hash(SHARED[index].as_bytes());
        while places[slot] != 0 {
            slot = (slot + 1) % places.len();
        }
        places[slot] = index as u16 + 1;
        index += 1;
    }
    places
}

/// FNV-1a with letters in lower case.
const fn hash(name: &[u8]) -> usize {
    let mut hash: u32 = 0x811c_9dc5;
    let mut index = 0;
    while index < name.len() {
        hash = (hash ^ (name[index] | 0x20) as u32).wrapping_mul(0x0100_0193);
        index += 1;
    }
    ((hash ^ (hash >> 15)) % 2048) as usize
}

fn special(name: &[u8]) -> Option<Class> {
    let subscription = |kind, begins| Class::Subscription(Subscription { kind, begins });
    Some(match name {
        b"blpop" | b"brpop" | b"brpoplpush" | b"blmove" | b"blmpop" | b"bzpopmin" | b"bzpopmax"
        | b"bzmpop" => Class::Blocking(Blocking::Always),
        b"xread" | b"xreadgroup" => Class::Blocking(Blocking::WithOption),
        b"wait" | b"waitaof" => Class::Blocking(Blocking::Replication),
        b"multi" => Class::Transaction(Transaction::Multi),
        b"exec" => Class::Transaction(Transaction::Exec),
        b"discard" => Class::Transaction(Transaction::Discard),
        b"watch" => Class::Transaction(Transaction::Watch),
        b"unwatch" => Class::Transaction(Transaction::Unwatch),
        b"subscribe" => subscription(Topic::Channel, true),
        b"unsubscribe" => subscription(Topic::Channel, false),
        b"psubscribe" => subscription(Topic::Pattern, true),
        b"punsubscribe" => subscription(Topic::Pattern, false),
        b"ssubscribe" => subscription(Topic::Shard, true),
        b"sunsubscribe" => subscription(Topic::Shard, false),
        b"auth" => Class::State(State::Auth),
        b"hello" => Class::State(State::Hello),
        b"select" => Class::State(State::Select),
        b"reset" => Class::State(State::Reset),
        b"client" => Class::Container(Container::Client),
        b"acl" | b"config" | b"module" => Class::Container(Container::Administration),
        b"cluster" => Class::Container(Container::Cluster),
        b"command" => Class::Container(Container::Command),
        b"script" | b"function" => Class::Container(Container::Script),
        b"info" => Class::Info,
        b"post" | b"host:" => Class::Browser,
        b"quit" => Class::Quit,
        b"monitor" => Class::Stream(Stream::Monitor),
        b"sync" | b"psync" => Class::Stream(Stream::Replication),
        b"debug" | b"failover" | b"shutdown" => Class::Aside,
        b"flushall" | b"flushdb" | b"sflush" | b"vsim" => Class::Aside,
        b"ts.mget" | b"ts.mrange" | b"ts.mrevrange" | b"ts.queryindex" => Class::Aside,
        [b'f', b't', b'.', command @ ..] if !command.starts_with(b"sug") => Class::Aside,
        b"vadd" => Class::VectorAdd,
        b"asking" | b"readonly" | b"readwrite" | b"replconf" => Class::Lasting,
        _ => return None,
    })
}

/// Commands of Redis 6.2 to 8 and Valkey 7.2 to 9, and of the modules that come with Redis, that leave no trace on their
/// connection; sorted.
#[rustfmt::skip]
const SHARED: &[&str] = &[
    "append", "bf.add", "bf.card", "bf.exists", "bf.info", "bf.insert", "bf.loadchunk",
    "bf.madd", "bf.mexists", "bf.reserve", "bf.scandump", "bgrewriteaof", "bgsave", "bitcount",
    "bitfield", "bitfield_ro", "bitop", "bitpos", "cf.add", "cf.addnx", "cf.count", "cf.del",
    "cf.exists", "cf.info", "cf.insert", "cf.insertnx", "cf.loadchunk", "cf.mexists",
    "cf.reserve", "cf.scandump", "cms.incrby", "cms.info", "cms.initbydim", "cms.initbyprob",
    "cms.merge", "cms.query", "commandlog", "copy", "dbsize", "decr", "decrby", "del",
    "delex", "delifeq", "digest", "dump", "echo", "eval", "eval_ro", "evalsha", "evalsha_ro",
    "exists", "expire", "expireat", "expiretime", "fcall", "fcall_ro", "ft.sugadd", "ft.sugdel",
    "ft.sugget", "ft.suglen", "geoadd", "geodist", "geohash", "geopos", "georadius",
    "georadius_ro", "georadiusbymember", "georadiusbymember_ro", "geosearch", "geosearchstore",
    "get", "getbit", "getdel", "getex", "getrange", "getset", "hdel", "hexists", "hexpire",
    "hexpireat", "hexpiretime", "hget", "hgetall", "hgetdel", "hgetex", "hincrby", "hincrbyfloat",
    "hkeys", "hlen", "hmget", "hmset", "hpersist", "hpexpire", "hpexpireat", "hpexpiretime",
    "hpttl", "hrandfield", "hscan", "hset", "hsetex", "hsetnx", "hstrlen", "httl", "hvals",
    "incr", "incrby", "incrbyfloat", "json.arrappend", "json.arrindex", "json.arrinsert",
    "json.arrlen", "json.arrpop", "json.arrtrim", "json.clear", "json.debug", "json.del",
    "json.forget", "json.get", "json.merge", "json.mget", "json.mset", "json.numincrby",
    "json.nummultby", "json.objkeys", "json.objlen", "json.resp", "json.set", "json.strappend",
    "json.strlen", "json.toggle", "json.type", "keys", "lastsave", "latency", "lcs", "lindex",
    "linsert", "llen", "lmove", "lmpop", "lolwut", "lpop", "lpos", "lpush", "lpushx", "lrange",
    "lrem", "lset", "ltrim", "memory", "mget", "migrate", "move", "mset", "msetex", "msetnx",
    "object", "persist", "pexpire", "pexpireat", "pexpiretime", "pfadd", "pfcount", "pfmerge",
    "ping", "psetex", "pttl", "publish", "pubsub", "randomkey", "rename", "renamenx", "replicaof",
    "restore", "role", "rpop", "rpoplpush", "rpush", "rpushx", "sadd", "save", "scan", "scard",
    "sdiff", "sdiffstore", "set", "setbit", "setex", "setnx", "setrange", "sinter", "sintercard",
    "sinterstore", "sismember", "slaveof", "slowlog", "smembers", "smismember", "smove", "sort",
    "sort_ro", "spop", "spublish", "srandmember", "srem", "sscan", "strlen", "substr", "sunion",
    "sunionstore", "swapdb", "tdigest.add", "tdigest.byrank", "tdigest.byrevrank", "tdigest.cdf",
    "tdigest.create", "tdigest.info", "tdigest.max", "tdigest.merge", "tdigest.min",
    "tdigest.quantile", "tdigest.rank", "tdigest.reset", "tdigest.revrank",
    "tdigest.trimmed_mean", "time", "topk.add", "topk.count", "topk.incrby", "topk.info",
    "topk.list", "topk.query", "topk.reserve", "touch", "ts.add", "ts.alter", "ts.create",
    "ts.createrule", "ts.decrby", "ts.del", "ts.deleterule", "ts.get", "ts.incrby", "ts.info",
    "ts.madd", "ts.range", "ts.revrange", "ttl", "type", "unlink", "vcard", "vdim", "vemb",
    "vgetattr", "vinfo", "vismember", "vlinks", "vrandmember", "vrange", "vrem", "vsetattr",
    "xack", "xackdel", "xadd", "xautoclaim", "xcfgset", "xclaim", "xdel", "xdelex", "xgroup",
    "xinfo", "xlen", "xpending", "xrange", "xrevrange", "xsetid", "xtrim", "zadd", "zcard",
    "zcount", "zdiff", "zdiffstore", "zincrby", "zinter", "zintercard", "zinterstore",
    "zlexcount", "zmpop", "zmscore", "zpopmax", "zpopmin", "zrandmember", "zrange", "zrangebylex",
    "zrangebyscore", "zrangestore", "zrank", "zrem", "zremrangebylex", "zremrangebyrank",
    "zremrangebyscore", "zrevrange", "zrevrangebylex", "zrevrangebyscore", "zrevrank", "zscan",
    "zscore", "zunion", "zunionstore",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_fits() {
        assert!(SHARED.is_sorted());
        assert!(SHARED.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(SHARED.iter().all(|name| name.len() <= LONGEST));
        assert!(SHARED.iter().all(|name| special(name.as_bytes()).is_none()));
    }

    #[test]
    fn names_are_found_in_any_case() {
        assert_eq!(class(b"GeT"), Some(Class::Shared));
        assert_eq!(class(b"ZREVRANGEBYSCORE"), Some(Class::Shared));
        assert_eq!(class(b"BLPOP"), Some(Class::Blocking(Blocking::Always)));
        assert_eq!(class(b"Quit"), Some(Class::Quit));
    }

    #[test]
    fn what_the_server_does_in_a_thread_holds_up_no_shared_connection() {
        for name in [
            "FLUSHALL",
            "flushdb",
            "SFLUSH",
            "VSIM",
            "FT.SEARCH",
            "FT.AGGREGATE",
            "FT.HYBRID",
            "FT.PROFILE",
            "FT.CURSOR",
            "ft.info",
            "FT.CREATE",
            "FT.SPELLCHECK",
            "FT._LIST",
            "FT.NEW",
            "TS.MGET",
            "TS.MRANGE",
            "TS.MREVRANGE",
            "TS.QUERYINDEX",
        ] {
            assert_eq!(class(name.as_bytes()), Some(Class::Aside), "{name}");
        }
        for name in ["FT.SUGGET", "FT.SUGADD", "TS.RANGE", "TS.MADD", "VEMB", "UNLINK", "BGSAVE"] {
            assert_eq!(class(name.as_bytes()), Some(Class::Shared), "{name}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_shared() {
        for name in [&b""[..], b"GETX", b"session.get", b"ge", &[b'x'; 200], b"\xff\x00"] {
            assert_eq!(class(name), None);
        }
    }
}
