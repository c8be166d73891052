//! `SESSION.GET`: one session.

use std::mem;

use bytes::BytesMut;

use crate::session::arguments::{Options, set};
use crate::session::command::{Argument, Command, Plan, Settings};
use crate::session::error::Error;
use crate::session::identity::App;
use crate::session::keys::{AppKeys, Namespace};
use crate::session::layout::Bucket;
use crate::session::limits;
use crate::session::reply::{Adapt, Forms};
use crate::session::script::{Call, GET, PEEK, Script};
use crate::session::token::Token;
use crate::session::view::Form;

pub(super) const COMMAND: Command = Command {
    name: "session.get",
    arguments: &[
        Argument::text("app"),
        Argument::text("token"),
        Argument::word("peek", "PEEK"),
        Argument::word("json", "JSON"),
    ],
    summary: "Returns a session, counts the reading and refreshes the session.",
    writes: true,
    plan,
};

fn plan(settings: &Settings, args: &[&[u8]], buffer: BytesMut) -> Result<Plan, Error> {
    let Get { app, token, peek, form } = Get::parse(args)?;
    let keys = Namespace::of(settings).of_token(app, &token);
    let script = if peek { &PEEK } else { &GET };
    let mut call = Call::begin(script, Adapt::Session(form), buffer);
    keys.add_session(&mut call, &token);
    if !peek {
        index_keys(&mut call, keys, app);
    }
    Ok(Plan::Script(call))
}

/// The arguments.
struct Get<'a> {
    app: App<'a>,
    token: Token,
    peek: bool,
    form: Form,
}

impl<'a> Get<'a> {
    fn parse(args: &[&'a [u8]]) -> Result<Self, Error> {
        let [app, token, options @ ..] = args else {
            return Err(COMMAND.arity_error());
        };
        let (mut peek, mut json) = (false, false);
        let mut options = Options::new(options);
        while let Some(word) = options.word() {
            if word.eq_ignore_ascii_case(b"PEEK") {
                set(&mut peek)?;
            } else if word.eq_ignore_ascii_case(b"JSON") {
                set(&mut json)?;
            } else {
                return Err(Error::Syntax);
            }
        }
        let (app, token) = (App::parse(app)?, Token::parse(token)?);
        Ok(Self { app, token, peek, form: Form::json_if(json) })
    }
}

/// What the script needs behind the sessions.
fn index_keys(call: &mut Call, keys: AppKeys<'_>, app: App<'_>) {
    keys.add_indexes(call);
    call.arg(app.as_bytes());
}

/// `SESSION.GET` several times in a row, for sessions of one app, or of one of its buckets: one call
/// carries them out, which costs the server half as much.
#[derive(Debug)]
pub struct Reads {
    call: Call,
    forms: Forms,
    app: [u8; limits::MAX_APP],
    app_len: usize,
    bucket: Option<Bucket>,
}

impl Reads {
    /// None so far. Their call is gathered in `buffer`.
    #[must_use]
    pub fn new(buffer: BytesMut) -> Self {
        let forms = Forms::default();
        let call = Call::begin(&GET, Adapt::Sessions(forms), buffer);
        Self { call, forms, app: [0; limits::MAX_APP], app_len: 0, bucket: None }
    }

    /// Adds a command with these arguments behind its name. False when it is no well-formed
    /// `SESSION.GET`, with `PEEK`, of another app or bucket, or one too many: then nothing has changed.
    pub fn add(&mut self, command: &Command, settings: &Settings, args: &[&[u8]]) -> bool {
        if command.name != COMMAND.name || self.forms.count() == Forms::MOST {
            return false;
        }
        let Ok(Get { app, token, peek: false, form }) = Get::parse(args) else {
            return false;
        };
        let name = app.as_bytes();
        let is_first = self.forms.count() == 0;
        if !is_first && self.app[..self.app_len] != *name {
            return false;
        }
        let keys = Namespace::of(settings).of_token(app, &token);
        if let Some(bucket) = keys.bucket()
            && (settings.agreed().is_err() || self.bucket.is_some_and(|other| other != bucket))
        {
            return false;
        }
        if is_first {
            self.app[..name.len()].copy_from_slice(name);
            self.app_len = name.len();
            self.bucket = keys.bucket();
        }
        keys.add_session(&mut self.call, &token);
        self.forms.push(form);
        true
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.forms.count()
    }

    /// The script of the call.
    #[must_use]
    pub fn script(&self) -> &'static Script {
        self.call.script()
    }

    /// Gives back the buffer.
    #[must_use]
    pub fn into_buffer(self) -> BytesMut {
        self.call.into_buffer()
    }

    /// Takes the call of all that were added, if there are any.
    pub fn take(&mut self, settings: &Settings) -> Option<Call> {
        let first = self.forms.iter().next()?;
        let Self { mut call, forms, app, app_len, bucket } =
            mem::replace(self, Self::new(BytesMut::new()));
        let app = App::parse(&app[..app_len]).ok()?;
        index_keys(&mut call, Namespace::of(settings).within(app, bucket), app);
        let single = forms.count() == 1;
        call.set_adapt(if single { Adapt::Session(first) } else { Adapt::Sessions(forms) });
        Some(call)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Layout, lookup};

    const TOKENS: [[u8; 64]; 2] = [[b'A'; 64], [b'B'; 64]];

    fn reads(commands: &[(&str, &[&[u8]])]) -> (Vec<bool>, Option<Call>) {
        let settings = Settings::default();
        let mut reads = Reads::new(BytesMut::new());
        let added = commands
            .iter()
            .map(|(name, args)| reads.add(lookup(name.as_bytes()).unwrap(), &settings, args))
            .collect();
        (added, reads.take(&settings))
    }

    #[test]
    fn one_call_reads_many() {
        let [a, b] = &TOKENS;
        let (added, call) = reads(&[
            ("session.get", &[b"shop", a]),
            ("session.get", &[b"shop", b, b"PEEK"]),
            ("session.get", &[b"shops", b]),
            ("session.get", &[b"shop", b"malformed"]),
            ("session.kill", &[b"shop", b]),
            ("session.get", &[b"shop", b, b"json"]),
        ]);
        assert_eq!(added, [true, false, false, false, false, true]);
        let call = call.unwrap();
        let key = |token: &[u8; 64]| format!("rs:shop:{}", String::from_utf8_lossy(token));
        let index = ["rs:shop:_sessions", "rs:shop:_users", "rs:SESSIONS", "shop"];
        let arguments = ["5", &key(a), &key(b), index[0], index[1], index[2], index[3]];
        assert_eq!(call.arguments(), arguments);
        assert_eq!(call.adapt().commands(), 2);
        let singly: Vec<_> = call.head().singly(call.body()).collect();
        let settings = Settings::default();
        for (single, args) in singly.iter().zip([&[b"shop", &a[..]][..], &[b"shop", b, b"JSON"]]) {
            assert_eq!(
                lookup(b"session.get").unwrap().plan(&settings, args),
                Ok(Plan::Script(single.clone()))
            );
        }
        assert_eq!(singly.len(), 2);
    }

    #[test]
    fn reads_of_one_bucket_are_one_call() {
        let settings = Settings { layout: Layout::Buckets, ..Settings::default() };
        let command = lookup(b"session.get").unwrap();
        let [a, b, other] = ["AAAx", "AAAy", "AABx"].map(|start| start.repeat(16));
        let args = |token| [&b"shop"[..], token];
        let mut reads = Reads::new(BytesMut::new());
        assert!(!reads.add(command, &settings, &args(a.as_bytes())), "it is not agreed on");
        assert!(settings.agree(b"256"));
        for (token, added) in [(&a, true), (&other, false), (&b, true)] {
            assert_eq!(reads.add(command, &settings, &args(token.as_bytes())), added, "{token}");
        }
        let tag = "{rs:shop:0000}";
        let keys = [&a, &b, "_sessions", "_users", "SESSIONS"].map(|last| format!("{tag}:{last}"));
        let arguments = reads.take(&settings).unwrap().arguments();
        assert_eq!(arguments[1..6], keys);
        assert!(reads.add(command, &settings, &args(other.as_bytes())));
        assert_eq!(reads.take(&settings).unwrap().arguments()[3], "{rs:shop:0001}:_users");
    }

    #[test]
    fn a_single_read_is_an_ordinary_call() {
        let args: &[&[u8]] = &[b"shop", &TOKENS[0], b"JSON"];
        let (_, call) = reads(&[("session.get", args)]);
        let planned = lookup(b"session.get").unwrap().plan(&Settings::default(), args);
        assert_eq!(planned, Ok(Plan::Script(call.unwrap())));
        assert_eq!(reads(&[]).1, None);
    }

    #[test]
    fn there_is_a_most() {
        let one: (&str, &[&[u8]]) = ("session.get", &[b"shop", &TOKENS[0]]);
        let (added, call) = reads(&[one; 17]);
        assert_eq!(added.iter().filter(|added| **added).count(), 16);
        assert_eq!(call.unwrap().adapt().commands(), 16);
    }
}
