//! Where a setting came from, and the one-line errors that say so.

use std::{fmt, path::PathBuf};

use crate::{
    config::keys::{KEYS, Key},
    secret::HIDDEN,
};

/// The place in which a setting was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A line of the TOML file, counted from 1.
    File(PathBuf, usize),
    /// An environment variable, by its full name.
    Environment(String),
    /// A flag, with its dashes.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// A configuration that cannot be used. The text is one line and shows no secret.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read at all.
    #[error("{}: cannot be read: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason in words.
        why: String,
    },
    /// The file is not TOML.
    #[error("{origin}: not valid TOML: {why}")]
    Syntax {
        /// The line at which reading failed.
        origin: Origin,
        /// The parser's words.
        why: String,
    },
    /// There is no such key.
    #[error("{origin}: unknown key {key} = {value}; allowed are {}", names())]
    UnknownKey {
        /// Where it stands.
        origin: Origin,
        /// The name as written.
        key: String,
        /// The value, quoted, or `***`.
        value: String,
    },
    /// The key does not take this value.
    #[error("{origin}: {key} = {value} is not allowed{why}; it must be {allowed}")]
    Value {
        /// Where it stands.
        origin: Origin,
        /// The key.
        key: &'static str,
        /// The value, quoted, or `***`.
        value: String,
        /// What is wrong in particular, in parentheses, or nothing.
        why: String,
        /// What the key takes.
        allowed: &'static str,
    },
    /// The key does not go together with the others.
    #[error("{origin}: {key} = {value} {why}")]
    Conflict {
        /// Where it stands.
        origin: Origin,
        /// The key.
        key: String,
        /// The value, quoted, or `***`.
        value: String,
        /// What does not fit.
        why: String,
    },
}

impl ConfigError {
    pub(super) fn unknown(origin: Origin, key: &str, value: &str) -> Self {
        // A misspelt upstream_password is still a password.
        let secret = ["pas", "pw", "secret"].iter().any(|part| key.to_lowercase().contains(part));
        Self::UnknownKey { origin, key: key.to_owned(), value: shown(value, secret) }
    }

    pub(super) fn value(origin: Origin, key: &Key, value: &str, why: Option<String>) -> Self {
        let value = shown(value, key.secret);
        let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
        Self::Value { origin, key: key.name, value, why, allowed: key.allowed }
    }

    /// `value` is as [`shown`] gives it.
    pub(super) fn conflict(origin: Origin, key: &str, value: String, why: &str) -> Self {
        Self::Conflict { origin, key: key.to_owned(), value, why: why.to_owned() }
    }
}

fn names() -> String {
    KEYS.iter().map(|key| key.name).collect::<Vec<_>>().join(", ")
}

/// The value in quotes on one line; what stands before the `@` of a URL is hidden.
pub(super) fn shown(value: &str, secret: bool) -> String {
    if secret {
        return HIDDEN.to_owned();
    }
    let after_scheme = value.find("//").map_or(0, |at| at + 2);
    match value.rfind('@') {
        Some(at) if at >= after_scheme => {
            format!("{:?}", format!("{}{HIDDEN}{}", &value[..after_scheme], &value[at..]))
        }
        _ => format!("{value:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_credentials() {
        assert_eq!(shown("redis://u:p@h:x", false), "\"redis://***@h:x\"");
        assert_eq!(shown("u:p@ss@h", false), "\"***@h\"");
        assert_eq!(shown("a\nb", false), r#""a\nb""#);
        assert_eq!(shown("a", true), "***");
    }
}
