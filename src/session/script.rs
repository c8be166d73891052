//! The Lua scripts, and calls of them as requests.

use std::sync::OnceLock;

use bytes::{BufMut, Bytes, BytesMut};
use sha1::{Digest, Sha1};

use super::keys::Name;
use super::reply::{Adapt, Forms};
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
    head: CallHead,
    /// The keys and the arguments as they stand in a request.
    body: BytesMut,
}

/// A call without its keys and arguments: what is to be remembered until its reply arrives. The
/// rest is the bytes of [`Call::body`], wherever they are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallHead {
    script: &'static Script,
    keys: u32,
    args: u32,
    adapt: Adapt,
}

impl CallHead {
    /// The script that is called.
    #[must_use]
    pub fn script(&self) -> &'static Script {
        self.script
    }
}

impl Call {
    /// A call without keys and arguments so far, which are gathered in `buffer`. Keys come first.
    pub(super) fn begin(script: &'static Script, adapt: Adapt, mut buffer: BytesMut) -> Self {
        buffer.clear();
        Self { head: CallHead { script, keys: 0, args: 0, adapt }, body: buffer }
    }

    /// A call with keys and arguments.
    pub(super) fn new<K: AsRef<[u8]>, A: AsRef<[u8]>>(
        script: &'static Script,
        keys: &[K],
        args: &[A],
        adapt: Adapt,
    ) -> Self {
        let mut call = Self::begin(script, adapt, BytesMut::with_capacity(256));
        for key in keys {
            encode::bulk(&mut call.body, key);
            call.head.keys += 1;
        }
        args.iter().for_each(|arg| call.arg(arg));
        call
    }

    /// Appends a key.
    pub(super) fn key(&mut self, name: Name<'_>) {
        debug_assert_eq!(self.head.args, 0, "keys come first");
        encode::bulk_of(&mut self.body, name.pieces());
        self.head.keys += 1;
    }

    /// Appends an argument.
    pub(super) fn arg(&mut self, arg: impl AsRef<[u8]>) {
        encode::bulk(&mut self.body, arg);
        self.head.args += 1;
    }

    /// Appends an argument that is a number.
    pub(super) fn number(&mut self, number: u64) {
        encode::bulk_number(&mut self.body, number);
        self.head.args += 1;
    }

    /// Appends an argument that consists of several pieces.
    pub(super) fn arg_of<'a>(&mut self, pieces: impl Iterator<Item = &'a [u8]> + Clone) {
        encode::bulk_of(&mut self.body, pieces);
        self.head.args += 1;
    }

    /// The script that is called.
    #[must_use]
    pub fn script(&self) -> &'static Script {
        self.head.script
    }

    /// What to make of the reply.
    #[must_use]
    pub fn adapt(&self) -> Adapt {
        self.head.adapt
    }

    /// Sets what to make of the reply.
    pub(super) fn set_adapt(&mut self, adapt: Adapt) {
        self.head.adapt = adapt;
    }

    /// The call without its keys and arguments.
    #[must_use]
    pub fn head(&self) -> CallHead {
        self.head
    }

    /// The keys and arguments as they stand in a request.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Gives back the buffer that the call was gathered in.
    #[must_use]
    pub fn into_buffer(mut self) -> BytesMut {
        self.body.clear();
        self.body
    }

    /// Appends the call as `EVALSHA`, for a server that has the script. It answers `NOSCRIPT` when
    /// it has not, and then nothing has happened.
    pub fn write_evalsha(&self, out: &mut BytesMut) {
        let evalsha = &self.head.script.assembled().evalsha;
        out.reserve(evalsha.len() + self.body.len() + 32);
        self.head.write(evalsha, &self.body, out);
    }

    /// Appends the call as `EVAL`, for any server.
    pub fn write_eval(&self, out: &mut BytesMut) {
        self.head.write_eval(&self.body, out);
    }

    /// What follows the script in a request, one by one, for clients that build requests
    /// themselves: the number of keys, the keys, the arguments.
    #[must_use]
    pub fn arguments(&self) -> Vec<Bytes> {
        let mut arguments = vec![Bytes::from(self.head.keys.to_string())];
        arguments.extend(self.head.arguments(&self.body));
        arguments
    }
}

impl CallHead {
    /// What to make of the reply.
    #[must_use]
    pub fn adapt(&self) -> Adapt {
        self.adapt
    }

    /// Appends the call that has this `body` as `EVAL`.
    pub fn write_eval(&self, body: &[u8], out: &mut BytesMut) {
        let mut eval = BytesMut::new();
        encode::bulk(&mut eval, "EVAL");
        encode::bulk(&mut eval, self.script.text());
        self.write(&eval, body, out);
    }

    fn write(&self, command: &[u8], body: &[u8], out: &mut BytesMut) {
        encode::array_header(out, (self.keys + self.args) as usize + 3);
        out.put_slice(command);
        encode::bulk_number(out, u64::from(self.keys));
        out.put_slice(body);
    }

    /// Of a call that has this `body` and carries out several commands, a call for each of them.
    /// What they have in common stands behind what they have not.
    pub fn singly(&self, body: &[u8]) -> impl Iterator<Item = Call> + use<> {
        let forms = match self.adapt {
            Adapt::Sessions(forms) => forms,
            Adapt::Verbatim | Adapt::Session(_) | Adapt::Listing(_) => Forms::default(),
        };
        let (head, arguments) = (*self, self.arguments(body));
        let several = forms.count() as usize;
        forms.iter().enumerate().map(move |(place, form)| {
            let (keys, args) = arguments.split_at(head.keys as usize);
            let keys = [&keys[place..=place], &keys[several..]].concat();
            Call::new(head.script, &keys, args, Adapt::Session(form))
        })
    }

    /// The keys and arguments of the call that has this `body`.
    fn arguments(&self, body: &[u8]) -> Vec<Bytes> {
        let mut frame = BytesMut::new();
        encode::array_header(&mut frame, (self.keys + self.args) as usize);
        frame.put_slice(body);
        let elements = reply::elements(&frame).into_iter().flatten().flatten();
        elements.filter_map(reply::as_bulk).map(Bytes::copy_from_slice).collect()
    }
}

/// The text of a file with Lua.
macro_rules! lua {
    ($file:literal) => {
        include_str!(concat!("scripts/", $file, ".lua"))
    };
}

const PRELUDE: &str = lua!("prelude");
const REMOVAL: &str = lua!("removal");

/// Around a script, these make it a function, for a script that does its work in several buckets.
const ONE: &str = "local function one(KEYS, ARGV)";
const END: &str = "end";
const SEVERAL: &str = lua!("several");

macro_rules! scripts {
    ($($(#[$doc:meta])* $script:ident = $name:literal: [$($part:expr),*];)*) => {
        $($(#[$doc])* pub(super) static $script: Script = Script::new($name, &[$($part),*]);)*

        /// All scripts that session commands call.
        #[cfg(test)]
        static SCRIPTS: &[&Script] = &[$(&$script),*];
    };
}

scripts! {
    CREATE = "create": [PRELUDE, lua!("create")];
    GET = "get": [lua!("get")];
    PEEK = "peek": [PRELUDE, lua!("peek")];
    SET = "set": [PRELUDE, lua!("merge"), lua!("set")];
    KILL = "kill": [PRELUDE, REMOVAL, lua!("kill")];
    KILLSOID = "killsoid": [PRELUDE, REMOVAL, lua!("killsoid")];
    KILLALL = "killall": [PRELUDE, REMOVAL, lua!("killall")];
    SOID = "soid": [PRELUDE, lua!("soid")];
    SOAPP = "soapp": [PRELUDE, lua!("soapp")];
    ACTIVITY = "activity": [PRELUDE, lua!("activity")];
    WIPE = "wipe": [PRELUDE, REMOVAL, lua!("apps"), lua!("wipe")];

    KILL_SEVERAL = "kill_several": [PRELUDE, REMOVAL, ONE, lua!("kill"), END, SEVERAL];
    KILLALL_SEVERAL = "killall_several": [PRELUDE, REMOVAL, ONE, lua!("killall"), END, SEVERAL];
    SOAPP_SEVERAL = "soapp_several": [PRELUDE, ONE, lua!("soapp"), END, SEVERAL];
    ACTIVITY_SEVERAL = "activity_several": [PRELUDE, ONE, lua!("activity"), END, SEVERAL];

    BUCKETS = "buckets": [PRELUDE, lua!("buckets")];
    WIPE_BUCKET = "wipe_bucket": [PRELUDE, REMOVAL, lua!("bucket"), lua!("wipe")];
    WIPE_BUCKETS = "wipe_buckets":
        [PRELUDE, REMOVAL, ONE, lua!("bucket"), lua!("wipe"), END, lua!("wipe_buckets")];
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
