//! Imports point downward: which room of `src/` may know which.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What each room may know besides itself.
const ROOMS: &[(&str, &[&str])] = &[
    ("resp", &[]),
    ("secret", &[]),
    ("net", &[]),
    ("telemetry", &[]),
    ("shutdown", &[]),
    ("state", &["resp", "secret"]),
    ("session", &["resp"]),
    ("command", &["resp", "session", "state"]),
    ("upstream", &["command", "net", "resp", "secret", "session", "state"]),
    ("downstream", &["command", "net", "resp", "session", "state", "upstream"]),
    ("server", &["downstream", "net", "resp", "session", "state", "upstream"]),
    ("config", &["net", "secret", "server", "session", "telemetry", "upstream"]),
    ("cli", &["config"]),
];

/// The same within the client side, where what stands at the top joins the others.
const CLIENT_SIDE: &[(&str, &[&str])] = &[
    ("registry", &[]),
    ("socket", &[]),
    ("state", &["ports", "registry"]),
    ("ports", &["registry"]),
    ("replies", &["ports", "registry", "state"]),
    ("refusal", &[]),
    ("decide", &["state"]),
    ("client", &["ports", "registry", "replies", "state"]),
    ("act", &["client", "decide", "ports", "refusal", "registry", "replies", "state"]),
];

#[test]
fn rooms_know_only_what_lies_below() {
    check("", "crate::", ROOMS, &["lib", "main"]);
}

#[test]
fn the_client_side_has_no_circles_either() {
    let joins =
        ["actions", "answers", "clock", "context", "links", "live", "mod", "pause", "seat", "task"];
    check("downstream/", "crate::downstream::", CLIENT_SIDE, &joins);
}

fn check(folder: &str, prefix: &str, rooms: &[(&str, &[&str])], exempt: &[&str]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder);
    let allowed: BTreeMap<&str, &[&str]> = rooms.iter().copied().collect();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for file in rust_files(&root) {
        let inner = file.strip_prefix(&root).unwrap();
        let room = inner.components().next().unwrap().as_os_str().to_str().unwrap();
        let room = room.trim_end_matches(".rs");
        if exempt.contains(&room) {
            continue;
        }
        let may_know = allowed.get(room).unwrap_or_else(|| panic!("{room} is in no row"));
        let depth = inner.components().count();
        for known in known_by(&fs::read_to_string(&file).unwrap(), prefix, depth) {
            seen += 1;
            if known != room && !may_know.contains(&known.as_str()) {
                wrong.push(format!("{} knows {known}", inner.display()));
            }
        }
    }
    assert!(seen > 0, "no imports were found: they are written in another way now");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The rooms that a file names behind `prefix`, in its imports and elsewhere, its tests aside. `depth` is how many steps the
/// file lies below the folder of the rooms.
fn known_by(text: &str, prefix: &str, depth: usize) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]").next().unwrap();
    let code: String = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join(" ");
    let code = code.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut prefixes = vec![prefix.to_owned()];
    // From a file in a room's folder the rooms are two steps up, from the room's own file one.
    prefixes.push("super::".repeat(depth));
    if prefix != "crate::" {
        prefixes.push("crate::{ downstream::".to_owned());
        prefixes.push(", downstream::".to_owned());
    }
    let mut known = BTreeSet::new();
    for prefix in prefixes {
        for (at, _) in code.match_indices(prefix.as_str()) {
            if prefix.starts_with("super") && code[..at].ends_with("super::") {
                continue;
            }
            let rest = &code[at + prefix.len()..];
            match rest.strip_prefix('{') {
                Some(list) => known.extend(heads(list)),
                None => known.extend(head(rest)),
            }
        }
    }
    known
        .into_iter()
        .filter(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        .collect()
}

/// The first name of each item of a list in braces.
fn heads(list: &str) -> Vec<String> {
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                found.extend(head(list[start..at].trim()));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.extend(head(list[start..at].trim()));
                start = at + 1;
            }
            _ => {}
        }
    }
    found
}

fn head(text: &str) -> Option<String> {
    let name: String =
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty() && name != "self" && name != "super").then_some(name)
}

#[test]
fn imports_are_found_however_they_are_written() {
    let text = "use crate::{ resp::Request, upstream::{link::Link, pool}, };\nuse crate::net;\n// crate::no\nfn f() { crate::session::lookup(); }";
    let known: Vec<String> = known_by(text, "crate::", 1).into_iter().collect();
    assert_eq!(known, ["net", "resp", "session", "upstream"]);
    let text = "use super::super::{ ports::To, state::mode::Mode };\nuse super::footing::Stop;\nuse crate::{ command::Route, downstream::{ client::Client, decide } };";
    let known: Vec<String> = known_by(text, "crate::downstream::", 2).into_iter().collect();
    assert_eq!(known, ["client", "decide", "ports", "state"]);
}
