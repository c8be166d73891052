//! Which clients `CLIENT LIST` and `CLIENT KILL` mean.

use super::profile::{Kind, Profile};
use crate::{
    command::route::is,
    resp::{Request, parse_integer},
};

/// Most ids whose order is kept.
const MOST_ORDERED: usize = 1024;

/// Which clients are meant: those that pass every test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    tests: Vec<(What, bool)>,
    /// The client that is never meant.
    spared: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    /// As they were given, and sorted.
    Ids(Vec<i64>, Vec<i64>),
    Kind(Kind),
    User(Vec<u8>),
    Address(Vec<u8>),
    LocalAddress(Vec<u8>),
    Ip(Vec<u8>),
    Name(Vec<u8>),
    Library(Vec<u8>),
    Version(Vec<u8>),
    Flags(Vec<u8>),
    Database(u64),
    Idle(u64),
    Age(u64),
}

impl Filter {
    /// The same without this client.
    #[must_use]
    pub fn sparing(self, id: u64) -> Self {
        Self { spared: Some(id), ..self }
    }

    /// The one client with this id.
    #[must_use]
    pub fn of_client(id: u64) -> Self {
        let ids = vec![i64::try_from(id).unwrap_or(i64::MAX)];
        Self { tests: vec![(What::Ids(ids.clone(), ids), true)], spared: None }
    }

    /// The filters of `CLIENT LIST`; `None` when there is one that is not known here.
    #[must_use]
    pub fn of_list(request: &Request<'_>) -> Option<Self> {
        Self::of(request, None)
    }

    /// The filters of `CLIENT KILL` from the client `own`, which is spared unless it says otherwise; with one argument that
    /// is an address, and nobody is spared. `None` when there is a filter that is not known here.
    #[must_use]
    pub fn of_kill(request: &Request<'_>, own: u64) -> Option<Self> {
        if request.len() == 3 {
            let address = What::Address(request.arg(2)?.to_vec());
            return Some(Self { tests: vec![(address, true)], spared: None });
        }
        Self::of(request, Some(own))
    }

    /// Reads the filters of Redis 6.2 to 8 and Valkey 7.2 to 9. The server has found them right.
    fn of(request: &Request<'_>, own: Option<u64>) -> Option<Self> {
        let mut filter = Self { tests: Vec::new(), spared: own };
        let mut args = request.args().skip(2).peekable();
        while let Some(word) = args.next() {
            let word = word.to_ascii_uppercase();
            let (word, wanted) = match word.strip_prefix(b"NOT-") {
                Some(word) => (word, false),
                None => (&word[..], true),
            };
            let value = args.next()?;
            let number = || parse_integer(value).and_then(|value| u64::try_from(value).ok());
            let what = match word {
                b"ID" => {
                    let mut ids = vec![parse_integer(value)?];
                    while let Some(id) = args.peek().and_then(|arg| parse_integer(arg)) {
                        ids.push(id);
                        args.next();
                    }
                    let mut sorted = ids.clone();
                    sorted.sort_unstable();
                    What::Ids(ids, sorted)
                }
                b"TYPE" => What::Kind(kind(value)?),
                b"USER" => What::User(value.to_vec()),
                b"ADDR" => What::Address(value.to_vec()),
                b"LADDR" => What::LocalAddress(value.to_vec()),
                b"IP" => What::Ip(value.to_vec()),
                b"NAME" => What::Name(value.to_vec()),
                b"LIB-NAME" => What::Library(value.to_vec()),
                b"LIB-VER" => What::Version(value.to_vec()),
                b"FLAGS" => What::Flags(value.to_vec()),
                b"DB" => What::Database(number()?),
                b"IDLE" => What::Idle(number()?),
                b"MAXAGE" => What::Age(number()?),
                b"SKIPME" if wanted => {
                    filter.spared = own.filter(|_| is(value, b"YES"));
                    continue;
                }
                _ => return None,
            };
            // Of a filter given twice the last one counts.
            filter.tests.retain(|(earlier, was)| {
                *was != wanted || std::mem::discriminant(earlier) != std::mem::discriminant(&what)
            });
            filter.tests.push((what, wanted));
        }
        Some(filter)
    }

    /// The clients that `CLIENT LIST` shows, as their places in `admitted`, which is sorted by id. Those that are asked for by
    /// their ids alone stand in the order of the question, and as often as they are in it (`clientListCommand` in
    /// networking.c), as long as it is not too long.
    #[must_use]
    pub fn arrange(&self, admitted: &[Profile]) -> Vec<usize> {
        match &self.tests[..] {
            [(What::Ids(ids, _), true)] if ids.len() <= MOST_ORDERED => {
                let place = |id: &i64| {
                    let id = u64::try_from(*id).ok()?;
                    admitted.binary_search_by_key(&id, |client| client.id).ok()
                };
                ids.iter().filter_map(place).collect()
            }
            _ => (0..admitted.len()).collect(),
        }
    }

    /// Whether the client with this id may be meant: a quick answer before all is gathered that there is to know of it.
    #[must_use]
    pub fn may_admit(&self, id: u64) -> bool {
        self.tests.iter().all(|(what, wanted)| match what {
            What::Ids(_, sorted) => has(sorted, id) == *wanted,
            _ => true,
        })
    }

    /// Whether the client is meant.
    #[must_use]
    pub fn admits(&self, client: &Profile) -> bool {
        self.spared != Some(client.id)
            && self.tests.iter().all(|(what, wanted)| what.is_true_of(client) == *wanted)
    }
}

fn has(sorted: &[i64], id: u64) -> bool {
    i64::try_from(id).is_ok_and(|id| sorted.binary_search(&id).is_ok())
}

impl What {
    fn is_true_of(&self, client: &Profile) -> bool {
        match self {
            Self::Ids(_, sorted) => has(sorted, client.id),
            Self::Kind(kind) => client.kind() == *kind,
            Self::User(user) => client.user == user[..],
            Self::Address(address) => client.address.as_bytes() == address,
            Self::LocalAddress(address) => client.local_address.as_bytes() == address,
            Self::Ip(ip) => {
                let (host, _) = client.address.rsplit_once(':').unwrap_or_default();
                host.trim_matches(['[', ']']).as_bytes() == ip
            }
            Self::Name(name) => client.label.name == name[..],
            Self::Library(name) => client.label.library == name[..],
            Self::Version(version) => client.label.version == version[..],
            Self::Flags(letters) => {
                let set = client.flags.letters();
                letters.iter().all(|letter| set.as_bytes().contains(letter))
            }
            Self::Database(database) => u64::from(client.database) == *database,
            Self::Idle(least) => client.idle >= *least,
            Self::Age(least) => client.age >= *least,
        }
    }
}

fn kind(word: &[u8]) -> Option<Kind> {
    Some(match word.to_ascii_uppercase().as_slice() {
        b"NORMAL" => Kind::Normal,
        b"MASTER" | b"PRIMARY" => Kind::Master,
        b"REPLICA" | b"SLAVE" => Kind::Replica,
        b"PUBSUB" => Kind::Subscriber,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::command::sample::with_request;
    use crate::{command::client::profile::Flags, state::label::Label};

    fn filter(words: &str) -> Option<Filter> {
        with_request(words, |request| {
            if words.starts_with("CLIENT LIST") {
                Filter::of_list(request)
            } else {
                Filter::of_kill(request, 7)
            }
        })
    }

    fn clients() -> Vec<Profile> {
        let joe = Profile {
            id: 7,
            address: "127.0.0.1:5000".to_owned(),
            user: "joe".into(),
            label: Label { name: "a".into(), ..Label::default() },
            age: 100,
            ..Profile::default()
        };
        let subscriber = Profile {
            id: 8,
            address: "[::1]:6000".to_owned(),
            user: "default".into(),
            flags: Flags::SUBSCRIBED,
            database: 3,
            ..Profile::default()
        };
        let replica =
            Profile { id: 9, flags: Flags::REPLICA, user: "default".into(), ..Profile::default() };
        vec![joe, subscriber, replica]
    }

    fn meant(words: &str) -> Vec<u64> {
        let filter = filter(words).unwrap();
        let admitted: Vec<_> = clients()
            .into_iter()
            .filter(|client| filter.may_admit(client.id) && filter.admits(client))
            .collect();
        filter.arrange(&admitted).iter().map(|&place| admitted[place].id).collect()
    }

    #[test]
    fn clients_that_pass_every_test_are_meant() {
        assert_eq!(meant("CLIENT LIST"), [7, 8, 9]);
        assert_eq!(meant("CLIENT LIST TYPE normal"), [7]);
        assert_eq!(meant("CLIENT LIST type PubSub"), [8]);
        assert_eq!(meant("CLIENT LIST TYPE slave"), [9]);
        assert_eq!(meant("CLIENT LIST TYPE master"), [] as [u64; 0]);
        assert_eq!(meant("CLIENT LIST ID 9 7 55 -1 9"), [9, 7, 9]);
        assert_eq!(meant("CLIENT LIST NOT-ID 9 7 USER default"), [8]);
        assert_eq!(meant("CLIENT LIST IP ::1"), [8]);
        assert_eq!(meant("CLIENT LIST DB 3 FLAGS P"), [8]);
        assert_eq!(meant("CLIENT LIST NAME a"), [7]);
        assert_eq!(meant("CLIENT KILL TYPE normal"), [] as [u64; 0]);
        assert_eq!(meant("CLIENT KILL TYPE normal SKIPME no"), [7]);
        assert_eq!(meant("CLIENT KILL ID 7"), [] as [u64; 0]);
        assert_eq!(meant("CLIENT KILL ID 7 ID 8"), [8]);
        assert_eq!(meant("CLIENT KILL 127.0.0.1:5000"), [7]);
        assert_eq!(meant("CLIENT KILL ADDR [::1]:6000 USER default"), [8]);
        assert_eq!(meant("CLIENT KILL MAXAGE 100 SKIPME no"), [7]);
    }

    #[test]
    fn operands_are_no_filters() {
        // A user called "skipme", a library called "id".
        assert_eq!(meant("CLIENT KILL USER skipme SKIPME no"), [] as [u64; 0]);
        assert_eq!(meant("CLIENT KILL USER joe SKIPME no"), [7]);
        assert_eq!(meant("CLIENT LIST NOT-LIB-NAME ID ID 8"), [8]);
        assert_eq!(meant("CLIENT LIST not-user USER not-id 7"), [8, 9]);
        assert_eq!(meant("CLIENT LIST ID 8 USER default"), [8]);
        // No value of its own is left for the last one.
        assert_eq!(filter("CLIENT LIST USER default NAME"), None);
    }

    #[test]
    fn a_filter_that_is_not_known_is_not_guessed() {
        assert_eq!(filter("CLIENT LIST COLOUR blue"), None);
        assert_eq!(filter("CLIENT KILL COLOUR blue"), None);
        assert_eq!(
            filter("CLIENT KILL ID"),
            Some(Filter { tests: vec![(What::Address(b"ID".to_vec()), true)], spared: None })
        );
    }
}
