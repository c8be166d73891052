//! The `CLIENT` subcommands that speak of, or change, the connection they are sent on.

use bytes::Bytes;

use super::route::{Route, is};
use crate::resp::Request;

/// A `CLIENT` subcommand that cannot simply be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCommand {
    /// `CLIENT ID`
    Id,
    /// `CLIENT GETNAME`
    GetName,
    /// `CLIENT SETNAME`
    SetName,
    /// `CLIENT REPLY`
    Reply(ReplyMode),
}

/// What `CLIENT REPLY` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyMode {
    /// Replies are given.
    On,
    /// No replies from now on.
    Off,
    /// No reply to the next command.
    Skip,
}

pub(super) fn route(request: &Request<'_>) -> Route {
    let Some(sub) = request.arg(1) else { return Route::Shared };
    let argc = request.len();
    match sub.to_ascii_uppercase().as_slice() {
        b"ID" if argc == 2 => Route::Client(ClientCommand::Id),
        b"GETNAME" if argc == 2 => Route::Client(ClientCommand::GetName),
        b"SETNAME" if argc == 3 => Route::Client(ClientCommand::SetName),
        b"REPLY" if argc == 3 => match request.arg(2) {
            Some(mode) if is(mode, b"ON") => Route::Client(ClientCommand::Reply(ReplyMode::On)),
            Some(mode) if is(mode, b"OFF") => Route::Client(ClientCommand::Reply(ReplyMode::Off)),
            Some(mode) if is(mode, b"SKIP") => Route::Client(ClientCommand::Reply(ReplyMode::Skip)),
            _ => Route::Shared,
        },
        // What a connection is called by its library is of no consequence to others on it.
        b"ID" | b"GETNAME" | b"SETNAME" | b"SETINFO" | b"REPLY" | b"HELP" | b"INFO" | b"LIST" => {
            Route::Shared
        }
        b"KILL" | b"UNBLOCK" | b"PAUSE" | b"UNPAUSE" => Route::Aside,
        _ => Route::Lasting,
    }
}

/// Whether Redis accepts `name` in `CLIENT SETNAME` and `HELLO SETNAME`: printable ASCII without blanks
/// (`validateClientName` in networking.c). The empty name takes the name away.
pub fn is_valid_name(name: &[u8]) -> bool {
    name.iter().all(u8::is_ascii_graphic)
}

/// The client's name after a successful `CLIENT SETNAME`.
pub fn new_name(request: &Request<'_>) -> Bytes {
    request.arg(2).map(Bytes::copy_from_slice).unwrap_or_default()
}
