//! The names of all keys of sessions, as the Node and Elixir libraries name them too.

use super::identity::{App, UserId};
use super::token::Token;

/// The names that belong to no app.
#[derive(Debug, Clone, Copy)]
pub(super) struct Namespace<'a>(&'a str);

impl<'a> Namespace<'a> {
    /// The names that begin with `ns` and a colon.
    pub(super) fn new(ns: &'a str) -> Self {
        Self(ns)
    }

    /// `{ns}:`, what the names of all keys begin with.
    pub(super) fn prefix(self) -> Vec<u8> {
        join(&[self.0.as_bytes(), b""])
    }

    /// The sorted set of all sessions by their moment of expiry, members `app:token:id`.
    pub(super) fn expiries(self) -> Vec<u8> {
        join(&[self.0.as_bytes(), b"SESSIONS"])
    }

    /// The channel that tells the libraries' caches `app:token` when a session changed or ended.
    pub(super) fn channel(self) -> Vec<u8> {
        join(&[self.0.as_bytes(), b"cache"])
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

impl AppKeys<'_> {
    /// `{ns}:{app}`, what the names of all the app's keys begin with, before a colon.
    pub(super) fn base(self) -> Vec<u8> {
        self.named(&[])
    }

    /// The hash of a session.
    pub(super) fn session(self, token: &Token) -> Vec<u8> {
        self.named(&[token.as_bytes()])
    }

    /// The sorted set of the app's sessions by last activity, members `token:id`.
    pub(super) fn sessions(self) -> Vec<u8> {
        self.named(&[b"_sessions"])
    }

    /// The sorted set of the app's user ids by last activity.
    pub(super) fn users(self) -> Vec<u8> {
        self.named(&[b"_users"])
    }

    /// The set of an id's tokens.
    pub(super) fn tokens_of(self, id: UserId<'_>) -> Vec<u8> {
        self.named(&[b"us", id.as_bytes()])
    }

    /// `app:token`: a session's name on the channel, and the beginning of its member in
    /// [`Namespace::expiries`].
    pub(super) fn member(self, token: &Token) -> Vec<u8> {
        join(&[self.app.as_bytes(), token.as_bytes()])
    }

    fn named(self, parts: &[&[u8]]) -> Vec<u8> {
        let mut name = join(&[self.ns.as_bytes(), self.app.as_bytes()]);
        for part in parts {
            name.push(b':');
            name.extend_from_slice(part);
        }
        name
    }
}

fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.join(&b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let namespace = Namespace::new("rs");
        assert_eq!(namespace.prefix(), b"rs:");
        assert_eq!(namespace.expiries(), b"rs:SESSIONS");
        assert_eq!(namespace.channel(), b"rs:cache");
        let keys = namespace.app(App::parse(b"forum").unwrap());
        let token = Token::parse(&[b'T'; 64]).unwrap();
        let text = "T".repeat(64);
        assert_eq!(keys.base(), b"rs:forum");
        assert_eq!(keys.session(&token), format!("rs:forum:{text}").as_bytes());
        assert_eq!(keys.sessions(), b"rs:forum:_sessions");
        assert_eq!(keys.users(), b"rs:forum:_users");
        assert_eq!(keys.tokens_of(UserId::parse(b"a:b").unwrap()), b"rs:forum:us:a:b");
        assert_eq!(keys.member(&token), format!("forum:{text}").as_bytes());
    }
}
