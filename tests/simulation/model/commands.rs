//! Random commands that meet each other's state: few keys, few channels, three users.

use super::lines::{BROKEN, LINES};
use crate::random::Random;
use crate::server::{ConnState, LUA, sha1};

/// The words of a line; quotes hold a blank.
fn split(line: &str) -> Vec<&str> {
    let mut quoted = false;
    line.split(|letter| {
        quoted ^= letter == '"';
        letter == ' ' && !quoted
    })
    .collect()
}

/// Generates batches.
pub(super) struct Commands {
    pub(super) random: Random,
}

impl Commands {
    pub(super) fn new(random: Random) -> Self {
        Self { random }
    }

    /// A few requests for a connection in this state, and how many.
    pub(super) fn batch(
        &mut self,
        ids: &[u64],
        state: &ConnState,
        paused: bool,
    ) -> (Vec<u8>, usize) {
        let mut batch = Vec::new();
        let mut count = 1 + self.random.below(6);
        if self.random.one_in(10) {
            count = 1 + self.random.below(20);
        }
        let plain = state.user == b"default" && !state.in_multi && state.blocked.is_none();
        if self.random.one_in(150) && state.unread == 0 {
            let words = [b"SET".to_vec(), self.word("K", ids), vec![b'l'; 300_000]];
            return (self.encode(&words), 1);
        }
        for place in 0..count {
            // What the server reads at once is one turn.
            if batch.len() > 12_000 {
                break;
            }
            if self.random.one_in(60) {
                batch.extend_from_slice(self.random.pick(BROKEN));
                continue;
            }
            let line = self.line(state);
            // Redis 7.0 breaks down when a client that waits for the end of a pause is unblocked.
            if paused && line.contains("UNBLOCK") {
                continue;
            }
            // And when a subscriber takes a channel away from itself.
            if line.contains("resetchannels") && !(plain && place == 0 && state.unread == 0) {
                continue;
            }
            let words: Vec<Vec<u8>> =
                split(line).into_iter().map(|word| self.word(word, ids)).collect();
            batch.extend(self.encode(&words));
        }
        if batch.is_empty() {
            batch.extend(b"PING\r\n");
        }
        (batch, count)
    }

    /// A line, such that a connection is not stuck for ever in a state where everything is refused.
    fn line(&mut self, state: &ConnState) -> &'static str {
        let random = &mut self.random;
        if !state.authenticated && random.one_in(3) {
            return random.pick(&["AUTH U P", "AUTH P", "HELLO 3 AUTH U P", "RESET"]);
        }
        if state.in_multi && random.one_in(12) {
            return "EXEC";
        }
        if state.reply == crate::server::Reply::Off && random.one_in(4) {
            return "CLIENT REPLY ON";
        }
        if !state.channels.is_empty() && state.protocol == 2 && random.one_in(5) {
            return random.pick(&["UNSUBSCRIBE", "RESET"]);
        }
        // What ends connections or holds all others would leave little of the rest.
        loop {
            let line = random.pick(&LINES);
            let rare = ["QUIT", "MONITOR", "CLIENT KILL", "CLIENT PAUSE", "FLUSHDB", "DELUSER"];
            let rare = rare.iter().any(|rare| line.contains(rare));
            let heavy = line.contains("requirepass P") || line == "ACL SETUSER U off";
            if (!rare || random.one_in(4)) && (!heavy || random.one_in(3)) {
                return line;
            }
        }
    }

    fn word(&mut self, word: &str, ids: &[u64]) -> Vec<u8> {
        let random = &mut self.random;
        let script = |number: usize| format!("{LUA} -- {number}").into_bytes();
        match word {
            "K" => random.pick(&["k1", "k2", "k3", "k4", "x"]).as_bytes().to_vec(),
            "F" => random.pick(&["f", "g"]).as_bytes().to_vec(),
            "V" if random.one_in(200) => vec![b'v'; 3_000],
            "V" => random
                .pick(&[
                    &b"v"[..],
                    b"w",
                    b"10",
                    b"",
                    b"-3",
                    b"a\r\nb",
                    b"\x00\xff",
                    b"9223372036854775807",
                    b"007",
                ])
                .to_vec(),
            "N" => {
                random.pick(&["0", "1", "-1", "2", "100", "x", "-100", "01"]).as_bytes().to_vec()
            }
            "C" => random.pick(&["c1", "c2", "d1"]).as_bytes().to_vec(),
            "G" => random.pick(&["c*", "?1", "d1", "[a-d]2"]).as_bytes().to_vec(),
            "D" => random.pick(&["0", "1", "1", "9"]).as_bytes().to_vec(),
            "P" => random.pick(&["pw", "pw", "other"]).as_bytes().to_vec(),
            "U" => {
                random.pick(&["ann", "ann", "bob", "cat", "default", "nobody"]).as_bytes().to_vec()
            }
            "I" => ids[random.below(ids.len())].to_string().into_bytes(),
            "L" => script(random.below(3)),
            "S" => {
                let digest = sha1(&script(random.below(3)));
                if random.one_in(4) { digest.to_uppercase() } else { digest }.into_bytes()
            }
            ">P" => [&b">"[..], &self.word("P", ids)].concat(),
            "VVVV" => vec![b'z'; 300],
            "\"\"" => Vec::new(),
            other => other.replace('"', "").into_bytes(),
        }
    }

    fn encode(&mut self, words: &[Vec<u8>]) -> Vec<u8> {
        let plain = |word: &Vec<u8>| {
            !word.is_empty() && word.iter().all(|byte| byte.is_ascii_alphanumeric())
        };
        if words.iter().all(plain) && self.random.one_in(6) {
            return [words.join(&b' '), b"\r\n".to_vec()].concat();
        }
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            request.extend(format!("${}\r\n", word.len()).as_bytes());
            request.extend_from_slice(word);
            request.extend(b"\r\n");
        }
        if self.random.one_in(3) {
            // Names of commands have any case.
            let end = request.len() - words.iter().skip(1).map(Vec::len).sum::<usize>();
            let name = words[0].len();
            let start = request.windows(name.max(1)).position(|part| part == words[0]).unwrap_or(0);
            request[start..(start + name).min(end)].make_ascii_lowercase();
        }
        request
    }
}
