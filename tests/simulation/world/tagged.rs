//! Scripts whose keys say in which database their client believes to be: nothing may run elsewhere, twice, or in part, and
//! nothing that a watched key forbids.

use std::collections::BTreeMap;

use super::World;
use crate::random::Random;
use crate::script::{Kind, Step, USERS};

/// A script of changes of user and database, `INCR`, and transactions that belong together. No key is counted twice.
pub(super) fn script(random: &mut Random, prefix: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut say = |kind, line: String| {
        let bytes = format!("{line}\r\n").into_bytes();
        steps.push(Step { kind, bytes, joined: true });
    };
    let mut database = 0;
    let mut may_count = true;
    for number in 0..10 + random.below(40) {
        let key = |group: char, part| format!("{prefix}d{database}:{group}{number}:{part}");
        match random.below(8) {
            0 | 1 => {
                database = random.below(3);
                say(Kind::Select, format!("SELECT {database}"));
            }
            2 => {
                let (user, password) = USERS[random.below(2)];
                may_count = user != "bob";
                say(Kind::Auth, format!("AUTH {user} {password}"));
            }
            3 => {
                say(Kind::Multi, "MULTI".to_owned());
                say(Kind::Write, format!("APPEND {} 1", key('t', 'a')));
                say(Kind::Write, format!("APPEND {} 1", key('t', 'b')));
                say(Kind::Exec, "EXEC".to_owned());
            }
            // A counter and its list.
            4 => {
                say(Kind::Watch, format!("WATCH {}", key('t', 'a')));
                say(Kind::Multi, "MULTI".to_owned());
                say(Kind::Write, format!("APPEND {} 1", key('t', 'a')));
                say(Kind::Write, format!("RPUSH {} 1", key('t', 'b')));
                say(Kind::Exec, "EXEC".to_owned());
            }
            // It changes what it watches itself.
            5 => {
                say(Kind::Watch, format!("WATCH {}", key('w', 'a')));
                say(Kind::Write, format!("APPEND {} 1", key('w', 'a')));
                say(Kind::Multi, "MULTI".to_owned());
                say(Kind::Write, format!("APPEND {} 1", key('w', 'b')));
                say(Kind::Exec, "EXEC".to_owned());
            }
            _ if may_count => say(Kind::Write, format!("INCR {}", key('n', 'a'))),
            _ => say(Kind::Write, format!("APPEND {} 1", key('n', 'a'))),
        }
    }
    steps
}

impl World {
    /// What has run, has run where, and as often, and as whole as its client believes.
    pub(super) fn nothing_has_strayed(&self) -> Result<(), String> {
        let mut parts = BTreeMap::<String, usize>::new();
        for (database, key, value) in self.network.borrow().server.contents(b"") {
            let key = String::from_utf8_lossy(&key).into_owned();
            if !key.contains(&format!(":d{database}:")) {
                return Err(format!("{key} was written in database {database}"));
            }
            if value[1..] != [b"1"] {
                return Err(format!("{key} was written more than once"));
            }
            let group = key.rsplit_once(':').map_or("", |(group, _)| group);
            *parts.entry(group.to_owned()).or_default() += 1;
        }
        for (group, count) in parts {
            if group.contains(":t") && count != 2 {
                return Err(format!("a half of the transaction {group} has run"));
            }
            if group.contains(":w") && count != 1 {
                return Err(format!("{group} has run though what it watches was changed"));
            }
        }
        Ok(())
    }
}
