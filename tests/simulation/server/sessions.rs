//! The session commands: the scripts by which sessiond carries them out, each with a simple answer in place of its Lua, and
//! for a client that is alone the commands themselves.

use std::sync::LazyLock;

use sessiond::session::{Call, Plan, Settings, lookup};

use super::table::Entry;
use super::{Args, Server, Text, scripts};

/// The commands, as a server would have them that needs no sessiond.
static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let entry = |(name, arity)| Entry::plain(name, arity, run);
    [("session.get", -3), ("session.set", -4), ("session.wipe", -1)].map(entry).into()
});

/// What stands for each command's script.
static SCRIPTS: LazyLock<[String; 3]> = LazyLock::new(|| {
    let token = TOKEN.as_bytes();
    let calls: [&[&[u8]]; 3] = [
        &[b"session.get", b"shop", token],
        &[b"session.set", b"shop", token, b"{\"k\":1}"],
        &[b"session.wipe"],
    ];
    calls.map(|words| call(words).expect("it is right").script().sha().to_owned())
});

/// What a token looks like.
pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// One of these commands.
pub(super) fn find(args: &Args) -> Option<&'static Entry> {
    let name = args[0].to_ascii_lowercase();
    ENTRIES.iter().find(|entry| entry.name.as_bytes() == name)
}

/// The whole command as one call.
fn call(words: &[&[u8]]) -> Option<Call> {
    match lookup(words[0])?.plan(&Settings::default(), &words[1..]).ok()? {
        Plan::Script(call) => Some(call),
        Plan::Batched(batch) => Some(batch.whole()),
        Plan::Lines(_) => None,
    }
}

fn run(server: &mut Server, id: u64, args: &Args) {
    let words: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
    let call = call(&words).expect("scripts of clients are right");
    let arguments: Args = call.arguments().iter().map(|text| text.to_vec()).collect();
    let keys = String::from_utf8_lossy(&arguments[0]).parse().expect("a number of keys");
    let (keys, values) = arguments[1..].split_at(keys);
    assert!(answer(server, id, call.script().sha(), keys, values));
}

/// Answers a call of one of the scripts; false for any other.
pub(super) fn answer(
    server: &mut Server,
    id: u64,
    sha: &str,
    keys: &[Text],
    values: &[Text],
) -> bool {
    let [get, set, wipe] = &*SCRIPTS;
    if sha == get {
        // Behind the sessions stand the indexes.
        let sessions = &keys[..keys.len() - 3];
        let counts: Vec<i64> =
            sessions.iter().map(|key| scripts::count_write(server, id, key)).collect();
        if counts.len() > 1 {
            server.client(id).array(counts.len());
        }
        counts.iter().for_each(|count| server.client(id).integer(*count));
    } else if sha == set {
        let count = scripts::count_write(server, id, &keys[0]);
        server.client(id).integer(count);
    } else if sha == wipe {
        // In steps it says where to go on; here it never does.
        if values[3] != b"0" {
            server.client(id).array(1);
        }
        server.client(id).integer(7);
    } else {
        return false;
    }
    true
}

impl Server {
    /// Forgets the scripts of the session commands, as after `SCRIPT FLUSH`. Those of clients stay, who know what they have.
    pub(crate) fn forget_sessions(&mut self) {
        self.clients.values_mut().for_each(|client| client.scripts.clear());
    }

    /// The scripts of the session commands are known to each connection for itself. On a real server one connection may bring a
    /// script back between two calls of another, which have been sent in a row: then the second is executed and the first is
    /// repeated behind it.
    pub(super) fn learn_script(&mut self, id: u64, sha: String) {
        let known =
            if SCRIPTS.contains(&sha) { &mut self.client(id).scripts } else { &mut self.scripts };
        known.insert(sha);
    }

    pub(super) fn knows_script(&mut self, id: u64, sha: &str) -> bool {
        self.scripts.contains(sha) || self.client(id).scripts.contains(sha)
    }

    /// The server ends a client's connection.
    pub(crate) fn kill(&mut self, conn: super::Conn) {
        let answer = self.administer(format!("CLIENT KILL ID {}\r\n", conn.0).as_bytes());
        assert!(answer == b":1\r\n" || answer == b":0\r\n", "{}", answer.escape_ascii());
    }
}
