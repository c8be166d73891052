//! Small helpers for byte strings: words in any case, and how errors and `MONITOR` show arguments.

use super::Text;

/// Whether an argument is this word, whatever its case.
pub(super) fn is(argument: &[u8], word: &str) -> bool {
    argument.eq_ignore_ascii_case(word.as_bytes())
}

/// As much of an argument as an error shows: Redis stops at a zero byte.
pub(super) fn shown(argument: &[u8], most: usize) -> &[u8] {
    let end = argument.iter().position(|byte| *byte == 0).unwrap_or(argument.len());
    &argument[..end.min(most)]
}

/// Puts byte strings together.
pub(super) fn join<const N: usize>(parts: [&[u8]; N]) -> Text {
    parts.concat()
}

/// An argument in quotes, with escapes.
pub(super) fn quoted(argument: &[u8]) -> String {
    let mut text = String::from("\"");
    for byte in argument {
        match byte {
            b'\\' | b'"' => text.extend(['\\', char::from(*byte)]),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            7 => text.push_str("\\a"),
            8 => text.push_str("\\b"),
            b' '..=b'~' => text.push(char::from(*byte)),
            other => text.push_str(&format!("\\x{other:02x}")),
        }
    }
    text.push('"');
    text
}

/// Whether a name could not be told apart in a listing.
pub(super) fn has_blanks(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, b'\t'..=b'\r' | b' ' | 0))
}
