//! Reads a TOML file into key, text and line; what the text means is not its concern.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use crate::{
    config::{ConfigError, Origin, keys::KEYS, origin::shown},
    net,
};

/// Calls `set` with each key of the file in the order of its lines. The text is `Err` when the value
/// has a type that its key does not take.
pub(super) fn read(
    path: &Path,
    mut set: impl FnMut(Origin, &str, Result<String, String>) -> Result<(), ConfigError>,
) -> Result<(), ConfigError> {
    let source = std::fs::read(path)
        .map_err(|error| net::reason(&error))
        .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned()))
        .map_err(|why| ConfigError::Unreadable { path: path.to_owned(), why })?;
    let line = |offset: usize| 1 + source[..offset].matches('\n').count();
    let table = DeTable::parse(&source).map_err(|error| ConfigError::Syntax {
        origin: Origin::File(path.to_owned(), line(error.span().map_or(0, |span| span.start))),
        why: error.message().replace('\n', " "),
    })?;

    let mut entries: Vec<_> = table.get_ref().iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    let mut seen = Vec::new();
    for (name, value) in entries {
        let origin = Origin::File(path.to_owned(), line(name.span().start));
        // Flags are written with dashes; whoever copies one into the file is understood.
        let key = name.get_ref().replace('-', "_");
        if seen.contains(&key) {
            let secret = KEYS.iter().any(|known| known.name == key && known.secret);
            let value = shown(source[value.span()].trim_matches('"'), secret);
            return Err(ConfigError::conflict(origin, &key, value, "is given twice"));
        }
        let list = KEYS.iter().any(|known| known.name == key && known.list);
        let text = text(value.get_ref(), list).ok_or_else(|| source[value.span()].to_owned());
        set(origin, &key, text)?;
        seen.push(key);
    }
    Ok(())
}

/// The value as it would be written in a variable or behind a flag.
fn text(value: &DeValue<'_>, list: bool) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).ok().map(|n| n.to_string())
        }
        DeValue::Array(items) if list => items
            .iter()
            .map(|item| text(item.get_ref(), false))
            .collect::<Option<Vec<_>>>()
            .map(|items| items.join(",")),
        _ => None,
    }
}
