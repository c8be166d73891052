//! `CLIENT PAUSE` and `CLIENT UNPAUSE`: for how long the server leaves whose commands alone.

use super::route::is;
use crate::resp::{Request, parse_integer};

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pausing {
    /// `CLIENT PAUSE timeout [WRITE|ALL]`
    Pause(Pause),
    /// `CLIENT UNPAUSE`
    Unpause,
}

/// A pause that begins now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// How long it lasts, in milliseconds.
    pub millis: u64,
    /// Which commands wait for its end.
    pub mode: Mode,
}

/// Which commands wait while clients are paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Those that may write.
    Write,
    /// All of them.
    All,
}

impl Pausing {
    /// What `request`, a `CLIENT` command, asks for; `None` when that is something else, or when the server would
    /// refuse it (`clientCommand` in networking.c). It also refuses what lies beyond the end of its clock, which is not
    /// known here.
    #[must_use]
    pub fn of(request: &Request<'_>) -> Option<Self> {
        let sub = request.arg(1)?;
        match request.len() {
            2 if is(sub, b"UNPAUSE") => Some(Self::Unpause),
            3 | 4 if is(sub, b"PAUSE") => {
                let millis = u64::try_from(parse_integer(request.arg(2)?)?).ok()?;
                let mode = match request.arg(3) {
                    None => Mode::All,
                    Some(mode) if is(mode, b"ALL") => Mode::All,
                    Some(mode) if is(mode, b"WRITE") => Mode::Write,
                    Some(_) => return None,
                };
                Some(Self::Pause(Pause { millis, mode }))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::sample::with_request;

    fn pausing(words: &str) -> Option<Pausing> {
        with_request(words, Pausing::of)
    }

    #[test]
    fn pauses_are_read_as_redis_reads_them() {
        let pause = |millis, mode| Some(Pausing::Pause(Pause { millis, mode }));
        assert_eq!(pausing("CLIENT PAUSE 100"), pause(100, Mode::All));
        assert_eq!(pausing("client pause 0 all"), pause(0, Mode::All));
        assert_eq!(pausing("CLIENT PAUSE 100 Write"), pause(100, Mode::Write));
        assert_eq!(pausing("CLIENT unpause"), Some(Pausing::Unpause));
    }

    #[test]
    fn what_the_server_refuses_pauses_nobody() {
        for words in [
            "CLIENT PAUSE",
            "CLIENT PAUSE x",
            "CLIENT PAUSE -1",
            "CLIENT PAUSE +1",
            "CLIENT PAUSE 1.5",
            "CLIENT PAUSE 9223372036854775808",
            "CLIENT PAUSE 100 READ",
            "CLIENT PAUSE 100 WRITE ALL",
            "CLIENT PAUSE WRITE 100",
            "CLIENT UNPAUSE 1",
            "CLIENT LIST",
            "CLIENT",
        ] {
            assert_eq!(pausing(words), None, "{words}");
        }
    }
}
