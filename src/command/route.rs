//! Decides by name and arguments what kind of connection a request needs.

use super::{
    catalog,
    client::{self, ClientCommand},
    info, options,
    table::{self, Blocking, Class, Container, State, Stream, Subscription, Transaction},
};
use crate::{resp::Request, session};

/// Where a request goes.
#[derive(Clone, Copy, Debug)]
pub enum Route {
    /// Any connection in the client's state will do.
    Shared,
    /// A session command.
    Session(&'static session::Command),
    /// May wait: needs a connection of its own while it does.
    Blocking,
    /// `WAIT`, `WAITAOF`: waits, and speaks of what this connection has written.
    Replication,
    /// Opens, ends or guards a transaction.
    Transaction(Transaction),
    /// Changes subscriptions.
    Subscription(Subscription),
    /// Changes user, database or protocol.
    State(State),
    /// A `CLIENT` subcommand that speaks of the client's own connection.
    Client(ClientCommand),
    /// `COMMAND`: the session commands belong into the answer.
    Catalog,
    /// `INFO` with something in it that is ours to say.
    Info,
    /// Needs an exclusive connection for the time of the command.
    Aside,
    /// Leaves lasting state: the client keeps its connection from now on.
    Lasting,
    /// Not known: may leave any state behind, unless the server does not know it either.
    Unknown,
    /// Turns the connection into a stream.
    Stream(Stream),
    /// `POST` or `Host:`: a browser was made to send commands. Redis closes the connection without a word
    /// (`securityWarningCommand` in networking.c), and with it everybody's on a shared one.
    Browser,
    /// `QUIT`
    Quit,
}

/// Decides for one request. Of a request that has only begun, the arguments so far decide.
pub fn route(request: &Request<'_>) -> Route {
    let name = request.name();
    let Some(class) = table::class(name) else {
        return session::lookup(name).map_or(Route::Unknown, Route::Session);
    };
    match class {
        Class::Shared => Route::Shared,
        Class::Blocking(Blocking::Always) => Route::Blocking,
        Class::Blocking(Blocking::WithOption) if options::stream_read_may_wait(request) => {
            Route::Blocking
        }
        Class::Blocking(Blocking::WithOption) => Route::Shared,
        Class::Blocking(Blocking::Replication) => Route::Replication,
        // The server refuses it, and begins nothing.
        Class::Transaction(Transaction::Multi) if request.len() > 1 => Route::Shared,
        Class::Transaction(step) => Route::Transaction(step),
        Class::Subscription(subscription) => Route::Subscription(subscription),
        Class::State(state) => Route::State(state),
        Class::Container(Container::Client) => client::route(request),
        Class::Container(Container::Administration) => Route::Shared,
        Class::Container(Container::Cluster) => match request.arg(1) {
            // Valkey 8 waits for the replicas (`clusterCommandSetSlot` in cluster_legacy.c).
            Some(sub) if is(sub, b"SETSLOT") => Route::Aside,
            // Between nodes: what follows is a stream of keys.
            Some(sub) if is(sub, b"SYNCSLOTS") => Route::Lasting,
            _ => Route::Shared,
        },
        Class::Container(Container::Command) if catalog::concerns(request) => Route::Catalog,
        Class::Container(Container::Command) => Route::Shared,
        Class::Container(Container::Script) => match request.arg(1) {
            // They have to get through while a script runs.
            Some(sub) if is(sub, b"KILL") || is(sub, b"STATS") => Route::Aside,
            Some(sub) if is(sub, b"DEBUG") => Route::Lasting,
            _ => Route::Shared,
        },
        Class::Info if info::concerns(request) => Route::Info,
        Class::Info => Route::Shared,
        Class::Browser => Route::Browser,
        Class::Quit => Route::Quit,
        Class::Stream(stream) => Route::Stream(stream),
        // It is answered by two frames, of which only one is a reply.
        Class::Aside if pushes(request) => Route::Lasting,
        Class::Aside => Route::Aside,
        Class::VectorAdd if options::vector_add_is_threaded(request) => Route::Aside,
        Class::VectorAdd => Route::Shared,
        Class::Lasting => Route::Lasting,
    }
}

/// `DEBUG PROTOCOL PUSH`
fn pushes(request: &Request<'_>) -> bool {
    let words = [&b"DEBUG"[..], b"PROTOCOL", b"PUSH"];
    words.iter().enumerate().all(|(at, word)| request.arg(at).is_some_and(|arg| is(arg, word)))
}

/// Parameters of `CONFIG SET` that decide whom the server lets in: with which password, from where, and with which
/// certificate.
const ADMISSION: [&[u8]; 9] = [
    b"requirepass",
    b"protected-mode",
    b"bind",
    b"port",
    b"tls-port",
    b"tls-auth-clients",
    b"tls-auth-clients-user",
    b"tls-ca-cert-file",
    b"tls-ca-cert-dir",
];

/// Whether what the server has said of credentials is old once it accepts `request`: it may refuse now whom it has
/// taken before.
pub fn revokes(request: &Request<'_>) -> bool {
    let Some(sub) = request.arg(1) else { return false };
    match request.name() {
        name if is(name, b"ACL") => {
            [&b"SETUSER"[..], b"DELUSER", b"LOAD"].iter().any(|word| is(sub, word))
        }
        // Names and values take turns.
        name if is(name, b"CONFIG") && is(sub, b"SET") => {
            let mut names = request.args().skip(2).step_by(2);
            names.any(|name| ADMISSION.iter().any(|word| is(name, word)))
        }
        _ => false,
    }
}

/// Whether the server may have other commands once it accepts `request`.
pub fn changes_commands(request: &Request<'_>) -> bool {
    let words = [&b"LOAD"[..], b"LOADEX", b"UNLOAD"];
    is(request.name(), b"MODULE")
        && request.arg(1).is_some_and(|sub| words.iter().any(|word| is(sub, word)))
}

/// Whether `arg` is `word`, in any case.
pub(super) fn is(arg: &[u8], word: &[u8]) -> bool {
    arg.eq_ignore_ascii_case(word)
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::command::sample::with_request;

    fn routed(words: &str) -> String {
        with_request(words, |request| format!("{:?}", route(request)))
    }

    #[test]
    fn arguments_decide_where_the_name_does_not() {
        assert_eq!(routed("XREAD COUNT 1 BLOCK 0 STREAMS s $"), "Blocking");
        assert_eq!(routed("xread block 0 streams s $"), "Blocking");
        assert_eq!(routed("XREAD COUNT 1 STREAMS block $"), "Shared");
        assert_eq!(routed("XREADGROUP GROUP streams c BLOCK 0 STREAMS s >"), "Blocking");
        assert_eq!(routed("XREADGROUP GROUP block c STREAMS s >"), "Shared");
        assert_eq!(routed("MULTI"), "Transaction(Multi)");
        assert_eq!(routed("MULTI now"), "Shared");
        assert_eq!(routed("SCRIPT LOAD x"), "Shared");
        assert_eq!(routed("SCRIPT KILL"), "Aside");
        assert_eq!(routed("FUNCTION KILL"), "Aside");
        assert_eq!(routed("FUNCTION STATS"), "Aside");
        assert_eq!(routed("SCRIPT DEBUG YES"), "Lasting");
        assert_eq!(routed("DEBUG PROTOCOL push"), "Lasting");
        assert_eq!(routed("DEBUG PROTOCOL map"), "Aside");
        assert_eq!(routed("CLIENT ID"), "Client(Id)");
        assert_eq!(routed("CLIENT PAUSE 100 WRITE"), "Client(Pause)");
        assert_eq!(routed("client unpause"), "Client(Unpause)");
        assert_eq!(routed("CLIENT PAUSE x"), "Aside");
        assert_eq!(routed("INFO clients"), "Info");
        assert_eq!(routed("INFO sessiond"), "Info");
        assert_eq!(routed("INFO memory"), "Shared");
        assert_eq!(routed("COMMAND"), "Catalog");
        assert_eq!(routed("command Docs get"), "Catalog");
        assert_eq!(routed("COMMAND HELP"), "Shared");
        assert_eq!(routed("COMMANDLOG RESET"), "Shared");
        assert_eq!(routed("VSIM k ELE e"), "Aside");
        assert_eq!(routed("VADD k VALUES 1 0.5 e CAS"), "Aside");
        assert_eq!(routed("VADD k VALUES 1 0.5 e"), "Shared");
        assert_eq!(routed("FLUSHALL ASYNC"), "Aside");
        assert_eq!(routed("CLUSTER setslot 1 NODE n"), "Aside");
        assert_eq!(routed("CLUSTER SYNCSLOTS ESTABLISH"), "Lasting");
        assert_eq!(routed("CLUSTER NODES"), "Shared");
        assert_eq!(routed("CLUSTER"), "Shared");
        assert_eq!(routed("NOSUCH a"), "Unknown");
        assert_eq!(routed("SESSION.NOSUCH a"), "Unknown");
        assert!(routed("session.Get a b").starts_with("Session("));
    }

    #[test]
    fn a_pause_and_its_end_are_not_held_up_by_others() {
        assert!(!ClientCommand::Pause.is_shared() && !ClientCommand::Unpause.is_shared());
    }

    #[test]
    fn what_lets_users_in_or_not_revokes_credentials() {
        for words in [
            "ACL SETUSER joe on >pw",
            "acl deluser joe",
            "ACL LOAD",
            "CONFIG SET requirepass pw",
            "config set maxmemory 1gb RequirePass pw",
            "CONFIG SET protected-mode no",
            "CONFIG SET bind 127.0.0.1",
            "CONFIG SET tls-auth-clients optional",
        ] {
            assert!(with_request(words, revokes), "{words}");
        }
        for words in [
            "ACL",
            "ACL LIST",
            "ACL GETUSER setuser",
            "ACL SAVE",
            "CONFIG",
            "CONFIG SET",
            "CONFIG SET maxmemory 1gb",
            "CONFIG SET maxmemory-policy requirepass save bind",
            "CONFIG GET requirepass",
            "CONFIG REWRITE",
            "CONFIG RESETSTAT",
            "DEBUG RELOAD",
            "FAILOVER",
            "REPLICAOF NO ONE",
            "SET requirepass bind",
            "MODULE LOAD x",
        ] {
            assert!(!with_request(words, revokes), "{words}");
        }
    }

    #[test]
    fn modules_change_the_commands() {
        for words in ["MODULE LOAD x.so", "module loadex x.so ARGS 1", "MODULE UNLOAD x"] {
            assert!(with_request(words, changes_commands), "{words}");
        }
        for words in ["MODULE", "MODULE LIST", "MODULE HELP LOAD", "ACL LOAD", "FUNCTION LOAD x"] {
            assert!(!with_request(words, changes_commands), "{words}");
        }
    }
}
