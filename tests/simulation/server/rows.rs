//! The rows of the command table, as Redis 7.0.15 tells them, and three commands of an imaginary module.

use super::super::{
    acl, auth, blocking, catalog, client_command, client_line, client_tracking, config, keys,
    lists, module, monitor, pause, pubsub, scripts, strings, transaction,
};
use super::*;

macro_rules! rows {
    ($($name:literal, $arity:literal, $flags:expr, $keys:expr, $groups:literal, $access:literal,
       $tips:literal, $run:path;)*) => {
        &[$(Entry {
            name: $name,
            arity: $arity,
            flags: $flags,
            key_range: $keys,
            groups: $groups,
            access: $access,
            tips: $tips,
            run: $run,
        }),*]
    };
}

/// Sorted by name.
pub(super) static ROWS: &[Entry] = rows! {
    "acl", -2, 0, [0, 0, 0], "", "", "", nothing;
    "acl|deluser", -3, ADMIN | NOSCRIPT | LOADING | STALE, [0, 0, 0], "", "", "", acl::deluser;
    "acl|setuser", -3, ADMIN | NOSCRIPT | LOADING | STALE, [0, 0, 0], "", "", "", acl::setuser;
    "acl|whoami", 2, NOSCRIPT | LOADING | STALE, [0, 0, 0], "", "", "", acl::whoami;
    "append", 3, WRITE | DENYOOM | FAST, [1, 1, 1], "string", "RW insert", "", strings::append;
    "auth", -2, NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY, [0, 0, 0], "connection", "", "", auth::auth;
    "blpop", -3, WRITE | NOSCRIPT | BLOCKING, [1, -2, 1], "list", "RW access delete", "", blocking::blpop;
    "brpop", -3, WRITE | NOSCRIPT | BLOCKING, [1, -2, 1], "list", "RW access delete", "", blocking::brpop;
    "client", -2, 0, [0, 0, 0], "", "", "", nothing;
    "client|caching", 3, NOSCRIPT | LOADING | STALE, [0, 0, 0], "connection", "", "", client_tracking::caching;
    "client|getname", 2, NOSCRIPT | LOADING | STALE, [0, 0, 0], "connection", "", "", client_command::getname;
    "client|getredir", 2, NOSCRIPT | LOADING | STALE, [0, 0, 0], "connection", "", "", client_tracking::getredir;
    "client|id", 2, NOSCRIPT | LOADING | STALE, [0, 0, 0], "connection", "", "", client_command::id;
    "client|info", 2, NOSCRIPT | LOADING | STALE, [0, 0, 0], "connection", "", "nondeterministic_output", client_line::info;
    "client|kill", -3, ADMIN | NOSCRIPT | LOADING | STALE, [0, 0, 0], "connection", "", "", client_command::kill;
    "client|list", -2, ADMIN | NOSCRIPT | LOADING | STALE, [0, 0, 0], "connection", "", "nondeterministic_output", client_line::list;
    "client|no-evict", 3, ADMIN | NOSCRIPT | LOADING | STALE, [0, 0, 0], "connection", "", "", client_command::no_evict;
    "client|no-touch", 3, NOSCRIPT | LOADING | STALE | SINCE_7_2, [0, 0, 0], "connection", "", "", client_command::no_touch;
    "client|pause", -3, ADMIN | NOSCRIPT | LOADING | STALE, [0, 0, 0], "connection", "", "", pause::pause;
    "client|reply", 3, NOSCRIPT | LOADING | STALE, [0, 0, 0], "connection", "", "", client_command::reply;
    "client|setinfo", 4, NOSCRIPT | LOADING | STALE | SINCE_7_2, [0, 0, 0], "connection", "", "", client_command::setinfo;
    "client|setname", 3, NOSCRIPT | LOADING | STALE, [0, 0, 0], "connection", "", "", client_command::setname;
    "client|tracking", -3, NOSCRIPT | LOADING | STALE, [0, 0, 0], "connection", "", "", client_tracking::tracking;
    "client|trackinginfo", 2, NOSCRIPT | LOADING | STALE, [0, 0, 0], "connection", "", "", client_tracking::trackinginfo;
    "client|unblock", -3, ADMIN | NOSCRIPT | LOADING | STALE, [0, 0, 0], "connection", "", "", client_command::unblock;
    "client|unpause", 2, ADMIN | NOSCRIPT | LOADING | STALE, [0, 0, 0], "connection", "", "", pause::unpause;
    "command", -1, LOADING | STALE, [0, 0, 0], "connection", "", "nondeterministic_output_order", catalog::all;
    "command|count", 2, LOADING | STALE, [0, 0, 0], "connection", "", "", catalog::count;
    "command|info", -2, LOADING | STALE, [0, 0, 0], "connection", "", "nondeterministic_output_order", catalog::info;
    "config", -2, 0, [0, 0, 0], "", "", "", nothing;
    "config|set", -4, ADMIN | NOSCRIPT | LOADING | STALE, [0, 0, 0], "", "", "request_policy:all_nodes response_policy:all_succeeded", config::set;
    "dbsize", 1, READONLY | FAST, [0, 0, 0], "keyspace", "", "request_policy:all_shards response_policy:agg_sum", keys::dbsize;
    "debug", -2, ADMIN | NOSCRIPT | LOADING | STALE, [0, 0, 0], "", "", "", config::debug;
    "decr", 2, WRITE | DENYOOM | FAST, [1, 1, 1], "string", "RW access update", "", strings::decr;
    "del", -2, WRITE, [1, -1, 1], "keyspace", "RM delete", "request_policy:multi_shard response_policy:agg_sum", keys::del;
    "discard", 1, NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY, [0, 0, 0], "transaction", "", "", transaction::discard;
    "echo", 2, LOADING | STALE | FAST, [0, 0, 0], "connection", "", "", keys::echo;
    "eval", -3, NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS | MOVABLEKEYS | MAY_REPLICATE, [0, 0, 0], "scripting", "RW access update", "", scripts::eval;
    "evalsha", -3, NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS | MOVABLEKEYS | MAY_REPLICATE, [0, 0, 0], "scripting", "RW access update", "", scripts::evalsha;
    "exec", 1, NOSCRIPT | LOADING | STALE | SKIP_SLOWLOG, [0, 0, 0], "transaction", "", "", transaction::exec;
    "exists", -2, READONLY | FAST, [1, -1, 1], "keyspace", "RO", "request_policy:multi_shard response_policy:agg_sum", keys::exists;
    "flushall", -1, WRITE, [0, 0, 0], "keyspace dangerous", "", "request_policy:all_shards response_policy:all_succeeded", keys::flushall;
    "flushdb", -1, WRITE, [0, 0, 0], "keyspace dangerous", "", "request_policy:all_shards response_policy:all_succeeded", keys::flushdb;
    "get", 2, READONLY | FAST, [1, 1, 1], "string", "RO access", "", strings::get;
    "hello", -1, NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY, [0, 0, 0], "connection", "", "", auth::hello;
    "hget", 3, READONLY | FAST, [1, 1, 1], "hash", "RO access", "", keys::hget;
    "hset", -4, WRITE | DENYOOM | FAST, [1, 1, 1], "hash", "RW update", "", keys::hset;
    "incr", 2, WRITE | DENYOOM | FAST, [1, 1, 1], "string", "RW access update", "", strings::incr;
    "incrby", 3, WRITE | DENYOOM | FAST, [1, 1, 1], "string", "RW access update", "", strings::incrby;
    "llen", 2, READONLY | FAST, [1, 1, 1], "list", "RO", "", lists::llen;
    "lpop", -2, WRITE | FAST, [1, 1, 1], "list", "RW access delete", "", lists::lpop;
    "lpush", -3, WRITE | DENYOOM | FAST, [1, 1, 1], "list", "RW insert", "", lists::lpush;
    "lrange", 4, READONLY, [1, 1, 1], "list", "RO access", "", lists::lrange;
    "mget", -2, READONLY | FAST, [1, -1, 1], "string", "RO access", "request_policy:multi_shard", strings::mget;
    "mod.pure", 2, READONLY | MODULE | FAST, [1, 1, 1], "", "RO access", "", module::pure;
    "mod.show", 1, MODULE | NOSCRIPT, [0, 0, 0], "", "", "", module::show;
    "mod.stateful", 2, MODULE | NOSCRIPT, [0, 0, 0], "", "", "", module::stateful;
    "monitor", 1, ADMIN | NOSCRIPT | LOADING | STALE, [0, 0, 0], "", "", "", monitor::monitor;
    "mset", -3, WRITE | DENYOOM, [1, -1, 2], "string", "OW update", "request_policy:multi_shard response_policy:all_succeeded", strings::mset;
    "multi", 1, NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY, [0, 0, 0], "transaction", "", "", transaction::multi;
    "ping", -1, FAST, [0, 0, 0], "connection", "", "request_policy:all_shards response_policy:all_succeeded", keys::ping;
    "psubscribe", -2, PUBSUB | NOSCRIPT | LOADING | STALE, [0, 0, 0], "", "", "", pubsub::psubscribe;
    "publish", 3, PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE, [0, 0, 0], "", "", "", pubsub::publish;
    "punsubscribe", -1, PUBSUB | NOSCRIPT | LOADING | STALE, [0, 0, 0], "", "", "", pubsub::punsubscribe;
    "quit", -1, NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY, [0, 0, 0], "connection", "", "", auth::quit;
    "reset", 1, NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY, [0, 0, 0], "connection", "", "", auth::reset;
    "rpop", -2, WRITE | FAST, [1, 1, 1], "list", "RW access delete", "", lists::rpop;
    "rpush", -3, WRITE | DENYOOM | FAST, [1, 1, 1], "list", "RW insert", "", lists::rpush;
    "script", -2, 0, [0, 0, 0], "", "", "", nothing;
    "script|exists", -3, NOSCRIPT, [0, 0, 0], "scripting", "", "request_policy:all_shards response_policy:agg_logical_and", scripts::exists;
    "script|flush", -2, NOSCRIPT, [0, 0, 0], "scripting", "", "request_policy:all_nodes response_policy:all_succeeded", scripts::flush;
    "script|load", 3, NOSCRIPT | STALE, [0, 0, 0], "scripting", "", "request_policy:all_nodes response_policy:all_succeeded", scripts::load;
    "select", 2, LOADING | STALE | FAST, [0, 0, 0], "connection", "", "", keys::select;
    "set", -3, WRITE | DENYOOM, [1, 1, 1], "string", "RW access update variable_flags", "", strings::set;
    "spublish", 3, PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE, [1, 1, 1], "", "not_key", "", pubsub::spublish;
    "ssubscribe", -2, PUBSUB | NOSCRIPT | LOADING | STALE, [1, -1, 1], "", "not_key", "", pubsub::ssubscribe;
    "strlen", 2, READONLY | FAST, [1, 1, 1], "string", "RO", "", strings::strlen;
    "subscribe", -2, PUBSUB | NOSCRIPT | LOADING | STALE, [0, 0, 0], "", "", "", pubsub::subscribe;
    "sunsubscribe", -1, PUBSUB | NOSCRIPT | LOADING | STALE, [1, -1, 1], "", "not_key", "", pubsub::sunsubscribe;
    "type", 2, READONLY | FAST, [1, 1, 1], "keyspace", "RO", "", keys::type_of;
    "unsubscribe", -1, PUBSUB | NOSCRIPT | LOADING | STALE, [0, 0, 0], "", "", "", pubsub::unsubscribe;
    "unwatch", 1, NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY, [0, 0, 0], "transaction", "", "", transaction::unwatch;
    "wait", 3, NOSCRIPT, [0, 0, 0], "connection", "", "request_policy:all_shards response_policy:agg_min", blocking::wait;
    "watch", -2, NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY, [1, -1, 1], "transaction", "RO", "", transaction::watch;
};
