//! Pieces that scripts are put together from: single commands, pipelines, transactions, changes of state.

use super::{Cast, Kind, Step, USERS};
use crate::random::Random;

/// More than a proxy may want to hold.
const LARGE: usize = 1_258_291;

/// Writes a script.
pub(super) struct Writer {
    pub(super) random: Random,
    pub(super) cast: Cast,
    pub(super) steps: Vec<Step>,
    /// How likely a step is sent together with the one before: one in so many is not.
    haste: usize,
}

/// Something that takes a few steps.
type Piece = fn(&mut Writer);

impl Writer {
    /// Pieces, and how often they come: the larger the number, the more often.
    const PIECES: &'static [(usize, Piece)] = &[
        (10, Self::plain),
        (8, Self::pipeline),
        (10, Self::transaction),
        (6, Self::watched_transaction),
        (6, Self::select),
        (6, Self::auth),
        (6, Self::hello),
        (4, Self::reset),
        (6, Self::subscriptions),
        (4, Self::reply_mode),
        (5, Self::tracking),
        (5, Self::client),
        (5, Self::wait),
        (1, Self::wait_for_ever),
        (6, Self::script),
        (5, Self::sessions),
        (3, Self::unknown),
        (3, Self::refused),
        (1, Self::malformed),
        (1, Self::large),
        (2, Self::module),
        (1, Self::monitor),
        (1, Self::end),
    ];

    pub(super) fn new(mut random: Random, cast: Cast) -> Self {
        let haste = 1 + random.below(4);
        Self { random, cast, steps: Vec::new(), haste }
    }

    /// Whether nothing can follow.
    pub(super) fn has_ended(&self) -> bool {
        self.steps.last().is_some_and(|step| step.kind.is_end())
    }

    /// Writes a random piece.
    pub(super) fn piece(&mut self) {
        let total: usize = Self::PIECES.iter().map(|(weight, _)| weight).sum();
        let mut at = self.random.below(total);
        for (weight, piece) in Self::PIECES {
            if at < *weight {
                return piece(self);
            }
            at -= weight;
        }
    }

    pub(super) fn push(&mut self, kind: Kind, bytes: Vec<u8>) {
        let joined = !self.steps.is_empty() && !self.random.one_in(self.haste);
        self.steps.push(Step { kind, bytes, joined });
    }

    /// A request by its words; in these `@` stands for the client's prefix.
    pub(super) fn say(&mut self, kind: Kind, line: &str) {
        let words: Vec<Vec<u8>> =
            line.split(' ').map(|word| word.replace('@', &self.cast.prefix).into_bytes()).collect();
        self.request(kind, &words);
    }

    pub(super) fn say_one(&mut self, kind: Kind, lines: &[&str]) {
        let line = self.random.pick(lines);
        self.say(kind, line);
    }

    pub(super) fn request(&mut self, kind: Kind, words: &[Vec<u8>]) {
        let is_plain = |word: &Vec<u8>| {
            !word.is_empty() && word.len() < 100 && word.iter().all(u8::is_ascii_graphic)
        };
        let quotes = |word: &Vec<u8>| word.contains(&b'"') || word.contains(&b'\'');
        let inline = words.iter().all(is_plain) && !words.iter().any(quotes);
        let bytes = if inline && self.random.one_in(8) {
            [words.join(&b' '), b"\r\n".to_vec()].concat()
        } else {
            frame(words)
        };
        self.push(kind, bytes);
    }

    pub(super) fn key(&mut self) -> String {
        format!("@k{}", self.random.below(4))
    }

    fn value(&mut self) -> String {
        let size = if self.random.one_in(20) { 2_000 } else { 1 + self.random.below(8) };
        format!("v{}", "x".repeat(size))
    }

    pub(super) fn log_in(&mut self) {
        let password = self.cast.password.clone().unwrap_or_default();
        match self.random.below(10) {
            0 => {}
            1 => self.auth(),
            2 => self.say(Kind::Hello, &format!("HELLO 3 AUTH default {password}")),
            _ => self.say(Kind::Auth, &format!("AUTH {password}")),
        }
    }

    fn plain(&mut self) {
        let (key, other) = (self.key(), self.key());
        let value = self.value();
        // Each type has keys of its own, and sometimes takes another's.
        let (list, hash) = match self.random.below(10) {
            0 => (key.clone(), key.clone()),
            _ => (format!("{key}:l"), format!("{key}:h")),
        };
        let (kind, line) = match self.random.below(18) {
            0..3 => (Kind::Read, format!("GET {key}")),
            3..5 => (Kind::Write, format!("SET {key} {value}")),
            5 => (Kind::Write, format!("APPEND {key} {value}")),
            6 | 7 => (Kind::Write, format!("INCR {key}:n")),
            8 => (Kind::Write, format!("DEL {key} {list} {hash}")),
            9 => (Kind::Read, format!("EXISTS {key} {other}")),
            10 => (Kind::Read, format!("MGET {key} {other}")),
            11 => (Kind::Write, format!("MSET {key} {value} {other} {value}")),
            12 => (Kind::Write, format!("RPUSH {list} {value} b")),
            13 => (Kind::Write, format!("LPOP {list}")),
            14 => (Kind::Read, format!("LRANGE {list} 0 -1")),
            15 => (Kind::Write, format!("HSET {hash} f {value}")),
            16 => (Kind::Read, format!("HGET {hash} f")),
            _ => (Kind::Read, "PING".to_owned()),
        };
        self.say(kind, &line);
    }

    fn pipeline(&mut self) {
        let start = self.steps.len();
        for _ in 0..2 + self.random.below(10) {
            self.plain();
        }
        for step in &mut self.steps[start + 1..] {
            step.joined = true;
        }
    }

    fn transaction(&mut self) {
        self.say(Kind::Multi, "MULTI");
        for _ in 0..self.random.below(5) {
            match self.random.below(16) {
                0 => self.refused(),
                1 => self.select(),
                2 => self.script(),
                3 => self.hello(),
                4 => self.reply_mode(),
                5 => self.wait(),
                6 => self.say(Kind::Watch, "WATCH @k0"),
                7 => self.subscriptions(),
                8 => self.sessions(),
                _ => self.plain(),
            }
        }
        match self.random.below(12) {
            0 => self.say(Kind::Discard, "DISCARD"),
            1 => self.reset(),
            // It is left open: what follows is queued, or the client goes.
            2 => {}
            3 => self.end(),
            _ => self.say(Kind::Exec, "EXEC"),
        }
    }

    fn watched_transaction(&mut self) {
        let key = self.key();
        self.say(Kind::Watch, &format!("WATCH {key} @k0"));
        match self.random.below(5) {
            0 => self.say(Kind::Write, &format!("SET {key} changed")),
            1 => self.say(Kind::Unwatch, "UNWATCH"),
            2 => self.plain(),
            _ => {}
        }
        if !self.random.one_in(6) {
            self.transaction();
        }
    }

    fn select(&mut self) {
        let database = match self.random.below(12) {
            0 => "999".to_owned(),
            1 => "x".to_owned(),
            _ => self.random.below(self.cast.databases).to_string(),
        };
        self.say(Kind::Select, &format!("SELECT {database}"));
    }

    /// A user's name and a password, which mostly is right.
    fn credentials(&mut self) -> (String, String) {
        let (user, password) = USERS[self.random.below(USERS.len())];
        let default = self.cast.password.as_deref().unwrap_or("x");
        let (user, password) =
            if self.random.one_in(4) { ("default", default) } else { (user, password) };
        match self.random.below(6) {
            0 => (user.to_owned(), "wrong".to_owned()),
            1 => ("nobody".to_owned(), password.to_owned()),
            _ => (user.to_owned(), password.to_owned()),
        }
    }

    fn auth(&mut self) {
        let (user, password) = self.credentials();
        match self.random.below(6) {
            0 => self.say(Kind::Auth, &format!("AUTH {password}")),
            1 => self.say(Kind::Auth, "AUTH a b c"),
            _ => self.say(Kind::Auth, &format!("AUTH {user} {password}")),
        }
    }

    fn hello(&mut self) {
        let (user, password) = self.credentials();
        let version = 2 + self.random.below(2);
        let line = match self.random.below(12) {
            0 => "HELLO".to_owned(),
            1 => "HELLO 9".to_owned(),
            2 => "HELLO 3 AUTH".to_owned(),
            3 | 4 => format!("HELLO {version} AUTH {user} {password}"),
            5 => format!("HELLO {version} AUTH {user} {password} SETNAME @name"),
            6 => format!("HELLO {version} SETNAME @name"),
            _ => format!("HELLO {version}"),
        };
        self.say(Kind::Hello, &line);
    }

    fn reset(&mut self) {
        self.say(Kind::Reset, "RESET");
        if self.cast.password.is_some() {
            self.log_in();
        }
    }

    fn subscriptions(&mut self) {
        let begin = ["SUBSCRIBE @c1", "SUBSCRIBE @c1 @c2", "PSUBSCRIBE @c*", "SSUBSCRIBE @s1"];
        // With more than one of a kind, the order in which they end is Redis' own affair.
        let end = ["UNSUBSCRIBE @c1 @c2", "PUNSUBSCRIBE", "SUNSUBSCRIBE", "UNSUBSCRIBE @c3"];
        self.say_one(Kind::Subscribe, &begin);
        for _ in 0..self.random.below(4) {
            match self.random.below(5) {
                0 => self.say(Kind::Publish, "PUBLISH @c1 hello"),
                1 => self.say(Kind::Publish, "SPUBLISH @s1 hello"),
                2 => self.say(Kind::Read, "PING"),
                3 => self.say_one(Kind::Subscribe, &begin),
                _ => self.plain(),
            }
        }
        for _ in 0..self.random.below(5) {
            self.say_one(Kind::Unsubscribe, &end);
        }
    }

    fn reply_mode(&mut self) {
        match self.random.below(4) {
            0 => {
                self.say(Kind::ReplyMode, "CLIENT REPLY OFF");
                for _ in 0..self.random.below(3) {
                    self.plain();
                }
                if !self.random.one_in(5) {
                    self.say(Kind::ReplyMode, "CLIENT REPLY ON");
                }
            }
            1 => self.say(Kind::ReplyMode, "CLIENT REPLY ON"),
            _ => {
                self.say(Kind::ReplyMode, "CLIENT REPLY SKIP");
                self.plain();
            }
        }
    }

    fn tracking(&mut self) {
        let line = match self.random.below(8) {
            0 => "CLIENT TRACKING OFF",
            1 => "CLIENT TRACKING ON NOLOOP",
            2 => "CLIENT TRACKING ON OPTIN",
            3 => "CLIENT CACHING YES",
            4 => "CLIENT TRACKINGINFO",
            5 if self.cast.broadcast => "CLIENT TRACKING ON BCAST PREFIX @",
            _ => "CLIENT TRACKING ON",
        };
        self.say(Kind::Tracking, line);
        if self.random.one_in(2) {
            let key = self.key();
            self.say(Kind::Read, &format!("GET {key}"));
            self.say(Kind::Write, &format!("SET {key} tracked"));
        }
    }

    fn client(&mut self) {
        let (kind, line) = match self.random.below(9) {
            0 | 1 => (Kind::Client, "CLIENT SETNAME @name"),
            2 => (Kind::Client, "CLIENT GETNAME"),
            3 => (Kind::Id, "CLIENT ID"),
            4 => (Kind::Client, "CLIENT NO-EVICT ON"),
            5 => (Kind::Client, "CLIENT KILL ID 9999999999"),
            6 => (Kind::Client, "CLIENT UNBLOCK 9999999999"),
            7 => (Kind::Client, "CLIENT GETREDIR"),
            _ => (Kind::Client, "ACL WHOAMI"),
        };
        self.say(kind, line);
    }

    fn wait(&mut self) {
        let key = self.key();
        match self.random.below(5) {
            0 => self.say(Kind::Wait, &format!("BLPOP {key}:empty 0.01")),
            1 => self.say(Kind::Wait, "WAIT 0 0"),
            2 => self.say(Kind::Wait, "WAIT 1 10"),
            _ => {
                self.say(Kind::Write, &format!("RPUSH {key}:l one two"));
                self.say(Kind::Wait, &format!("BLPOP {key}:l @other 10"));
            }
        }
    }

    fn wait_for_ever(&mut self) {
        self.say(Kind::WaitForEver, "BLPOP @never 0");
        for _ in 0..self.random.below(3) {
            self.plain();
        }
        if self.random.one_in(2) {
            self.end();
        }
    }

    fn large(&mut self) {
        if !self.cast.large || !self.random.one_in(3) {
            return;
        }
        let key = format!("{}large", self.cast.prefix).into_bytes();
        self.request(Kind::Large, &[b"SET".to_vec(), key.clone(), vec![b'l'; LARGE]]);
        if self.random.one_in(2) {
            self.request(Kind::Large, &[b"GET".to_vec(), key]);
        }
    }

    fn module(&mut self) {
        if !self.cast.module {
            return;
        }
        let lines = ["MOD.PURE @k1", "MOD.STATEFUL @mark", "MOD.SHOW", "MOD.SHOW"];
        self.say_one(Kind::Module, &lines);
    }

    fn monitor(&mut self) {
        if self.cast.monitor {
            self.say(Kind::Monitor, "MONITOR");
        }
    }

    fn end(&mut self) {
        match self.random.below(3) {
            0 => return self.say(Kind::Quit, "QUIT"),
            1 => self.push(Kind::HalfClose, Vec::new()),
            _ => self.push(Kind::Leave, Vec::new()),
        }
        // Whether a wait or the connection ends first must not be left to chance.
        let burst = self.steps.iter().rev().skip(1).scan(true, |joined, step| {
            let is_part = *joined;
            *joined = step.joined;
            is_part.then_some(step)
        });
        if burst.into_iter().any(|step| step.kind == Kind::Wait) {
            self.steps.last_mut().into_iter().for_each(|step| step.joined = false);
        }
    }
}

/// A request as an array of strings.
fn frame(words: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n", word.len()).into_bytes());
        bytes.extend_from_slice(word);
        bytes.extend(b"\r\n");
    }
    bytes
}
