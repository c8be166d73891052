//! `COMMAND` and `COMMAND INFO`.

use super::client::Client;
use super::table::{self, Entry, MOVABLEKEYS};
use super::{Args, Server};

pub(super) fn all(server: &mut Server, id: u64, args: &Args) {
    if args.len() > 1 {
        return server.client(id).error(super::execute::subcommand_syntax(args));
    }
    let client = server.client(id);
    client.array(table::commands().count());
    table::commands().for_each(|entry| describe(client, entry));
}

pub(super) fn count(server: &mut Server, id: u64, _: &Args) {
    server.client(id).count(table::commands().count());
}

pub(super) fn info(server: &mut Server, id: u64, args: &Args) {
    let client = server.client(id);
    if args.len() == 2 {
        client.array(table::commands().count());
        return table::commands().for_each(|entry| describe(client, entry));
    }
    client.array(args.len() - 2);
    for name in &args[2..] {
        match table::named(name) {
            Some(entry) => describe(client, entry),
            None => client.null(),
        }
    }
}

fn describe(client: &mut Client, entry: &Entry) {
    let flags = entry.flag_names();
    let categories: Vec<_> = entry.categories().collect();
    let tips: Vec<_> = entry.tips.split(' ').filter(|tip| !tip.is_empty()).collect();
    let [first, last, step] = entry.key_range;
    client.array(10);
    client.bulk(entry.name.as_bytes());
    client.integer(entry.arity);
    client.set(flags.len());
    flags.iter().for_each(|flag| client.status(flag));
    client.integer(first);
    client.integer(last);
    client.integer(step);
    client.set(categories.len());
    categories.iter().for_each(|category| client.status(&format!("@{category}")));
    client.set(tips.len());
    tips.iter().for_each(|tip| client.bulk(tip.as_bytes()));
    describe_keys(client, entry);
    let subcommands: Vec<_> = entry.subcommands().collect();
    if subcommands.is_empty() {
        client.set(0);
    } else {
        client.array(subcommands.len());
        subcommands.into_iter().for_each(|entry| describe(client, entry));
    }
}

/// Remarks that Redis makes on keys.
fn note(name: &str) -> Option<&'static str> {
    match name {
        "set" => Some("RW and ACCESS due to the optional `GET` argument"),
        "eval" => {
            Some("We cannot tell how the keys will be used so we assume the worst, RW and UPDATE")
        }
        _ => None,
    }
}

fn describe_keys(client: &mut Client, entry: &Entry) {
    if entry.access.is_empty() {
        return client.set(0);
    }
    let text = |client: &mut Client, text: &str| client.bulk(text.as_bytes());
    let note = note(entry.name);
    let access: Vec<_> = entry.access.split(' ').collect();
    let is_movable = entry.is(MOVABLEKEYS);
    let [first, last, step] = entry.key_range;
    client.set(1);
    client.map(3 + usize::from(note.is_some()));
    if let Some(note) = note {
        text(client, "notes");
        text(client, note);
    }
    text(client, "flags");
    client.set(access.len());
    access.iter().for_each(|flag| client.status(flag));
    for part in ["begin_search", "find_keys"] {
        let begins = part == "begin_search";
        text(client, part);
        client.map(2);
        text(client, "type");
        text(
            client,
            if begins {
                "index"
            } else if is_movable {
                "keynum"
            } else {
                "range"
            },
        );
        text(client, "spec");
        let spec = match (begins, is_movable) {
            (true, true) => vec![("index", 2)],
            (true, false) => vec![("index", first)],
            (false, true) => vec![("keynumidx", 0), ("firstkey", 1), ("keystep", 1)],
            // The last key is told from the first, or from the end.
            (false, false) if last >= 0 => {
                vec![("lastkey", last - first), ("keystep", step), ("limit", 0)]
            }
            (false, false) => vec![("lastkey", last), ("keystep", step), ("limit", 0)],
        };
        client.map(spec.len());
        for (name, number) in spec {
            text(client, name);
            client.integer(number);
        }
    }
}
