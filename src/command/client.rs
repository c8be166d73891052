//! The `CLIENT` subcommands that speak of, or change, the connection they are sent on, or speak of all of them.

pub mod asked;
pub mod filter;
pub mod line;
pub mod naming;
pub mod profile;
pub mod tracking;

use super::{
    pause::Pausing,
    route::{Route, is},
};
use crate::resp::Request;

/// A `CLIENT` subcommand that cannot simply be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCommand {
    /// `CLIENT ID`
    Id,
    /// `CLIENT GETNAME`
    GetName,
    /// `CLIENT SETNAME` and `CLIENT SETINFO`
    Label,
    /// `CLIENT GETREDIR`
    GetRedirect,
    /// `CLIENT TRACKINGINFO`
    TrackingInfo,
    /// `CLIENT INFO`
    Info,
    /// `CLIENT LIST`
    List,
    /// `CLIENT KILL`
    Kill,
    /// `CLIENT UNBLOCK`
    Unblock,
    /// `CLIENT TRACKING`
    Tracking,
    /// `CLIENT NO-EVICT` and `CLIENT NO-TOUCH`, and whether it is switched on.
    Switch(Switch, bool),
    /// `CLIENT REPLY`
    Reply(ReplyMode),
    /// `CLIENT PAUSE`; for how long, [`Pausing`] tells.
    Pause,
    /// `CLIENT UNPAUSE`
    Unpause,
}

/// A property of a connection that can be switched on and off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// `CLIENT NO-EVICT`
    NoEvict,
    /// `CLIENT NO-TOUCH`
    NoTouch,
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

impl ClientCommand {
    /// Whether any connection in the client's state can answer it.
    pub fn is_shared(self) -> bool {
        match self {
            Self::Id
            | Self::GetName
            | Self::Label
            | Self::GetRedirect
            | Self::TrackingInfo
            | Self::Info
            | Self::List => true,
            // Has to get through while others of the same connection may be stuck.
            Self::Kill | Self::Unblock | Self::Pause | Self::Unpause => false,
            Self::Tracking | Self::Switch(..) | Self::Reply(_) => false,
        }
    }
}

pub(super) fn route(request: &Request<'_>) -> Route {
    let Some(sub) = request.arg(1) else { return Route::Shared };
    let argc = request.len();
    let command = match sub.to_ascii_uppercase().as_slice() {
        b"ID" if argc == 2 => ClientCommand::Id,
        b"GETNAME" if argc == 2 => ClientCommand::GetName,
        b"SETNAME" | b"SETINFO" if naming::Naming::of(request).is_some() => ClientCommand::Label,
        b"GETREDIR" if argc == 2 => ClientCommand::GetRedirect,
        b"TRACKINGINFO" if argc == 2 => ClientCommand::TrackingInfo,
        b"INFO" if argc == 2 => ClientCommand::Info,
        b"LIST" => ClientCommand::List,
        b"KILL" if argc > 2 => ClientCommand::Kill,
        b"UNBLOCK" if argc > 2 => ClientCommand::Unblock,
        b"TRACKING" if argc > 2 => ClientCommand::Tracking,
        b"NO-EVICT" | b"NO-TOUCH" if argc == 3 => match switch(request) {
            Some((switch, on)) => ClientCommand::Switch(switch, on),
            None => return Route::Shared,
        },
        b"REPLY" if argc == 3 => match request.arg(2) {
            Some(mode) if is(mode, b"ON") => ClientCommand::Reply(ReplyMode::On),
            Some(mode) if is(mode, b"OFF") => ClientCommand::Reply(ReplyMode::Off),
            Some(mode) if is(mode, b"SKIP") => ClientCommand::Reply(ReplyMode::Skip),
            _ => return Route::Shared,
        },
        // With these arguments they are for the server to refuse, or to answer for everyone alike.
        b"ID" | b"GETNAME" | b"SETNAME" | b"SETINFO" | b"GETREDIR" | b"TRACKINGINFO" | b"INFO"
        | b"KILL" | b"UNBLOCK" | b"TRACKING" | b"NO-EVICT" | b"NO-TOUCH" | b"REPLY" | b"HELP" => {
            return Route::Shared;
        }
        b"PAUSE" | b"UNPAUSE" => match Pausing::of(request) {
            Some(Pausing::Pause(_)) => ClientCommand::Pause,
            Some(Pausing::Unpause) => ClientCommand::Unpause,
            // A later server may know more of it than we do.
            None => return Route::Aside,
        },
        _ => return Route::Lasting,
    };
    Route::Client(command)
}

fn switch(request: &Request<'_>) -> Option<(Switch, bool)> {
    let switch = if is(request.arg(1)?, b"NO-EVICT") { Switch::NoEvict } else { Switch::NoTouch };
    let value = request.arg(2)?;
    let on = is(value, b"ON");
    (on || is(value, b"OFF")).then_some((switch, on))
}
