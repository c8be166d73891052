//! The names that session commands take: apps, user ids, addresses. What has one of these types is
//! well-formed.

use super::error::{Error, Parameter};
use super::limits;

/// An app: `[a-zA-Z0-9_-]`, 3 to 20 characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct App<'a>(&'a [u8]);

impl<'a> App<'a> {
    /// Takes an argument as an app.
    ///
    /// # Errors
    /// [`Error::Missing`] when it is empty, [`Error::Malformed`] when it has another form.
    pub(super) fn parse(argument: &'a [u8]) -> Result<Self, Error> {
        let fits = (limits::MIN_APP..=limits::MAX_APP).contains(&argument.len());
        let word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        checked(argument, Parameter::App, |argument| fits && argument.iter().all(word)).map(App)
    }

    /// The name.
    pub(super) fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

/// A user's id: 1 to 128 bytes of UTF-8 without control characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UserId<'a>(&'a [u8]);

impl<'a> UserId<'a> {
    /// Takes an argument as an id.
    ///
    /// # Errors
    /// [`Error::Missing`] when it is empty, [`Error::Malformed`] when it has another form.
    pub(super) fn parse(argument: &'a [u8]) -> Result<Self, Error> {
        checked(argument, Parameter::Id, |argument| {
            argument.len() <= limits::MAX_ID && printable(argument).is_some()
        })
        .map(UserId)
    }

    /// The id.
    pub(super) fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

/// The address that a session was created from: 1 to 39 characters (an IPv6 address is no longer)
/// of UTF-8 without control characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ip<'a>(&'a [u8]);

impl<'a> Ip<'a> {
    /// Takes an argument as an address. Any text will do: clients store what they know.
    ///
    /// # Errors
    /// [`Error::Missing`] when it is empty, [`Error::Malformed`] when it is too long or has
    /// control characters, or bytes that are no characters.
    pub(super) fn parse(argument: &'a [u8]) -> Result<Self, Error> {
        checked(argument, Parameter::Ip, |argument| {
            printable(argument).is_some_and(|text| text.chars().count() <= limits::MAX_IP)
        })
        .map(Ip)
    }

    /// The address, as given.
    pub(super) fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

/// The argument when it is there and has the form asked for.
pub(super) fn checked(
    argument: &[u8],
    parameter: Parameter,
    is_well_formed: impl FnOnce(&[u8]) -> bool,
) -> Result<&[u8], Error> {
    if argument.is_empty() {
        Err(Error::Missing(parameter))
    } else if is_well_formed(argument) {
        Ok(argument)
    } else {
        Err(Error::Malformed(parameter))
    }
}

/// The text, when it is UTF-8 without control characters (Unicode Cc).
fn printable(argument: &[u8]) -> Option<&str> {
    std::str::from_utf8(argument).ok().filter(|text| !text.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apps() {
        for app in ["abc", "a-_", "ABCdef0123456789_-XY", "123"] {
            assert_eq!(App::parse(app.as_bytes()).unwrap().as_bytes(), app.as_bytes());
        }
        assert_eq!(App::parse(b""), Err(Error::Missing(Parameter::App)));
        for app in ["ab", "ABCdef0123456789_-XYZ", "a:b", "a b", "äöü", "abc\n", "a.b"] {
            assert_eq!(App::parse(app.as_bytes()), Err(Error::Malformed(Parameter::App)), "{app}");
        }
    }

    #[test]
    fn ids() {
        let longest = "ä".repeat(64);
        for id in ["a", "a:b:c", ":", " ", "日本", "%", longest.as_str()] {
            assert_eq!(UserId::parse(id.as_bytes()).unwrap().as_bytes(), id.as_bytes());
        }
        assert_eq!(UserId::parse(b""), Err(Error::Missing(Parameter::Id)));
        let too_long = format!("{longest}a");
        for id in ["\n", "a\0", "\u{7f}", "\u{85}", too_long.as_str()] {
            assert_eq!(UserId::parse(id.as_bytes()), Err(Error::Malformed(Parameter::Id)), "{id}");
        }
        assert_eq!(UserId::parse(b"a\xff"), Err(Error::Malformed(Parameter::Id)));
    }

    #[test]
    fn addresses_are_counted_in_characters() {
        let longest = "ä".repeat(39);
        for ip in ["1", "::1", "not an address", longest.as_str()] {
            assert_eq!(Ip::parse(ip.as_bytes()).unwrap().as_bytes(), ip.as_bytes());
        }
        assert_eq!(Ip::parse(b""), Err(Error::Missing(Parameter::Ip)));
        for ip in ["1\t", "\u{9f}", &format!("{longest}a")] {
            assert_eq!(Ip::parse(ip.as_bytes()), Err(Error::Malformed(Parameter::Ip)), "{ip}");
        }
        assert_eq!(Ip::parse(b"\xff"), Err(Error::Malformed(Parameter::Ip)));
    }
}
