//! The kinds of values that keys take, from text and back to TOML.

use std::{ops::RangeInclusive, time::Duration};

/// A value that its key does not take, with what is wrong where there is more to say than what is
/// allowed.
pub(super) struct Rejected(pub(super) Option<String>);

/// Nothing to add to what is allowed.
pub(super) const REJECTED: Rejected = Rejected(None);

/// A whole number in plain digits within `range`.
pub(super) fn number(text: &str, range: RangeInclusive<u64>) -> Result<u64, Rejected> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| digits && range.contains(number));
    number.ok_or(REJECTED)
}

/// Seconds in plain digits, or a number with a unit: `500ms`, `2s`, `10m`, `1h`.
pub(super) fn duration(text: &str, range: RangeInclusive<Duration>) -> Result<Duration, Rejected> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = &text[..text.len() - unit.len()];
    let milliseconds = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(REJECTED),
    };
    let count: u64 = digits.parse().map_err(|_| REJECTED)?;
    let duration = count.checked_mul(milliseconds).map(Duration::from_millis);
    duration.filter(|duration| range.contains(duration)).ok_or(REJECTED)
}

/// Bytes in plain digits or with a unit as in redis.conf: `k` is 1000, `kb` is 1024, then `m`, `mb`,
/// `g`, `gb`, in upper or lower case.
pub(super) fn size(text: &str, range: RangeInclusive<u64>) -> Result<usize, Rejected> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = &text[..text.len() - unit.len()];
    let scale = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" => 1_000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return Err(REJECTED),
    };
    let count: u64 = digits.parse().map_err(|_| REJECTED)?;
    let bytes = count.checked_mul(scale).filter(|bytes| range.contains(bytes)).ok_or(REJECTED)?;
    usize::try_from(bytes).map_err(|_| REJECTED)
}

/// `text` as a TOML string.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A duration as TOML: whole seconds as a number, everything else in milliseconds.
pub(super) fn seconds(duration: Duration) -> String {
    match duration.subsec_millis() {
        0 => duration.as_secs().to_string(),
        _ => format!("\"{}ms\"", duration.as_millis()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_plain_digits_within_bounds() {
        assert!(number("10", 1..=10).is_ok_and(|n| n == 10));
        for text in ["", "0", "11", "+1", "-1", "1.0", " 1", "1e1", "99999999999999999999"] {
            assert!(number(text, 1..=10).is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn durations_take_units_and_default_to_seconds() {
        let any = Duration::ZERO..=Duration::MAX;
        for (text, milliseconds) in
            [("5", 5_000), ("5s", 5_000), ("500ms", 500), ("2m", 120_000), ("1h", 3_600_000)]
        {
            let parsed = duration(text, any.clone()).ok();
            assert_eq!(parsed, Some(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "s", "5 s", "1.5", "-1", "5d", "18446744073709551615h", "ſ"] {
            assert!(duration(text, any.clone()).is_err(), "{text} was accepted");
        }
        assert_eq!(seconds(Duration::from_millis(1500)), "\"1500ms\"");
        assert_eq!(seconds(Duration::from_secs(90)), "90");
    }

    #[test]
    fn sizes_follow_redis_conf() {
        for (text, bytes) in
            [("7", 7), ("1k", 1000), ("1KB", 1024), ("2Mb", 2 << 20), ("1gb", 1 << 30)]
        {
            assert_eq!(size(text, 0..=u64::MAX).ok(), Some(bytes), "{text}");
        }
        for text in ["", "kb", "1tb", "1.5mb", "-1", "18446744073709551615gb"] {
            assert!(size(text, 0..=u64::MAX).is_err(), "{text} was accepted");
        }
    }
}
