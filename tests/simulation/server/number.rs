//! Numbers in arguments and values, as strictly as Redis reads them.

/// A whole number without blanks, plus sign or leading zeros.
pub(super) fn integer(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let plain = match digits {
        [b'0'] => text.len() == 1,
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if !plain {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Seconds as whole milliseconds, rounded up. What is too large counts as negative, as it does in Redis.
pub(super) fn seconds(text: &[u8]) -> Option<i64> {
    let number: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    if number.is_nan() {
        return None;
    }
    let millis = (number * 1000.0).ceil();
    Some(if millis.abs() < i64::MAX as f64 { millis as i64 } else { i64::MIN })
}
