//! The session commands in the server's answers to `COMMAND`: what is added, and where.
//!
//! Nothing here sends or receives. A [`Merge`] is made of the request, kept until the reply has
//! arrived, and then makes the client's reply of it. Entries look like the server's own: versions
//! differ in what they tell of a command.

mod docs;
mod filter;
mod info;
mod keys;

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};

use self::{filter::Filter, info::Shape, keys::Keys};
use super::route::is;
use crate::{
    resp::{
        Protocol, Request, encode,
        reply::{self, Kind},
    },
    session::{self, Settings},
};

/// What is to be added to the server's answer to a `COMMAND` request.
pub struct Merge(Answer);

enum Answer {
    /// An integer.
    Count,
    /// An array of names.
    List(Filter),
    /// An array of entries, one for each name; of all commands when there are no names.
    Info(Vec<Bytes>),
    /// A map of names to their documentation; of all commands when there are no names.
    Docs(Vec<Bytes>),
    /// An array of keys.
    Keys(Keys),
}

impl Merge {
    /// What `request`, a `COMMAND` of any kind, asks of session commands; `None` when that is
    /// nothing, or when it is for the server to refuse.
    #[must_use]
    pub fn of(request: &Request<'_>, settings: &Settings) -> Option<Self> {
        let Some(sub) = request.arg(1) else { return Some(Self(Answer::Info(Vec::new()))) };
        Some(Self(match sub.to_ascii_uppercase().as_slice() {
            b"COUNT" if request.len() == 2 => Answer::Count,
            b"LIST" => Answer::List(Filter::of(request)?),
            b"INFO" => Answer::Info(names(request)?),
            b"DOCS" => Answer::Docs(names(request)?),
            b"GETKEYS" => Answer::Keys(Keys::of(request, settings, false)?),
            b"GETKEYSANDFLAGS" => Answer::Keys(Keys::of(request, settings, true)?),
            _ => return None,
        }))
    }

    /// The request that the server is to answer. Asked only about commands that it does not know,
    /// it would show no entry to go by: it is asked about `COMMAND` in their place, under the name
    /// that the client has for it. The number of arguments stays, of which a client that has not
    /// authenticated may send few.
    #[must_use]
    pub fn request<'a>(&self, request: &Request<'a>) -> Cow<'a, [u8]> {
        if !matches!(&self.0, Answer::Info(names) if !names.is_empty()) {
            return Cow::Borrowed(request.bytes());
        }
        let known = |arg| if session::lookup(arg).is_some() { request.name() } else { arg };
        let args: Vec<_> = request.args().map(known).collect();
        let mut bytes = BytesMut::new();
        encode::command(&mut bytes, args);
        Cow::Owned(bytes.to_vec())
    }

    /// Appends the client's reply. `frame` is the server's, complete; where it is not what is
    /// expected, in particular an error, the client gets it as it is.
    pub fn apply(&self, frame: &[u8], protocol: Protocol, out: &mut BytesMut) {
        let start = out.len();
        if self.merge(frame, protocol, out).is_none() {
            out.truncate(start);
            out.extend_from_slice(frame);
        }
    }

    fn merge(&self, frame: &[u8], protocol: Protocol, out: &mut BytesMut) -> Option<()> {
        match &self.0 {
            Answer::Count => {
                let ours = i64::try_from(session::commands().len()).ok()?;
                encode::integer(out, reply::as_integer(frame)?.checked_add(ours)?);
            }
            Answer::List(filter) => {
                let names = elements(frame, Kind::Array)?;
                let ours: Vec<_> =
                    session::commands().iter().filter(|command| filter.admits(command)).collect();
                encode::array_header(out, count(&names)?.checked_add(ours.len())?);
                out.extend_from_slice(names.rest());
                ours.iter().for_each(|command| encode::bulk(out, command.name));
            }
            Answer::Info(names) if names.is_empty() => {
                let entries = elements(frame, Kind::Array)?;
                let shape = Shape::of(entries.clone().next()?.ok()?)?;
                encode::array_header(out, count(&entries)?.checked_add(session::commands().len())?);
                out.extend_from_slice(entries.rest());
                session::commands().iter().for_each(|command| shape.write(command, out));
            }
            Answer::Info(names) => {
                let entries = elements(frame, Kind::Array)?;
                encode::array_header(out, count(&entries)?);
                for (entry, name) in entries.flatten().zip(names) {
                    match session::lookup(name).zip(Shape::of(entry)) {
                        Some((command, shape)) => shape.write(command, out),
                        None => out.extend_from_slice(entry),
                    }
                }
            }
            Answer::Docs(names) => docs::merge(names, frame, protocol, out)?,
            Answer::Keys(keys) => keys.write(frame, protocol, out)?,
        }
        Some(())
    }
}

/// Whether `request` asks something that [`Merge::of`] may have to add to. Of a request that has
/// only begun, the arguments so far decide.
pub(super) fn concerns(request: &Request<'_>) -> bool {
    let Some(sub) = request.arg(1) else { return true };
    let subs = [&b"COUNT"[..], b"LIST", b"INFO", b"DOCS", b"GETKEYS", b"GETKEYSANDFLAGS"];
    subs.iter().any(|word| is(sub, word))
}

/// The commands that are asked about; `None` when there are some and no session command among them.
fn names(request: &Request<'_>) -> Option<Vec<Bytes>> {
    let names = request.args().skip(2);
    let ours = names.len() == 0 || names.clone().any(|name| session::lookup(name).is_some());
    ours.then(|| names.map(Bytes::copy_from_slice).collect())
}

/// The elements of a reply of this kind.
fn elements(frame: &[u8], kind: Kind) -> Option<reply::Elements<'_>> {
    reply::elements(frame).filter(|_| reply::kind(frame) == Some(kind))
}

/// How many elements are still to come.
fn count(elements: &reply::Elements<'_>) -> Option<usize> {
    usize::try_from(elements.remaining()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::sample::with_request;

    /// `COMMAND INFO get` as Redis 7.0.15 answers it.
    const GET_RESP2: &str = "*10\r\n$3\r\nget\r\n:2\r\n*2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n\
        *3\r\n+@read\r\n+@string\r\n+@fast\r\n*0\r\n*1\r\n*6\r\n$5\r\nflags\r\n*2\r\n+RO\r\n+access\r\n\
        $12\r\nbegin_search\r\n*4\r\n$4\r\ntype\r\n$5\r\nindex\r\n$4\r\nspec\r\n*2\r\n$5\r\nindex\r\n:1\r\n\
        $9\r\nfind_keys\r\n*4\r\n$4\r\ntype\r\n$5\r\nrange\r\n$4\r\nspec\r\n*6\r\n$7\r\nlastkey\r\n:0\r\n\
        $7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n*0\r\n";
    const PING_RESP3: &str = "*10\r\n$4\r\nping\r\n:-1\r\n~1\r\n+fast\r\n:0\r\n:0\r\n:0\r\n\
        ~2\r\n+@fast\r\n+@connection\r\n~2\r\n$25\r\nrequest_policy:all_shards\r\n\
        $29\r\nresponse_policy:all_succeeded\r\n~0\r\n~0\r\n";
    const GET_DOCS_RESP2: &str = "$3\r\nget\r\n*10\r\n$7\r\nsummary\r\n$22\r\nGet the value of a key\r\n\
        $5\r\nsince\r\n$5\r\n1.0.0\r\n$5\r\ngroup\r\n$6\r\nstring\r\n$10\r\ncomplexity\r\n$4\r\nO(1)\r\n\
        $9\r\narguments\r\n*1\r\n*6\r\n$4\r\nname\r\n$3\r\nkey\r\n$4\r\ntype\r\n$3\r\nkey\r\n\
        $14\r\nkey_spec_index\r\n:0\r\n";

    /// What goes to the server for a request, and what its answer becomes; both as they are when
    /// nothing is to be added.
    fn merged(words: &str, frame: &str, protocol: Protocol) -> (String, String) {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        with_request(words, |request| match Merge::of(request, &Settings::default()) {
            None => (text(request.bytes()), frame.to_owned()),
            Some(merge) => {
                let mut out = BytesMut::from("+before\r\n");
                merge.apply(frame.as_bytes(), protocol, &mut out);
                let answer = text(&out).strip_prefix("+before\r\n").unwrap().to_owned();
                (text(&merge.request(request)), answer)
            }
        })
    }

    fn answer(words: &str, frame: &str, protocol: Protocol) -> String {
        merged(words, frame, protocol).1
    }

    fn bulks<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
        words.into_iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect()
    }

    #[test]
    fn the_count_is_of_all() {
        assert_eq!(answer("command Count", ":240\r\n", Protocol::Resp2), ":251\r\n");
        let refused = "-ERR wrong number of arguments for 'command|count' command\r\n";
        assert_eq!(answer("COMMAND COUNT x", refused, Protocol::Resp2), refused);
        let refused = "-NOPERM no\r\n";
        assert_eq!(answer("COMMAND COUNT", refused, Protocol::Resp2), refused);
    }

    #[test]
    fn lists_are_filtered() {
        let list = |words: &str| answer(words, "*1\r\n$3\r\nget\r\n", Protocol::Resp2);
        let of = |names: &[&str]| {
            format!("*{}\r\n$3\r\nget\r\n{}", names.len() + 1, bulks(names.iter().copied()))
        };
        let all: Vec<_> = session::commands().iter().map(|command| command.name).collect();
        assert_eq!(list("COMMAND LIST"), of(&all));
        assert_eq!(list("COMMAND LIST FILTERBY PATTERN *"), of(&all));
        assert_eq!(
            list("command list filterby pattern SESSION.SO*"),
            of(&["session.soid", "session.soapp"])
        );
        assert_eq!(
            list("COMMAND LIST FILTERBY ACLCAT READ"),
            of(&["session.soid", "session.soapp", "session.activity", "session.help"])
        );
        assert_eq!(list("COMMAND LIST FILTERBY ACLCAT scripting"), of(&all));
        assert_eq!(list("COMMAND LIST FILTERBY ACLCAT @scripting"), of(&[]));
        assert_eq!(list("COMMAND LIST FILTERBY MODULE *"), of(&[]));
        // Operands are no filters.
        assert_eq!(list("COMMAND LIST FILTERBY PATTERN filterby"), of(&[]));
        assert_eq!(list("COMMAND LIST FILTERBY ACLCAT PATTERN"), of(&[]));
        assert_eq!(list("COMMAND LIST FILTERBY MODULE aclcat"), of(&[]));
        for words in ["COMMAND LIST x", "COMMAND LIST FILTERBY PATTERN * x"] {
            assert_eq!(
                answer(words, "-ERR syntax error\r\n", Protocol::Resp2),
                "-ERR syntax error\r\n"
            );
        }
    }

    #[test]
    fn entries_stand_where_they_were_asked_for() {
        let words = "COMMAND INFO session.wipe nosuch get";
        let frame = format!("*3\r\n{GET_RESP2}$-1\r\n{GET_RESP2}");
        let (asked, answer) = merged(words, &frame, Protocol::Resp2);
        let wipe = "*10\r\n$12\r\nsession.wipe\r\n:1\r\n*3\r\n+write\r\n+noscript\r\n+movablekeys\r\n\
            :0\r\n:0\r\n:0\r\n*3\r\n+@write\r\n+@slow\r\n+@scripting\r\n*0\r\n*0\r\n*0\r\n";
        assert_eq!(answer, format!("*3\r\n{wipe}$-1\r\n{GET_RESP2}"));
        assert_eq!(
            asked,
            format!("*5\r\n{}", bulks(["COMMAND", "INFO", "COMMAND", "nosuch", "get"]))
        );
        // Nothing of ours: nothing is touched.
        let words = "COMMAND INFO nosuch get";
        let frame = format!("*2\r\n$-1\r\n{GET_RESP2}");
        let same = (format!("*4\r\n{}", bulks(words.split(' '))), frame.clone());
        assert_eq!(merged(words, &frame, Protocol::Resp2), same);
    }

    #[test]
    fn entries_look_like_those_of_the_server() {
        let six = "*6\r\n$7\r\ncommand\r\n:0\r\n*2\r\n+loading\r\n+stale\r\n:0\r\n:0\r\n:0\r\n";
        let seven = format!("{}*2\r\n+@slow\r\n+@connection\r\n", six.replacen("*6", "*7", 1));
        // A container: its subcommands are an array even in RESP3.
        let ten = format!("{}*1\r\n{PING_RESP3}", PING_RESP3.strip_suffix("~0\r\n").unwrap());
        let head = "$16\r\nsession.activity\r\n:-2\r\n";
        let flags = "3\r\n+readonly\r\n+noscript\r\n+movablekeys\r\n:0\r\n:0\r\n:0\r\n";
        let categories = "3\r\n+@read\r\n+@slow\r\n+@scripting\r\n";
        for (example, protocol, entry) in [
            (six, Protocol::Resp2, format!("*6\r\n{head}*{flags}")),
            (&seven, Protocol::Resp2, format!("*7\r\n{head}*{flags}*{categories}")),
            (
                &ten,
                Protocol::Resp3,
                format!("*10\r\n{head}~{flags}~{categories}~0\r\n~0\r\n~0\r\n"),
            ),
        ] {
            let frame = format!("*1\r\n{example}");
            let answer = answer("COMMAND INFO session.activity", &frame, protocol);
            assert_eq!(answer, format!("*1\r\n{entry}"));
        }
    }

    #[test]
    fn all_entries_come_last() {
        for words in ["COMMAND", "COMMAND INFO"] {
            let answer = answer(words, &format!("*1\r\n{PING_RESP3}"), Protocol::Resp3);
            let rest = answer.strip_prefix(&format!("*12\r\n{PING_RESP3}")).unwrap();
            assert_eq!(rest.matches("\r\nsession.").count(), 11);
            assert_eq!(reply::elements(answer.as_bytes()).unwrap().flatten().count(), 12);
        }
        // Redis 6.2 gives nothing for no names.
        assert_eq!(answer("COMMAND INFO", "*0\r\n", Protocol::Resp2), "*0\r\n");
    }

    #[test]
    fn documentation_in_the_order_asked_for() {
        let activity = |map: &str, set: &str, pairs: [u32; 3]| {
            let [fields, app, dt] = pairs;
            format!(
                "$16\r\nsession.activity\r\n{map}{fields}\r\n{}{map}{app}\r\n{}{map}{dt}\r\n{}{set}1\r\n+optional\r\n",
                bulks([
                    "summary",
                    "Counts the ids of an app that were active within dt seconds.",
                    "since",
                    "0.1.0",
                    "group",
                    "session",
                    "arguments",
                ]) + "*2\r\n",
                bulks(["name", "app", "type", "string", "display_text", "app"]),
                bulks(["name", "dt", "type", "integer", "display_text", "dt", "flags"]),
            )
        };
        let ours = activity("*", "*", [8, 6, 8]);
        let frame = format!("*2\r\n{GET_DOCS_RESP2}");
        let docs = |words: &str| answer(words, &frame, Protocol::Resp2);
        assert_eq!(
            docs("COMMAND DOCS SESSION.ACTIVITY nosuch GET"),
            format!("*4\r\n{ours}{GET_DOCS_RESP2}")
        );
        assert_eq!(
            docs("COMMAND DOCS get session.activity"),
            format!("*4\r\n{GET_DOCS_RESP2}{ours}")
        );
        assert_eq!(
            docs("COMMAND DOCS renamed session.activity"),
            format!("*4\r\n{ours}{GET_DOCS_RESP2}")
        );
        assert_eq!(
            answer("COMMAND DOCS session.activity", "%0\r\n", Protocol::Resp3),
            format!("%1\r\n{}", activity("%", "~", [4, 3, 4]))
        );
        let unknown = "-ERR Unknown subcommand or wrong number of arguments for 'DOCS'. Try COMMAND HELP.\r\n";
        assert_eq!(answer("COMMAND DOCS", unknown, Protocol::Resp2), unknown);
    }

    #[test]
    fn documentation_of_all() {
        let answer = answer("COMMAND DOCS", &format!("*2\r\n{GET_DOCS_RESP2}"), Protocol::Resp2);
        assert!(answer.starts_with(&format!("*24\r\n{GET_DOCS_RESP2}$14\r\nsession.create\r\n")));
        assert_eq!(reply::elements(answer.as_bytes()).unwrap().flatten().count(), 24);
        let ttl = "*10\r\n$4\r\nname\r\n$7\r\nseconds\r\n$4\r\ntype\r\n$7\r\ninteger\r\n\
            $12\r\ndisplay_text\r\n$7\r\nseconds\r\n$5\r\ntoken\r\n$3\r\nTTL\r\n\
            $5\r\nflags\r\n*1\r\n+optional\r\n";
        assert!(answer.contains(ttl));
        assert!(answer.contains("+multiple\r\n"));
    }

    #[test]
    fn keys_are_those_known_beforehand() {
        let unknown = "-ERR Invalid command specified\r\n";
        let keys = |words: &str| answer(words, unknown, Protocol::Resp3);
        assert_eq!(keys("COMMAND GETKEYS nosuch a"), unknown);
        let create = ["rs:app:us:u", "rs:app:_sessions", "rs:app:_users", "rs:SESSIONS"];
        assert_eq!(
            keys("COMMAND GETKEYS Session.Create app u ip"),
            format!("*4\r\n{}", bulks(create))
        );
        let token = "T".repeat(64);
        let get = [&format!("rs:app:{token}"), "rs:app:_sessions", "rs:app:_users", "rs:SESSIONS"];
        assert_eq!(
            keys(&format!("COMMAND GETKEYS session.get app {token}")),
            format!("*4\r\n{}", bulks(get))
        );
        assert_eq!(
            keys("COMMAND GETKEYSANDFLAGS session.activity app"),
            format!("*1\r\n*2\r\n{}~2\r\n+RO\r\n+access\r\n", bulks(["rs:app:_users"]))
        );
        assert_eq!(
            keys("COMMAND GETKEYSANDFLAGS session.wipe"),
            format!("*1\r\n*2\r\n{}~3\r\n+RW\r\n+access\r\n+update\r\n", bulks(["rs:SESSIONS"]))
        );
        for (words, error) in [
            ("session.get app", "Invalid number of arguments specified for command"),
            ("session.get app token", "Invalid arguments specified for command"),
            ("session.help", "The command has no key arguments"),
        ] {
            assert_eq!(keys(&format!("COMMAND GETKEYS {words}")), format!("-ERR {error}\r\n"));
        }
        let other = "-NOAUTH Authentication required.\r\n";
        assert_eq!(answer("COMMAND GETKEYS session.get app t", other, Protocol::Resp2), other);
    }

    #[test]
    fn other_requests_and_other_answers_are_left_alone() {
        for (words, frame) in [
            ("COMMAND HELP", "*1\r\n+x\r\n"),
            ("COMMAND", "+OK\r\n"),
            ("COMMAND", "*1\r\n$1\r\nx\r\n"),
            ("COMMAND COUNT", "$1\r\n5\r\n"),
            ("COMMAND LIST", "%1\r\n+a\r\n+b\r\n"),
            ("COMMAND DOCS", "*-1\r\n"),
            ("COMMAND DOCS session.get", "*?\r\n.\r\n"),
        ] {
            assert_eq!(answer(words, frame, Protocol::Resp3), frame, "{words}");
        }
    }
}
