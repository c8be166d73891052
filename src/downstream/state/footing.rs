//! Where a client's requests go, as far as it knows.

use bytes::Bytes;

use crate::{downstream::ports::To, upstream::connect::DialError};

/// A client's connections, as far as it knows them.
#[derive(Default)]
pub(in crate::downstream) struct Footing {
    pub(in crate::downstream) target: Target,
    /// What has been asked for.
    pub(in crate::downstream) asked: Option<Wanted>,
    /// It has been asked whether there can be a lane for the client.
    pub(in crate::downstream) proving: bool,
    /// Why it was not given; for the request at the front of the input.
    pub(in crate::downstream) refused: Option<Box<DialError>>,
    /// The server's answer to the login at the front of the input, with which the lane was dialled.
    pub(in crate::downstream) welcome: Option<Box<Bytes>>,
    /// The lane that was entered is that of a state which the client is about to be in.
    pub(in crate::downstream) ahead_of_change: bool,
    /// The change at the front of the input goes by a connection of the client's own.
    pub(in crate::downstream) change_by_own: bool,
    /// The server may have cut off the client's user: it has to say whether the user may come back.
    pub(in crate::downstream) recheck: bool,
}

/// Where requests go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::downstream) enum Target {
    #[default]
    None,
    To(To),
}

/// What is asked of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::downstream) enum Wanted {
    Lane,
    Own,
}

impl Footing {
    /// Whether an answer of the pool is awaited that requests wait for.
    pub(in crate::downstream) fn is_asking(&self) -> bool {
        self.asked.is_some()
    }

    pub(in crate::downstream) fn is_own(&self) -> bool {
        self.target == Target::To(To::Own)
    }

    pub(in crate::downstream) fn to(&self) -> Option<To> {
        match self.target {
            Target::To(to) => Some(to),
            Target::None => None,
        }
    }
}
