//! Decimal integers as RESP writes them.

/// Longest text of a 64-bit integer: `-9223372036854775808`.
const LONGEST: usize = 20;

/// Most digits that [`short_length`] reads: fewer than could overflow, enough for any length
/// below a gigabyte.
const SHORT: usize = 9;

/// Reads a whole text as an integer as strictly as Redis' `string2ll`: digits with an optional
/// `-` ahead, and nothing else; no `+`, no blanks, no leading zeros, no `-0`.
#[must_use]
pub fn parse_integer(text: &[u8]) -> Option<i64> {
    if text.len() > LONGEST {
        return None;
    }
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] => {}
        _ => return None,
    }
    // Counted downwards, because the least integer has no positive counterpart.
    let value = digits.iter().try_fold(0_i64, |value, digit| match digit {
        b'0'..=b'9' => value.checked_mul(10)?.checked_sub(i64::from(digit - b'0')),
        _ => None,
    })?;
    if negative { Some(value) } else { value.checked_neg() }
}

/// Reads the length at the start of `line` when it is short, well-formed, followed by a carriage
/// return, and that by one more byte. Gives the length and the place of the carriage return.
///
/// `None` says nothing about the line: this is the quick way for nearly every line on the wire,
/// and the careful way decides about all others.
#[inline]
pub(super) fn short_length(line: &[u8]) -> Option<(u32, usize)> {
    let mut value = 0;
    for (place, &byte) in line.iter().take(SHORT + 1).enumerate() {
        match byte {
            b'0'..=b'9' if place < SHORT => value = value * 10 + u32::from(byte - b'0'),
            b'\r' if place > 0 && line.len() > place + 1 && (place == 1 || line[0] != b'0') => {
                return Some((value, place));
            }
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_as_strictly_as_redis_does() {
        for text in ["0", "7", "-7", "10", "9223372036854775807", "-9223372036854775808"] {
            assert_eq!(parse_integer(text.as_bytes()), Some(text.parse().unwrap()), "{text}");
        }
        let refused = [
            "",
            "-",
            "+",
            "+1",
            "-0",
            "00",
            "01",
            "-01",
            " 1",
            "1 ",
            "1a",
            "a",
            "0x1",
            "--1",
            "1.0",
            "9223372036854775808",
            "-9223372036854775809",
            "18446744073709551617",
            "100000000000000000000",
        ];
        for text in refused {
            assert_eq!(parse_integer(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn short_lengths_agree_with_the_strict_reading() {
        let lines = ["0", "1", "12", "999999999", "01", "00", "", "-1", "1x", "x", "1234567890"];
        for line in lines {
            let ended = format!("{line}\r\n");
            let strict = parse_integer(line.as_bytes()).filter(|n| (0..1_000_000_000).contains(n));
            let short = short_length(ended.as_bytes());
            assert_eq!(short.map(|(n, _)| i64::from(n)), strict, "{line}");
            assert!(short.is_none_or(|(_, end)| end == line.len()));
            assert_eq!(short_length(format!("{line}\r").as_bytes()), None, "{line}");
        }
    }
}
