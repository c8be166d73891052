//! The values and option words behind a session command's names.

use super::error::Error;
use super::limits;

/// Takes an argument as a ttl, in seconds.
///
/// # Errors
/// [`Error::Ttl`] unless it is plain digits for at least 10, [`Error::TtlTooLarge`] over ten years.
pub(super) fn ttl(argument: &[u8]) -> Result<u32, Error> {
    match digits(argument) {
        Some(ttl) if ttl > u64::from(limits::MAX_TTL) => Err(Error::TtlTooLarge),
        Some(ttl) if ttl >= u64::from(limits::MIN_TTL) => {
            u32::try_from(ttl).map_err(|_| Error::TtlTooLarge)
        }
        _ => Err(Error::Ttl),
    }
}

/// Takes an argument as a window, in seconds; the default when none is given.
///
/// # Errors
/// [`Error::Window`] unless it is plain digits for at least 10.
pub(super) fn window(argument: Option<&[u8]>) -> Result<u64, Error> {
    let Some(argument) = argument else {
        return Ok(limits::DEFAULT_WINDOW);
    };
    digits(argument)
        .filter(|window| *window >= limits::MIN_WINDOW)
        .map(|window| window.min(limits::MAX_WINDOW))
        .ok_or(Error::Window)
}

/// The number that plain digits give; what is too large for the type is its maximum.
fn digits(argument: &[u8]) -> Option<u64> {
    if argument.is_empty() || !argument.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(argument.iter().fold(0_u64, |value, digit| {
        value.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
    }))
}

/// The arguments behind a command's fixed ones, from which options are taken.
#[derive(Debug)]
pub(super) struct Options<'a>(std::slice::Iter<'a, &'a [u8]>);

impl<'a> Options<'a> {
    /// The options in `arguments`.
    pub(super) fn new(arguments: &'a [&'a [u8]]) -> Self {
        Self(arguments.iter())
    }

    /// The next word.
    pub(super) fn word(&mut self) -> Option<&'a [u8]> {
        self.0.next().copied()
    }

    /// The value behind a word, stored in `option`.
    ///
    /// # Errors
    /// [`Error::Syntax`] when there is none, or when the option has a value already.
    pub(super) fn value(&mut self, option: &mut Option<&'a [u8]>) -> Result<(), Error> {
        let value = self.word().ok_or(Error::Syntax)?;
        if option.replace(value).is_some() { Err(Error::Syntax) } else { Ok(()) }
    }
}

/// Sets an option that has no value.
///
/// # Errors
/// [`Error::Syntax`] when it is set already.
pub(super) fn set(option: &mut bool) -> Result<(), Error> {
    if std::mem::replace(option, true) { Err(Error::Syntax) } else { Ok(()) }
}

/// Takes the only option of some commands, `JSON`.
///
/// # Errors
/// [`Error::Syntax`] for every other word, and when it is given twice.
pub(super) fn json(arguments: &[&[u8]]) -> Result<bool, Error> {
    let mut json = false;
    for word in arguments {
        if !word.eq_ignore_ascii_case(b"JSON") {
            return Err(Error::Syntax);
        }
        set(&mut json)?;
    }
    Ok(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_DIGITS: [&str; 9] = ["", "+10", "-10", " 10", "10 ", "10.0", "1e3", "0x10", "ten"];

    #[test]
    fn ttls() {
        for (text, value) in [("10", 10), ("0010", 10), ("315360000", 315_360_000)] {
            assert_eq!(ttl(text.as_bytes()), Ok(value));
        }
        for text in NO_DIGITS.iter().chain(&["0", "9", "09"]) {
            assert_eq!(ttl(text.as_bytes()), Err(Error::Ttl), "{text}");
        }
        for text in ["315360001", "4294967306", "18446744073709551626", &"9".repeat(100)] {
            assert_eq!(ttl(text.as_bytes()), Err(Error::TtlTooLarge), "{text}");
        }
    }

    #[test]
    fn windows() {
        assert_eq!(window(None), Ok(600));
        assert_eq!(window(Some(b"10")), Ok(10));
        assert_eq!(window(Some("9".repeat(100).as_bytes())), Ok(limits::MAX_WINDOW));
        for text in NO_DIGITS.iter().chain(&["0", "9"]) {
            assert_eq!(window(Some(text.as_bytes())), Err(Error::Window), "{text}");
        }
    }
}
