//! Replies without what may differ: addresses, times, sizes, and orders that Redis leaves open.

use super::real::BARRIER;

/// Fields of `CLIENT LIST` that are compared.
const FIELDS: [&str; 11] =
    ["id", "name", "flags", "db", "sub", "psub", "ssub", "multi", "cmd", "user", "resp"];

/// The reply as it is compared. Clients before `first` are not of the model.
pub(super) fn of(bytes: &[u8], first: u64) -> Vec<u8> {
    let mut tokens = split(bytes);
    for token in &mut tokens {
        simplify(token, first);
    }
    sort_unsubscribed(&mut tokens);
    sort_pattern_messages(&mut tokens);
    sort_invalidations(&mut tokens);
    tokens.concat()
}

/// Lines and strings.
fn split(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut tokens = Vec::new();
    while let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") {
        let mut length = end + 2;
        if matches!(bytes[0], b'$' | b'=')
            && let Some(size) = text(&bytes[1..end]).parse::<usize>().ok()
        {
            length += size + 2;
        }
        let (token, rest) = bytes.split_at(length.min(bytes.len()));
        tokens.push(token.to_vec());
        bytes = rest;
    }
    tokens.push(bytes.to_vec());
    tokens
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn simplify(token: &mut Vec<u8>, first: u64) {
    let shown = text(token);
    if matches!(token.first(), Some(b'$' | b'=')) && shown.contains(" addr=") {
        *token = client_lines(&shown, first).into_bytes();
    } else if let Some(line) = shown.strip_prefix('+')
        && let Some((time, rest)) = line.split_once(" [")
        && time.parse::<f64>().is_ok()
        && let Some((place, command)) = rest.split_once("] ")
    {
        let database = place.split(' ').next().unwrap_or_default();
        // Scripts of the model call nothing, and barriers are not its clients'.
        let is_ours = !place.ends_with(" lua") && !command.contains(BARRIER);
        *token = if is_ours { format!("+[{database}] {command}").into_bytes() } else { Vec::new() };
    }
}

/// In the order of their ids: Redis turns its list now and then.
fn client_lines(shown: &str, first: u64) -> String {
    let mut kept = Vec::new();
    for line in shown.lines().filter(|line| line.contains(" addr=")) {
        let line = line.trim_start_matches("txt:");
        let fields = line.split(' ').filter_map(|field| field.split_once('='));
        let fields: Vec<_> = fields.filter(|(name, _)| FIELDS.contains(name)).collect();
        let is_id = |(name, _): &&(&str, &str)| *name == "id";
        let id = fields.iter().find(is_id).and_then(|(_, id)| id.parse::<u64>().ok());
        let mut text = String::new();
        for (name, value) in fields {
            let value = match (name, value.replace('U', "")) {
                ("flags", flags) if flags.is_empty() => "N".to_owned(),
                ("flags", flags) => flags,
                _ => value.to_owned(),
            };
            text.push_str(&format!("{name}={value} "));
        }
        kept.extend(id.filter(|id| *id >= first).map(|id| (id, text)));
    }
    kept.sort();
    kept.into_iter().map(|(_, text)| text + "\n").collect()
}

/// Without names, subscriptions end in the order of a hash table.
fn sort_unsubscribed(tokens: &mut [Vec<u8>]) {
    let is_end = |tokens: &[Vec<u8>], at: usize| {
        tokens.get(at + 1).is_some_and(|word| word.ends_with(b"unsubscribe\r\n"))
            && at + 3 < tokens.len()
    };
    let mut at = 0;
    while at < tokens.len() {
        let start = at;
        while is_end(tokens, at) {
            at += 4;
        }
        let mut names: Vec<Vec<u8>> =
            (start..at).step_by(4).map(|at| tokens[at + 2].clone()).collect();
        names.sort();
        for (place, name) in (start..at).step_by(4).zip(names) {
            tokens[place + 2] = name;
        }
        at = at.max(start + 1);
    }
}

/// A message goes to patterns in the order of a hash table.
fn sort_pattern_messages(tokens: &mut [Vec<u8>]) {
    let is_message = |tokens: &[Vec<u8>], at: usize| {
        tokens.get(at + 1).is_some_and(|word| word == b"$8\r\npmessage\r\n")
            && at + 4 < tokens.len()
    };
    let mut at = 0;
    while at < tokens.len() {
        let start = at;
        while is_message(tokens, at) && tokens[at + 3..at + 5] == tokens[start + 3..start + 5] {
            at += 5;
        }
        let mut patterns: Vec<Vec<u8>> =
            (start..at).step_by(5).map(|at| tokens[at + 2].clone()).collect();
        patterns.sort();
        for (place, pattern) in (start..at).step_by(5).zip(patterns) {
            tokens[place + 2] = pattern;
        }
        at = at.max(start + 1);
    }
}

/// Clients that track the same prefix are told in the order of their addresses, and one may hear for several.
fn sort_invalidations(tokens: &mut Vec<Vec<u8>>) {
    let length = |tokens: &[Vec<u8>]| -> Option<usize> {
        let start = match tokens {
            [_, word, ..] if word.ends_with(b"tracking-redir-broken\r\n") => return Some(3),
            [_, word, ..] if word == b"$10\r\ninvalidate\r\n" => 2,
            [_, _, word, ..] if word.ends_with(b"__redis__:invalidate\r\n") => 3,
            _ => return None,
        };
        let keys = tokens.get(start)?.strip_prefix(b"*");
        let count = keys.and_then(|keys| text(keys).trim_end().parse().ok());
        Some(start + 1 + count.unwrap_or(0))
    };
    let mut sorted = Vec::new();
    let mut rest = tokens.as_slice();
    while !rest.is_empty() {
        let mut messages = Vec::new();
        while let Some(length) = length(rest).filter(|length| *length <= rest.len()) {
            messages.push(rest[..length].to_vec());
            rest = &rest[length..];
        }
        messages.sort();
        sorted.extend(messages.into_iter().flatten());
        if let Some((first, tail)) = rest.split_first() {
            sorted.push(first.clone());
            rest = tail;
        }
    }
    *tokens = sorted;
}
