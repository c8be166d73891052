//! The command line: a flag for every key of the configuration, and what to do with it.

use std::{ffi::OsString, path::PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::config::keys::{KEYS, Key};

/// What the program was asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Serve clients.
    Serve,
    /// Say whether the configuration is valid.
    CheckConfig,
    /// Show the effective configuration.
    PrintConfig,
}

/// The command line, understood.
pub struct Arguments {
    /// What to do.
    pub action: Action,
    /// The TOML file named by `--config`.
    pub file: Option<PathBuf>,
    /// Keys given as flags, with their text, in the table's order.
    pub flags: Vec<(&'static Key, String)>,
}

/// Why the command line alone decides how the program ends.
#[derive(Debug, PartialEq, Eq)]
pub enum Ending {
    /// Help or version: text for standard output.
    Shown(String),
    /// A line that cannot be understood: one line for standard error.
    Refused(String),
}

/// Reads the command line; the first word is the program's name.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Arguments, Ending> {
    let mut matches = command().try_get_matches_from(words).map_err(ending)?;
    let action = match (matches.get_flag("print-config"), matches.get_flag("check-config")) {
        (true, _) => Action::PrintConfig,
        (_, true) => Action::CheckConfig,
        _ => Action::Serve,
    };
    let mut given = |key: &'static Key| Some((key, value(&mut matches, key.name)?));
    let flags = KEYS.iter().filter_map(&mut given).collect();
    Ok(Arguments { action, file: matches.remove_one("config"), flags })
}

fn command() -> Command {
    let keys = KEYS.iter().map(|key| {
        let help = format!("{} Must be {}. [default: {}]", key.doc, key.allowed, key.default);
        Arg::new(key.name)
            .long(key.name.replace('_', "-"))
            .value_name(key.placeholder)
            .help(help)
            .value_parser(value_parser!(String))
            .allow_negative_numbers(true)
    });
    let switch = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).help(help).action(ArgAction::SetTrue)
    };
    let config = Arg::new("config")
        .long("config")
        .short('c')
        .value_name("FILE")
        .help("A TOML file with the keys below, written with underscores")
        .value_parser(value_parser!(PathBuf));
    Command::new("sessiond")
        .version(env!("CARGO_PKG_VERSION"))
        .about(env!("CARGO_PKG_DESCRIPTION"))
        .after_help(
            "Every flag but the first three is also a key of the file (upstream_mode) and an \
             environment variable (SESSIOND_UPSTREAM_MODE); SESSIOND_CONFIG names the file. Flags \
             win over variables, variables over the file.",
        )
        .arg(config)
        .arg(switch("check-config", "Say whether the configuration is valid and exit"))
        .arg(switch("print-config", "Print the effective configuration as TOML and exit"))
        .args(keys)
}

fn value(matches: &mut ArgMatches, name: &str) -> Option<String> {
    matches.remove_one(name)
}

/// Reduces what clap says on several lines to its message and its tip.
fn ending(error: clap::Error) -> Ending {
    let text = error.render().to_string();
    if !error.use_stderr() {
        return Ending::Shown(text);
    }
    let told = text.split("\n\n").take_while(|part| !part.starts_with("Usage:"));
    let parts: Vec<_> = told.map(|part| part.trim().replace('\n', " ")).collect();
    let line = parts.join("; ");
    let line = line.strip_prefix("error: ").unwrap_or(&line);
    Ending::Refused(format!("{line}; see --help"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Arguments, Ending> {
        parse(std::iter::once("sessiond").chain(words.iter().copied()).map(OsString::from))
    }

    #[test]
    fn the_command_is_well_formed() {
        command().debug_assert();
    }

    #[test]
    fn flags_are_keys_with_their_text() {
        let Ok(arguments) = parsed(&["--workers", "-1", "--upstream-mode=shared"]) else {
            panic!("refused");
        };
        let flags: Vec<_> = arguments.flags.iter().map(|(key, text)| (key.name, &**text)).collect();
        assert_eq!(flags, [("upstream_mode", "shared"), ("workers", "-1")]);
        assert_eq!((arguments.action, arguments.file), (Action::Serve, None));
    }

    #[test]
    fn what_is_not_understood_is_one_line() {
        for words in
            [&["--wokers", "1"][..], &["--ttl"], &["file.toml"], &["--ttl", "1", "--ttl", "2"]]
        {
            let Err(Ending::Refused(line)) = parsed(words) else {
                panic!("{words:?} was accepted")
            };
            assert!(!line.contains('\n') && line.contains(words[0]), "{line}");
        }
    }

    #[test]
    fn help_names_every_key() {
        let Err(Ending::Shown(help)) = parsed(&["--help"]) else { panic!("no help") };
        for key in KEYS {
            assert!(help.contains(&key.flag()), "{}", key.name);
        }
    }
}
