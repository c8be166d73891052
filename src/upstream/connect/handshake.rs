//! What is said on a new upstream connection before it takes requests, and what the server's answers mean.

use bytes::{Bytes, BytesMut};

use crate::{
    resp::{Protocol, encode, reply},
    state::{ids::ServerId, key::LaneKey},
};

/// One command of the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// `AUTH`.
    Authenticate,
    /// `HELLO 3`.
    Protocol,
    /// `SELECT`.
    Select,
    /// `ROLE`: whether it is a primary.
    Role,
    /// `PING`: whether it takes requests.
    Ready,
    /// `HELLO` without arguments: shows whether the server wants a password, the connection's id, and the server's version.
    /// Every user may say it, at any time.
    Probe,
}

/// What an answer means for the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Go on.
    Fine,
    /// The server wants credentials that this connection does not have; it takes `AUTH` and refuses the rest.
    Unauthenticated,
    /// The database is not selected for now; holds the server's error frame.
    Misplaced(Bytes),
    /// The server takes no connections: too many, or none from here.
    Closed(String),
    /// The server does not accept the state: the user is gone or has another password, a password is needed, the database
    /// does not exist or is not allowed. Holds its error frame.
    StateRefused(Bytes),
    /// The connection cannot be brought into the state for another reason; holds the server's error frame.
    Refused(Bytes),
}

/// What else a server has to be before it is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Demands {
    /// A primary, by its own word.
    pub(super) primary: bool,
    /// Ready for requests.
    pub(super) ready: bool,
}

/// The commands that bring a fresh connection into the state of `key`, and their number and kinds. `logged_in`: its user
/// has been taken already.
pub(super) fn commands(key: &LaneKey, logged_in: bool, demands: Demands) -> (BytesMut, Vec<Step>) {
    let mut out = BytesMut::new();
    let mut steps = Vec::with_capacity(6);
    if let Some((user, password)) = key.identity.credentials().filter(|_| !logged_in) {
        // Without its name the default user would be refused once it needs no password any more.
        encode::command(&mut out, [&b"AUTH"[..], user.unwrap_or(b"default"), password]);
        steps.push(Step::Authenticate);
    }
    if key.protocol == Protocol::Resp3 {
        encode::command(&mut out, [&b"HELLO"[..], b"3"]);
        steps.push(Step::Protocol);
    }
    if key.database != 0 {
        encode::command(&mut out, [&b"SELECT"[..], key.database.to_string().as_bytes()]);
        steps.push(Step::Select);
    }
    if demands.primary {
        encode::command(&mut out, [b"ROLE"]);
        steps.push(Step::Role);
    }
    if demands.ready {
        encode::command(&mut out, [b"PING"]);
        steps.push(Step::Ready);
    }
    encode::command(&mut out, [b"HELLO"]);
    steps.push(Step::Probe);
    (out, steps)
}

/// Reads the answer to `step`.
pub(super) fn outcome(step: Step, key: &LaneKey, frame: &[u8]) -> Outcome {
    if step == Step::Role && is_replica(frame) {
        return Outcome::Closed("the server is a replica".to_owned());
    }
    let Some(text) = frame.strip_prefix(b"-") else { return Outcome::Fine };
    if text.starts_with(b"ERR max number of clients") || text.starts_with(b"DENIED") {
        return Outcome::Closed(String::from_utf8_lossy(text).trim_end().to_owned());
    }
    let wants_password = text.starts_with(b"NOAUTH");
    if wants_password && !key.identity.is_proven() && key.protocol == Protocol::Resp2 {
        return Outcome::Unauthenticated;
    }
    let refuses_credentials =
        wants_password || text.starts_with(b"WRONGPASS") || text.starts_with(b"ERR ");
    let error = Bytes::copy_from_slice(frame);
    match step {
        Step::Authenticate | Step::Protocol
            if refuses_credentials && !text.starts_with(b"ERR unknown command") =>
        {
            Outcome::StateRefused(error)
        }
        Step::Authenticate | Step::Protocol => Outcome::Refused(error),
        Step::Select if text.starts_with(b"ERR") || text.starts_with(b"NOPERM") => {
            Outcome::StateRefused(error)
        }
        Step::Select if text.starts_with(b"BUSY") => Outcome::Misplaced(error),
        Step::Select => Outcome::Refused(error),
        Step::Ready if text.starts_with(b"LOADING") || text.starts_with(b"MASTERDOWN") => {
            Outcome::Refused(error)
        }
        // A user who may not ask is not told.
        Step::Role | Step::Ready => Outcome::Fine,
        // A server that does not know it serves all the same.
        Step::Probe => Outcome::Fine,
    }
}

/// Whether the answer to `ROLE` is that of a replica.
pub(in crate::upstream) fn is_replica(frame: &[u8]) -> bool {
    let mut elements = reply::elements(frame).into_iter().flatten().flatten();
    elements.next().and_then(reply::as_bulk).is_some_and(|role| role != b"master")
}

/// What the answer to `HELLO`, a map, says of the connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Greeting {
    pub(super) id: ServerId,
    /// It is of version 7.2 or later. Valkey counts on from there.
    pub(super) is_recent: bool,
}

impl Greeting {
    pub(super) fn of(frame: &[u8]) -> Self {
        let mut greeting = Self::default();
        let mut elements = reply::elements(frame).into_iter().flatten().flatten();
        while let (Some(name), Some(value)) = (elements.next(), elements.next()) {
            match reply::as_bulk(name) {
                Some(b"id") => {
                    let id = reply::as_integer(value).and_then(|id| u64::try_from(id).ok());
                    greeting.id = ServerId(id.unwrap_or(0));
                }
                Some(b"version") => {
                    let version = reply::as_bulk(value).unwrap_or_default();
                    greeting.is_recent = is_since(version, [7, 2]);
                }
                _ => {}
            }
        }
        greeting
    }
}

/// Whether the version, such as `7.0.15`, is this one or a later one. One that cannot be read is taken for new.
fn is_since(version: &[u8], since: [u64; 2]) -> bool {
    let mut numbers = version.split(|&byte| byte == b'.').map(|digits| {
        std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<u64>().ok())
    });
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), Some(minor)) => [major, minor] >= since,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::key::Identity;

    fn key(identity: Identity, database: u32, protocol: Protocol) -> LaneKey {
        LaneKey { identity, database, protocol }
    }

    #[test]
    fn a_connection_is_brought_into_the_state_of_its_key() {
        let text = |(said, _): (BytesMut, Vec<Step>)| String::from_utf8(said.to_vec()).unwrap();
        let said = |key: LaneKey| text(commands(&key, false, Demands::default()));
        let unproven = Identity::unproven;
        assert_eq!(said(key(unproven(), 0, Protocol::Resp2)), "*1\r\n$5\r\nHELLO\r\n");
        let joe = Identity::proven(Some(b"joe"), b"pw");
        let key_of_joe = key(joe, 3, Protocol::Resp3);
        let all = said(key_of_joe.clone());
        let words: Vec<_> =
            all.split("\r\n").filter(|word| !word.starts_with(['*', '$'])).collect();
        assert_eq!(words, ["AUTH", "joe", "pw", "HELLO", "3", "SELECT", "3", "HELLO", ""]);
        assert!(all.ends_with(&text(commands(&key_of_joe, true, Demands::default()))));
        assert!(
            text(commands(&key_of_joe, true, Demands::default()))
                .starts_with("*2\r\n$5\r\nHELLO\r\n")
        );
        let password = said(key(Identity::proven(None, b"pw"), 0, Protocol::Resp2));
        assert!(password.starts_with("*3\r\n$4\r\nAUTH\r\n$7\r\ndefault\r\n$2\r\npw\r\n"));
    }

    #[test]
    fn the_answer_to_hello_tells_id_and_version() {
        let resp2 = b"*8\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$2\r\nid\r\n:17\r\n\
            $7\r\nmodules\r\n*0\r\n";
        let greeting = Greeting::of(resp2);
        assert_eq!(greeting, Greeting { id: ServerId(17), is_recent: false });
        let resp3 = Greeting::of(b"%2\r\n$7\r\nversion\r\n$5\r\n8.1.0\r\n$2\r\nid\r\n:18\r\n");
        assert_eq!(resp3, Greeting { id: ServerId(18), is_recent: true });
        for other in [&b"-NOAUTH x\r\n"[..], b"%0\r\n", b"*1\r\n$2\r\nid\r\n"] {
            assert_eq!(Greeting::of(other), Greeting::default());
        }
        let versions = ["7.1.240", "7.2.0", "10.0.0", "6.2.14", "unstable"];
        let since = versions.map(|version| is_since(version.as_bytes(), [7, 2]));
        assert_eq!(since, [false, true, true, false, true]);
    }

    #[test]
    fn answers_tell_what_the_connection_is_good_for() {
        let unproven = key(Identity::unproven(), 1, Protocol::Resp2);
        let proven = key(Identity::proven(None, b"pw"), 1, Protocol::Resp2);
        let resp3 = key(Identity::unproven(), 0, Protocol::Resp3);
        let refused = |frame: &'static [u8]| Outcome::StateRefused(Bytes::from_static(frame));
        let noauth = b"-NOAUTH Authentication required.\r\n";
        assert_eq!(outcome(Step::Select, &unproven, b"+OK\r\n"), Outcome::Fine);
        assert_eq!(outcome(Step::Select, &unproven, noauth), Outcome::Unauthenticated);
        assert_eq!(outcome(Step::Protocol, &resp3, noauth), refused(noauth));
        assert_eq!(
            outcome(Step::Authenticate, &proven, b"-WRONGPASS x\r\n"),
            refused(b"-WRONGPASS x\r\n")
        );
        assert_eq!(
            outcome(Step::Select, &proven, b"-ERR DB index\r\n"),
            refused(b"-ERR DB index\r\n")
        );
        assert_eq!(
            outcome(Step::Select, &proven, b"-BUSY x\r\n"),
            Outcome::Misplaced(Bytes::from_static(b"-BUSY x\r\n"))
        );
        let unknown = b"-ERR unknown command 'HELLO', with args beginning with: \r\n";
        assert_eq!(outcome(Step::Probe, &proven, unknown), Outcome::Fine);
        let full = b"-ERR max number of clients reached\r\n";
        let closed = Outcome::Closed("ERR max number of clients reached".to_owned());
        for step in [Step::Authenticate, Step::Protocol, Step::Select, Step::Probe] {
            assert_eq!(outcome(step, &proven, full), closed);
        }
    }

    #[test]
    fn a_replica_or_a_server_that_is_loading_is_not_used_where_that_matters() {
        let key = key(Identity::unproven(), 0, Protocol::Resp2);
        let steps = |primary, ready| commands(&key, false, Demands { primary, ready }).1;
        assert_eq!(steps(true, false), [Step::Role, Step::Probe]);
        assert_eq!(steps(false, true), [Step::Ready, Step::Probe]);
        let replica = b"*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$4\r\nsync\r\n:-1\r\n";
        let refused = Outcome::Closed("the server is a replica".to_owned());
        assert_eq!(outcome(Step::Role, &key, replica), refused);
        let primary = b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n";
        for fine in [&primary[..], b"-NOPERM no\r\n", b"+OK\r\n"] {
            assert_eq!(outcome(Step::Role, &key, fine), Outcome::Fine);
        }
        for loading in [&b"-LOADING x\r\n"[..], b"-MASTERDOWN x\r\n"] {
            let expected = Outcome::Refused(Bytes::copy_from_slice(loading));
            assert_eq!(outcome(Step::Ready, &key, loading), expected);
        }
        for fine in [&b"+PONG\r\n"[..], b"-BUSY x\r\n", b"-NOPERM no\r\n"] {
            assert_eq!(outcome(Step::Ready, &key, fine), Outcome::Fine);
        }
    }
}
