//! The listening side: accepts clients, spreads them over worker threads, and ends them in order.

mod descriptors;
mod listener;
mod settings;
mod worker;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, Instant},
};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use settings::{Listen, ListenError, Settings, cores};

use crate::{
    downstream::registry::{report::Facts, roster::Roster},
    session,
    upstream::{pool::Times, served::ServedDatabases, settings as upstream, topology::Topology},
};
use worker::{Plan, Worker};

/// A server that accepts clients.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    settings: Settings,
    workers: Vec<Worker>,
    facts: Arc<Facts>,
    shutdown: CancellationToken,
}

impl Server {
    /// Listens, and starts the workers. Clients are served in front of the server that `topology` names; requests that have not
    /// been sent wait for `hold` where there is none. The databases in which session commands are used are noted in `served`.
    ///
    /// # Errors
    /// The address cannot be listened on, or a thread cannot be started.
    pub async fn bind(
        settings: &Settings,
        upstream: &upstream::Settings,
        session: &session::Settings,
        topology: Topology,
        hold: Duration,
        served: Arc<ServedDatabases>,
        shutdown: CancellationToken,
    ) -> io::Result<Self> {
        let dedicated = upstream.mode == upstream::Mode::Dedicated;
        let max_clients = descriptors::provide(settings.max_clients, dedicated);
        let settings = &Settings { max_clients, ..settings.clone() };
        let listener = listener::bind(&settings.listen).await?;
        let (roster, questions) = Roster::new(settings.workers, max_clients);
        let facts = Arc::new(Facts {
            port: listener.local_addr()?.port(),
            topology: topology.clone(),
            workers: settings.workers,
            dedicated,
            max_clients,
            started: Instant::now(),
            accepted: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
        });
        let plan = Plan {
            topology,
            times: Times {
                connect: upstream.connect_timeout,
                silence: upstream.upstream_timeout,
                hold,
            },
            proofs: Default::default(),
            pause: Default::default(),
            dedicated,
            session: session.clone(),
            served,
            output_limit: settings.client_output_limit,
            drain_timeout: settings.drain_timeout,
            roster,
            facts: facts.clone(),
        };
        let workers = questions
            .into_iter()
            .enumerate()
            .map(|(index, asked)| Worker::start(index, plan.clone(), asked, shutdown.clone()))
            .collect::<io::Result<Vec<_>>>()?;
        Ok(Self { listener, settings: settings.clone(), workers, facts, shutdown })
    }

    /// Where clients can connect.
    ///
    /// # Errors
    /// The socket has no address any more.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Accepts clients until the shutdown, then returns once every client has been served to its end or the drain timeout
    /// has passed.
    ///
    /// # Errors
    /// A worker has ended before its time.
    pub async fn run(self) -> io::Result<()> {
        let Self { listener, settings, workers, facts, shutdown } = self;
        listener::accept(listener, &settings, &workers, &facts, &shutdown).await;
        tracing::info!("no new clients; delivering the answers in flight");
        let mut outcome = Ok(());
        for worker in workers {
            if let Err(error) = worker.join().await {
                outcome = Err(error);
            }
        }
        outcome
    }
}
