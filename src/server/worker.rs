//! One worker: a thread with a runtime of its own, its clients, and its upstream connections.

use std::{
    io,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::{
    net::TcpStream,
    runtime,
    sync::{OwnedSemaphorePermit, mpsc, oneshot},
    task::{LocalSet, spawn_local},
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    downstream::{
        client::Rules,
        context::Context,
        pause::WritePause,
        registry::{
            report::Facts,
            roster::{Ask, Roster},
        },
        task,
    },
    net::Stream,
    resp::Protocol,
    session,
    state::{
        ids::ClientId,
        key::{Identity, LaneKey},
    },
    upstream::{
        address::Endpoint,
        connect::dial,
        pool::{Hub, Proofs},
        served::ServedDatabases,
    },
};

/// How often unused upstream connections are looked for.
const SWEEP: Duration = Duration::from_secs(1);

/// What every worker is started with.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) endpoint: Endpoint,
    pub(super) connect_timeout: Duration,
    pub(super) upstream_timeout: Duration,
    pub(super) proofs: Proofs,
    pub(super) pause: WritePause,
    pub(super) dedicated: bool,
    pub(super) session: session::Settings,
    pub(super) served: Arc<ServedDatabases>,
    pub(super) output_limit: usize,
    pub(super) drain_timeout: Duration,
    pub(super) roster: Roster,
    pub(super) facts: Arc<Facts>,
}

/// A client that counts among those of its worker until it has left.
struct Seated(Arc<AtomicUsize>);

impl Drop for Seated {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The handle of a worker.
#[derive(Debug)]
pub(super) struct Worker {
    clients: Arc<AtomicUsize>,
    arrivals: mpsc::UnboundedSender<Arrival>,
    ended: oneshot::Receiver<()>,
}

/// A client on its way to a worker. Their number is bounded by the seats.
struct Arrival {
    id: u64,
    stream: std::net::TcpStream,
    seat: OwnedSemaphorePermit,
}

impl Worker {
    /// Starts a worker thread. It ends after `shutdown`, when its clients have left or the drain timeout has passed.
    /// What other workers ask comes by `asked`.
    pub(super) fn start(
        index: usize,
        plan: Plan,
        asked: mpsc::UnboundedReceiver<Ask>,
        shutdown: CancellationToken,
    ) -> io::Result<Self> {
        let (arrivals, arriving) = mpsc::unbounded_channel();
        let (end, ended) = oneshot::channel();
        let clients = Arc::new(AtomicUsize::new(0));
        let counter = clients.clone();
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        thread::Builder::new().name(format!("worker-{index}")).spawn(move || {
            let all = async {
                // A task of its own: what a runtime is blocked on is looked at again for whatever any client does.
                spawn_local(run(plan, arriving, asked, counter, shutdown)).await
            };
            if let Err(error) = LocalSet::new().block_on(&runtime, all) {
                tracing::error!(%error, "a worker has ended");
                return;
            }
            // Nobody listens any more only if the server itself is gone.
            let _ = end.send(());
        })?;
        Ok(Self { clients, arrivals, ended })
    }

    /// How many clients it serves.
    pub(super) fn clients(&self) -> usize {
        self.clients.load(Ordering::Relaxed)
    }

    /// Gives it a client, whose seat is free again when the client has left.
    pub(super) fn serve(&self, id: u64, stream: std::net::TcpStream, seat: OwnedSemaphorePermit) {
        self.clients.fetch_add(1, Ordering::Relaxed);
        if self.arrivals.send(Arrival { id, stream, seat }).is_err() {
            // It came while the server is stopping. That a worker has failed is logged by the worker.
            tracing::debug!("a worker has ended; its client is closed");
        }
    }

    /// Waits for its end.
    pub(super) async fn join(self) -> io::Result<()> {
        drop(self.arrivals);
        self.ended.await.map_err(|_| io::Error::other("a worker thread has panicked"))
    }
}

async fn run(
    plan: Plan,
    mut arriving: mpsc::UnboundedReceiver<Arrival>,
    mut asked: mpsc::UnboundedReceiver<Ask>,
    clients: Arc<AtomicUsize>,
    shutdown: CancellationToken,
) {
    let initial = LaneKey {
        identity: Identity::unproven(),
        database: plan.endpoint.database,
        protocol: Protocol::Resp2,
    };
    let rules = Rc::new(Rules {
        initial: Rc::new(initial),
        dedicated: plan.dedicated,
        session: plan.session,
        facts: plan.facts,
    });
    let server = dial::Server { endpoint: plan.endpoint, timeout: plan.connect_timeout };
    let hub =
        Hub::new(Rc::new(server), plan.connect_timeout, plan.upstream_timeout, plan.proofs.clone());
    let context = Rc::new(Context {
        hub,
        proofs: plan.proofs,
        pause: plan.pause,
        served: plan.served,
        roster: plan.roster,
        output_limit: plan.output_limit,
        clock: Default::default(),
        clients: Default::default(),
        commands: Default::default(),
        spares: Default::default(),
        draining: Default::default(),
    });
    let tracker = TaskTracker::new();
    let mut sweep = interval(SWEEP);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            arrival = arriving.recv() => {
                let Some(Arrival { id, stream, seat }) = arrival else { break };
                let seated = Seated(clients.clone());
                let stream = match TcpStream::from_std(stream) {
                    Ok(stream) => stream,
                    Err(error) => {
                        tracing::warn!(%error, "cannot serve a client");
                        continue;
                    }
                };
                let kept = (seat, seated);
                let served =
                    task::serve(context.clone(), &rules, ClientId(id), Stream::Tcp(stream), kept);
                spawn_local(tracker.track_future(served));
            }
            Some(ask) = asked.recv() => context.answer(ask),
            _ = sweep.tick() => context.look_after(),
            () = shutdown.cancelled() => break,
        }
    }
    // Who still asks is told nothing of clients that are leaving, and who came just now is not kept waiting.
    drop(asked);
    drop(arriving);
    context.drain();
    tracker.close();
    if timeout(plan.drain_timeout, tracker.wait()).await.is_err() {
        let left = context.clients.borrow().len();
        tracing::warn!(left, "the drain timeout has passed; closing the clients that are left");
        context.end();
    }
    context.hub.close_idle();
}
