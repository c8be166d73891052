//! One good call (or more) of every command and subcommand, from `calls.txt`.
//!
//! A line is a command as [`crate::common::words`] reads it. Words that begin with `@` are keys. A mark before the
//! command says how its reply is compared: `~` unordered, `&` unordered pairs, `#` without numbers, `?` only its
//! shape, `!` only its kind, `%` lines of clients, `+` without the session commands. Further marks: `^` it changes the
//! connection, so it gets one of its own; `-` it acts on the whole server, so it runs once and not at random;
//! `/` it is not allowed in `MULTI` or its reply would hold up a transaction. Lines beginning with `//` are comments.

use crate::common::words;
use crate::normal::Normal;

/// A line of the table.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) args: Vec<Vec<u8>>,
    /// Which arguments are keys.
    pub(crate) keys: Vec<usize>,
    pub(crate) normal: Normal,
    /// It changes the connection.
    pub(crate) own: bool,
    /// It acts on the whole server.
    pub(crate) once: bool,
    /// It does not belong in a transaction.
    pub(crate) outside: bool,
}

impl Call {
    /// The command's name, in lower case.
    pub(crate) fn name(&self) -> String {
        String::from_utf8_lossy(&self.args[0]).to_ascii_lowercase()
    }

    /// The name with the first argument, as `COMMAND LIST` writes subcommands.
    pub(crate) fn with_subcommand(&self) -> String {
        let sub = self
            .args
            .get(1)
            .map_or(String::new(), |sub| String::from_utf8_lossy(sub).to_ascii_lowercase());
        format!("{}|{sub}", self.name())
    }
}

/// The whole table.
pub(crate) fn calls() -> Vec<Call> {
    let lines = TABLE.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.filter(|line| !line.starts_with("//")).map(call).collect()
}

fn call(line: &str) -> Call {
    let marks = line.find(|mark| !"~&#?!%+^-/".contains(mark)).unwrap();
    let (marks, command) = line.split_at(marks);
    let mut call = Call {
        args: words(command),
        keys: Vec::new(),
        normal: Normal::Exact,
        own: marks.contains('^'),
        once: marks.contains('-'),
        outside: marks.contains('/'),
    };
    for (mark, normal) in [
        ('~', Normal::Unordered),
        ('&', Normal::UnorderedPairs),
        ('#', Normal::Numbers),
        ('?', Normal::Shape),
        ('!', Normal::Kind),
        ('%', Normal::Clients),
        ('+', Normal::Commands),
    ] {
        if marks.contains(mark) {
            call.normal = normal;
        }
    }
    for (index, arg) in call.args.iter_mut().enumerate() {
        if arg.len() > 1 && arg[0] == b'@' {
            arg.remove(0);
            call.keys.push(index);
        }
    }
    call
}

const TABLE: &str = include_str!("calls.txt");

#[test]
fn words_are_split_and_unescaped() {
    let text = r#"SET  k "a \"b\"\r\n\0\xff" "" end"#;
    let want: [&[u8]; 5] = [b"SET", b"k", b"a \"b\"\r\n\0\xff", b"", b"end"];
    assert_eq!(words(text), want);
    assert_eq!(
        crate::common::wire("PING\n\n GET k\n"),
        b"*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"
    );
}
