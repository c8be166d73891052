//! Which session commands `COMMAND LIST FILTERBY` admits.

use super::{super::route::is, info};
use crate::{resp::Request, session::Command};

/// What `COMMAND LIST` is to list.
pub(super) enum Filter {
    All,
    /// Those of an ACL category, named without `@`.
    Category(Vec<u8>),
    /// Those whose name matches a glob.
    Pattern(Vec<u8>),
}

impl Filter {
    /// What `request` asks for; `None` when that admits no session command (a module's commands),
    /// or is for the server to refuse.
    pub(super) fn of(request: &Request<'_>) -> Option<Self> {
        if request.len() == 2 {
            return Some(Self::All);
        }
        let (5, Some(by), Some(kind), Some(value)) =
            (request.len(), request.arg(2), request.arg(3), request.arg(4))
        else {
            return None;
        };
        if !is(by, b"FILTERBY") {
            return None;
        }
        let value = value.to_ascii_lowercase();
        if is(kind, b"ACLCAT") {
            Some(Self::Category(value))
        } else if is(kind, b"PATTERN") {
            Some(Self::Pattern(value))
        } else {
            None
        }
    }

    /// Whether the command is to be listed.
    pub(super) fn admits(&self, command: &Command) -> bool {
        match self {
            Self::All => true,
            Self::Category(wanted) => {
                let mut categories = info::categories(command).into_iter();
                categories.any(|category| category.as_bytes().strip_prefix(b"@") == Some(wanted))
            }
            Self::Pattern(pattern) => matches(pattern, command.name.as_bytes()),
        }
    }
}

/// Whether a glob with `*`, `?`, `[a-z]`, `[^a-z]` and `\` matches the whole text, by the rules of
/// Redis (`stringmatchlen` in util.c).
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    // Behind the last star, and where the text that it has not taken begins.
    let mut star = None;
    loop {
        if let [b'*', rest @ ..] = pattern {
            star = Some((rest, text));
            pattern = rest;
            continue;
        }
        let Some((byte, rest)) = text.split_first() else { return pattern.is_empty() };
        if let Some(behind) = matches_byte(pattern, *byte) {
            (pattern, text) = (behind, rest);
        } else if let Some((behind, [_, left @ ..])) = star {
            star = Some((behind, left));
            (pattern, text) = (behind, left);
        } else {
            return false;
        }
    }
}

/// What is left of the pattern behind the part that matches this byte; `None` when it does not.
fn matches_byte(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    match pattern {
        [b'?', rest @ ..] => Some(rest),
        [b'[', b'^', class @ ..] => {
            let (matches, rest) = in_class(class, byte);
            (!matches).then_some(rest)
        }
        [b'[', class @ ..] => {
            let (matches, rest) = in_class(class, byte);
            matches.then_some(rest)
        }
        [b'\\', literal, rest @ ..] | [literal, rest @ ..] => (*literal == byte).then_some(rest),
        [] => None,
    }
}

/// Whether a class has the byte, and what follows it. A class that is not closed ends with the
/// pattern.
fn in_class(mut class: &[u8], byte: u8) -> (bool, &[u8]) {
    let mut matches = false;
    loop {
        let rest = match class {
            [] => return (matches, class),
            [b'\\', literal, rest @ ..] => {
                matches |= *literal == byte;
                rest
            }
            [b']', rest @ ..] => return (matches, rest),
            [first, b'-', last, rest @ ..] => {
                matches |= (*first.min(last)..=*first.max(last)).contains(&byte);
                rest
            }
            [literal, rest @ ..] => {
                matches |= *literal == byte;
                rest
            }
        };
        class = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("session.*", "session.get", true),
            ("session.*", "session", false),
            ("*soid", "session.killsoid", true),
            ("*.s*d", "session.soid", true),
            ("*s*s*x", "session.soapp", false),
            ("session.?et", "session.set", true),
            ("session.[gs]et", "session.get", true),
            ("session.[^s]et", "session.set", false),
            ("session.[z-f]et", "session.get", true),
            ("session.[\\g]et", "session.get", true),
            ("session\\.get", "session.get", true),
            ("session.ge[t", "session.get", true),
            ("session.get\\", "session.get", false),
            ("session.get?", "session.get", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }
}
