//! Commands on lists.

use std::collections::VecDeque;

use super::data::Value;
use super::{Args, Server, Text, number};

/// An end of a list.
#[derive(Clone, Copy)]
pub(super) enum End {
    Left,
    Right,
}

impl End {
    pub(super) fn pop(self, list: &mut VecDeque<Text>) -> Option<Text> {
        match self {
            Self::Left => list.pop_front(),
            Self::Right => list.pop_back(),
        }
    }
}

pub(super) fn lpush(server: &mut Server, id: u64, args: &Args) {
    push(server, id, args, End::Left);
}

pub(super) fn rpush(server: &mut Server, id: u64, args: &Args) {
    push(server, id, args, End::Right);
}

fn push(server: &mut Server, id: u64, args: &Args, end: End) {
    let key = &args[1];
    let Ok(list) = server.list(id, key) else { return };
    let is_new = list.is_none();
    let mut list = list.map(std::mem::take).unwrap_or_default();
    for element in &args[2..] {
        match end {
            End::Left => list.push_front(element.clone()),
            End::Right => list.push_back(element.clone()),
        }
    }
    let length = list.len();
    let database = server.client(id).database;
    server.client(id).count(length);
    if is_new {
        server.signal_ready(database, key);
    }
    server.store(id, key, Value::List(list));
}

/// Takes an element off a list that is there. Others are told of it behind the reply.
pub(super) fn pop(server: &mut Server, id: u64, key: &[u8], end: End) -> Option<Text> {
    let Some(Value::List(list)) = server.value(id, key) else { return None };
    let element = end.pop(list);
    if list.is_empty() {
        server.database(id).remove(key);
    }
    element
}

pub(super) fn lpop(server: &mut Server, id: u64, args: &Args) {
    pop_some(server, id, args, End::Left);
}

pub(super) fn rpop(server: &mut Server, id: u64, args: &Args) {
    pop_some(server, id, args, End::Right);
}

fn pop_some(server: &mut Server, id: u64, args: &Args, end: End) {
    let client = server.client(id);
    let count = match args.len() {
        2 => None,
        3 => match number::integer(&args[2]).map(usize::try_from) {
            Some(Ok(count)) => Some(count),
            _ => return client.error("value is out of range, must be positive"),
        },
        _ => return client.arity_error(),
    };
    let Ok(list) = server.list(id, &args[1]) else { return };
    let length = list.map(|list| list.len());
    match (length, count) {
        (None, None) => server.client(id).null(),
        (None, Some(_)) => server.client(id).null_array(),
        (Some(_), None) => {
            let element = pop(server, id, &args[1], end).unwrap_or_default();
            server.client(id).bulk(&element);
            server.changed(id, &args[1]);
        }
        (Some(_), Some(0)) => server.client(id).array(0),
        (Some(length), Some(count)) => {
            let count = count.min(length);
            server.client(id).array(count);
            let Ok(Some(list)) = server.list(id, &args[1]) else { return };
            let taken: Vec<Text> = (0..count).filter_map(|_| end.pop(list)).collect();
            if list.is_empty() {
                server.database(id).remove(&args[1]);
            }
            for element in taken {
                server.client(id).bulk(&element);
            }
            server.changed(id, &args[1]);
        }
    }
}

pub(super) fn llen(server: &mut Server, id: u64, args: &Args) {
    let Ok(list) = server.list(id, &args[1]) else { return };
    let length = list.map_or(0, |list| list.len());
    server.client(id).count(length);
}

pub(super) fn lrange(server: &mut Server, id: u64, args: &Args) {
    let (Some(start), Some(end)) = (number::integer(&args[2]), number::integer(&args[3])) else {
        return server.client(id).error("value is not an integer or out of range");
    };
    let Ok(list) = server.list(id, &args[1]) else { return };
    let list = list.map(|list| list.clone()).unwrap_or_default();
    let length = i64::try_from(list.len()).unwrap_or(i64::MAX);
    let from_end = |at: i64| if at < 0 { length.saturating_add(at) } else { at };
    let start = from_end(start).max(0);
    let end = from_end(end).min(length - 1);
    let client = server.client(id);
    if start > end || start >= length {
        return client.array(0);
    }
    client.array(usize::try_from(end - start + 1).unwrap_or(0));
    for at in start..=end {
        client.bulk(&list[usize::try_from(at).unwrap_or(0)]);
    }
}
