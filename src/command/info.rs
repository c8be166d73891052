//! `INFO`: what of the server's answer is ours to say, and how it gets there.
//!
//! The server counts its connections, not our clients: in its section `# Clients` the counts of clients are replaced,
//! so that they agree with `CLIENT LIST`. Its own values go into our section `# Sessiond`.

use std::fmt::Write;

use bytes::BytesMut;

use super::route::is;
use crate::resp::{Request, parse_integer};

/// What there is for us to say in the answer to an `INFO` request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The section `# Clients` will be in it.
    pub clients: bool,
    /// The section `# Sessiond` belongs into it.
    pub section: bool,
}

impl Wanted {
    /// What `request` asks for: sections by name, or with everything that is usual.
    #[must_use]
    pub fn of(request: &Request<'_>) -> Self {
        let usual = [&b"DEFAULT"[..], b"ALL", b"EVERYTHING"];
        let has = |word: &[u8]| request.args().skip(1).any(|arg| is(arg, word));
        let usual = request.len() == 1 || usual.into_iter().any(has);
        Self { clients: usual || has(b"CLIENTS"), section: usual || has(b"SESSIOND") }
    }
}

/// Numbers of our clients, by the names of `INFO clients` (`genRedisInfoString` in server.c).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// `connected_clients`: all but those who receive the stream of a replica.
    pub connected: usize,
    /// `maxclients`: as many may be served at a time.
    pub max: usize,
    /// `blocked_clients`: those who wait in a blocking command.
    pub blocked: usize,
    /// Those whose requests a pause may hold up. The server knows how many it holds up: these are blocked as well.
    pub held_up: usize,
    /// `tracking_clients`: those with `CLIENT TRACKING`.
    pub tracking: usize,
    /// `pubsub_clients`: those who are subscribed to something.
    pub pubsub: usize,
    /// `watching_clients`: those who watch keys.
    pub watching: usize,
}

/// What the server has said of its own connections where the client was told of ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upstream(Vec<(String, String)>);

impl Upstream {
    /// The lines that tell it, as `upstream_connected_clients:5` with its line end; empty when nothing was replaced.
    #[must_use]
    pub fn lines(&self) -> String {
        self.0.iter().fold(String::new(), |mut lines, (name, value)| {
            // Writing to a string does not fail.
            let _ = write!(lines, "upstream_{name}:{value}\r\n");
            lines
        })
    }
}

impl Counts {
    /// What is told in place of `theirs` in the server's field `name`, if it is one that counts clients.
    fn value(&self, name: &[u8], theirs: &[u8]) -> Option<usize> {
        Some(match name {
            b"connected_clients" => self.connected,
            b"maxclients" => self.max,
            b"blocked_clients" => self.blocked_of(theirs),
            b"tracking_clients" => self.tracking,
            b"pubsub_clients" => self.pubsub,
            b"watching_clients" => self.watching,
            _ => return None,
        })
    }

    /// How many of our clients are blocked while so many connections of the server are.
    fn blocked_of(&self, theirs: &[u8]) -> usize {
        let theirs = parse_integer(theirs).and_then(|count| usize::try_from(count).ok());
        self.blocked + theirs.unwrap_or_default().saturating_sub(self.blocked).min(self.held_up)
    }
}

/// Whether there is anything for us to say in the answer.
pub(super) fn concerns(request: &Request<'_>) -> bool {
    let Wanted { clients, section } = Wanted::of(request);
    clients || section
}

/// Appends the client's answer. `frame` is the server's, complete; those of its fields that count clients get the
/// values of `counts`, and what `section` makes of the server's own comes last, unless it is empty. An error stays as
/// it is.
pub fn merge(
    frame: &[u8],
    counts: &Counts,
    section: impl FnOnce(&Upstream) -> String,
    out: &mut BytesMut,
) {
    let Some(answer) = Answer::of(frame) else { return out.extend_from_slice(frame) };
    let (text, upstream) = with_counts(answer.text, counts);
    answer.write(&text, &section(&upstream), out);
}

/// Appends the server's answer with `section` as its last one, unless that is empty. An error stays as it is.
pub fn append(frame: &[u8], section: &str, out: &mut BytesMut) {
    match Answer::of(frame) {
        Some(answer) => answer.write(answer.text, section, out),
        None => out.extend_from_slice(frame),
    }
}

/// The text with our counts, and what they replaced.
fn with_counts(text: &[u8], counts: &Counts) -> (Vec<u8>, Upstream) {
    let (mut ours, mut upstream) = (Vec::with_capacity(text.len()), Upstream::default());
    let mut of_clients = false;
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        let content = line.trim_ascii_end();
        if content.starts_with(b"#") {
            of_clients = content.eq_ignore_ascii_case(b"# Clients");
        }
        let colon = content.iter().position(|&byte| byte == b':').filter(|_| of_clients);
        let field = colon.map(|colon| (&content[..colon], &content[colon + 1..]));
        match field.and_then(|(name, value)| Some((name, value, counts.value(name, value)?))) {
            Some((name, value, count)) => {
                let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
                upstream.0.push((text(name), text(value)));
                ours.extend_from_slice(name);
                ours.extend_from_slice(format!(":{count}").as_bytes());
                ours.extend_from_slice(&line[content.len()..]);
            }
            None => ours.extend_from_slice(line),
        }
    }
    (ours, upstream)
}

/// An answer with text: a bulk string, in RESP3 a verbatim string, `=15\r\ntxt:` and the text.
pub(super) struct Answer<'a> {
    kind: char,
    prefix: &'static str,
    pub(super) text: &'a [u8],
}

impl<'a> Answer<'a> {
    pub(super) fn of(frame: &'a [u8]) -> Option<Self> {
        let (kind, prefix) = match frame.first()? {
            b'$' => ('$', ""),
            b'=' => ('=', "txt:"),
            _ => return None,
        };
        let start = frame.iter().position(|&byte| byte == b'\n')? + 1;
        let text = frame[start..].strip_suffix(b"\r\n")?.strip_prefix(prefix.as_bytes())?;
        Some(Self { kind, prefix, text })
    }

    /// Appends an answer of the same kind with `text` and, set apart by an empty line, `section`.
    pub(super) fn write(&self, text: &[u8], section: &str, out: &mut BytesMut) {
        let Self { kind, prefix, .. } = self;
        let gap = if text.is_empty() || section.is_empty() { "" } else { "\r\n" };
        let len = prefix.len() + text.len() + gap.len() + section.len();
        out.extend_from_slice(format!("{kind}{len}\r\n{prefix}").as_bytes());
        for part in [text, gap.as_bytes(), section.as_bytes(), b"\r\n"] {
            out.extend_from_slice(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::sample::with_request;

    const COUNTS: Counts = Counts {
        connected: 11,
        max: 12,
        blocked: 13,
        held_up: 2,
        tracking: 14,
        pubsub: 15,
        watching: 16,
    };

    #[test]
    fn what_is_ours_to_say_depends_on_what_is_asked_for() {
        for (words, clients, section) in [
            ("INFO", true, true),
            ("INFO server Default", true, true),
            ("INFO ALL", true, true),
            ("INFO stats everything", true, true),
            ("info Clients", true, false),
            ("INFO server clients cpu", true, false),
            ("info sessiond", false, true),
            ("INFO sessiond clients", true, true),
            ("INFO server", false, false),
            ("INFO server info", false, false),
        ] {
            let wanted = with_request(words, Wanted::of);
            assert_eq!(wanted, Wanted { clients, section }, "{words}");
            assert_eq!(with_request(words, concerns), clients || section, "{words}");
        }
    }

    fn written(write: impl FnOnce(&mut BytesMut)) -> String {
        let mut out = BytesMut::from("+before\r\n");
        write(&mut out);
        String::from_utf8(out.to_vec()).unwrap().strip_prefix("+before\r\n").unwrap().to_owned()
    }

    fn bulk(text: &str) -> String {
        format!("${}\r\n{text}\r\n", text.len())
    }

    fn verbatim(text: &str) -> String {
        format!("={}\r\ntxt:{text}\r\n", text.len() + 4)
    }

    fn merged(frame: &str, section: impl FnOnce(&Upstream) -> String) -> String {
        written(|out| merge(frame.as_bytes(), &COUNTS, section, out))
    }

    #[test]
    fn counts_of_clients_are_ours() {
        // Redis 8.
        let theirs = "# Server\r\nredis_version:8.0.0\r\n\r\n# Clients\r\nconnected_clients:1\r\n\
            cluster_connections:2\r\nmaxclients:10000\r\nclient_recent_max_input_buffer:3\r\n\
            blocked_clients:4\r\ntracking_clients:5\r\npubsub_clients:6\r\nwatching_clients:7\r\n\
            clients_in_timeout_table:8\r\ntotal_watched_keys:9\r\ntotal_blocking_keys:10\r\n\r\n\
            # Stats\r\npubsub_clients:20\r\n";
        let ours = "# Server\r\nredis_version:8.0.0\r\n\r\n# Clients\r\nconnected_clients:11\r\n\
            cluster_connections:2\r\nmaxclients:12\r\nclient_recent_max_input_buffer:3\r\n\
            blocked_clients:13\r\ntracking_clients:14\r\npubsub_clients:15\r\nwatching_clients:16\r\n\
            clients_in_timeout_table:8\r\ntotal_watched_keys:9\r\ntotal_blocking_keys:10\r\n\r\n\
            # Stats\r\npubsub_clients:20\r\n";
        let none = |_: &Upstream| String::new();
        assert_eq!(merged(&bulk(theirs), none), bulk(ours));
        assert_eq!(merged(&verbatim(theirs), none), verbatim(ours));
        let section = |upstream: &Upstream| format!("# S\r\n{}", upstream.lines());
        let with_section = format!(
            "{ours}\r\n# S\r\nupstream_connected_clients:1\r\nupstream_maxclients:10000\r\n\
             upstream_blocked_clients:4\r\nupstream_tracking_clients:5\r\n\
             upstream_pubsub_clients:6\r\nupstream_watching_clients:7\r\n"
        );
        assert_eq!(merged(&bulk(theirs), section), bulk(&with_section));
        assert_eq!(merged(&verbatim(theirs), section), verbatim(&with_section));
    }

    #[test]
    fn those_whom_a_pause_holds_up_are_as_many_as_the_server_says() {
        let blocked = |theirs: &str| COUNTS.value(b"blocked_clients", theirs.as_bytes());
        for (theirs, ours) in
            [("0", 13), ("13", 13), ("14", 14), ("15", 15), ("90", 15), ("", 13), ("-1", 13)]
        {
            assert_eq!(blocked(theirs), Some(ours), "{theirs}");
        }
    }

    #[test]
    fn no_field_is_invented() {
        let section = |upstream: &Upstream| format!("# S\r\n{}", upstream.lines());
        // Redis 6.2 counts fewer.
        assert_eq!(
            merged(&bulk("# Clients\r\nconnected_clients:1\r\nmaxclients:9\r\n"), section),
            bulk(
                "# Clients\r\nconnected_clients:11\r\nmaxclients:12\r\n\r\n\
                 # S\r\nupstream_connected_clients:1\r\nupstream_maxclients:9\r\n"
            )
        );
        let server = "# Server\r\nmaxclients:9\r\nx:1\r\n";
        assert_eq!(merged(&bulk(server), section), bulk(&format!("{server}\r\n# S\r\n")));
        assert_eq!(merged(&bulk(""), section), bulk("# S\r\n"));
        assert_eq!(merged(&verbatim(""), section), verbatim("# S\r\n"));
        // Lines that are no fields, and one that is cut short.
        let odd = "# Clients\r\n\r\nconnected_clients\r\nxconnected_clients:1\r\nmaxclients:";
        assert_eq!(merged(&bulk(odd), |_| String::new()), bulk(&format!("{odd}12")));
    }

    #[test]
    fn other_answers_stay_as_they_are() {
        for other in ["-NOPERM no\r\n", "+QUEUED\r\n", "_\r\n", "$-1\r\n", "=5\r\nmkd:x\r\n", ""] {
            assert_eq!(merged(other, |_| "# S\r\n".to_owned()), other);
        }
    }

    #[test]
    fn the_section_is_the_last_one() {
        let appended = |frame: &str, section| written(|out| append(frame.as_bytes(), section, out));
        let section = "# S\r\na:1\r\n";
        assert_eq!(
            appended("$10\r\n# X\r\nb:2\r\n\r\n", section),
            "$22\r\n# X\r\nb:2\r\n\r\n# S\r\na:1\r\n\r\n"
        );
        assert_eq!(appended("$0\r\n\r\n", section), "$10\r\n# S\r\na:1\r\n\r\n");
        assert_eq!(
            appended("=14\r\ntxt:# X\r\nb:2\r\n\r\n", section),
            "=26\r\ntxt:# X\r\nb:2\r\n\r\n# S\r\na:1\r\n\r\n"
        );
        assert_eq!(appended("=4\r\ntxt:\r\n", section), "=14\r\ntxt:# S\r\na:1\r\n\r\n");
        for other in ["-NOPERM no\r\n", "+QUEUED\r\n", "_\r\n", "$-1\r\n"] {
            assert_eq!(appended(other, section), other);
        }
        for frame in ["$10\r\n# X\r\nb:2\r\n\r\n", "$0\r\n\r\n", "=4\r\ntxt:\r\n"] {
            assert_eq!(appended(frame, ""), frame);
        }
    }
}
