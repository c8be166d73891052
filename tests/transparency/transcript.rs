//! What is remembered of a scenario, and how it is shown.

/// What a step of a scenario did and brought.
pub(crate) struct Entry {
    pub(crate) connection: String,
    /// For the report only: it may have ids of this side in it.
    pub(crate) sent: String,
    pub(crate) got: Vec<u8>,
}

/// The bytes around the place where they begin to differ from others.
pub(crate) fn shown(bytes: &[u8], other: &[u8]) -> String {
    let same = bytes.iter().zip(other).take_while(|(one, other)| one == other).count();
    let start = same.saturating_sub(100);
    let text = bytes[start..bytes.len().min(start + 400)].escape_ascii().to_string();
    let before = if start > 0 { "..." } else { "" };
    let after = if bytes.len() > start + 400 { "..." } else { "" };
    format!("{before}{text}{after}")
}

/// The beginning of what was sent.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    let text = bytes[..bytes.len().min(300)].escape_ascii().to_string();
    if bytes.len() > 300 { format!("{text}... ({} bytes)", bytes.len()) } else { text }
}
