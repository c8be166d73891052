//! What the server's `COMMAND INFO` says of a command that is not in our table: whether it may share a connection.

use std::collections::BTreeMap;

use bytes::BytesMut;

use crate::resp::{
    encode,
    reply::{self, Kind},
};

/// Flags of commands that depend on, change or hold up the connection they run on. Those that change its state have
/// `noscript`: a script has no connection of its own.
const EXCLUSIVE: [&[u8]; 3] = [b"noscript", b"blocking", b"pubsub"];

/// The places of an entry's name, flags and subcommands (since Redis 7).
const NAME: usize = 0;
const FLAGS: usize = 2;
const SUBCOMMANDS: usize = 9;

/// Most names that are remembered.
const MOST_NAMES: usize = 1024;
/// The longest name that is remembered, in bytes.
const LONGEST_NAME: usize = 64;

/// Appends the question about the command called `name`, to whose answer [`may_share`] gives the sense.
pub fn encode_question(name: &[u8], out: &mut BytesMut) {
    encode::command(out, [&b"COMMAND"[..], b"INFO", name]);
}

/// Whether the command may share a connection, by the complete reply to `COMMAND INFO name`: it may unless a flag of it
/// or of one of its subcommands says otherwise. `None` when the server does not know it or has not answered the
/// question.
#[must_use]
pub fn may_share(frame: &[u8]) -> Option<bool> {
    let [entry] = &list(frame)?[..] else { return None };
    let entry = list(entry)?;
    let mut shares = has_no_exclusive_flag(&entry)?;
    if let Some(subcommands) = entry.get(SUBCOMMANDS) {
        for subcommand in list(subcommands)? {
            shares &= has_no_exclusive_flag(&list(subcommand)?)?;
        }
    }
    Some(shares)
}

/// Whether none of an entry's own flags keeps it from sharing; `None` for what is no entry.
fn has_no_exclusive_flag(entry: &[&[u8]]) -> Option<bool> {
    reply::as_bulk(entry.get(NAME)?)?;
    let flags = list(entry.get(FLAGS)?)?;
    let flags = flags.into_iter().map(reply::as_simple).collect::<Option<Vec<_>>>()?;
    Some(!flags.iter().any(|flag| EXCLUSIVE.iter().any(|word| flag.eq_ignore_ascii_case(word))))
}

/// The elements of an array or a set; `None` for anything else, a null among them, and where an element is missing.
fn list(frame: &[u8]) -> Option<Vec<&[u8]>> {
    let elements = reply::elements(frame)
        .filter(|_| matches!(reply::kind(frame), Some(Kind::Array | Kind::Set)))?;
    elements.collect::<Result<_, _>>().ok()
}

/// What is known of commands that are not in our table, by their names in any case.
///
/// Only what a server has said belongs in here, so that names made up by clients do not fill it. When it is full it
/// begins anew: what is still needed is asked again.
#[derive(Clone, Debug, Default)]
pub struct Known(BTreeMap<Box<[u8]>, bool>);

impl Known {
    /// Whether the command may share a connection, if that is known.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<bool> {
        let mut lower = [0; LONGEST_NAME];
        let lower = lower.get_mut(..name.len())?;
        lower.copy_from_slice(name);
        lower.make_ascii_lowercase();
        self.0.get(&*lower).copied()
    }

    /// Remembers whether the command may share a connection. A name over 64 bytes is not remembered.
    pub fn insert(&mut self, name: &[u8], may_share: bool) {
        if name.len() > LONGEST_NAME {
            return;
        }
        let name = name.to_ascii_lowercase().into_boxed_slice();
        if self.0.len() >= MOST_NAMES && !self.0.contains_key(&name) {
            self.clear();
        }
        self.0.insert(name, may_share);
    }

    /// Forgets everything: the server's commands may have changed.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    /// An entry with these flags and subcommands.
    fn entry(flags: &[&str], subcommands: &str) -> String {
        let flags: String = flags.iter().map(|flag| format!("+{flag}\r\n")).collect();
        let count = flags.lines().count();
        format!(
            "*10\r\n$3\r\nx.y\r\n:2\r\n*{count}\r\n{flags}:1\r\n:1\r\n:1\r\n*0\r\n*0\r\n*0\r\n{subcommands}"
        )
    }

    fn of(entry: &str) -> Option<bool> {
        may_share(format!("*1\r\n{entry}").as_bytes())
    }

    #[test]
    fn the_question_names_the_command() {
        let mut out = BytesMut::from("before ");
        encode_question(b"x.\r\n", &mut out);
        assert_eq!(out, "before *3\r\n$7\r\nCOMMAND\r\n$4\r\nINFO\r\n$4\r\nx.\r\n\r\n");
    }

    #[test]
    fn flags_decide() {
        assert_eq!(of(&entry(&[], "*0\r\n")), Some(true));
        assert_eq!(
            of(&entry(&["write", "denyoom", "module", "movablekeys"], "*0\r\n")),
            Some(true)
        );
        for flag in ["noscript", "blocking", "pubsub", "NoScript"] {
            assert_eq!(of(&entry(&["readonly", flag], "*0\r\n")), Some(false), "{flag}");
        }
        // Redis 6.2 has no subcommands, RESP3 sets.
        assert_eq!(
            of("*7\r\n$1\r\nx\r\n:1\r\n*1\r\n+write\r\n:0\r\n:0\r\n:0\r\n*0\r\n"),
            Some(true)
        );
        assert_eq!(
            of("*7\r\n$1\r\nx\r\n:1\r\n~2\r\n+write\r\n+noscript\r\n:0\r\n:0\r\n:0\r\n~0\r\n"),
            Some(false)
        );
        assert_eq!(of(&entry(&["readonly"], "~0\r\n")), Some(true));
    }

    #[test]
    fn a_flag_of_one_subcommand_is_enough() {
        let plain = entry(&["readonly"], "*0\r\n");
        let blocking = entry(&["blocking"], "~0\r\n");
        assert_eq!(of(&entry(&[], &format!("*2\r\n{plain}{plain}"))), Some(true));
        assert_eq!(of(&entry(&[], &format!("*2\r\n{plain}{blocking}"))), Some(false));
        assert_eq!(of(&entry(&[], &format!("~2\r\n{blocking}{plain}"))), Some(false));
    }

    #[test]
    fn what_is_no_answer_decides_nothing() {
        let good = entry(&["readonly"], "*0\r\n");
        for frame in [
            "*1\r\n*-1\r\n",
            "*1\r\n$-1\r\n",
            "*1\r\n_\r\n",
            "*0\r\n",
            "*-1\r\n",
            "-ERR unknown command\r\n",
            "-NOPERM no\r\n",
            "+OK\r\n",
            "",
            "*1\r\n*2\r\n$1\r\nx\r\n:1\r\n",
            "*1\r\n*3\r\n:1\r\n:1\r\n*0\r\n",
            "*1\r\n*3\r\n$1\r\nx\r\n:1\r\n*1\r\n:1\r\n",
            "*1\r\n*3\r\n$1\r\nx\r\n:1\r\n%1\r\n+a\r\n+b\r\n",
            "*1\r\n*3\r\n$1\r\nx\r\n:1\r\n*2\r\n+readonly\r\n",
            "%1\r\n+a\r\n+b\r\n",
        ] {
            assert_eq!(may_share(frame.as_bytes()), None, "{frame}");
        }
        assert_eq!(may_share(format!("*2\r\n{good}{good}").as_bytes()), None);
        assert_eq!(of(&entry(&["readonly"], "*1\r\n$1\r\nx\r\n")), None);
        assert_eq!(of(&entry(&["readonly"], "_\r\n")), None);
        // The container shares, but who knows what the subcommand does.
        assert_eq!(of(&entry(&["readonly"], "*1\r\n*-1\r\n")), None);
    }

    #[test]
    fn recorded_servers_are_understood() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/resp/recorded");
        let mut read = 0;
        for server in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            for protocol in ["resp2", "resp3"] {
                let file = server.join(format!("command-info-get-client.{protocol}"));
                let Ok(frame) = fs::read(&file) else { continue };
                let [get, client] = &list(&frame).unwrap()[..] else { panic!("two entries") };
                let shares = |entry: &[u8]| may_share(&[b"*1\r\n", entry].concat());
                assert_eq!(shares(get), Some(true), "{}", file.display());
                // Since Redis 7 only its subcommands have the flag.
                assert_eq!(shares(client), Some(false), "{}", file.display());
                assert_eq!(may_share(&frame), None);
                for len in (0..frame.len()).step_by(101) {
                    assert_eq!(may_share(&frame[..len]), None);
                }
                read += 1;
            }
        }
        assert!(read >= 14, "recorded replies are missing");
    }

    #[test]
    fn names_are_known_in_any_case() {
        let mut known = Known::default();
        assert_eq!(known.get(b"x.get"), None);
        known.insert(b"X.Get", true);
        known.insert(b"x.wait", false);
        assert_eq!((known.get(b"x.GET"), known.get(b"X.WAIT")), (Some(true), Some(false)));
        known.insert(b"x.get", false);
        assert_eq!(known.get(b"X.GET"), Some(false));
        known.clear();
        assert_eq!((known.get(b"x.get"), known.get(b"x.wait")), (None, None));
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut known = Known::default();
        let (fits, long) = ([b'a'; LONGEST_NAME], [b'a'; LONGEST_NAME + 1]);
        known.insert(&fits, true);
        known.insert(&long, true);
        assert_eq!((known.get(&fits), known.get(&long)), (Some(true), None));
        for number in 1..MOST_NAMES {
            known.insert(number.to_string().as_bytes(), true);
        }
        // Full: a name that is in it needs no more room.
        known.insert(b"1", false);
        assert_eq!((known.get(&fits), known.get(b"1")), (Some(true), Some(false)));
        known.insert(b"new", true);
        assert_eq!((known.get(&fits), known.get(b"new")), (None, Some(true)));
        assert_eq!(known.0.len(), 1);
    }
}
