//! The names of all keys of sessions: as the Node and Elixir libraries name them too, or in buckets.

use super::command::Settings;
use super::error::Error;
use super::identity::{App, UserId};
use super::layout::{Bucket, Buckets, Layout};
use super::script::Call;
use super::token::Token;

/// Most parts of a name: namespace, app, `us`, id.
const MOST_PARTS: usize = 4;

/// A name in pieces: its parts, and what stands between them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name<'a> {
    pieces: [&'a [u8]; 2 * MOST_PARTS - 1],
    count: usize,
}

impl<'a> Name<'a> {
    /// Parts with colons between them.
    fn new<const N: usize>(parts: [&'a [u8]; N]) -> Self {
        const { assert!(0 < N && N <= MOST_PARTS) };
        let mut pieces = [&b":"[..]; 2 * MOST_PARTS - 1];
        for (place, part) in parts.into_iter().enumerate() {
            pieces[2 * place] = part;
        }
        Self { pieces, count: 2 * N - 1 }
    }

    /// Pieces with nothing between them.
    fn joined<const N: usize>(joined: [&'a [u8]; N]) -> Self {
        const { assert!(N < 2 * MOST_PARTS) };
        let mut pieces = [&b""[..]; 2 * MOST_PARTS - 1];
        pieces[..N].copy_from_slice(&joined);
        Self { pieces, count: N }
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
pub(super) struct Namespace<'a> {
    ns: &'a str,
    buckets: Option<Buckets>,
}

impl<'a> Namespace<'a> {
    /// The names as configured.
    pub(super) fn of(settings: &'a Settings) -> Self {
        let buckets = match settings.layout {
            Layout::Libraries => None,
            Layout::Buckets => Some(settings.buckets),
        };
        Self::new(&settings.ns, buckets)
    }

    /// The names that begin with `ns`, in so many buckets if there are any.
    pub(super) fn new(ns: &'a str, buckets: Option<Buckets>) -> Self {
        Self { ns, buckets }
    }

    /// How many buckets each app has, if there are any.
    pub(super) fn buckets(self) -> Option<Buckets> {
        self.buckets
    }

    /// `{ns}:`, what the names of all keys begin with that are not in buckets.
    pub(super) fn prefix(self) -> Name<'a> {
        Name::new([self.ns.as_bytes(), b""])
    }

    /// The sorted set of all sessions by their moment of expiry, where there are no buckets.
    pub(super) fn expiries(self) -> Name<'a> {
        Name::new([self.ns.as_bytes(), b"SESSIONS"])
    }

    /// What the server knows the number of buckets by.
    pub(super) fn number_of_buckets(self) -> Name<'a> {
        Name::new([self.ns.as_bytes(), b"buckets"])
    }

    /// The channel that tells the libraries' caches `app:token` when a session changed or ended.
    pub(super) fn channel(self) -> Name<'a> {
        Name::new([self.ns.as_bytes(), b"cache"])
    }

    /// The names that belong to an app, where the session with this token is.
    pub(super) fn of_token(self, app: App<'a>, token: &Token) -> AppKeys<'a> {
        self.within(app, self.buckets.map(|buckets| token.bucket(buckets)))
    }

    /// The names that belong to an app, where the sessions of this id are.
    pub(super) fn of_id(self, app: App<'a>, id: UserId<'_>) -> AppKeys<'a> {
        self.within(app, self.buckets.map(|buckets| buckets.of_id(id)))
    }

    /// The names that belong to an app, in one of its buckets if there are any.
    pub(super) fn within(self, app: App<'a>, bucket: Option<Bucket>) -> AppKeys<'a> {
        AppKeys { ns: self.ns, app, bucket }
    }

    /// What the names of all keys in buckets begin with, before the app.
    pub(super) fn tag_start(self) -> Vec<u8> {
        Name::joined([b"{", self.ns.as_bytes(), b":"]).to_vec()
    }

    /// The pattern, as `SCAN` takes it, of the `SESSIONS` of all buckets.
    pub(super) fn expiries_pattern(self) -> Vec<u8> {
        let mut pattern = b"{".to_vec();
        for byte in self.ns.bytes() {
            if matches!(byte, b'*' | b'?' | b'[' | b']' | b'^' | b'-' | b'\\') {
                pattern.push(b'\\');
            }
            pattern.push(byte);
        }
        pattern.extend_from_slice(b":*:????}:SESSIONS");
        pattern
    }

    /// The app and the bucket whose `SESSIONS` has this name; `None` for any other key.
    pub(super) fn read_expiries(self, key: &'a [u8]) -> Option<AppKeys<'a>> {
        let tag = key.strip_prefix(b"{")?.strip_prefix(self.ns.as_bytes())?.strip_prefix(b":")?;
        let tag = tag.strip_suffix(b"}:SESSIONS")?;
        let (app, [b':', digits @ ..]) = tag.split_at_checked(tag.len().checked_sub(5)?)? else {
            return None;
        };
        let bucket = self.buckets?.named(digits)?;
        Some(self.within(App::parse(app).ok()?, Some(bucket)))
    }
}

/// A sorted set that an app has once, or once in each bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Index {
    /// See [`AppKeys::sessions`].
    Sessions,
    /// See [`AppKeys::users`].
    Users,
    /// See [`AppKeys::expiries`].
    Expiries,
}

/// The names that belong to one app, or to one of its buckets.
#[derive(Debug, Clone, Copy)]
pub(super) struct AppKeys<'a> {
    ns: &'a str,
    app: App<'a>,
    bucket: Option<Bucket>,
}

impl<'a> AppKeys<'a> {
    /// What the names of the app's keys begin with, before a colon: `{ns}:{app}`, or the hash tag of
    /// the bucket.
    pub(super) fn base(self) -> Name<'a> {
        match self.bucket {
            None => Name::new([self.ns.as_bytes(), self.app.as_bytes()]),
            Some(bucket) => {
                let [tag @ .., _colon] = bucket.tag_end();
                Name::joined([b"{", self.ns.as_bytes(), b":", self.app.as_bytes(), tag])
            }
        }
    }

    /// The bucket, if it is one.
    pub(super) fn bucket(self) -> Option<Bucket> {
        self.bucket
    }

    /// A token for a new session among these keys.
    ///
    /// # Errors
    /// As [`Token::random`].
    pub(super) fn random_token(self) -> Result<Token, Error> {
        self.bucket.map_or_else(Token::random, Token::random_in)
    }

    /// The hash of a session.
    pub(super) fn session(self, token: &'a Token) -> Name<'a> {
        self.named(token.as_bytes())
    }

    /// The sorted set of the sessions by last activity, members `token:id`.
    pub(super) fn sessions(self) -> Name<'a> {
        self.named(b"_sessions")
    }

    /// The sorted set of the user ids by last activity.
    pub(super) fn users(self) -> Name<'a> {
        self.named(b"_users")
    }

    /// The set of an id's tokens.
    pub(super) fn tokens_of(self, id: UserId<'a>) -> Name<'a> {
        let (ns, app, id) = (self.ns.as_bytes(), self.app.as_bytes(), id.as_bytes());
        match self.bucket {
            None => Name::new([ns, app, b"us", id]),
            Some(bucket) => Name::joined([b"{", ns, b":", app, bucket.tag_end(), b"us:", id]),
        }
    }

    /// The sorted set of sessions by their moment of expiry, members `app:token:id`: of all apps
    /// where there are no buckets.
    pub(super) fn expiries(self) -> Name<'a> {
        match self.bucket {
            None => Name::new([self.ns.as_bytes(), b"SESSIONS"]),
            Some(bucket) => self.in_bucket(bucket, b"SESSIONS"),
        }
    }

    /// Appends the key of a session to those of a call.
    #[inline]
    pub(super) fn add_session(self, call: &mut Call, token: &Token) {
        match self.bucket {
            None => {
                call.key(Name::new([self.ns.as_bytes(), self.app.as_bytes(), token.as_bytes()]))
            }
            Some(bucket) => self.add_in_bucket(call, bucket, &[token.as_bytes()]),
        }
    }

    /// Appends the keys of all three indexes to those of a call.
    #[inline]
    pub(super) fn add_indexes(self, call: &mut Call) {
        let (ns, app) = (self.ns.as_bytes(), self.app.as_bytes());
        match self.bucket {
            None => {
                call.key(Name::new([ns, app, b"_sessions"]));
                call.key(Name::new([ns, app, b"_users"]));
                call.key(Name::new([ns, b"SESSIONS"]));
            }
            Some(bucket) => {
                self.add_in_bucket(call, bucket, &[b"_sessions", b"_users", b"SESSIONS"]);
            }
        }
    }

    /// Apart, so that it costs nothing where there are no buckets.
    #[cold]
    #[inline(never)]
    fn add_in_bucket(self, call: &mut Call, bucket: Bucket, lasts: &[&[u8]]) {
        lasts.iter().for_each(|last| call.key(self.in_bucket(bucket, last)));
    }

    /// The set of this kind.
    pub(super) fn index(self, index: Index) -> Name<'a> {
        match index {
            Index::Sessions => self.sessions(),
            Index::Users => self.users(),
            Index::Expiries => self.expiries(),
        }
    }

    fn named(self, last: &'a [u8]) -> Name<'a> {
        let (ns, app) = (self.ns.as_bytes(), self.app.as_bytes());
        match self.bucket {
            None => Name::new([ns, app, last]),
            Some(bucket) => self.in_bucket(bucket, last),
        }
    }

    fn in_bucket(self, bucket: Bucket, last: &'a [u8]) -> Name<'a> {
        let (ns, app) = (self.ns.as_bytes(), self.app.as_bytes());
        Name::joined([b"{", ns, b":", app, bucket.tag_end(), last])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares the names of an app's keys, in both of their forms.
    fn assert_names(keys: AppKeys<'_>, token: &Token, names: [&str; 6]) {
        let id = UserId::parse(b"a:b").unwrap();
        let found = [
            keys.base(),
            keys.session(token),
            keys.sessions(),
            keys.users(),
            keys.tokens_of(id),
            keys.expiries(),
        ];
        for (name, text) in found.into_iter().zip(names) {
            assert_eq!(name.to_vec(), text.as_bytes());
            assert_eq!(name.pieces().flatten().copied().collect::<Vec<_>>(), text.as_bytes());
        }
    }

    #[test]
    fn names() {
        let namespace = Namespace::new("rs", None);
        assert_eq!(namespace.prefix().to_vec(), b"rs:");
        assert_eq!(namespace.expiries().to_vec(), b"rs:SESSIONS");
        assert_eq!(namespace.channel().to_vec(), b"rs:cache");
        let token = Token::parse(&[b'T'; 64]).unwrap();
        let keys = namespace.of_token(App::parse(b"forum").unwrap(), &token);
        let session = format!("rs:forum:{}", "T".repeat(64));
        let names = [
            "rs:forum",
            &session,
            "rs:forum:_sessions",
            "rs:forum:_users",
            "rs:forum:us:a:b",
            "rs:SESSIONS",
        ];
        assert_names(keys, &token, names);
    }

    #[test]
    fn names_in_buckets() {
        let namespace = Namespace::new("rs", Buckets::new(256));
        assert_eq!(namespace.channel().to_vec(), b"rs:cache");
        assert_eq!(namespace.number_of_buckets().to_vec(), b"rs:buckets");
        let app = App::parse(b"forum").unwrap();
        let token = format!("ABC{}", "T".repeat(61));
        let token = Token::parse(token.as_bytes()).unwrap();
        let session = format!("{{rs:forum:0064}}:ABC{}", "T".repeat(61));
        let names = [
            "{rs:forum:0064}",
            &session,
            "{rs:forum:0064}:_sessions",
            "{rs:forum:0064}:_users",
            "{rs:forum:0064}:us:a:b",
            "{rs:forum:0064}:SESSIONS",
        ];
        assert_names(namespace.of_token(app, &token), &token, names);
        let beyond = Token::parse(&[b'T'; 64]).unwrap();
        let session = namespace.of_token(app, &beyond).session(&beyond).to_vec();
        assert!(session.starts_with(b"{rs:forum:none}:TTT"), "{}", session.escape_ascii());
    }

    #[test]
    fn keys_are_found_again_by_their_names() {
        let namespace = Namespace::new("r[s", Buckets::new(16));
        assert_eq!(namespace.expiries_pattern(), b"{r\\[s:*:????}:SESSIONS");
        let keys = namespace.read_expiries(b"{r[s:a-b_c:0015}:SESSIONS").unwrap();
        assert_eq!(keys.expiries().to_vec(), b"{r[s:a-b_c:0015}:SESSIONS");
        for other in [
            "r[s:SESSIONS",
            "{r[s:app:0016}:SESSIONS",
            "{r[s:app:none}:SESSIONS",
            "{r[s:app:0001}:us:SESSIONS",
            "{r[s:app:0001}:us:x}:SESSIONS",
            "{r[s:a:b:0001}:SESSIONS",
            "{r[s:0001}:SESSIONS",
            "{r[s:}:SESSIONS",
            "{other:app:0001}:SESSIONS",
            "",
        ] {
            assert!(namespace.read_expiries(other.as_bytes()).is_none(), "{other}");
        }
        assert!(Namespace::new("rs", None).read_expiries(b"{rs:app:0001}:SESSIONS").is_none());
    }
}
