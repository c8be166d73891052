//! `CLIENT LIST`, `INFO`, `KILL`, `UNBLOCK` and the others speak of sessiond's clients, whichever worker they are on.

mod buffers;
mod kills;
mod lists;
mod redirects;

use std::collections::BTreeMap;

use crate::common::*;

type Line = BTreeMap<String, String>;

/// The lines of `CLIENT LIST` with these filters, by id.
fn list(client: &mut Client, filters: &[&str]) -> BTreeMap<i64, Line> {
    let words: Vec<&str> = ["CLIENT", "LIST"].iter().chain(filters).copied().collect();
    let text = client.run(&words).text();
    text.lines().map(line_of).map(|line| (line["id"].parse().unwrap(), line)).collect()
}

fn line_of(line: &str) -> Line {
    let pair = |property: &str| {
        let (name, value) = property.split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    };
    line.split(' ').map(pair).collect()
}

fn ids(client: &mut Client, filters: &[&str]) -> Vec<i64> {
    list(client, filters).into_keys().collect()
}
