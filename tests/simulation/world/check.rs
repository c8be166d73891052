//! What has to be true at any time, and what when everything has come to rest.

use super::actor::contents;
use super::{PANICS, World};
use crate::script::{Kind, Step};
use crate::server::{ConnState, Reply};

/// As many rounds may bytes take to arrive when everyone does what they can.
const ROUNDS: usize = 200_000;

impl World {
    /// What has happened.
    pub(super) fn describe(&self) -> String {
        self.trace.tell()
    }

    /// What has to be true after every step.
    pub(super) fn check(&mut self, panics: usize) -> Result<(), String> {
        if PANICS.get() > panics {
            return Err("a task has panicked".to_owned());
        }
        for actor in self.actors.iter_mut().filter(|actor| !actor.judged) {
            if let Some(complaint) = actor.complaint() {
                return Err(tell(actor, &complaint));
            }
            actor.judged = !actor.is_here();
        }
        Ok(())
    }

    /// Everyone says and hears the rest; then all leave, and nothing of them may be left.
    pub(super) async fn finish(&mut self, panics: usize) -> Result<(), String> {
        self.network.borrow_mut().heal();
        self.rest(panics).await?;
        self.nothing_is_missing()?;
        self.nothing_has_run_elsewhere()?;
        if self.plan.tagged {
            self.nothing_has_strayed()?;
        }
        self.everyone_leaves();
        self.rest_for(panics, &[30, 400]).await?;
        if let Some(id) = self.proxy.clients().first().filter(|_| !self.plan.hasty) {
            let mut actors = self.actors.iter();
            let left = actors.find(|actor| actor.id == *id).map(|actor| {
                let sent = String::from_utf8_lossy(&actor.received).into_owned();
                tell(actor, &format!("has left and is still there; it received {sent:?}"))
            });
            return Err(left.unwrap_or_default());
        }
        self.pass(200).await;
        self.connections_are_fresh()?;
        self.newcomers_find_it_fresh(panics).await?;
        self.everyone_leaves();
        self.rest_for(panics, &[50, 1000, 20_000, 10]).await?;
        let left = self.network.borrow().server.connections().count();
        let clients = self.proxy.clients().len();
        if left > 0 || clients > 0 {
            return Err(format!("{left} connections and {clients} clients are left"));
        }
        Ok(())
    }

    async fn rest(&mut self, panics: usize) -> Result<(), String> {
        self.rest_for(panics, &[50, 1000, 13_000]).await
    }

    /// Moves all there is, until nothing has moved after each of these times.
    async fn rest_for(&mut self, panics: usize, waits: &[u64]) -> Result<(), String> {
        let mut quiet = 0;
        for _ in 0..ROUNDS {
            let moved = self.everything_moves();
            if moved > 0 {
                quiet = 0;
                self.note("everything moves", 0, moved);
                self.settle().await;
            } else if let Some(wait) = waits.get(quiet) {
                quiet += 1;
                self.pass(*wait).await;
            } else {
                return Ok(());
            }
            self.check(panics)?;
        }
        Err("it comes to no rest".to_owned())
    }

    fn everything_moves(&mut self) -> usize {
        let most = 1 << 22;
        let mut moved = 0;
        for actor in &mut self.actors {
            moved += actor.receive(most);
            moved += actor.send(most);
        }
        let mut network = self.network.borrow_mut();
        for at in (0..network.links.len()).rev() {
            moved += network.up(at, most);
        }
        for at in (0..network.links.len()).rev() {
            moved += network.down(at, most);
        }
        moved
    }

    /// Whoever was touched by no fault has what it has to have.
    fn nothing_is_missing(&self) -> Result<(), String> {
        let network = self.network.borrow();
        for actor in &self.actors {
            if let Some(complaint) = actor.final_complaint() {
                return Err(tell(actor, &complaint));
            }
            if actor.touched || actor.gone_early || !actor.is_here() {
                continue;
            }
            let left = contents(actor.id, &network.server);
            if left != actor.contents {
                let what = format!("has left\n{left:?}\ninstead of\n{:?}", actor.contents);
                return Err(tell(actor, &what));
            }
        }
        Ok(())
    }

    /// What has been written was asked for, as often, by that user and in that database.
    fn nothing_has_run_elsewhere(&self) -> Result<(), String> {
        let network = self.network.borrow();
        for (run, count) in &network.server.log().ran {
            let Some(actor) = self.actors.iter().find(|actor| actor.id == run.owner) else {
                continue;
            };
            let Some(asked) = &actor.asked else { continue };
            let most = asked.get(run).copied().unwrap_or_default();
            if *count > most {
                let told = actor.received.escape_ascii();
                let what = format!("{run:?} has run {count} times, not {most}; received {told}");
                return Err(tell(actor, &what));
            }
        }
        Ok(())
    }

    fn everyone_leaves(&mut self) {
        for actor in &mut self.actors {
            actor.leave();
        }
        self.note("all leave", 0, 0);
    }

    /// Nobody has the connections that there are.
    fn connections_are_fresh(&self) -> Result<(), String> {
        let network = self.network.borrow();
        let server = &network.server;
        let known = self.proxy.pooled();
        for conn in server.connections() {
            let state = server.state(conn);
            if let Some(what) = trace_of(&state) {
                return Err(format!("connection {} {what}: {state:?}, {known:?}", conn.0));
            }
        }
        Ok(())
    }

    async fn newcomers_find_it_fresh(&mut self, panics: usize) -> Result<(), String> {
        self.troubled_until = 0;
        // There may still be no room for all of them.
        self.plan.hasty = self.plan.maxclients < 100;
        let login = self.plan.password.then_some("AUTH secret");
        let all = ["AUTH alice wonder", "AUTH bob builder", "SELECT 1", "HELLO 3", "PING"];
        for first in all {
            let lines = [
                first,
                "GET marker",
                "ACL WHOAMI",
                "WATCH marker",
                "CLIENT GETNAME",
                "CLIENT TRACKINGINFO",
                "MOD.SHOW",
                "GET marker",
                "UNWATCH",
                "PING",
            ];
            let lines = login.into_iter().chain(lines);
            self.welcome(lines.map(said).collect());
        }
        self.rest(panics).await?;
        self.nothing_is_missing()
    }
}

fn said(line: &str) -> Step {
    Step { kind: Kind::Read, bytes: format!("{line}\r\n").into_bytes(), joined: false }
}

/// What tells a connection from a fresh one.
fn trace_of(state: &ConnState) -> Option<&'static str> {
    let traces = [
        (state.in_multi, "is in a transaction"),
        (!state.watching.is_empty(), "watches"),
        (!state.channels.is_empty(), "is subscribed"),
        (!state.patterns.is_empty(), "is subscribed to a pattern"),
        (!state.shard_channels.is_empty(), "is subscribed to a shard"),
        (state.reply != Reply::On, "does not reply"),
        (state.tracking.is_some(), "tracks"),
        (state.blocked.is_some(), "waits"),
        (state.monitor, "is told everything"),
        (state.no_evict || state.no_touch, "has flags"),
        (state.mark.is_some(), "has a mark"),
        (state.deaf, "is deaf"),
        (state.unread > 0, "has a part of a request"),
    ];
    traces.into_iter().find(|(is, _)| *is).map(|(_, what)| what)
}

fn tell(actor: &super::Actor, complaint: &str) -> String {
    use std::fmt::Write;
    let mut out = format!("client {}: {complaint}\nits script:\n", actor.id);
    for (number, step) in actor.script.iter().enumerate() {
        let shown = &step.bytes[..step.bytes.len().min(120)];
        let (mark, joined) =
            (if number == actor.at { ">" } else { " " }, if step.joined { "+" } else { " " });
        // Writing to a string does not fail.
        let _ = writeln!(out, "{mark}{joined}{:?} {}", step.kind, shown.escape_ascii());
    }
    out
}
