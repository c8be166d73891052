//! The clients of all workers: what one client asks about the others.
//!
//! Every worker looks after its own clients; a question goes to all of them. There are never more questions on their way
//! than clients that wait for an answer.

use std::{cell::RefCell, rc::Rc, sync::Arc};

use tokio::sync::{mpsc, oneshot};

use crate::command::client::{
    filter::Filter,
    profile::{Flags, Profile},
};
use crate::downstream::{context::Context, outbox::Outbox};

/// A question to one worker.
pub enum Ask {
    /// Which of its clients the filter admits.
    Profiles(Arc<Filter>, oneshot::Sender<Vec<Profile>>),
    /// To end the connections of the clients that the filter admits. Answered with their number.
    End(Arc<Filter>, oneshot::Sender<usize>),
    /// The server's id of the connection that a client has for itself, if it is here and has one.
    Pinned(u64, oneshot::Sender<Option<u64>>),
    /// The same, of a client that shall keep its connection from now on, and get one first if it has none.
    Keep(u64, oneshot::Sender<Option<u64>>),
    /// The client need not keep its connection any longer, as far as one asker is concerned.
    Release(u64),
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
    /// Of those, the ones that are subscribed to something.
    pub subscribers: usize,
    /// Upstream connections that clients share.
    pub lanes: usize,
    /// Upstream connections that nobody uses at present.
    pub idle: usize,
}

/// The way to every worker.
#[derive(Clone, Debug)]
pub struct Roster(Arc<[mpsc::UnboundedSender<Ask>]>);

impl Roster {
    /// A roster of so many workers, and where each finds what it is asked.
    #[must_use]
    pub fn new(workers: usize) -> (Self, Vec<mpsc::UnboundedReceiver<Ask>>) {
        let (senders, receivers): (Vec<_>, _) =
            (0..workers).map(|_| mpsc::unbounded_channel()).unzip();
        (Self(senders.into()), receivers)
    }

    /// The clients that the filter admits, in the order in which they came.
    pub async fn profiles(&self, filter: Filter) -> Vec<Profile> {
        let filter = Arc::new(filter);
        let answers = self.ask(|answer| Ask::Profiles(filter.clone(), answer)).await;
        let mut profiles: Vec<_> = answers.into_iter().flatten().collect();
        profiles.sort_unstable_by_key(|client| client.id);
        profiles
    }

    /// Ends the clients that the filter admits; gives their number.
    pub async fn end(&self, filter: Filter) -> usize {
        let filter = Arc::new(filter);
        self.ask(|answer| Ask::End(filter.clone(), answer)).await.into_iter().sum()
    }

    /// The server's id of the connection that the client has for itself.
    pub async fn pinned(&self, id: u64) -> Option<u64> {
        self.ask(|answer| Ask::Pinned(id, answer)).await.into_iter().flatten().next()
    }

    /// As [`Roster::pinned`], for a client that is to keep the connection, and to get one if it has none.
    pub async fn keep(&self, id: u64) -> Option<u64> {
        self.ask(|answer| Ask::Keep(id, answer)).await.into_iter().flatten().next()
    }

    /// Takes back one [`Roster::keep`].
    pub fn release(&self, id: u64) {
        for worker in self.0.iter() {
            // A worker that has ended has no clients.
            let _ = worker.send(Ask::Release(id));
        }
    }

    /// The numbers of all workers together.
    pub async fn counts(&self) -> Counts {
        let mut all = Counts::default();
        for counts in self.ask(Ask::Count).await {
            all.clients += counts.clients;
            all.pinned += counts.pinned;
            all.blocked += counts.blocked;
            all.subscribers += counts.subscribers;
            all.lanes += counts.lanes;
            all.idle += counts.idle;
        }
        all
    }

    /// The answers of all workers; one that has ended has no clients.
    async fn ask<T>(&self, question: impl Fn(oneshot::Sender<T>) -> Ask) -> Vec<T> {
        let ask = |worker: &mpsc::UnboundedSender<Ask>| {
            let (sender, receiver) = oneshot::channel();
            worker.send(question(sender)).is_ok().then_some(receiver)
        };
        let expected: Vec<_> = self.0.iter().filter_map(ask).collect();
        let mut answers = Vec::with_capacity(expected.len());
        for answer in expected {
            answers.extend(answer.await);
        }
        answers
    }
}

impl Context {
    /// Answers a question about this worker's clients. An asker that has left needs no answer.
    pub fn answer(&self, ask: Ask) {
        match ask {
            Ask::Profiles(filter, answer) => {
                let admitted = self.admitted(&filter).map(|(_, profile)| profile);
                let _ = answer.send(admitted.collect());
            }
            Ask::End(filter, answer) => {
                let ended = self.admitted(&filter).inspect(|(client, _)| client.end());
                let _ = answer.send(ended.count());
            }
            Ask::Pinned(id, answer) => {
                let pinned = self.client(id).and_then(|client| {
                    let pinned = client.presence.pinned.get();
                    client.presence.spoiled.set(pinned.is_some());
                    pinned
                });
                let _ = answer.send(pinned);
            }
            Ask::Keep(id, answer) => match self.client(id) {
                Some(client) => client.keep(answer),
                None => drop(answer.send(None)),
            },
            Ask::Release(id) => {
                if let Some(client) = self.client(id) {
                    client.unkeep();
                }
            }
            Ask::Count(answer) => {
                let _ = answer.send(self.counts());
            }
        }
    }

    fn client(&self, id: u64) -> Option<Rc<Outbox>> {
        self.clients.borrow().get(&id).cloned()
    }

    fn admitted(&self, filter: &Filter) -> impl Iterator<Item = (Rc<Outbox>, Profile)> {
        let clients: Vec<_> = self.clients.borrow().values().cloned().collect();
        let now = self.clock.now();
        clients
            .into_iter()
            .filter(|client| !client.is_ended() && filter.may_admit(client.id()))
            .map(move |client| {
                let profile = client.profile(now);
                (client, profile)
            })
            .filter(|(_, profile)| filter.admits(profile))
    }

    fn counts(&self) -> Counts {
        let (lanes, idle) = self.hub.counts();
        let mut counts = Counts { lanes, idle, ..Counts::default() };
        for client in self.clients.borrow().values() {
            let flags = client.flags();
            counts.clients += 1;
            counts.pinned += usize::from(client.presence.pinned.get().is_some());
            counts.blocked += usize::from(flags.has(Flags::BLOCKED));
            counts.subscribers += usize::from(flags.has(Flags::SUBSCRIBED));
        }
        counts
    }
}

/// Those who wait for a client to have a connection of its own.
#[derive(Default)]
pub(in crate::downstream) struct Waiting(RefCell<Vec<oneshot::Sender<Option<u64>>>>);

impl Waiting {
    pub(in crate::downstream) fn add(&self, answer: oneshot::Sender<Option<u64>>) {
        self.0.borrow_mut().push(answer);
    }

    pub(in crate::downstream) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Tells them the server's id of the connection.
    pub(in crate::downstream) fn answer(&self, pinned: Option<u64>) {
        for answer in self.0.take() {
            let _ = answer.send(pinned);
        }
    }
}
