//! `CLIENT` without tracking and pauses.

use super::auth::set_name;
use super::text::{is, join, shown};
use super::{Args, Server, Text, monitor, number};

pub(super) fn syntax(server: &mut Server, id: u64, args: &Args) {
    server.client(id).error(super::execute::subcommand_syntax(args));
}

pub(super) fn id(server: &mut Server, id: u64, _: &Args) {
    server.client(id).put(format!(":{id}\r\n").as_bytes());
}

pub(super) fn setname(server: &mut Server, id: u64, args: &Args) {
    let client = server.client(id);
    if set_name(client, &args[2]) {
        client.ok();
    }
}

pub(super) fn getname(server: &mut Server, id: u64, _: &Args) {
    let client = server.client(id);
    let name = client.name.clone();
    client.maybe(name.as_deref());
}

pub(super) fn setinfo(server: &mut Server, id: u64, args: &Args) {
    let client = server.client(id);
    let (option, value) = (&args[2], &args[3]);
    let is_plain = value.iter().all(|byte| (b'!'..=b'~').contains(byte));
    let slot = match (is(option, "lib-name"), is(option, "lib-ver")) {
        (true, _) => &mut client.library.0,
        (_, true) => &mut client.library.1,
        _ => {
            let what = b"Unrecognized option '";
            return client.error(join([what, shown(option, usize::MAX), b"'"]));
        }
    };
    if is_plain {
        slot.clone_from(value);
        client.ok();
    } else {
        let option = shown(option, usize::MAX).to_vec();
        let why = b" cannot contain spaces, newlines or special characters.";
        client.error(join([&option, why]));
    }
}

pub(super) fn reply(server: &mut Server, id: u64, args: &Args) {
    let client = server.client(id);
    if is(&args[2], "on") {
        client.skip = false;
        client.replies_off = false;
        client.ok();
    } else if is(&args[2], "off") {
        client.replies_off = true;
    } else if is(&args[2], "skip") {
        client.skip_next |= !client.replies_off;
    } else {
        client.syntax_error();
    }
}

pub(super) fn no_evict(server: &mut Server, id: u64, args: &Args) {
    if let Some(on) = switch(server, id, args) {
        server.client(id).no_evict = on;
    }
}

pub(super) fn no_touch(server: &mut Server, id: u64, args: &Args) {
    if let Some(on) = switch(server, id, args) {
        server.client(id).no_touch = on;
    }
}

fn switch(server: &mut Server, id: u64, args: &Args) -> Option<bool> {
    let client = server.client(id);
    let on = is(&args[2], "on");
    if !on && !is(&args[2], "off") {
        client.syntax_error();
        return None;
    }
    client.ok();
    Some(on)
}

pub(super) fn unblock(server: &mut Server, id: u64, args: &Args) {
    if args.len() > 4 {
        return syntax(server, id, args);
    }
    let with_error = match args.get(3) {
        None => false,
        Some(reason) if is(reason, "timeout") => false,
        Some(reason) if is(reason, "error") => true,
        Some(_) => {
            let error = "CLIENT UNBLOCK reason should be TIMEOUT or ERROR";
            return server.client(id).error(error);
        }
    };
    let Some(target) = number::integer(&args[2]) else {
        return server.client(id).error("value is not an integer or out of range");
    };
    let target = u64::try_from(target).unwrap_or(0);
    let waiting = server.clients.get(&target).and_then(|client| client.wait.as_ref());
    if !waiting.is_some_and(|wait| wait.can_be_ended()) {
        server.beyond_redis |= waiting.is_some();
        return server.client(id).integer(0);
    }
    if with_error {
        server.client(target).error("-UNBLOCKED client unblocked via CLIENT UNBLOCK");
    } else {
        server.answer_late(target);
    }
    server.unblock(target);
    server.client(id).integer(1);
}

/// Whom `CLIENT KILL` means.
#[derive(Default)]
struct Filter {
    id: Option<u64>,
    kind: Option<&'static str>,
    address: Option<Text>,
    local: Option<Text>,
    user: Option<Text>,
    spares_self: bool,
}

pub(super) fn kill(server: &mut Server, id: u64, args: &Args) {
    let filter = if args.len() == 3 {
        Filter { address: Some(args[2].clone()), ..Filter::default() }
    } else {
        match filter(server, args) {
            Ok(filter) => filter,
            Err(error) => return server.client(id).error(error),
        }
    };
    let mut killed = Vec::new();
    for client in server.clients.values() {
        let address = monitor::address(client.id).into_bytes();
        let fits = filter.address.as_ref().is_none_or(|wanted| *wanted == address)
            && filter.local.as_ref().is_none_or(|wanted| wanted == b"127.0.0.1:6379")
            && filter.id.is_none_or(|wanted| wanted == client.id)
            && filter.user.as_ref().is_none_or(|wanted| *wanted == client.user)
            && filter.kind.is_none_or(|wanted| wanted == super::client_line::kind(client))
            && !(filter.spares_self && client.id == id);
        if fits {
            killed.push(client.id);
        }
    }
    for other in killed.iter().filter(|other| **other != id) {
        server.free(*other);
    }
    let client = server.client(id);
    match (args.len(), killed.len()) {
        (3, 0) => client.error("No such client"),
        (3, _) => client.ok(),
        (_, count) => client.count(count),
    }
    client.close_after_reply |= killed.contains(&id);
}

fn filter(server: &Server, args: &Args) -> Result<Filter, Text> {
    let mut filter = Filter { spares_self: true, ..Filter::default() };
    for pair in args[2..].chunks(2) {
        let [option, value] = pair else { return Err(b"syntax error".to_vec()) };
        if is(option, "id") {
            let id = number::integer(value).filter(|id| *id > 0);
            let id = id.ok_or(&b"client-id should be greater than 0"[..])?;
            filter.id = u64::try_from(id).ok();
        } else if is(option, "type") {
            filter.kind = Some(super::client_line::kind_named(value)?);
        } else if is(option, "addr") {
            filter.address = Some(value.clone());
        } else if is(option, "laddr") {
            filter.local = Some(value.clone());
        } else if is(option, "user") {
            if !server.users.contains_key(value) {
                return Err(join([b"No such user '", shown(value, usize::MAX), b"'"]));
            }
            filter.user = Some(value.clone());
        } else if is(option, "skipme") && (is(value, "yes") || is(value, "no")) {
            filter.spares_self = is(value, "yes");
        } else {
            return Err(b"syntax error".to_vec());
        }
    }
    Ok(filter)
}
