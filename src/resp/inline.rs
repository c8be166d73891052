//! Inline requests: splitting a line into words by Redis' rules of quoting.

/// Splits a line, given without its end, into words as Redis' `sdssplitargs` does.
///
/// Double quotes take `\xHH`, `\n \r \t \b \a` and a backslash ahead of any other byte, single
/// quotes take `\'` only. A closing quote ends the word and must be followed by white space or
/// the line's end; `None` otherwise, and when a quote is not closed. The line holds no NUL.
pub(super) fn split(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = line;
    loop {
        while let [byte, tail @ ..] = rest
            && is_space(*byte)
        {
            rest = tail;
        }
        if rest.is_empty() {
            return Some(words);
        }
        let mut word = Vec::new();
        rest = take_word(rest, &mut word)?;
        words.push(word);
    }
}

/// Takes one word off the front and gives what follows it; a quote may begin within the word.
fn take_word<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            // Fewer bytes than separate words: a vertical tab does not end one.
            [] | [b' ' | b'\n' | b'\r' | b'\t', ..] => return Some(rest),
            [b'"', tail @ ..] => return take_double_quoted(tail, word),
            [b'\'', tail @ ..] => return take_single_quoted(tail, word),
            [byte, tail @ ..] => {
                word.push(*byte);
                rest = tail;
            }
        }
    }
}

fn take_double_quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        let (byte, tail) = match rest {
            [b'"', tail @ ..] => return ended(tail),
            [b'\\', b'x', high, low, tail @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                (hex_digit(*high) * 16 + hex_digit(*low), tail)
            }
            [b'\\', escaped, tail @ ..] => (unescape(*escaped), tail),
            [byte, tail @ ..] => (*byte, tail),
            [] => return None,
        };
        word.push(byte);
        rest = tail;
    }
}

fn take_single_quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        let (byte, tail) = match rest {
            [b'\'', tail @ ..] => return ended(tail),
            [b'\\', b'\'', tail @ ..] => (b'\'', tail),
            [byte, tail @ ..] => (*byte, tail),
            [] => return None,
        };
        word.push(byte);
        rest = tail;
    }
}

/// What follows a closing quote, if that may follow one.
fn ended(rest: &[u8]) -> Option<&[u8]> {
    rest.first().is_none_or(|byte| is_space(*byte)).then_some(rest)
}

/// C's `isspace` in the C locale.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

fn unescape(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    }
}

/// The value of a byte that is known to be a hexadecimal digit.
fn hex_digit(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'f' => byte - b'a' + 10,
        _ => byte - b'A' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Option<Vec<String>> {
        let words = split(line.as_bytes())?;
        Some(words.iter().map(|word| word.escape_ascii().to_string()).collect())
    }

    #[test]
    fn words_are_split_and_unquoted_as_redis_does() {
        let cases: [(&str, &[&str]); 14] = [
            ("", &[]),
            (" \t\x0b\x0c\r ", &[]),
            ("PING", &["PING"]),
            ("  SET  k\tv ", &["SET", "k", "v"]),
            (r#"SET k "a b""#, &["SET", "k", "a b"]),
            (r#"SET k "\x00\xfF\n\r\t\b\a\q\"""#, &["SET", "k", r#"\x00\xff\n\r\t\x08\x07q\""#]),
            (r#""\x4""#, &["x4"]),
            (r#""\xg1""#, &["xg1"]),
            (r"SET k 'a\'b\n'", &["SET", "k", r"a\'b\\n"]),
            (r#"SET k """#, &["SET", "k", ""]),
            (r#"pre"fix ed" x"#, &["prefix ed", "x"]),
            ("\"a\"\x0bb", &["a", "b"]),
            ("a\x0bb", &["a\\x0bb"]),
            (r#"a\"b c""#, &["a\\\\b c"]),
        ];
        for (line, expected) in cases {
            let expected = expected.iter().map(ToString::to_string).collect();
            assert_eq!(words(line), Some(expected), "{line}");
        }
    }

    #[test]
    fn unbalanced_quotes_are_refused() {
        for line in
            [r#"SET k "a"#, "SET k 'a", r#""a"b"#, "'a'b", r#""a\"#, r#""a\""#, r"'a\'", "\""]
        {
            assert_eq!(words(line), None, "{line}");
        }
    }
}
