//! Commands written as text: words with spaces between, quotes where bytes cannot be typed.

use super::arg::encode;

/// Splits `SET key "a\r\n\xff"` into arguments. `\r`, `\n`, `\0`, `\\`, `\"` and
/// `\xHH` stand for bytes inside double quotes.
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
        b'0' => 0,
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
