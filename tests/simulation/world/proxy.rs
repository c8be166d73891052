//! sessiond's client side and pool, put together as a worker does it.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use sessiond::downstream::client::Rules;
use sessiond::downstream::context::Context;
use sessiond::downstream::pause::WritePause;
use sessiond::downstream::registry::report::Facts;
use sessiond::downstream::registry::roster::Roster;
use sessiond::downstream::task;
use sessiond::net::Stream;
use sessiond::resp::Protocol;
use sessiond::state::ids::ClientId;
use sessiond::state::key::{Identity, LaneKey};
use sessiond::upstream::address::{Address, Endpoint};
use sessiond::upstream::fabric::Fabric;
use sessiond::upstream::pool::{Hub, Proofs, Times};
use sessiond::upstream::topology::Topology;
use tokio::io::DuplexStream;
use tokio::task::spawn_local;

use super::network::{Network, Way};

/// The running part of sessiond.
pub(super) struct Proxy {
    context: Rc<Context>,
    rules: Rc<Rules>,
}

/// How it is set up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setup {
    pub(super) dedicated: bool,
    pub(super) connect_timeout: Duration,
    pub(super) upstream_timeout: Duration,
}

impl Proxy {
    pub(super) fn new(network: &Rc<RefCell<Network>>, setup: Setup) -> Self {
        let server = Endpoint::new(Address::Unix("unused".into()));
        let facts = Facts {
            port: 0,
            topology: Topology::of(&server.into(), Duration::ZERO).0,
            workers: 1,
            dedicated: setup.dedicated,
            max_clients: 1000,
            started: Instant::now(),
            accepted: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
        };
        let initial =
            LaneKey { identity: Identity::unproven(), database: 0, protocol: Protocol::Resp2 };
        let rules = Rc::new(Rules {
            initial: Rc::new(initial),
            dedicated: setup.dedicated,
            session: Default::default(),
            facts: Arc::new(facts),
            unnamed: Rc::default(),
            follows: false,
            spreads: false,
        });
        let proofs = Proofs::default();
        let way = Rc::new(Way(network.clone()));
        let times = Times {
            connect: setup.connect_timeout,
            silence: setup.upstream_timeout,
            hold: Duration::ZERO,
        };
        let hub = Hub::new(way, times, proofs.clone());
        let (roster, mut asked) = Roster::new(1, 1000);
        let context = Rc::new(Context {
            fabric: Fabric::Server(hub),
            proofs,
            pause: WritePause::default(),
            served: Default::default(),
            roster,
            output_limit: 1 << 30,
            clock: Default::default(),
            clients: Default::default(),
            commands: Default::default(),
            spares: Default::default(),
            draining: Default::default(),
        });
        let (mut asked, answers) = (asked.remove(0), context.clone());
        spawn_local(async move {
            while let Some(ask) = asked.recv().await {
                answers.answer(ask);
            }
        });
        Self { context, rules }
    }

    /// A client comes.
    pub(super) fn serve(&self, id: u64, stream: DuplexStream) {
        let stream = Stream::Memory(stream);
        spawn_local(task::serve(&self.context, &self.rules, ClientId(id), stream, ()));
    }

    /// What a worker does once a second.
    pub(super) fn look_after(&self) {
        self.context.look_after();
    }

    /// The clients that are served.
    pub(super) fn clients(&self) -> Vec<u64> {
        self.context.clients.borrow().keys().map(|id| id.0).collect()
    }

    /// Shared connections, and those that nobody has.
    pub(super) fn pooled(&self) -> (usize, usize) {
        self.context.fabric.counts()
    }
}
