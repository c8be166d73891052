//! What a session command is: a row of the table.

use bytes::BytesMut;

use super::agreement::Agreement;
use super::batch::Batch;
use super::error::Error;
use super::layout::{Buckets, Layout};
use super::script::Call;

/// What session commands depend on besides their arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What all key names begin with, before a colon.
    pub ns: String,
    /// Seconds until an idle session ends when CREATE does not say.
    pub ttl: u32,
    /// Largest data of a session, in bytes.
    pub max_data: usize,
    /// How keys are laid out.
    pub layout: Layout,
    /// How many buckets an app has, where the layout has any.
    pub buckets: Buckets,
    /// Whether the server has as many.
    pub agreement: Agreement,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ns: "rs".to_owned(),
            ttl: 7200,
            max_data: 64 * 1024,
            layout: Layout::default(),
            buckets: Buckets::default(),
            agreement: Agreement::default(),
        }
    }
}

/// How a command is carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// By one call, whose reply its [`Call::adapt`] makes the command's reply.
    Script(Call),
    /// By one or more calls.
    Batched(Box<Batch>),
    /// By no call: the reply is an array of these simple strings.
    Lines(Vec<String>),
}

/// The type of an argument, in the words of `COMMAND DOCS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgumentKind {
    /// Any text.
    String,
    /// A number.
    Integer,
    /// The token itself, without a value.
    PureToken,
}

impl ArgumentKind {
    /// The word that `COMMAND DOCS` has for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ArgumentKind::String => "string",
            ArgumentKind::Integer => "integer",
            ArgumentKind::PureToken => "pure-token",
        }
    }
}

/// One argument of a command, as `COMMAND DOCS` describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argument {
    /// What the value is called.
    pub name: &'static str,
    /// The type of the value.
    pub kind: ArgumentKind,
    /// The word ahead of the value, or instead of it.
    pub token: Option<&'static str>,
    /// Whether it can be left out.
    pub optional: bool,
    /// Whether it can be given several times in a row.
    pub multiple: bool,
}

impl Argument {
    /// A text that has to be given.
    pub(super) const fn text(name: &'static str) -> Self {
        Self { name, kind: ArgumentKind::String, token: None, optional: false, multiple: false }
    }

    /// A number that can be given.
    pub(super) const fn number(name: &'static str) -> Self {
        Self { kind: ArgumentKind::Integer, optional: true, ..Self::text(name) }
    }

    /// A word that can be given.
    pub(super) const fn word(name: &'static str, token: &'static str) -> Self {
        let kind = ArgumentKind::PureToken;
        Self { kind, token: Some(token), optional: true, ..Self::text(name) }
    }

    /// The argument with a word ahead, and not needed.
    pub(super) const fn after(self, token: &'static str) -> Self {
        Self { token: Some(token), optional: true, ..self }
    }

    /// The argument, followed by any number of its kind.
    pub(super) const fn repeated(self) -> Self {
        Self { multiple: true, ..self }
    }

    /// The argument as hints show it: `[TTL seconds]`.
    fn hint(&self) -> String {
        let value = match (self.token, self.kind) {
            (Some(token), ArgumentKind::PureToken) => token.to_owned(),
            (Some(token), _) => format!("{token} {}", self.name),
            (None, _) => self.name.to_owned(),
        };
        let value = if self.multiple { format!("{value} [{value} ...]") } else { value };
        if self.optional { format!("[{value}]") } else { value }
    }
}

/// Turns arguments into a plan; a call is written into the buffer.
type Planner = fn(&Settings, &[&[u8]], BytesMut) -> Result<Plan, Error>;

/// A session command: everything that is known of it before it is called.
#[derive(Debug)]
pub struct Command {
    /// The name in lower case, such as `session.get`.
    pub name: &'static str,
    /// The arguments.
    pub arguments: &'static [Argument],
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// Whether it changes anything in Redis.
    pub writes: bool,
    /// Turns all arguments behind the name, of a number that [`Command::accepts`], into a plan.
    /// A call is written into the buffer.
    pub(super) plan: Planner,
}

impl Command {
    /// Whether the number of arguments behind the name is right. Commands that take option words
    /// have no upper bound: what is too much there is a syntax error, as in Redis.
    #[must_use]
    pub fn accepts(&self, argc: usize) -> bool {
        let (least, most) = self.bounds();
        argc >= least && most.is_none_or(|most| argc <= most)
    }

    /// The arity as `COMMAND INFO` gives it: the number of arguments with the name, negative when
    /// it is the least of several.
    #[must_use]
    pub fn arity(&self) -> i64 {
        let (least, most) = self.bounds();
        let least_with_name = i64::try_from(least).unwrap_or(i64::MAX - 1) + 1;
        if most == Some(least) { least_with_name } else { -least_with_name }
    }

    /// The error for a number of arguments that the command does not accept.
    #[must_use]
    pub fn arity_error(&self) -> Error {
        Error::Arity(self.name)
    }

    /// The arguments as a hint: `app id ip [TTL seconds] [DATA json] [NORESAVE]`.
    #[must_use]
    pub fn hint(&self) -> String {
        self.arguments.iter().map(Argument::hint).collect::<Vec<_>>().join(" ")
    }

    /// Turns all arguments behind the name into a plan. Nothing is done yet.
    ///
    /// # Errors
    /// [`Error::Arity`] for a number of arguments that the command does not accept, otherwise what
    /// is wrong with the arguments: syntax first, then the first wrong value in the order app, id,
    /// token, ip, ttl or dt, d. When nothing is, [`Settings::agreed`].
    pub fn plan(&self, settings: &Settings, args: &[&[u8]]) -> Result<Plan, Error> {
        self.plan_into(settings, args, BytesMut::new())
    }

    /// As [`Command::plan`], with the buffer that a call is written into. The plan has it then
    /// ([`Call::into_buffer`]).
    ///
    /// # Errors
    /// As [`Command::plan`].
    pub fn plan_into(
        &self,
        settings: &Settings,
        args: &[&[u8]],
        buffer: BytesMut,
    ) -> Result<Plan, Error> {
        if !self.accepts(args.len()) {
            return Err(self.arity_error());
        }
        match settings.layout {
            Layout::Libraries => (self.plan)(settings, args, buffer),
            Layout::Buckets => {
                let plan = (self.plan)(settings, args, buffer)?;
                match plan {
                    Plan::Lines(_) => Ok(plan),
                    Plan::Script(_) | Plan::Batched(_) => settings.agreed().map(|()| plan),
                }
            }
        }
    }

    /// The least and the largest number of arguments behind the name.
    fn bounds(&self) -> (usize, Option<usize>) {
        let least = self.arguments.iter().filter(|argument| !argument.optional).count();
        let open =
            self.arguments.iter().any(|argument| argument.multiple || argument.token.is_some());
        (least, (!open).then_some(self.arguments.len()))
    }
}

#[cfg(test)]
mod tests {
    use crate::session::{commands, lookup};

    #[test]
    fn rows() {
        let rows: Vec<_> = commands()
            .iter()
            .map(|command| format!("{} {} ({})", command.name, command.hint(), command.arity()))
            .collect();
        assert_eq!(
            rows,
            [
                "session.create app id ip [TTL seconds] [DATA json] [NORESAVE] (-4)",
                "session.get app token [PEEK] [JSON] (-3)",
                "session.set app token json [JSON] (-4)",
                "session.kill app token [token ...] (-3)",
                "session.killsoid app id (3)",
                "session.killall app (2)",
                "session.soid app id [JSON] (-3)",
                "session.soapp app [dt] [JSON] (-2)",
                "session.activity app [dt] (-2)",
                "session.wipe  (1)",
                "session.help  (1)",
            ]
        );
    }

    #[test]
    fn lookups() {
        for name in ["session.get", "SESSION.GET", "Session.Get"] {
            assert_eq!(lookup(name.as_bytes()).unwrap().name, "session.get");
        }
        for name in ["", "session.", "session.ge", "session.gett", "get", "sessionXget"] {
            assert!(lookup(name.as_bytes()).is_none(), "{name}");
        }
    }

    #[test]
    fn numbers_of_arguments() {
        for (name, least, most) in [
            ("session.create", 3, None),
            ("session.get", 2, None),
            ("session.set", 3, None),
            ("session.kill", 2, None),
            ("session.killsoid", 2, Some(2)),
            ("session.killall", 1, Some(1)),
            ("session.soid", 2, None),
            ("session.soapp", 1, None),
            ("session.activity", 1, Some(2)),
            ("session.wipe", 0, Some(0)),
            ("session.help", 0, Some(0)),
        ] {
            let command = lookup(name.as_bytes()).unwrap();
            for argc in 0..20 {
                let accepted = argc >= least && most.is_none_or(|most| argc <= most);
                assert_eq!(command.accepts(argc), accepted, "{name} {argc}");
            }
            assert_eq!(
                command.arity_error().to_string(),
                format!("ERR wrong number of arguments for '{name}' command")
            );
        }
    }
}
