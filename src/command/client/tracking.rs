//! `CLIENT TRACKING`: what it switches, and to whom it redirects.

use crate::{
    command::route::is,
    resp::{Request, parse_integer},
};

/// What `CLIENT TRACKING` sets when the server accepts it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tracking {
    /// Whether keys are tracked.
    pub on: bool,
    /// Whether invalidations are told for prefixes instead of for keys that were read.
    pub broadcast: bool,
    /// The client that is told in the place of this one, and the place of its id among the arguments.
    pub redirect: Option<(u64, usize)>,
}

impl Tracking {
    /// `CLIENT TRACKING ON|OFF [REDIRECT id] [PREFIX prefix ...] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]`. What is wrong with it is
    /// for the server to say.
    pub fn of(request: &Request<'_>) -> Self {
        let mut tracking =
            Self { on: request.arg(2).is_some_and(|arg| is(arg, b"ON")), ..Self::default() };
        let mut args = request.args().enumerate().skip(3);
        while let Some((_, word)) = args.next() {
            if is(word, b"PREFIX") {
                args.next();
            } else if is(word, b"BCAST") {
                tracking.broadcast = true;
            } else if is(word, b"REDIRECT")
                && let Some((at, id)) = args.next()
                && let Some(id) = parse_integer(id).and_then(|id| u64::try_from(id).ok())
                && id > 0
            {
                tracking.redirect = Some((id, at));
            }
        }
        tracking
    }
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::command::sample::with_request;

    #[test]
    fn options_are_read_in_any_order() {
        let tracking = |words: &str| with_request(words, Tracking::of);
        let on = Tracking { on: true, ..Tracking::default() };
        assert_eq!(tracking("CLIENT TRACKING on"), on);
        assert_eq!(tracking("CLIENT TRACKING OFF"), Tracking::default());
        assert_eq!(
            tracking("CLIENT TRACKING ON BCAST PREFIX redirect REDIRECT 7"),
            Tracking { broadcast: true, redirect: Some((7, 7)), ..on }
        );
        assert_eq!(
            tracking("CLIENT TRACKING ON OPTIN NOLOOP REDIRECT 7"),
            Tracking { redirect: Some((7, 6)), ..on }
        );
        assert_eq!(tracking("CLIENT TRACKING ON REDIRECT 0"), on);
        assert_eq!(tracking("CLIENT TRACKING ON REDIRECT x PREFIX"), on);
    }

    #[test]
    fn operands_are_no_options() {
        let tracking = |words: &str| with_request(words, Tracking::of);
        let on = Tracking { on: true, ..Tracking::default() };
        assert_eq!(tracking("CLIENT TRACKING ON PREFIX BCAST"), on);
        assert_eq!(tracking("CLIENT TRACKING ON PREFIX redirect PREFIX 7"), on);
        assert_eq!(
            tracking("CLIENT TRACKING ON PREFIX prefix REDIRECT 7"),
            Tracking { redirect: Some((7, 6)), ..on }
        );
        assert_eq!(tracking("CLIENT TRACKING ON REDIRECT BCAST"), on);
    }
}
