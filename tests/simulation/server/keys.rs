//! Commands on keys, hashes and whole databases.

use super::data::Value;
use super::text::is;
use super::{Args, Server, number};

pub(super) fn del(server: &mut Server, id: u64, args: &Args) {
    let mut deleted = 0;
    for key in &args[1..] {
        if server.database(id).remove(key).is_some() {
            server.changed(id, key);
            deleted += 1;
        }
    }
    server.client(id).count(deleted);
}

pub(super) fn exists(server: &mut Server, id: u64, args: &Args) {
    let database = server.database(id);
    let count = args[1..].iter().filter(|key| database.contains_key(*key)).count();
    server.client(id).count(count);
}

pub(super) fn type_of(server: &mut Server, id: u64, args: &Args) {
    let name = server.value(id, &args[1]).map_or("none", |value| value.type_name());
    server.client(id).status(name);
}

pub(super) fn hset(server: &mut Server, id: u64, args: &Args) {
    if args.len() % 2 == 1 {
        return server.client(id).arity_error();
    }
    let Ok(hash) = server.hash(id, &args[1]) else { return };
    let mut hash = hash.map(std::mem::take).unwrap_or_default();
    let mut created = 0;
    for pair in args[2..].chunks_exact(2) {
        created += usize::from(hash.insert(pair[0].clone(), pair[1].clone()).is_none());
    }
    server.client(id).count(created);
    server.store(id, &args[1], Value::Hash(hash));
}

pub(super) fn hget(server: &mut Server, id: u64, args: &Args) {
    let Ok(hash) = server.hash(id, &args[1]) else { return };
    let value = hash.and_then(|hash| hash.get(&args[2]).cloned());
    server.client(id).maybe(value.as_deref());
}

pub(super) fn dbsize(server: &mut Server, id: u64, _: &Args) {
    let size = server.database(id).len();
    server.client(id).count(size);
}

pub(super) fn flushdb(server: &mut Server, id: u64, args: &Args) {
    let database = server.client(id).database;
    flush(server, id, args, database..database + 1);
}

pub(super) fn flushall(server: &mut Server, id: u64, args: &Args) {
    let all = 0..server.databases.len();
    flush(server, id, args, all);
}

fn flush(server: &mut Server, id: u64, args: &Args, databases: std::ops::Range<usize>) {
    match args.as_slice() {
        [_] => {}
        [_, mode] if is(mode, "sync") || is(mode, "async") => {}
        _ => return server.client(id).syntax_error(),
    }
    for database in databases.clone() {
        server.touch_all(database);
    }
    server.invalidate_all();
    for database in databases {
        server.databases[database].clear();
    }
    server.client(id).ok();
}

pub(super) fn select(server: &mut Server, id: u64, args: &Args) {
    let databases = server.settings.databases;
    let client = server.client(id);
    match number::integer(&args[1]).filter(|number| i32::try_from(*number).is_ok()) {
        None => client.error("value is not an integer or out of range"),
        Some(number) => match usize::try_from(number).ok().filter(|number| *number < databases) {
            None => client.error("DB index is out of range"),
            Some(number) => {
                client.database = number;
                client.ok();
            }
        },
    }
}

pub(super) fn ping(server: &mut Server, id: u64, args: &Args) {
    let client = server.client(id);
    if args.len() > 2 {
        return client.arity_error();
    }
    let text = args.get(1);
    if client.subscriber && client.protocol == 2 {
        client.array(2);
        client.bulk(b"pong");
        client.bulk(text.map_or(b"", |text| text));
    } else if let Some(text) = text {
        client.bulk(text);
    } else {
        client.status("PONG");
    }
}

pub(super) fn echo(server: &mut Server, id: u64, args: &Args) {
    server.client(id).bulk(&args[1]);
}
