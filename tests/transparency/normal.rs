//! What may differ between two servers that behave alike, taken out of their replies before these are compared.
//!
//! Each step of a scenario says which of these its reply needs; without a word it is compared byte for byte.

use crate::common::Value;

/// How a reply is made comparable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Normal {
    /// Not at all.
    Exact,
    /// The order of elements at any depth is left out: hash tables are seeded at random by each server, so the order of
    /// sets, of larger hashes, of keys and of commands is random.
    Unordered,
    /// The same for pairs of field and value in a flat array.
    UnorderedPairs,
    /// Numbers are left out: times, sizes and counters of the server itself.
    Numbers,
    /// Only types and counts of elements remain, errors keep their text: random elements, times as text.
    Shape,
    /// Only the type of the reply remains, errors keep their text: free text about the server itself.
    Kind,
    /// The same for the elements of an array, as in the reply of `EXEC`.
    Elements,
    /// Lines of `CLIENT LIST`: ids and addresses become the names of the connections, and what depends on time
    /// or on memory (`age`, `idle`, `qbuf`, `fd` ...) is left out.
    Clients,
    /// The session commands are left out of the replies of `COMMAND`, whose order is random too.
    Commands,
}

impl Normal {
    /// The same for a reply inside that of `EXEC`.
    pub(crate) fn nested(self) -> Normal {
        match self {
            Normal::UnorderedPairs => Normal::Unordered,
            Normal::Kind => Normal::Elements,
            other => other,
        }
    }
}

/// An id or address of this side, and the name that both sides have in common.
pub(crate) type Known = (Vec<u8>, String);

/// The comparable form of a reply.
pub(crate) fn normalise(normal: Normal, reply: &[u8], known: &[Known]) -> Vec<u8> {
    if normal == Normal::Exact {
        return without_hello_ids(reply);
    }
    let mut rest = reply;
    let mut out = Vec::new();
    while !rest.is_empty() {
        let before = rest.len();
        let Ok(value) = Value::read(&mut rest, &mut Vec::new()) else {
            out.extend_from_slice(&reply[reply.len() - before..]);
            break;
        };
        out.extend_from_slice(one(normal, &value, known).as_bytes());
        out.push(b'\n');
    }
    out
}

/// Exact but for the connection's id in replies of `HELLO`, which each server counts for itself.
fn without_hello_ids(reply: &[u8]) -> Vec<u8> {
    const BEFORE: &[u8] = b"$5\r\nproto\r\n:";
    const ID: &[u8] = b"$2\r\nid\r\n:";
    let mut out = Vec::with_capacity(reply.len());
    let mut rest = reply;
    while let Some(proto) = memchr::memmem::find(rest, BEFORE) {
        // One digit and the line's end, then the id.
        let id = proto + BEFORE.len() + 3;
        let (before, after) = rest.split_at(id.min(rest.len()));
        out.extend_from_slice(before);
        rest = after;
        if let Some(number) = rest.strip_prefix(ID) {
            let digits = number.iter().take_while(|byte| byte.is_ascii_digit()).count();
            out.extend_from_slice(ID);
            out.push(b'N');
            rest = &number[digits..];
        }
    }
    out.extend_from_slice(rest);
    out
}

fn one(normal: Normal, value: &Value, known: &[Known]) -> String {
    match normal {
        Normal::Exact => value.to_string(),
        Normal::Unordered => sorted(value),
        Normal::UnorderedPairs => pairs(value),
        Normal::Numbers => without_numbers(&value.to_string()),
        Normal::Shape => shape(value),
        Normal::Kind => kind(value),
        Normal::Elements => match value {
            Value::Array(items) => items.iter().map(kind).collect::<Vec<_>>().join(", "),
            other => kind(other),
        },
        Normal::Clients => clients(value, known),
        Normal::Commands => sorted(&without_session_commands(value)),
    }
}

/// The value with the elements of every aggregate in the order of their text.
fn sorted(value: &Value) -> String {
    let list = |items: &[Value]| {
        let mut items: Vec<String> = items.iter().map(sorted).collect();
        items.sort();
        items.join(", ")
    };
    match value {
        Value::Array(items) => format!("[{}]", list(items)),
        Value::Set(items) => format!("~[{}]", list(items)),
        Value::Push(items) => format!(">[{}]", list(items)),
        Value::Map(pairs) => {
            let pair = |(key, value): &(Value, Value)| format!("{key}: {}", sorted(value));
            let mut pairs: Vec<String> = pairs.iter().map(pair).collect();
            pairs.sort();
            format!("{{{}}}", pairs.join(", "))
        }
        other => other.to_string(),
    }
}

fn pairs(value: &Value) -> String {
    let Value::Array(items) = value else { return sorted(value) };
    let mut pairs: Vec<String> = items
        .chunks(2)
        .map(|pair| pair.iter().map(sorted).collect::<Vec<_>>().join(": "))
        .collect();
    pairs.sort();
    format!("[{}]", pairs.join(", "))
}

/// Every run of digits as one `0`.
fn without_numbers(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        if !character.is_ascii_digit() {
            out.push(character);
        } else if !out.ends_with('0') {
            out.push('0');
        }
    }
    out
}

fn shape(value: &Value) -> String {
    let list = |items: &[Value]| items.iter().map(shape).collect::<Vec<_>>().join(", ");
    match value {
        Value::Array(items) => format!("*[{}]", list(items)),
        Value::Set(items) => format!("~[{}]", list(items)),
        Value::Push(items) => format!(">[{}]", list(items)),
        Value::Map(pairs) => {
            let pair = |(key, value): &(Value, Value)| format!("{key}: {}", shape(value));
            format!("{{{}}}", pairs.iter().map(pair).collect::<Vec<_>>().join(", "))
        }
        other => kind(other),
    }
}

fn kind(value: &Value) -> String {
    let kind = match value {
        Value::Simple(_) => "simple",
        Value::Int(_) => "integer",
        Value::Bulk(_) => "bulk",
        Value::Double(_) => "double",
        Value::Bool(_) => "boolean",
        Value::BigNumber(_) => "big number",
        Value::Verbatim(_) => "verbatim",
        Value::Array(_) => "array",
        Value::Set(_) => "set",
        Value::Push(_) => "push",
        Value::Map(_) => "map",
        other => return other.to_string(),
    };
    kind.to_owned()
}

/// Fields of a client's line that say what both servers must agree on. `cmd` does, `events` and `flags` do; times,
/// sizes of buffers and file descriptors do not.
const COMPARED: &[&str] =
    &["name", "flags", "db", "sub", "psub", "ssub", "multi", "cmd", "user", "resp", "id", "addr"];

fn clients(value: &Value, known: &[Known]) -> String {
    match value {
        Value::Bulk(text) => client_lines(&String::from_utf8_lossy(text), known),
        Value::Verbatim(text) => {
            let text = text.strip_prefix("txt:").unwrap_or(text);
            format!("verbatim {}", client_lines(text, known))
        }
        other => other.to_string(),
    }
}

fn client_lines(text: &str, known: &[Known]) -> String {
    let ours = |line: &&str| !line.contains(" name=test-admin ");
    let mut lines: Vec<String> =
        text.lines().filter(ours).map(|line| client_line(line, known)).collect();
    lines.sort();
    format!("{}{}", lines.join("\n"), if text.ends_with('\n') { "\n" } else { "" })
}

fn client_line(line: &str, known: &[Known]) -> String {
    let field = |field: &str| {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        let value = match known.iter().find(|(bytes, _)| bytes == value.as_bytes()) {
            Some((_, common)) if matches!(name, "id" | "addr" | "laddr" | "redir") => {
                common.as_str()
            }
            _ if COMPARED.contains(&name) => value,
            _ => "*",
        };
        format!("{name}={value}")
    };
    line.split(' ').map(field).collect::<Vec<_>>().join(" ")
}

/// The reply without session commands, at any depth; the flat map of `COMMAND DOCS` in RESP2 has the name before the rest.
fn without_session_commands(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut kept = Vec::new();
            let mut items = items.iter().peekable();
            while let Some(item) = items.next() {
                if !is_session_command(item) {
                    kept.push(without_session_commands(item));
                } else if matches!(item, Value::Bulk(_)) {
                    items.next_if(|next| matches!(next, Value::Array(_)));
                }
            }
            Value::Array(kept)
        }
        Value::Map(pairs) => {
            Value::Map(pairs.iter().filter(|(key, _)| !is_session_command(key)).cloned().collect())
        }
        other => other.clone(),
    }
}

/// The name of a session command, or an array that begins with one.
fn is_session_command(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.first().is_some_and(is_session_command),
        Value::Bulk(name) => name.to_ascii_lowercase().starts_with(b"session."),
        Value::Simple(name) => name.to_ascii_lowercase().starts_with("session."),
        _ => false,
    }
}
