//! The session keys as a test sees them: dumps, artificial ageing, and the rules that tie them together.

use std::collections::{BTreeMap, BTreeSet};

use super::client::Client;
use super::layout::crc16;
use super::value::Value;

/// Every key with its type and whole content, in a comparable form.
pub(crate) type Dump = BTreeMap<String, String>;

/// The server's clock in whole seconds.
pub(crate) trait Now {
    /// `TIME`.
    fn now(&mut self) -> i64;

    /// Everything in the selected database but the number of buckets, which is there from the start.
    fn dump(&mut self) -> Dump;
}

impl Now for Client {
    fn now(&mut self) -> i64 {
        self.run(&["TIME"]).items()[0].text().parse().unwrap()
    }

    fn dump(&mut self) -> Dump {
        let keys = self.run(&["KEYS", "*"]);
        let mut dump = Dump::new();
        for shown in keys.items() {
            let Value::Bulk(key) = shown else { panic!("a key is a bulk string") };
            let kind = self.run(&[b"TYPE".as_slice(), key]).text();
            let key = key.as_slice();
            if key == b"rs:buckets" {
                continue;
            }
            let content = match kind.as_str() {
                "string" => self.run(&[b"GET".as_slice(), key]).to_string(),
                "hash" => sorted(&self.run(&[b"HGETALL".as_slice(), key]), 2),
                "set" => sorted(&self.run(&[b"SMEMBERS".as_slice(), key]), 1),
                "zset" => {
                    let range: [&[u8]; 5] = [b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"];
                    self.run(&range).to_string()
                }
                "list" => self.run(&[b"LRANGE".as_slice(), key, b"0", b"-1"]).to_string(),
                other => panic!("unexpected type {other}"),
            };
            let expiry = self.run(&[b"PEXPIRETIME".as_slice(), key]);
            dump.insert(shown.to_string(), format!("{kind} {content} expires {expiry}"));
        }
        dump
    }
}

fn sorted(reply: &Value, width: usize) -> String {
    let mut parts: Vec<String> = reply
        .items()
        .chunks(width)
        .map(|chunk| chunk.iter().map(Value::to_string).collect::<Vec<_>>().join("="))
        .collect();
    parts.sort();
    parts.join(" ")
}

/// A hash as field and text.
pub(crate) fn hash(redis: &mut Client, key: &str) -> BTreeMap<String, String> {
    let fields = redis.run(&["HGETALL", key]).fields();
    fields.into_iter().map(|(field, value)| (field, value.text())).collect()
}

/// Runs `probe` until the server's second did not change meanwhile, and gives that second to the caller.
///
/// `probe` gets the second; what it does has to be repeatable.
pub(crate) fn same_second<T>(redis: &mut Client, mut probe: impl FnMut(i64) -> T) -> T {
    loop {
        let before = redis.now();
        let result = probe(before);
        if redis.now() == before {
            return result;
        }
    }
}

/// Makes a session look as if its last activity and its creation had been `seconds` earlier.
pub(crate) fn age(redis: &mut Client, app: &str, token: &str, seconds: i64) {
    let base = base_of(redis, app, token);
    let key = format!("{base}:{token}");
    let id = redis.run(&["HGET", &key, "id"]).text();
    let back = (-seconds).to_string();
    redis.run(&["HINCRBY", &key, "la", &back]);
    redis.run(&["ZINCRBY", &format!("{base}:_sessions"), &back, &format!("{token}:{id}")]);
    redis.run(&["ZINCRBY", &format!("{base}:_users"), &back, &id]);
    redis.run(&["ZINCRBY", &expiries_of(&base), &back, &format!("{app}:{token}:{id}")]);
}

/// What the keys of the session begin with, whatever the layout.
fn base_of(redis: &mut Client, app: &str, token: &str) -> String {
    let keys = redis.run(&["KEYS", &format!("*rs:{app}:*{token}")]);
    let [key] = keys.items() else { panic!("one session, not {keys}") };
    key.text().strip_suffix(&format!(":{token}")).unwrap().to_owned()
}

/// The index by expiry of the sessions whose keys begin so.
fn expiries_of(base: &str) -> String {
    let bucket = base.starts_with('{');
    if bucket { format!("{base}:SESSIONS") } else { "rs:SESSIONS".to_owned() }
}

/// Checks the rules of the key layout: every hash has each of its index entries with the right score,
/// every index entry has its hash, and an id is in `_users` exactly while it has a session.
pub(crate) fn assert_consistent(redis: &mut Client, app: &str) {
    assert_consistent_within(redis, app, 0);
}

/// As [`assert_consistent`], with scores that may be `slack` seconds away from the hash. The Node library refreshes the
/// scores with every `get`, and `la` only when that is more than a second old.
pub(crate) fn assert_consistent_within(redis: &mut Client, app: &str, slack: i64) {
    let keys = redis.run(&["KEYS", &format!("{{rs:{app}:*")]);
    let base = |key: &Value| key.text().split_inclusive('}').next().unwrap().to_owned();
    let buckets: BTreeSet<String> = keys.items().iter().map(base).collect();
    if buckets.is_empty() {
        return assert_base_consistent(redis, app, &format!("rs:{app}"), slack);
    }
    let count: u16 = redis.run(&["GET", "rs:buckets"]).text().parse().unwrap();
    for bucket in buckets {
        assert_base_consistent(redis, app, &bucket, slack);
        for (id, _) in scores(redis, &format!("{bucket}:_users")) {
            assert_eq!(bucket, format!("{{rs:{app}:{:04}}}", crc16(&id) % count), "{id}");
        }
    }
}

/// The same for the keys that begin so.
fn assert_base_consistent(redis: &mut Client, app: &str, base: &str, slack: i64) {
    let prefix = format!("{base}:");
    let mut members = BTreeSet::new();
    let mut expiries = BTreeSet::new();
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let keys = redis.run(&["KEYS", &format!("{prefix}*")]);
    for key in keys.items() {
        let key = key.text();
        let rest = key[prefix.len()..].to_owned();
        if ["_sessions", "_users", "SESSIONS"].contains(&rest.as_str()) || rest.starts_with("us:") {
            continue;
        }
        let fields = hash(redis, &key);
        let id = fields.get("id").unwrap_or_else(|| panic!("{key} has no id: {fields:?}"));
        for field in ["r", "w", "ip", "la", "ttl"] {
            assert!(fields.contains_key(field), "{key} lacks {field}: {fields:?}");
        }
        let la: i64 = fields["la"].parse().unwrap();
        let ttl: i64 = fields["ttl"].parse().unwrap();
        members.insert((format!("{rest}:{id}"), la));
        expiries.insert((format!("{app}:{rest}:{id}"), la + ttl));
        ids.entry(id.clone()).or_default().insert(rest);
        assert_eq!(redis.run(&["TTL", &key]).int(), -1, "{key} has an expiry of its own");
    }
    assert_scores(redis, &format!("{prefix}_sessions"), &members, slack, |_| true);
    let of_app = |member: &str| member.starts_with(&format!("{app}:"));
    assert_scores(redis, &expiries_of(base), &expiries, slack, of_app);
    let users: BTreeSet<String> =
        scores(redis, &format!("{prefix}_users")).into_iter().map(|(id, _)| id).collect();
    assert_eq!(users, ids.keys().cloned().collect(), "{prefix}_users");
    for (id, tokens) in &ids {
        let set = redis.run(&["SMEMBERS", &format!("{prefix}us:{id}")]);
        let set: BTreeSet<String> = set.items().iter().map(Value::text).collect();
        assert_eq!(&set, tokens, "{prefix}us:{id}");
    }
    let sets = redis.run(&["KEYS", &format!("{prefix}us:*")]).items().len();
    assert_eq!(sets, ids.len(), "a set for every id and no other");
}

fn scores(redis: &mut Client, key: &str) -> BTreeSet<(String, i64)> {
    let range = redis.run(&["ZRANGE", key, "0", "-1", "WITHSCORES"]);
    range.items().chunks(2).map(|pair| (pair[0].text(), pair[1].text().parse().unwrap())).collect()
}

/// Checks that those members of a sorted set that `counts` accepts are the expected ones, with about the expected scores.
fn assert_scores(
    redis: &mut Client,
    key: &str,
    expected: &BTreeSet<(String, i64)>,
    slack: i64,
    counts: impl Fn(&str) -> bool,
) {
    let found: BTreeSet<_> =
        scores(redis, key).into_iter().filter(|(member, _)| counts(member)).collect();
    let about = found.len() == expected.len()
        && found.iter().zip(expected).all(|((member, score), (wanted, wanted_score))| {
            member == wanted && (score - wanted_score).abs() <= slack
        });
    assert!(about, "{key}: {found:?}, expected {expected:?}");
}
