//! `INFO`: whether a request wants the section `# Sessiond`, and how it is added to the server's answer.

use bytes::BytesMut;

use super::route::is;
use crate::resp::Request;

/// Whether the section belongs into the answer: when it is asked for by name, or with everything that is usual.
pub(super) fn concerns(request: &Request<'_>) -> bool {
    let wanted = [&b"SESSIOND"[..], b"DEFAULT", b"ALL", b"EVERYTHING"];
    request.len() == 1 || request.args().skip(1).any(|arg| wanted.iter().any(|word| is(arg, word)))
}

/// Appends the server's answer with `section` as its last one. An error stays as it is.
pub fn append(frame: &[u8], section: &str, out: &mut BytesMut) {
    match with_section(frame, section) {
        Some(answer) => out.extend_from_slice(&answer),
        None => out.extend_from_slice(frame),
    }
}

/// The answer is a bulk string, in RESP3 a verbatim string: `=15\r\ntxt:` and the text.
fn with_section(frame: &[u8], section: &str) -> Option<Vec<u8>> {
    let (kind, prefix) = match frame.first()? {
        b'$' => ('$', ""),
        b'=' => ('=', "txt:"),
        _ => return None,
    };
    let start = frame.iter().position(|&byte| byte == b'\n')? + 1;
    let text = frame[start..].strip_suffix(b"\r\n")?.strip_prefix(prefix.as_bytes())?;
    // Sections are set apart by an empty line.
    let gap = if text.is_empty() { "" } else { "\r\n" };
    let len = prefix.len() + text.len() + gap.len() + section.len();
    let head = format!("{kind}{len}\r\n{prefix}");
    Some([head.as_bytes(), text, gap.as_bytes(), section.as_bytes(), b"\r\n"].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::sample::with_request;

    #[test]
    fn the_section_is_added_where_it_is_asked_for() {
        for (words, wanted) in [
            ("INFO", true),
            ("info sessiond", true),
            ("INFO server Default", true),
            ("INFO ALL", true),
            ("INFO clients everything", true),
            ("INFO clients", false),
            ("INFO server info", false),
        ] {
            assert_eq!(with_request(words, concerns), wanted, "{words}");
        }
    }

    fn appended(frame: &str) -> String {
        let mut out = BytesMut::from("+before\r\n");
        append(frame.as_bytes(), "# S\r\na:1\r\n", &mut out);
        String::from_utf8(out.to_vec()).unwrap().strip_prefix("+before\r\n").unwrap().to_owned()
    }

    #[test]
    fn the_section_is_the_last_one() {
        assert_eq!(
            appended("$10\r\n# X\r\nb:2\r\n\r\n"),
            "$22\r\n# X\r\nb:2\r\n\r\n# S\r\na:1\r\n\r\n"
        );
        assert_eq!(appended("$0\r\n\r\n"), "$10\r\n# S\r\na:1\r\n\r\n");
        assert_eq!(
            appended("=14\r\ntxt:# X\r\nb:2\r\n\r\n"),
            "=26\r\ntxt:# X\r\nb:2\r\n\r\n# S\r\na:1\r\n\r\n"
        );
        assert_eq!(appended("=4\r\ntxt:\r\n"), "=14\r\ntxt:# S\r\na:1\r\n\r\n");
        for other in ["-NOPERM no\r\n", "+QUEUED\r\n", "_\r\n", "$-1\r\n"] {
            assert_eq!(appended(other), other);
        }
    }
}
