//! `SESSION.HELP`: all session commands in a few lines.

use bytes::BytesMut;

use crate::session::command::{Command, Plan, Settings};
use crate::session::commands::commands;
use crate::session::error::Error;

pub(super) const COMMAND: Command = Command {
    name: "session.help",
    arguments: &[],
    summary: "Print this help.",
    writes: false,
    plan,
};

fn plan(_settings: &Settings, _args: &[&[u8]], _buffer: BytesMut) -> Result<Plan, Error> {
    Ok(Plan::Lines(lines()))
}

/// The lines in the form of Redis' own `HELP` subcommands.
fn lines() -> Vec<String> {
    let title = "SESSION.<subcommand> [<arg> [value] [opt] ...]. Subcommands are:";
    let mut lines = vec![title.to_owned()];
    for command in commands() {
        let usage = format!("{} {}", command.name.to_ascii_uppercase(), command.hint());
        lines.push(usage.trim_end().to_owned());
        lines.push(format!("    {}", command.summary));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_explained() {
        let lines = lines();
        assert_eq!(lines.len(), 1 + 2 * commands().len());
        assert_eq!(lines[3], "SESSION.GET app token [PEEK] [JSON]");
        assert_eq!(
            lines[4],
            "    Returns a session, counts the reading and refreshes the session."
        );
        assert_eq!(lines[lines.len() - 2..], ["SESSION.HELP", "    Print this help."]);
    }
}
