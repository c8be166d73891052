//! `INFO` of several nodes becomes that of one server.

use std::collections::BTreeMap;

use bytes::BytesMut;

use super::{
    super::info::Answer,
    fields::{Field, field},
};

/// Sums by the names of their fields.
type Sums<'a> = BTreeMap<&'a [u8], Number>;
/// Databases by number, each with its fields.
type Databases<'a> = BTreeMap<u64, BTreeMap<&'a [u8], i128>>;

/// A number with as many decimal places as its field has.
#[derive(Clone, Copy, Default)]
struct Number {
    hundredths: i128,
    whole: bool,
    /// One of the nodes has none of it, which for a limit is no limit.
    has_zero: bool,
}

/// Appends the answer of the first with the numbers of all.
pub(super) fn join(parts: &[&[u8]], out: &mut BytesMut) -> Option<()> {
    let answers: Vec<_> = parts.iter().map(|part| Answer::of(part)).collect::<Option<_>>()?;
    let (mut sums, mut databases) = (Sums::new(), Databases::new());
    for answer in &answers {
        for (name, value) in answer.text.split(|byte| *byte == b'\n').filter_map(name_and_value) {
            add(name, value, &mut sums);
            add_database(name, value, &mut databases);
        }
    }
    let first = answers.first()?;
    first.write(&rewrite(first.text, &sums, databases), "", out);
    Some(())
}

fn name_and_value(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = line.trim_ascii_end();
    let colon = memchr::memchr(b':', line).filter(|_| !line.starts_with(b"#"))?;
    Some((&line[..colon], &line[colon + 1..]))
}

fn add<'a>(name: &'a [u8], value: &[u8], sums: &mut Sums<'a>) {
    if matches!(field(name), Field::Adds | Field::Limit)
        && let Some(number) = Number::of(value)
    {
        let sum = sums.entry(name).or_insert(Number { whole: true, ..Number::default() });
        sum.hundredths = sum.hundredths.saturating_add(number.hundredths);
        sum.whole &= number.whole;
        sum.has_zero |= number.hundredths == 0;
    }
}

/// The number of a database that a field is named after.
fn database(name: &[u8]) -> Option<u64> {
    std::str::from_utf8(name.strip_prefix(b"db")?).ok()?.parse().ok()
}

/// A database is told as `keys=1,expires=0,avg_ttl=0`. Times to live are averages over the keys that have one.
fn add_database<'a>(name: &[u8], value: &'a [u8], databases: &mut Databases<'a>) {
    let Some(number) = database(name) else { return };
    let fields: Vec<_> = value.split(|byte| *byte == b',').filter_map(assignment).collect();
    let find = |wanted: &[u8]| fields.iter().find(|(name, _)| *name == wanted).map(|(_, n)| *n);
    let weight = find(b"expires").unwrap_or_default();
    let database = databases.entry(number).or_default();
    for (name, number) in fields {
        let number = if name == b"avg_ttl" { number.saturating_mul(weight) } else { number };
        let sum = database.entry(name).or_default();
        *sum = sum.saturating_add(number);
    }
}

fn assignment(text: &[u8]) -> Option<(&[u8], i128)> {
    let equals = memchr::memchr(b'=', text)?;
    let number: i64 = std::str::from_utf8(&text[equals + 1..]).ok()?.parse().ok()?;
    Some((&text[..equals], i128::from(number)))
}

/// The order in which the server tells of a database; what is not in it comes last.
const DATABASE_FIELDS: [&[u8]; 3] = [b"keys", b"expires", b"avg_ttl"];

fn write_databases(databases: &Databases<'_>, out: &mut Vec<u8>) {
    for (number, fields) in databases {
        out.extend_from_slice(format!("db{number}").as_bytes());
        let known = DATABASE_FIELDS.into_iter().filter_map(|name| fields.get_key_value(name));
        let others = fields.iter().filter(|(name, _)| !DATABASE_FIELDS.contains(name));
        let expires = fields.get(&b"expires"[..]).copied().unwrap_or_default().max(1);
        for (place, (name, sum)) in known.chain(others).enumerate() {
            let sum = if *name == b"avg_ttl" { sum / expires } else { *sum };
            out.push(if place == 0 { b':' } else { b',' });
            out.extend_from_slice(name);
            out.extend_from_slice(format!("={sum}").as_bytes());
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// The text of the first node with the sums in place of its own numbers. Its databases are those of all, also where it
/// has none itself.
fn rewrite(text: &[u8], sums: &Sums<'_>, databases: Databases<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 64);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let content = line.trim_ascii_end();
        if content.eq_ignore_ascii_case(b"# Keyspace") {
            out.extend_from_slice(line);
            write_databases(&databases, &mut out);
            continue;
        }
        let Some((name, value)) = name_and_value(line) else {
            out.extend_from_slice(line);
            continue;
        };
        if database(name).is_some() {
            continue;
        }
        out.extend_from_slice(name);
        out.push(b':');
        match new_value(name, sums) {
            Some(value) => out.extend_from_slice(value.as_bytes()),
            None => out.extend_from_slice(value),
        }
        out.extend_from_slice(&line[content.len()..]);
    }
    out
}

fn new_value(name: &[u8], sums: &Sums<'_>) -> Option<String> {
    match field(name) {
        Field::Adds => Some(sums.get(name)?.text()),
        Field::Limit => Some(sums.get(name)?.or_none().text()),
        Field::Human(len) => Some(sums.get(&name[..len])?.or_none_if(&name[..len]).human()),
        Field::Mode => Some("standalone".to_owned()),
        Field::ClusterEnabled => Some("0".to_owned()),
        Field::Stays => None,
    }
}

impl Number {
    fn of(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        if let Ok(whole) = text.parse::<i64>() {
            let hundredths = i128::from(whole) * 100;
            return Some(Self { hundredths, whole: true, has_zero: false });
        }
        let (whole, places) = text.split_once('.')?;
        let whole: i64 = whole.parse().ok()?;
        let places: u8 = places.parse().ok().filter(|_| places.len() == 2)?;
        let hundredths = i128::from(whole) * 100 + i128::from(places);
        Some(Self { hundredths, whole: false, has_zero: false })
    }

    /// A limit that is none when one node has none.
    fn or_none(self) -> Self {
        if self.has_zero { Self { whole: true, ..Self::default() } } else { self }
    }

    fn or_none_if(self, name: &[u8]) -> Self {
        if field(name) == Field::Limit { self.or_none() } else { self }
    }

    fn text(self) -> String {
        let (whole, places) = (self.hundredths / 100, self.hundredths % 100);
        if self.whole { whole.to_string() } else { format!("{whole}.{:02}", places.abs()) }
    }

    /// In units of 1024 (`bytesToHuman` in server.c).
    fn human(self) -> String {
        let bytes = self.hundredths / 100;
        let mut scaled = bytes as f64;
        if bytes < 1024 {
            return format!("{bytes}B");
        }
        for unit in ["K", "M", "G", "T"] {
            scaled /= 1024.0;
            if scaled < 1024.0 {
                return format!("{scaled:.2}{unit}");
            }
        }
        format!("{:.2}P", scaled / 1024.0)
    }
}
