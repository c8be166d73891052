//! Scripts whose keys say in which database their client believes to be: nothing may run elsewhere, twice, or in part.

use std::collections::BTreeMap;

use super::World;
use crate::random::Random;
use crate::script::{Kind, Step};

/// A script of `SELECT`, `INCR`, and transactions of two `INCR`. No key is counted twice.
pub(super) fn script(random: &mut Random, prefix: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut say = |kind, line: String| {
        let bytes = format!("{line}\r\n").into_bytes();
        steps.push(Step { kind, bytes, joined: true });
    };
    let mut database = 0;
    for number in 0..10 + random.below(40) {
        match random.below(4) {
            0 => {
                database = random.below(3);
                say(Kind::Select, format!("SELECT {database}"));
            }
            1 => {
                say(Kind::Multi, "MULTI".to_owned());
                say(Kind::Write, format!("INCR {prefix}d{database}:t{number}:a"));
                say(Kind::Write, format!("INCR {prefix}d{database}:t{number}:b"));
                say(Kind::Exec, "EXEC".to_owned());
            }
            _ => say(Kind::Write, format!("INCR {prefix}d{database}:n{number}:a")),
        }
    }
    steps
}

impl World {
    /// What has run, has run where, and as often, and as whole as its client believes.
    pub(super) fn nothing_has_strayed(&self) -> Result<(), String> {
        let mut halves = BTreeMap::<String, usize>::new();
        for (database, key, value) in self.network.borrow().server.contents(b"") {
            let key = String::from_utf8_lossy(&key).into_owned();
            if !key.contains(&format!(":d{database}:")) {
                return Err(format!("{key} was counted in database {database}"));
            }
            if value.last().is_none_or(|count| count != b"1") {
                return Err(format!("{key} was counted more than once"));
            }
            if let Some((group, _)) = key.rsplit_once(':').filter(|(group, _)| group.contains(":t"))
            {
                *halves.entry(group.to_owned()).or_default() += 1;
            }
        }
        match halves.iter().find(|(_, count)| **count != 2) {
            Some((group, _)) => Err(format!("a half of the transaction {group} has run")),
            None => Ok(()),
        }
    }
}
