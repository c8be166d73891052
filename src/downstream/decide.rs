//! What is done with a request: one table, by what the client is in the middle of and by what the request needs.

use super::state::mode::Kind;
use crate::{
    command::{
        Route,
        client::ClientCommand,
        table::{State, Stream, Subscription, Transaction as Step},
    },
    session,
};

/// What is done with a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Action {
    /// It is passed on, and so is its reply.
    Forward,
    /// The same, on a connection of the client's own for the time of the command.
    Aside(Note),
    /// The same, after what has been written was marked: `WAIT` speaks of its connection's writes.
    Replicate,
    /// It becomes a script call.
    Call(&'static session::Command),
    /// It is refused as a subscriber's.
    RefuseSubscriber,
    /// The server decides whether the client's state changes.
    Change(State),
    /// A step of a transaction.
    Step(Step),
    /// Subscriptions change.
    Subscribe(Subscription),
    /// What the server says of its connection is replaced by what is true of the client.
    Client(ClientCommand),
    /// `INFO` is answered with what is true of clients.
    Info,
    /// The session commands are added to the server's answer.
    Catalog,
    /// The client's connection becomes a stream.
    Stream(Stream),
    /// It is queued by the server, with its effect for `EXEC`.
    Queue,
    /// It is answered as a part of a transaction whose connection was lost.
    Lost(Lost),
    /// The client leaves.
    Quit,
    /// No client of Redis: the connection is closed.
    HangUp,
}

/// What to note of a command that runs aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// It leaves no trace.
    Nothing,
    /// It may wait for long.
    Waits,
    /// It leaves state behind, unless it is refused.
    Lasts,
    /// Whether it does is to be found out.
    Unknown,
}

/// What becomes of a lost transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// Its commands are refused.
    Refused,
    /// `EXEC` says that it was discarded.
    Executed,
    /// It is discarded.
    Discarded,
}

/// Decides. Every request of every client comes by here, but for those that any connection can take, while nothing is to be
/// minded ([`super::act::ahead`]).
pub(super) fn decide(mode: Kind, route: Route) -> Action {
    use Action as A;
    match (mode, route) {
        (_, Route::Browser) => A::HangUp,
        (_, Route::Quit) => A::Quit,
        (Kind::Subscriber, Route::Session(_)) => A::RefuseSubscriber,
        (Kind::Plain | Kind::Subscriber, route) => plain(route),
        (Kind::Transaction, route) => queued(route),
        (Kind::Lost, Route::Transaction(Step::Exec)) => A::Lost(Lost::Executed),
        (Kind::Lost, Route::Transaction(Step::Discard)) => A::Lost(Lost::Discarded),
        (Kind::Lost, Route::State(State::Reset)) => A::Change(State::Reset),
        (Kind::Lost, _) => A::Lost(Lost::Refused),
    }
}

fn plain(route: Route) -> Action {
    use Action as A;
    match route {
        Route::Shared => A::Forward,
        Route::Session(command) => A::Call(command),
        Route::Blocking => A::Aside(Note::Waits),
        Route::Replication => A::Replicate,
        Route::Aside => A::Aside(Note::Nothing),
        Route::Lasting => A::Aside(Note::Lasts),
        Route::Unknown => A::Aside(Note::Unknown),
        Route::Transaction(step) => A::Step(step),
        Route::Subscription(subscription) => A::Subscribe(subscription),
        Route::State(state) => A::Change(state),
        Route::Client(command) => A::Client(command),
        Route::Info => A::Info,
        Route::Catalog => A::Catalog,
        Route::Stream(stream) => A::Stream(stream),
        Route::Browser => A::HangUp,
        Route::Quit => A::Quit,
    }
}

/// Inside a transaction.
fn queued(route: Route) -> Action {
    match route {
        Route::Transaction(step @ (Step::Exec | Step::Discard)) => Action::Step(step),
        // Refused, without harm to the transaction.
        Route::Transaction(Step::Multi | Step::Watch) => Action::Forward,
        Route::State(State::Reset) => Action::Change(State::Reset),
        Route::Session(command) => Action::Call(command),
        _ => Action::Queue,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{route, sample::with_request};

    const EVERY: [Kind; 4] = [Kind::Plain, Kind::Subscriber, Kind::Transaction, Kind::Lost];

    /// What is done with the request in each mode, in the order of [`EVERY`].
    fn row(words: &str) -> String {
        with_request(words, |request| {
            let actions = EVERY.map(|mode| match decide(mode, route(request)) {
                Action::Call(_) => "Call".to_owned(),
                action => format!("{action:?}"),
            });
            actions.join(" ")
        })
    }

    #[test]
    fn each_row_of_the_table() {
        let rows = [
            ("GET k", "Forward Forward Queue"),
            ("SESSION.GET shop t", "Call RefuseSubscriber Call"),
            ("BLPOP k 0", "Aside(Waits) Aside(Waits) Queue"),
            ("WAIT 1 0", "Replicate Replicate Queue"),
            ("SCRIPT KILL", "Aside(Nothing) Aside(Nothing) Queue"),
            ("SCRIPT DEBUG YES", "Aside(Lasts) Aside(Lasts) Queue"),
            ("NOSUCH", "Aside(Unknown) Aside(Unknown) Queue"),
            ("UNWATCH", "Step(Unwatch) Step(Unwatch) Queue"),
            ("INFO", "Info Info Queue"),
            ("COMMAND", "Catalog Catalog Queue"),
            ("CLIENT ID", "Client(Id) Client(Id) Queue"),
        ];
        for (words, begin) in rows {
            assert_eq!(row(words), format!("{begin} Lost(Refused)"), "{words}");
        }
    }

    #[test]
    fn rows_of_what_changes_the_mode() {
        for (words, all) in [
            ("MULTI", "Step(Multi) Step(Multi) Forward Lost(Refused)"),
            ("WATCH k", "Step(Watch) Step(Watch) Forward Lost(Refused)"),
            ("EXEC", "Step(Exec) Step(Exec) Step(Exec) Lost(Executed)"),
            ("DISCARD", "Step(Discard) Step(Discard) Step(Discard) Lost(Discarded)"),
            ("SELECT 1", "Change(Select) Change(Select) Queue Lost(Refused)"),
            ("RESET", "Change(Reset) Change(Reset) Change(Reset) Change(Reset)"),
            ("MONITOR", "Stream(Monitor) Stream(Monitor) Queue Lost(Refused)"),
            ("CLIENT REPLY ON", "Client(Reply(On)) Client(Reply(On)) Queue Lost(Refused)"),
            ("CLIENT REPLY OFF", "Client(Reply(Off)) Client(Reply(Off)) Queue Lost(Refused)"),
            ("CLIENT REPLY SKIP", "Client(Reply(Skip)) Client(Reply(Skip)) Queue Lost(Refused)"),
            ("CLIENT KILL ID 1", "Client(Kill) Client(Kill) Queue Lost(Refused)"),
        ] {
            assert_eq!(row(words), all, "{words}");
        }
        assert_eq!(row("QUIT"), ["Quit"; 4].join(" "));
        assert_eq!(row("POST /"), ["HangUp"; 4].join(" "));
    }
}
