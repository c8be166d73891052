//! Patterns of channels and keys, with `*`, `?`, `[...]` and `\`.

/// Whether the whole text matches the pattern.
pub(super) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'*', rest @ ..] => (0..=text.len()).any(|skipped| matches(rest, &text[skipped..])),
        [b'?', rest @ ..] => !text.is_empty() && matches(rest, &text[1..]),
        [b'[', rest @ ..] => {
            let Some((first, tail)) = text.split_first() else { return false };
            let (inside, rest) = class(rest, *first);
            inside && matches(rest, tail)
        }
        [b'\\', literal, rest @ ..] | [literal, rest @ ..] => {
            text.first() == Some(literal) && matches(rest, &text[1..])
        }
    }
}

/// Whether a byte is in the class that begins behind `[`, and what follows the class.
fn class(pattern: &[u8], byte: u8) -> (bool, &[u8]) {
    let (negated, mut rest) = match pattern {
        [b'^', rest @ ..] => (true, rest),
        _ => (false, pattern),
    };
    let mut inside = false;
    loop {
        rest = match rest {
            [] => return (inside != negated, rest),
            [b']', tail @ ..] => return (inside != negated, tail),
            [b'\\', literal, tail @ ..] => {
                inside |= *literal == byte;
                tail
            }
            [start, b'-', end, tail @ ..] => {
                inside |= (*start.min(end)..=*start.max(end)).contains(&byte);
                tail
            }
            [literal, tail @ ..] => {
                inside |= *literal == byte;
                tail
            }
        };
    }
}

#[test]
fn patterns_match_as_in_redis() {
    for (pattern, text, expected) in [
        ("*", "", true),
        ("a*c", "abbc", true),
        ("a*c", "abbd", false),
        ("a?c", "abc", true),
        ("a?", "a", false),
        ("h[ae]llo", "hello", true),
        ("h[^e]llo", "hello", false),
        ("h[a-c]llo", "hbllo", true),
        ("\\*", "*", true),
        ("\\*", "x", false),
        ("ab**", "ab", true),
    ] {
        assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
    }
}
