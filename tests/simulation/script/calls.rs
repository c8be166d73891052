//! Pieces of scripts that have the server run scripts: a client's own, and those of session commands.

use super::Kind;
use super::pieces::Writer;
use crate::server::{LUA, TOKEN, sha1};

impl Writer {
    /// A script as a library calls it: by digest, and by its text when the server does not know it.
    pub(super) fn script(&mut self) {
        let text = format!("{LUA} -- {} {}", self.random.below(3), self.cast.prefix);
        let digest = sha1(text.as_bytes());
        let key = self.key().replace('@', &self.cast.prefix);
        let tail = ["1".to_owned(), format!("{key}:h"), "argument".to_owned()];
        let call = |name: &str, what: &str| -> Vec<Vec<u8>> {
            let head = [name.to_owned(), what.to_owned()];
            head.into_iter().chain(tail.clone()).map(String::into_bytes).collect()
        };
        match self.random.below(6) {
            0 => self.request(
                Kind::Script,
                &[b"SCRIPT".to_vec(), b"LOAD".to_vec(), text.clone().into_bytes()],
            ),
            1 => self.request(Kind::Script, &call("EVAL", &text)),
            2 => {
                self.request(Kind::Script, &call("EVALSHA", &digest));
                self.request(Kind::Script, &call("EVAL", &text));
            }
            3 => self.say(Kind::Script, &format!("SCRIPT EXISTS {digest}")),
            _ => self.request(Kind::Script, &call("EVALSHA", &digest)),
        }
    }

    /// Several of them, mostly reads, which one call may carry out.
    pub(super) fn sessions(&mut self) {
        if !self.cast.sessions {
            return;
        }
        for _ in 0..1 + self.random.below(5) {
            let line = match self.random.below(8) {
                0 => "SESSION.WIPE".to_owned(),
                1 => format!("SESSION.SET {} {{\"k\":1}}", self.session()),
                _ => format!("SESSION.GET {}", self.session()),
            };
            self.say(Kind::Session, &line);
        }
    }

    /// An app that is this client's alone, and a token.
    fn session(&mut self) -> String {
        let app = self.cast.prefix.trim_end_matches(':');
        format!("app-{app} {}{}", self.random.below(3), &TOKEN[1..])
    }
}
