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
    sync::{Notify, mpsc, oneshot},
    task::{LocalSet, spawn_local},
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;

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
        fabric::Fabric,
        pool::{Proofs, Times},
        served::ServedDatabases,
        topology::Topology,
    },
};

/// How often unused upstream connections are looked for.
const SWEEP: Duration = Duration::from_secs(1);

/// What every worker is started with.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) topology: Topology,
    pub(super) times: Times,
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

/// How many clients a worker has.
#[derive(Debug, Default)]
struct Seats {
    taken: AtomicUsize,
    /// Told when the last client has left.
    empty: Notify,
}

impl Seats {
    fn take(self: &Arc<Self>) -> Seated {
        self.taken.fetch_add(1, Ordering::Relaxed);
        Seated(self.clone())
    }

    fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    async fn all_left(&self) {
        while self.taken() > 0 {
            self.empty.notified().await;
        }
    }
}

/// A client that counts among those of its worker until it has left.
///
/// It takes the place of a permit, a counter and a task tracker's token in the task of each client.
struct Seated(Arc<Seats>);

impl Drop for Seated {
    fn drop(&mut self) {
        if self.0.taken.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.empty.notify_one();
        }
    }
}

/// The handle of a worker.
#[derive(Debug)]
pub(super) struct Worker {
    seats: Arc<Seats>,
    arrivals: mpsc::UnboundedSender<Arrival>,
    ended: oneshot::Receiver<()>,
}

/// A client on its way to a worker. Their number is bounded by the seats.
struct Arrival {
    id: u64,
    stream: std::net::TcpStream,
    seated: Seated,
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
        let seats = Arc::<Seats>::default();
        let taken = seats.clone();
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        thread::Builder::new().name(format!("worker-{index}")).spawn(move || {
            let all = async {
                // A task of its own: what a runtime is blocked on is looked at again for whatever any client does.
                spawn_local(run(plan, arriving, asked, taken, shutdown)).await
            };
            if let Err(error) = LocalSet::new().block_on(&runtime, all) {
                tracing::error!(%error, "a worker has ended");
                return;
            }
            // Nobody listens any more only if the server itself is gone.
            let _ = end.send(());
        })?;
        Ok(Self { seats, arrivals, ended })
    }

    /// How many clients it serves.
    pub(super) fn clients(&self) -> usize {
        self.seats.taken()
    }

    /// Gives it a client, which counts among its clients until it has left.
    pub(super) fn serve(&self, id: u64, stream: std::net::TcpStream) {
        let seated = self.seats.take();
        if self.arrivals.send(Arrival { id, stream, seated }).is_err() {
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
    seats: Arc<Seats>,
    shutdown: CancellationToken,
) {
    let initial = LaneKey {
        identity: Identity::unproven(),
        database: plan.topology.database(),
        protocol: Protocol::Resp2,
    };
    let rules = Rc::new(Rules {
        initial: Rc::new(initial),
        dedicated: plan.dedicated,
        session: plan.session,
        facts: plan.facts,
        unnamed: Rc::default(),
        follows: plan.topology.moves(),
        spreads: plan.topology.map().is_some(),
    });
    let mut topology = plan.topology;
    let fabric = Fabric::of(&topology, plan.times, &plan.proofs);
    let context = Rc::new(Context {
        fabric,
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
    let mut sweep = interval(SWEEP);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            arrival = arriving.recv() => {
                let Some(Arrival { id, stream, seated }) = arrival else { break };
                let stream = match TcpStream::from_std(stream) {
                    Ok(stream) => stream,
                    Err(error) => {
                        tracing::warn!(%error, "cannot serve a client");
                        continue;
                    }
                };
                let served =
                    task::serve(&context, &rules, ClientId(id), Stream::Tcp(stream), seated);
                spawn_local(served);
            }
            Some(ask) = asked.recv() => context.answer(ask),
            _ = sweep.tick() => context.look_after(),
            () = topology.changed() => context.fabric.moved(),
            () = shutdown.cancelled() => break,
        }
    }
    // Who still asks is told nothing of clients that are leaving, and who came just now is not kept waiting.
    drop(asked);
    drop(arriving);
    context.drain();
    if timeout(plan.drain_timeout, seats.all_left()).await.is_err() {
        let left = context.clients.borrow().len();
        tracing::warn!(left, "the drain timeout has passed; closing the clients that are left");
        context.end();
    }
    context.fabric.close_idle();
}
