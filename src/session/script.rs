//! The Lua scripts, and calls of them as requests.

use std::sync::OnceLock;

use bytes::{BufMut, Bytes, BytesMut};
use sha1::{Digest, Sha1};

use super::reply::Adapt;
use crate::resp::{encode, reply};

/// A Lua script that the server runs as one atomic step.
#[derive(Debug)]
pub struct Script {
    name: &'static str,
    parts: &'static [&'static str],
    assembled: OnceLock<Assembled>,
}

#[derive(Debug)]
struct Assembled {
    text: String,
    sha: String,
    /// `EVALSHA` and the digest as they stand in a request.
    evalsha: Vec<u8>,
}

impl Script {
    /// A script of several parts, of which later ones use what earlier ones define.
    pub(super) const fn new(name: &'static str, parts: &'static [&'static str]) -> Self {
        Self { name, parts, assembled: OnceLock::new() }
    }

    /// A name for logs and metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The text to load with `SCRIPT LOAD`: the parts without comment lines and indentation, which
    /// only a reader needs.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.assembled().text
    }

    /// The digest that `EVALSHA` takes: 40 hexadecimal digits in lower case.
    #[must_use]
    pub fn sha(&self) -> &str {
        &self.assembled().sha
    }

    fn assembled(&self) -> &Assembled {
        self.assembled.get_or_init(|| {
            let lines = self.parts.iter().flat_map(|part| part.lines()).map(str::trim);
            let kept: Vec<_> =
                lines.filter(|line| !line.is_empty() && !line.starts_with("--")).collect();
            let text = kept.join("\n");
            let sha: String =
                Sha1::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
            let mut evalsha = BytesMut::new();
            encode::bulk(&mut evalsha, "EVALSHA");
            encode::bulk(&mut evalsha, &sha);
            Assembled { text, sha, evalsha: evalsha.to_vec() }
        })
    }
}

/// Scripts are few and static: each is equal to itself alone.
impl PartialEq for Script {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Script {}

/// A call of a script: a request in the making, and what to make of its reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    script: &'static Script,
    /// Keys and arguments together.
    count: usize,
    /// What follows the script in a request: the number of keys, the keys, the arguments.
    tail: Bytes,
    adapt: Adapt,
}

impl Call {
    /// A call with keys and arguments.
    pub(super) fn new<K: AsRef<[u8]>, A: AsRef<[u8]>>(
        script: &'static Script,
        keys: &[K],
        args: &[A],
        adapt: Adapt,
    ) -> Self {
        let mut tail = BytesMut::with_capacity(256);
        encode::bulk(&mut tail, keys.len().to_string());
        keys.iter().for_each(|key| encode::bulk(&mut tail, key));
        args.iter().for_each(|arg| encode::bulk(&mut tail, arg));
        Self { script, count: keys.len() + args.len(), tail: tail.freeze(), adapt }
    }

    /// The script that is called.
    #[must_use]
    pub fn script(&self) -> &'static Script {
        self.script
    }

    /// What to make of the reply.
    #[must_use]
    pub fn adapt(&self) -> Adapt {
        self.adapt
    }

    /// Appends the call as `EVALSHA`, for a server that has the script. It answers `NOSCRIPT` when
    /// it has not, and then nothing has happened.
    pub fn write_evalsha(&self, out: &mut BytesMut) {
        let evalsha = &self.script.assembled().evalsha;
        out.reserve(evalsha.len() + self.tail.len() + 16);
        encode::array_header(out, self.count + 3);
        out.put_slice(evalsha);
        out.put_slice(&self.tail);
    }

    /// Appends the call as `EVAL`, for any server.
    pub fn write_eval(&self, out: &mut BytesMut) {
        encode::array_header(out, self.count + 3);
        encode::bulk(out, "EVAL");
        encode::bulk(out, self.script.text());
        out.put_slice(&self.tail);
    }

    /// What follows the script in a request, one by one, for clients that build requests
    /// themselves: the number of keys, the keys, the arguments.
    #[must_use]
    pub fn arguments(&self) -> Vec<Bytes> {
        let mut frame = BytesMut::new();
        encode::array_header(&mut frame, self.count + 1);
        frame.put_slice(&self.tail);
        let elements = reply::elements(&frame).into_iter().flatten().flatten();
        elements.filter_map(reply::as_bulk).map(Bytes::copy_from_slice).collect()
    }
}

const PRELUDE: &str = include_str!("scripts/prelude.lua");
const REMOVAL: &str = include_str!("scripts/removal.lua");

macro_rules! scripts {
    ($($(#[$doc:meta])* $name:ident = $file:literal: [$($part:expr),*];)*) => {
        $($(#[$doc])* pub(super) static $name: Script =
            Script::new($file, &[$($part,)* include_str!(concat!("scripts/", $file, ".lua"))]);)*

        /// All scripts that session commands call.
        #[cfg(test)]
        static SCRIPTS: &[&Script] = &[$(&$name),*];
    };
}

scripts! {
    CREATE = "create": [PRELUDE];
    GET = "get": [];
    PEEK = "peek": [PRELUDE];
    SET = "set": [PRELUDE, include_str!("scripts/merge.lua")];
    KILL = "kill": [PRELUDE, REMOVAL];
    KILLSOID = "killsoid": [PRELUDE, REMOVAL];
    KILLALL = "killall": [PRELUDE, REMOVAL];
    SOID = "soid": [PRELUDE];
    SOAPP = "soapp": [PRELUDE];
    ACTIVITY = "activity": [PRELUDE];
    WIPE = "wipe": [PRELUDE, REMOVAL];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_as_a_request() {
        static ONE: Script = Script::new("one", &["-- comment\n", "return 1\n"]);
        assert_eq!(ONE.text(), "return 1");
        assert_eq!(ONE.sha(), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
        let call = Call::new(&ONE, &["k"], &["a", "\r\n"], Adapt::Verbatim);
        let mut out = BytesMut::new();
        call.write_evalsha(&mut out);
        let tail = "$1\r\n1\r\n$1\r\nk\r\n$1\r\na\r\n$2\r\n\r\n\r\n";
        let sha = ONE.sha();
        assert_eq!(out, format!("*6\r\n$7\r\nEVALSHA\r\n$40\r\n{sha}\r\n{tail}"));
        out.clear();
        call.write_eval(&mut out);
        assert_eq!(out, format!("*6\r\n$4\r\nEVAL\r\n$8\r\nreturn 1\r\n{tail}"));
        assert_eq!(call.arguments(), ["1", "k", "a", "\r\n"]);
    }

    #[test]
    fn scripts_are_told_apart() {
        for (place, script) in SCRIPTS.iter().enumerate() {
            assert_eq!(script.sha().len(), 40);
            for other in &SCRIPTS[..place] {
                assert_ne!(script, other);
                assert_ne!(script.sha(), other.sha());
                assert_ne!(script.name(), other.name());
            }
        }
    }
}
