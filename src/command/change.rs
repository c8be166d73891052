//! What `AUTH`, `HELLO`, `SELECT` and `RESET` change when the server answers that they succeeded.

use bytes::Bytes;

use super::{client::naming::is_valid_name, route::is, table::State};
use crate::{
    resp::{Protocol, Request, parse_integer},
    state::key::{Identity, LaneKey},
};

/// A change of a client's state. It happens only when the server accepts the command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The new user.
    pub identity: Option<Identity>,
    /// The newly selected database.
    pub database: Option<u32>,
    /// The new protocol.
    pub protocol: Option<Protocol>,
    /// The new name.
    pub name: Option<Bytes>,
    /// Everything else goes back to how it was at the beginning.
    pub reset: bool,
}

impl Change {
    /// What `request` asks for. `None` when its arguments say nothing that the server could accept.
    pub fn of(state: State, request: &Request<'_>) -> Option<Self> {
        match state {
            State::Auth => auth(request),
            State::Hello => hello(request),
            State::Select => select(request),
            State::Reset => Some(Self {
                identity: Some(Identity::unproven()),
                database: Some(0),
                protocol: Some(Protocol::Resp2),
                name: Some(Bytes::new()),
                reset: true,
            }),
        }
    }

    /// The state after the change.
    pub fn apply(&self, key: &LaneKey) -> LaneKey {
        LaneKey {
            identity: self.identity.clone().unwrap_or_else(|| key.identity.clone()),
            database: self.database.unwrap_or(key.database),
            protocol: self.protocol.unwrap_or(key.protocol),
        }
    }
}

/// The options of a `HELLO`, which the server goes through one after the other: refused for one of them it may have taken those
/// before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HelloOptions {
    authenticates: bool,
    names: bool,
    /// What those ask for that stand before the first with which something is wrong.
    first: Option<Box<Change>>,
}

impl HelloOptions {
    /// Those of `request`; none of any other command.
    pub fn of(state: State, request: &Request<'_>) -> Self {
        if state != State::Hello {
            return Self::default();
        }
        let has = |word: &[u8]| request.args().skip(2).any(|arg| is(arg, word));
        let (authenticates, names) = (has(b"AUTH"), has(b"SETNAME"));
        let mut first = Change::default();
        if authenticates || names {
            // What is wrong is for the server to say.
            let _ = hello_options(request, &mut first);
        }
        let first = (first != Change::default()).then(|| Box::new(first));
        Self { authenticates, names, first }
    }

    /// What a server that does what it reads, option by option, has changed though it answered with this error. Up to Redis
    /// 7.0 they do; later ones look at all options first.
    pub fn taken(&self, error: &[u8]) -> Option<&Change> {
        // Whatever else it refuses it has refused before it looked at options.
        let for_option = [&b"-ERR Client names"[..], b"-ERR Syntax error in HELLO"];
        let taken = for_option.iter().any(|beginning| error.starts_with(beginning));
        self.first.as_deref().filter(|_| taken)
    }

    /// Whether the server may have changed something though it answered with this error.
    pub fn may_have_been_taken(&self, error: &[u8]) -> bool {
        // The version and the right to the command are looked at first.
        if error.starts_with(b"-NOPROTO") || error.starts_with(b"-NOPERM") {
            return false;
        }
        self.names || (self.authenticates && !error.starts_with(b"-WRONGPASS"))
    }
}

/// `AUTH [username] password`
fn auth(request: &Request<'_>) -> Option<Change> {
    let identity = match (request.len(), request.arg(1), request.arg(2)) {
        (2, Some(password), _) => Identity::proven(None, password),
        (3, Some(user), Some(password)) => Identity::proven(Some(user), password),
        _ => return None,
    };
    Some(Change { identity: Some(identity), ..Change::default() })
}

/// `HELLO [protover [AUTH username password] [SETNAME clientname]]`
fn hello(request: &Request<'_>) -> Option<Change> {
    let mut change = Change::default();
    let Some(version) = request.arg(1) else { return Some(change) };
    change.protocol = Some(match parse_integer(version)? {
        2 => Protocol::Resp2,
        3 => Protocol::Resp3,
        _ => return None,
    });
    hello_options(request, &mut change)?;
    Some(change)
}

/// Adds what the options ask for, up to the first with which something is wrong: then `None`.
fn hello_options(request: &Request<'_>, change: &mut Change) -> Option<()> {
    let mut args = request.args().skip(2);
    while let Some(option) = args.next() {
        if is(option, b"AUTH") {
            let (user, password) = (args.next()?, args.next()?);
            change.identity = Some(Identity::proven(Some(user), password));
        } else if is(option, b"SETNAME") {
            let name = args.next().filter(|name| is_valid_name(name))?;
            change.name = Some(Bytes::copy_from_slice(name));
        } else {
            return None;
        }
    }
    Some(())
}

/// `SELECT index`
fn select(request: &Request<'_>) -> Option<Change> {
    let (2, Some(index)) = (request.len(), request.arg(1)) else { return None };
    let database = u32::try_from(parse_integer(index)?).ok()?;
    Some(Change { database: Some(database), ..Change::default() })
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::command::sample::with_request;

    fn change(state: State, words: &str) -> Option<Change> {
        with_request(words, |request| Change::of(state, request))
    }

    #[test]
    fn arguments_are_read_as_redis_reads_them() {
        let select = change(State::Select, "SELECT 7").unwrap();
        assert_eq!(select, Change { database: Some(7), ..Change::default() });
        assert_eq!(change(State::Select, "SELECT +7"), None);
        assert_eq!(change(State::Select, "SELECT -1"), None);
        assert_eq!(change(State::Select, "SELECT 1 2"), None);

        let auth = change(State::Auth, "AUTH pw").unwrap();
        assert_eq!(auth.identity, Some(Identity::proven(None, b"pw")));
        assert_eq!(change(State::Auth, "AUTH"), None);

        let hello = change(State::Hello, "HELLO 3 setname me auth joe pw").unwrap();
        assert_eq!(hello.protocol, Some(Protocol::Resp3));
        assert_eq!(hello.identity, Some(Identity::proven(Some(b"joe"), b"pw")));
        assert_eq!(hello.name.as_deref(), Some(&b"me"[..]));
        let operands = change(State::Hello, "HELLO 3 AUTH setname auth SETNAME AUTH").unwrap();
        assert_eq!(operands.identity, Some(Identity::proven(Some(b"setname"), b"auth")));
        assert_eq!(operands.name.as_deref(), Some(&b"AUTH"[..]));
        let operands = change(State::Hello, "HELLO 3 AUTH SETNAME me").unwrap();
        assert_eq!(operands.name, None);
        assert_eq!(change(State::Hello, "HELLO 3 SETNAME"), None);
        assert_eq!(change(State::Hello, "HELLO"), Some(Change::default()));
        assert_eq!(change(State::Hello, "HELLO 4"), None);
        assert_eq!(change(State::Hello, "HELLO 3 AUTH joe"), None);
    }

    #[test]
    fn a_refused_hello_may_have_been_taken_in_part() {
        let taken = |words: &str, error: &[u8]| {
            with_request(words, |request| HelloOptions::of(State::Hello, request))
                .may_have_been_taken(error)
        };
        let syntax = b"-ERR Syntax error in HELLO option 'X'\r\n";
        assert!(taken("HELLO 3 AUTH joe pw X", syntax));
        assert!(!taken("HELLO 3 AUTH joe pw", b"-WRONGPASS no\r\n"));
        assert!(taken("HELLO 3 SETNAME me AUTH joe pw", b"-WRONGPASS no\r\n"));
        assert!(taken("HELLO 2 SETNAME me", b"-NOAUTH no\r\n"));
        assert!(!taken("HELLO 9 SETNAME me", b"-NOPROTO no\r\n"));
        assert!(!taken("HELLO 3 X", syntax));
    }

    #[test]
    fn options_before_the_refused_one_are_taken() {
        let taken = |words: &str, error: &[u8]| {
            let options = with_request(words, |request| HelloOptions::of(State::Hello, request));
            let taken = options.taken(error).cloned().unwrap_or_default();
            (taken.identity.is_some(), taken.name.is_some())
        };
        let refused = b"-ERR Client names cannot contain spaces\r\n";
        assert_eq!(taken("HELLO 3 AUTH joe pw SETNAME \u{e9}", refused), (true, false));
        assert_eq!(taken("HELLO 3 SETNAME me AUTH joe pw X", refused), (true, true));
        assert_eq!(taken("HELLO 3 SETNAME \u{e9} AUTH joe pw", refused), (false, false));
        assert_eq!(taken("HELLO 3 SETNAME me AUTH joe pw", b"-WRONGPASS no\r\n"), (false, false));
        assert_eq!(taken("HELLO 9 SETNAME me", b"-NOPROTO no\r\n"), (false, false));
        let subscriber = b"-ERR Can't execute 'hello': only (P|S)SUBSCRIBE are allowed\r\n";
        assert_eq!(taken("HELLO 3 AUTH joe no SETNAME me", subscriber), (false, false));
    }

    #[test]
    fn a_change_leaves_the_rest_as_it_is() {
        let key = LaneKey {
            identity: Identity::proven(Some(b"joe"), b"pw"),
            database: 3,
            protocol: Protocol::Resp3,
        };
        let selected = change(State::Select, "SELECT 7").unwrap().apply(&key);
        assert_eq!(selected, LaneKey { database: 7, ..key.clone() });
        let reset = change(State::Reset, "RESET").unwrap().apply(&key);
        assert_eq!(reset.database, 0);
        assert!(!reset.identity.is_proven());
    }
}
