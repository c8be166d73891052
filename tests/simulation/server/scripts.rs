//! `EVAL` and `EVALSHA` with one script for every text: it counts each key's calls and gives back what it was given.
//!
//! In Lua it would be [`LUA`]. What differs between texts is their digest alone.

use std::collections::BTreeMap;

use super::data::Value;
use super::text::is;
use super::{Args, Server, Text, number, sha1};

/// The script that every text stands for.
pub(crate) const LUA: &str = "local out = {} \
for _, key in ipairs(KEYS) do \
local kind, count = redis.call('TYPE', key).ok, -1 \
if kind == 'none' or kind == 'hash' then count = redis.call('HINCRBY', key, 'writes', 1) end \
out[#out + 1] = key out[#out + 1] = count end \
for _, arg in ipairs(ARGV) do out[#out + 1] = arg end \
return out";

pub(super) fn eval(server: &mut Server, id: u64, args: &Args) {
    server.show(id, args);
    call(server, id, args, |server| {
        server.learn_script(id, sha1::hex(&args[1]));
        true
    });
}

pub(super) fn evalsha(server: &mut Server, id: u64, args: &Args) {
    server.show(id, args);
    if args[1].len() != 40 {
        return server.client(id).error(UNKNOWN);
    }
    call(server, id, args, |server| server.knows_script(id, &digest(&args[1])));
}

const UNKNOWN: &str = "-NOSCRIPT No matching script. Please use EVAL.";

fn digest(arg: &[u8]) -> String {
    String::from_utf8_lossy(arg).to_ascii_lowercase()
}

fn call(server: &mut Server, id: u64, args: &Args, known: impl FnOnce(&mut Server) -> bool) {
    let Some(count) = number::integer(&args[2]) else {
        return server.client(id).error("value is not an integer or out of range");
    };
    let rest = &args[3..];
    if count > i64::try_from(rest.len()).unwrap_or(i64::MAX) {
        let error = "Number of keys can't be greater than number of args";
        return server.client(id).error(error);
    }
    let Ok(count) = usize::try_from(count) else {
        return server.client(id).error("Number of keys can't be negative");
    };
    if !known(server) {
        return server.client(id).error(UNKNOWN);
    }
    let (keys, values) = rest.split_at(count);
    let sha = if args[1].len() == 40 { digest(&args[1]) } else { sha1::hex(&args[1]) };
    if super::sessions::answer(server, id, &sha, keys, values) {
        return;
    }
    let entry = server.client(id).command;
    let mut counts = Vec::with_capacity(count);
    for key in keys {
        // A script that reads anything has read all of its keys.
        if let Some(entry) = entry {
            server.remember_keys(id, entry, args);
        }
        counts.push(count_write(server, id, key));
    }
    let client = server.client(id);
    client.late(|client| client.array(keys.len() * 2 + values.len()));
    for (key, count) in keys.iter().zip(counts) {
        client.bulk(key);
        client.integer(count);
    }
    for value in values {
        client.bulk(value);
    }
}

pub(super) fn count_write(server: &mut Server, id: u64, key: &Text) -> i64 {
    let mut hash = match server.value(id, key) {
        None => BTreeMap::new(),
        Some(Value::Hash(hash)) => std::mem::take(hash),
        Some(_) => return -1,
    };
    let before = hash.get(&b"writes"[..]).and_then(|count| number::integer(count)).unwrap_or(0);
    hash.insert(b"writes".to_vec(), (before + 1).to_string().into_bytes());
    server.in_script = true;
    server.store(id, key, Value::Hash(hash));
    server.in_script = false;
    before + 1
}

pub(super) fn load(server: &mut Server, id: u64, args: &Args) {
    let digest = sha1::hex(&args[2]);
    server.client(id).bulk(digest.as_bytes());
    server.learn_script(id, digest);
}

pub(super) fn exists(server: &mut Server, id: u64, args: &Args) {
    server.client(id).array(args.len() - 2);
    for arg in &args[2..] {
        let known = server.scripts.contains(&digest(arg));
        server.client(id).integer(i64::from(known));
    }
}

pub(super) fn flush(server: &mut Server, id: u64, args: &Args) {
    match args.as_slice() {
        [_, _] => {}
        [_, _, mode] if is(mode, "sync") || is(mode, "async") => {}
        _ => return server.client(id).error("SCRIPT FLUSH only support SYNC|ASYNC option"),
    }
    server.scripts.clear();
    server.client(id).ok();
}
