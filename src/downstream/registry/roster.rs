//! The clients of all workers: what one client asks about the others.
//!
//! Every worker looks after its own clients; a question goes to all of them. There are never more questions on their way
//! than clients that wait for an answer.

use std::sync::Arc;

use tokio::{
    sync::{mpsc, oneshot},
    time::{Duration, timeout},
};

use super::question::{Question, Told};
use crate::{
    command::{
        client::{filter::Filter, profile::Profile},
        info,
    },
    state::ids::{ClientId, ServerId},
};

/// How long a client may take to get a connection of its own because another one wants it to have one.
const PATIENCE: Duration = Duration::from_secs(5);

/// A question to one worker.
pub enum Ask {
    /// Which of its clients the filter admits.
    Profiles(Arc<Filter>, oneshot::Sender<Vec<Profile>>),
    /// To end the connections of the clients that the filter admits. Answered with their ids. The one that asks is spared: it
    /// is yet to be told.
    End(Arc<Filter>, ClientId, oneshot::Sender<Vec<ClientId>>),
    /// The server's id of the connection that a client has for itself, if it is here and has one.
    Pinned(ClientId, oneshot::Sender<Option<ServerId>>),
    /// The same, of a client that shall keep its connection from now on, and get one first if it has none.
    Keep(ClientId, oneshot::Sender<Option<ServerId>>),
    /// The client need not keep its connection any longer, as far as one asker is concerned.
    Release(ClientId),
    /// How many there are.
    Count(oneshot::Sender<Counts>),
}

/// Numbers of clients and upstream connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Clients.
    pub clients: usize,
    /// Of those, the ones with an upstream connection of their own.
    pub pinned: usize,
    /// Of those, the ones that wait in a blocking command.
    pub blocked: usize,
    /// Of those, the ones that await a reply on a connection of their own while writes are paused.
    pub held_up: usize,
    /// Of those, the ones that are subscribed to something.
    pub subscribers: usize,
    /// Of those, the ones that are told of changed keys.
    pub tracking: usize,
    /// Of those, the ones that watch keys.
    pub watching: usize,
    /// Of those, the ones that receive the stream of a replica.
    pub replicas: usize,
    /// As many may be served at a time.
    pub max: usize,
    /// Upstream connections that clients share.
    pub lanes: usize,
    /// Upstream connections that nobody uses at present.
    pub idle: usize,
}

impl Counts {
    /// What `INFO clients` tells of them.
    #[must_use]
    pub fn of_clients(self) -> info::Counts {
        info::Counts {
            connected: self.clients - self.replicas,
            max: self.max,
            blocked: self.blocked,
            held_up: self.held_up,
            tracking: self.tracking,
            pubsub: self.subscribers,
            watching: self.watching,
        }
    }

    fn add(&mut self, other: Self) {
        self.clients += other.clients;
        self.pinned += other.pinned;
        self.blocked += other.blocked;
        self.held_up += other.held_up;
        self.subscribers += other.subscribers;
        self.tracking += other.tracking;
        self.watching += other.watching;
        self.replicas += other.replicas;
        self.lanes += other.lanes;
        self.idle += other.idle;
    }
}

/// The way to every worker.
#[derive(Clone, Debug)]
pub struct Roster {
    workers: Arc<[mpsc::UnboundedSender<Ask>]>,
    max_clients: usize,
}

impl Roster {
    /// A roster of so many workers that serve so many clients at a time, and where each finds what it is asked.
    #[must_use]
    pub fn new(workers: usize, max_clients: usize) -> (Self, Vec<mpsc::UnboundedReceiver<Ask>>) {
        let (senders, receivers): (Vec<_>, _) =
            (0..workers).map(|_| mpsc::unbounded_channel()).unzip();
        (Self { workers: senders.into(), max_clients }, receivers)
    }

    /// What the clients say to the question of the client `asker`.
    pub async fn tell(&self, question: Question, asker: ClientId) -> Told {
        match question {
            Question::Info => Told::Profiles(self.profiles(Filter::of_client(asker.0)).await),
            Question::List(filter) => Told::Profiles(self.profiles(filter).await),
            Question::Kill { filter, .. } => {
                let ended = self.end(filter, asker).await;
                Told::Ended(ended.len(), ended.contains(&asker))
            }
            Question::Unclear => Told::Nothing,
            Question::Counts => Told::Counts(self.counts().await),
            Question::Pinned(None) => Told::Pinned(None),
            Question::Pinned(Some(id)) => {
                Told::Pinned(self.first(|answer| Ask::Pinned(id, answer)).await)
            }
            Question::Keep(id) => {
                let kept = timeout(PATIENCE, self.first(|answer| Ask::Keep(id, answer)));
                Told::Pinned(kept.await.ok().flatten())
            }
        }
    }

    /// Takes back one [`Question::Keep`].
    pub fn release(&self, id: ClientId) {
        for worker in self.workers.iter() {
            // A worker that has ended has no clients.
            let _ = worker.send(Ask::Release(id));
        }
    }

    /// The clients that the filter admits, in the order in which they came.
    async fn profiles(&self, filter: Filter) -> Vec<Profile> {
        let filter = Arc::new(filter);
        let answers = self.ask(|answer| Ask::Profiles(filter.clone(), answer)).await;
        let mut profiles: Vec<_> = answers.into_iter().flatten().collect();
        profiles.sort_unstable_by_key(|client| client.id);
        profiles
    }

    async fn end(&self, filter: Filter, asker: ClientId) -> Vec<ClientId> {
        let filter = Arc::new(filter);
        let answers = self.ask(|answer| Ask::End(filter.clone(), asker, answer)).await;
        answers.into_iter().flatten().collect()
    }

    async fn first(
        &self,
        question: impl Fn(oneshot::Sender<Option<ServerId>>) -> Ask,
    ) -> Option<ServerId> {
        self.ask(question).await.into_iter().flatten().next()
    }

    /// The numbers of all workers together.
    async fn counts(&self) -> Counts {
        let mut all = Counts { max: self.max_clients, ..Counts::default() };
        for counts in self.ask(Ask::Count).await {
            all.add(counts);
        }
        all
    }

    /// The answers of all workers; one that has ended has no clients.
    async fn ask<T>(&self, question: impl Fn(oneshot::Sender<T>) -> Ask) -> Vec<T> {
        let ask = |worker: &mpsc::UnboundedSender<Ask>| {
            let (sender, receiver) = oneshot::channel();
            worker.send(question(sender)).is_ok().then_some(receiver)
        };
        let expected: Vec<_> = self.workers.iter().filter_map(ask).collect();
        let mut answers = Vec::with_capacity(expected.len());
        for answer in expected {
            answers.extend(answer.await);
        }
        answers
    }
}

/// Those who wait for a client to have a connection of its own.
#[derive(Default)]
pub struct Waiting(Vec<oneshot::Sender<Option<ServerId>>>);

impl Waiting {
    pub(in crate::downstream) fn add(&mut self, answer: oneshot::Sender<Option<ServerId>>) {
        self.0.push(answer);
    }

    /// Tells them the server's id of the connection.
    pub(in crate::downstream) fn answer(&mut self, own: Option<ServerId>) {
        for answer in self.0.drain(..) {
            let _ = answer.send(own);
        }
    }
}
