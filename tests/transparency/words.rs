//! Commands of scenarios, written as text: words with spaces between, quotes where bytes cannot be typed.

use crate::common::encode;

/// Splits `SET key "a\r\n\xff"` into arguments. `\r`, `\n`, `\\`, `\"` and `\xHH` stand for bytes inside double quotes.
pub(crate) fn words(line: &str) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut rest = line.bytes().peekable();
    loop {
        while rest.next_if_eq(&b' ').is_some() {}
        let Some(first) = rest.next() else { return words };
        let mut word = Vec::new();
        if first == b'"' {
            loop {
                match rest.next().unwrap_or_else(|| panic!("no closing quote in {line}")) {
                    b'"' => break,
                    b'\\' => word.push(escaped(&mut rest)),
                    byte => word.push(byte),
                }
            }
        } else {
            word.push(first);
            while let Some(byte) = rest.next_if(|byte| *byte != b' ') {
                word.push(byte);
            }
        }
        words.push(word);
    }
}

fn escaped(rest: &mut impl Iterator<Item = u8>) -> u8 {
    match rest.next().unwrap() {
        b'r' => b'\r',
        b'n' => b'\n',
        b'x' => {
            let digits = [rest.next().unwrap(), rest.next().unwrap()];
            u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
        }
        other => other,
    }
}

/// The commands of several lines, as they go over the wire in one piece. Empty lines are left out.
pub(crate) fn wire(lines: &str) -> Vec<u8> {
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.flat_map(|line| encode(&words(line))).collect()
}

#[test]
fn words_are_split_and_unescaped() {
    let text = r#"SET  k "a \"b\"\r\n\xff" "" end"#;
    let want: [&[u8]; 5] = [b"SET", b"k", b"a \"b\"\r\n\xff", b"", b"end"];
    assert_eq!(words(text), want);
    assert_eq!(wire("PING\n\n GET k\n"), b"*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
}
