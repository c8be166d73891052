//! The names of all keys of sessions, as the Node and Elixir libraries name them too.

use super::identity::{App, UserId};
use super::token::Token;

/// Most parts of a name: namespace, app, `us`, id.
const MOST_PARTS: usize = 4;

/// A name in pieces: its parts, and the colons between them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name<'a> {
    pieces: [&'a [u8]; 2 * MOST_PARTS - 1],
    count: usize,
}

impl<'a> Name<'a> {
    fn new<const N: usize>(parts: [&'a [u8]; N]) -> Self {
        const { assert!(0 < N && N <= MOST_PARTS) };
        let mut pieces = [&b":"[..]; 2 * MOST_PARTS - 1];
        for (place, part) in parts.into_iter().enumerate() {
            pieces[2 * place] = part;
        }
        Self { pieces, count: 2 * N - 1 }
    }

    /// The pieces that make the name.
    pub(super) fn pieces(&self) -> impl Iterator<Item = &'a [u8]> + Clone {
        self.pieces[..self.count].iter().copied()
    }

    /// The name in one piece.
    pub(super) fn to_vec(self) -> Vec<u8> {
        self.pieces[..self.count].concat()
    }
}

/// The names that belong to no app.
#[derive(Debug, Clone, Copy)]
pub(super) struct Namespace<'a>(&'a str);

impl<'a> Namespace<'a> {
    /// The names that begin with `ns` and a colon.
    pub(super) fn new(ns: &'a str) -> Self {
        Self(ns)
    }

    /// `{ns}:`, what the names of all keys begin with.
    pub(super) fn prefix(self) -> Name<'a> {
        Name::new([self.0.as_bytes(), b""])
    }

    /// The sorted set of all sessions by their moment of expiry, members `app:token:id`.
    pub(super) fn expiries(self) -> Name<'a> {
        Name::new([self.0.as_bytes(), b"SESSIONS"])
    }

    /// The channel that tells the libraries' caches `app:token` when a session changed or ended.
    pub(super) fn channel(self) -> Name<'a> {
        Name::new([self.0.as_bytes(), b"cache"])
    }

    /// The names that belong to an app.
    pub(super) fn app(self, app: App<'a>) -> AppKeys<'a> {
        AppKeys { ns: self.0, app }
    }
}

/// The names that belong to one app.
#[derive(Debug, Clone, Copy)]
pub(super) struct AppKeys<'a> {
    ns: &'a str,
    app: App<'a>,
}

impl<'a> AppKeys<'a> {
    /// `{ns}:{app}`, what the names of all the app's keys begin with, before a colon.
    pub(super) fn base(self) -> Name<'a> {
        Name::new([self.ns.as_bytes(), self.app.as_bytes()])
    }

    /// The hash of a session.
    pub(super) fn session(self, token: &'a Token) -> Name<'a> {
        self.named(token.as_bytes())
    }

    /// The sorted set of the app's sessions by last activity, members `token:id`.
    pub(super) fn sessions(self) -> Name<'a> {
        self.named(b"_sessions")
    }

    /// The sorted set of the app's user ids by last activity.
    pub(super) fn users(self) -> Name<'a> {
        self.named(b"_users")
    }

    /// The set of an id's tokens.
    pub(super) fn tokens_of(self, id: UserId<'a>) -> Name<'a> {
        Name::new([self.ns.as_bytes(), self.app.as_bytes(), b"us", id.as_bytes()])
    }

    fn named(self, last: &'a [u8]) -> Name<'a> {
        Name::new([self.ns.as_bytes(), self.app.as_bytes(), last])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let namespace = Namespace::new("rs");
        assert_eq!(namespace.prefix().to_vec(), b"rs:");
        assert_eq!(namespace.expiries().to_vec(), b"rs:SESSIONS");
        assert_eq!(namespace.channel().to_vec(), b"rs:cache");
        let keys = namespace.app(App::parse(b"forum").unwrap());
        let token = Token::parse(&[b'T'; 64]).unwrap();
        let text = "T".repeat(64);
        let session = format!("rs:forum:{text}");
        let id = UserId::parse(b"a:b").unwrap();
        for (name, text) in [
            (keys.base(), "rs:forum"),
            (keys.session(&token), &session),
            (keys.sessions(), "rs:forum:_sessions"),
            (keys.users(), "rs:forum:_users"),
            (keys.tokens_of(id), "rs:forum:us:a:b"),
        ] {
            assert_eq!(name.to_vec(), text.as_bytes());
            assert_eq!(name.pieces().flatten().copied().collect::<Vec<_>>(), text.as_bytes());
        }
    }
}
