//! The table of session commands.

mod activity;
mod create;
pub(super) mod get;
mod help;
mod kill;
mod killall;
mod killsoid;
mod set;
mod soapp;
mod soid;
pub(super) mod wipe;

use super::command::Command;

static COMMANDS: [Command; 11] = [
    create::COMMAND,
    get::COMMAND,
    set::COMMAND,
    kill::COMMAND,
    killsoid::COMMAND,
    killall::COMMAND,
    soid::COMMAND,
    soapp::COMMAND,
    activity::COMMAND,
    wipe::COMMAND,
    help::COMMAND,
];

/// All session commands.
#[must_use]
pub fn commands() -> &'static [Command] {
    &COMMANDS
}

/// The command of this name, in any case.
#[must_use]
pub fn lookup(name: &[u8]) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name.as_bytes().eq_ignore_ascii_case(name))
}
