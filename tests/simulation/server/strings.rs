//! Commands on strings.

use super::data::Value;
use super::{Args, Server, number};

pub(super) fn get(server: &mut Server, id: u64, args: &Args) {
    let Ok(value) = server.string(id, &args[1]) else { return };
    let value = value.cloned();
    server.client(id).maybe(value.as_deref());
}

pub(super) fn set(server: &mut Server, id: u64, args: &Args) {
    if args.len() > 3 {
        return server.client(id).syntax_error();
    }
    server.store(id, &args[1], Value::String(args[2].clone()));
    server.client(id).ok();
}

pub(super) fn append(server: &mut Server, id: u64, args: &Args) {
    let Ok(value) = server.string(id, &args[1]) else { return };
    let mut text = value.map(std::mem::take).unwrap_or_default();
    text.extend_from_slice(&args[2]);
    let length = text.len();
    server.store(id, &args[1], Value::String(text));
    server.client(id).count(length);
}

pub(super) fn strlen(server: &mut Server, id: u64, args: &Args) {
    let Ok(value) = server.string(id, &args[1]) else { return };
    let length = value.map_or(0, |text| text.len());
    server.client(id).count(length);
}

pub(super) fn incr(server: &mut Server, id: u64, args: &Args) {
    add(server, id, &args[1], 1);
}

pub(super) fn decr(server: &mut Server, id: u64, args: &Args) {
    add(server, id, &args[1], -1);
}

pub(super) fn incrby(server: &mut Server, id: u64, args: &Args) {
    match number::integer(&args[2]) {
        Some(by) => add(server, id, &args[1], by),
        None => server.client(id).error("value is not an integer or out of range"),
    }
}

fn add(server: &mut Server, id: u64, key: &[u8], by: i64) {
    let Ok(value) = server.string(id, key) else { return };
    let before = value.map_or(Some(0), |text| number::integer(text));
    let Some(before) = before else {
        return server.client(id).error("value is not an integer or out of range");
    };
    let Some(sum) = before.checked_add(by) else {
        return server.client(id).error("increment or decrement would overflow");
    };
    server.store(id, key, Value::String(sum.to_string().into_bytes()));
    server.client(id).integer(sum);
}

pub(super) fn mget(server: &mut Server, id: u64, args: &Args) {
    server.client(id).array(args.len() - 1);
    for key in &args[1..] {
        let value = match server.value(id, key) {
            Some(Value::String(text)) => Some(text.clone()),
            _ => None,
        };
        server.client(id).maybe(value.as_deref());
    }
}

pub(super) fn mset(server: &mut Server, id: u64, args: &Args) {
    if args.len().is_multiple_of(2) {
        return server.client(id).arity_error();
    }
    for pair in args[1..].chunks_exact(2) {
        server.store(id, &pair[0], Value::String(pair[1].clone()));
    }
    server.client(id).ok();
}
