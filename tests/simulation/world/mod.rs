//! The real client side and pool of sessiond between simulated clients and the model of a server: a seed decides everything.
//!
//! Nothing runs by itself. A step moves some bytes, or lets time pass, or has somebody come or go, or breaks something; then
//! sessiond runs until it has nothing more to do.

mod actor;
mod check;
mod fault;
mod network;
mod pipe;
mod plan;
mod proxy;
mod tagged;
#[cfg(test)]
mod tests;
mod trace;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use actor::{Actor, prefix};
use network::Network;
use pipe::Pipe;
pub(crate) use plan::Plan;
use proxy::Proxy;
use trace::Trace;

use crate::random::Random;
use crate::script::Step;
use crate::server::Server;

thread_local! {
    /// Panics of this thread: tasks keep theirs to themselves.
    pub(crate) static PANICS: Cell<usize> = const { Cell::new(0) };
}

/// What a world has come to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) steps: u64,
    pub(crate) digest: u64,
}

pub(super) struct World {
    plan: Plan,
    random: Random,
    network: Rc<RefCell<Network>>,
    proxy: Proxy,
    /// As every client would find it if it were alone.
    base: Server,
    actors: Vec<Actor>,
    trace: Trace,
    /// Who comes until then may notice a fault.
    troubled_until: u64,
    next_id: u64,
}

/// Plays the world of a seed to its end.
pub(crate) fn play(seed: u64, plan: Plan) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let before = PANICS.get();
    let outcome = tokio::task::LocalSet::new().block_on(&runtime, async {
        let mut world = World::new(seed, plan);
        match world.run(before).await {
            Ok(()) => Ok(Outcome { steps: world.trace.count, digest: world.trace.digest }),
            Err(complaint) => Err((complaint, world.describe())),
        }
    });
    match outcome {
        Ok(outcome) => outcome,
        Err((complaint, story)) => {
            panic!("SIMULATION_SEED={seed} ({plan:?})\n{story}\n{complaint}")
        }
    }
}

impl World {
    fn new(seed: u64, plan: Plan) -> Self {
        let mut random = Random::seeded(seed);
        let base = plan.server();
        let wires = Random::seeded(random.next());
        let network = Network::new(base.clone(), plan.sizes, wires);
        let network = Rc::new(RefCell::new(network));
        let proxy = Proxy::new(&network, plan.setup());
        Self {
            plan,
            random,
            network,
            proxy,
            base: plan.roomy_server(),
            actors: Vec::new(),
            trace: Trace::default(),
            troubled_until: 0,
            next_id: 1_000_000,
        }
    }

    async fn run(&mut self, panics: usize) -> Result<(), String> {
        let (mut idle, mut dull) = (0, 0);
        // A world in which nothing happens any more is over.
        while self.trace.count < self.plan.steps && dull < 300 {
            if self.step() {
                (idle, dull) = (0, 0);
                self.settle().await;
                self.check(panics)?;
            } else if idle > 20 {
                (idle, dull) = (0, dull + 1);
                let millis = 1 + self.random.below(30) as u64;
                self.pass(millis).await;
            } else {
                idle += 1;
            }
            if idle == 0 && self.random.one_in(150) {
                let millis = self.random.below(1500) as u64;
                self.everyone_reads();
                self.note("time passes", 0, millis as usize);
                self.pass(millis).await;
            }
        }
        self.finish(panics).await
    }

    /// One step; gives whether anything has come of it.
    fn step(&mut self) -> bool {
        let most = self.amount();
        match self.random.below(100) {
            0..30 => self.someone_sends(most),
            30..50 => self.someone_reads(most),
            50..73 => self.bytes_go_up(most),
            73..96 => self.bytes_come_down(most),
            96 | 97 => self.someone_comes(),
            98 if self.random.one_in(3) => self.someone_leaves(),
            98 => self.random.one_in(4) && self.scripts_are_forgotten(),
            _ => self.plan.faults && self.random.one_in(2) && self.something_breaks(),
        }
    }

    fn amount(&mut self) -> usize {
        match self.random.below(5) {
            0 => 1 + self.random.below(8),
            1 => 1 + self.random.below(64),
            2 => 1 + self.random.below(2000),
            _ => 1 << 22,
        }
    }

    fn note(&mut self, what: &'static str, whose: u64, much: usize) {
        let now = self.network.borrow().now;
        self.trace.note(now, (what, whose, much));
    }

    fn someone(&mut self) -> Option<usize> {
        if self.actors.is_empty() {
            return None;
        }
        let at = self.random.below(self.actors.len());
        self.actors[at].is_here().then_some(at)
    }

    fn someone_sends(&mut self, most: usize) -> bool {
        let Some(at) = self.someone() else { return false };
        let actor = &mut self.actors[at];
        let (id, sent) = (actor.id, actor.send(most));
        if sent > 0 {
            self.note("client sends", id, sent);
        }
        sent > 0
    }

    fn someone_reads(&mut self, most: usize) -> bool {
        let Some(at) = self.someone() else { return false };
        let actor = &mut self.actors[at];
        let (id, read) = (actor.id, actor.receive(most));
        if read > 0 {
            self.note("client reads", id, read);
        }
        read > 0
    }

    /// Nobody is taken for one who never reads.
    fn everyone_reads(&mut self) {
        for at in 0..self.actors.len() {
            let actor = &mut self.actors[at];
            let (id, read) = (actor.id, actor.receive(1 << 16));
            if read > 0 {
                self.note("client reads", id, read);
            }
        }
    }

    fn bytes_go_up(&mut self, most: usize) -> bool {
        let Some(at) = self.some_link() else { return false };
        let mut network = self.network.borrow_mut();
        let (number, moved) = (network.links[at].number, network.up(at, most));
        drop(network);
        if moved > 0 {
            self.note("to the server by", number as u64, moved);
        }
        moved > 0
    }

    fn bytes_come_down(&mut self, most: usize) -> bool {
        let Some(at) = self.some_link() else { return false };
        let mut network = self.network.borrow_mut();
        let (number, moved) = (network.links[at].number, network.down(at, most));
        drop(network);
        if moved > 0 {
            self.note("from the server by", number as u64, moved);
        }
        moved > 0
    }

    fn some_link(&mut self) -> Option<usize> {
        let count = self.network.borrow().links.len();
        (count > 0).then(|| self.random.below(count))
    }

    fn someone_comes(&mut self) -> bool {
        if self.actors.iter().filter(|actor| actor.is_here()).count() >= self.plan.clients {
            return false;
        }
        let script = self.plan.script(&mut self.random, prefix(self.next_id));
        self.welcome(script);
        true
    }

    /// A client with this script comes.
    fn welcome(&mut self, script: Vec<Step>) {
        let id = self.next_id;
        self.next_id += 1;
        let size = self.plan.sizes[self.random.below(self.plan.sizes.len())];
        let (pipe, far) = Pipe::new(size);
        let mut actor = Actor::new(id, pipe, script, &self.base);
        actor.touched = self.plan.hasty || self.network.borrow().now < self.troubled_until;
        actor.hurries = self.random.one_in(3);
        self.actors.push(actor);
        self.proxy.serve(id, far);
        self.note("client comes", id, size);
    }

    fn scripts_are_forgotten(&mut self) -> bool {
        self.network.borrow_mut().server.forget_sessions();
        self.note("scripts are forgotten", 0, 0);
        true
    }

    fn someone_leaves(&mut self) -> bool {
        let Some(at) = self.someone() else { return false };
        let ends = self.random.one_in(3) && !self.actors[at].may_wait();
        let actor = &mut self.actors[at];
        let id = actor.id;
        if ends {
            actor.finish();
        } else {
            actor.leave();
        }
        self.note(if ends { "client ends" } else { "client leaves" }, id, 0);
        true
    }

    /// Runs sessiond until it waits for others.
    async fn settle(&mut self) {
        self.pass(1).await;
    }

    /// Lets time pass.
    async fn pass(&mut self, mut millis: u64) {
        while millis > 0 {
            let now = self.network.borrow().now;
            let part = millis.min(1000 - now % 1000);
            tokio::time::sleep(Duration::from_millis(part)).await;
            let mut network = self.network.borrow_mut();
            network.server.tick(part);
            network.now += part;
            drop(network);
            if (now + part).is_multiple_of(1000) {
                self.proxy.look_after();
            }
            millis -= part;
        }
    }
}
