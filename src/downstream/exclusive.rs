//! A client on a connection of its own: what state the connection has, and when it can be given back.

use std::{mem, rc::Rc};

use bytes::Bytes;

use super::{
    connection::{Connection, Link, Target},
    io::End,
    outbox::Outbox,
    slot::{Effect, Slot, Substitute},
    subscriptions::{Confirmations, Subscriptions},
    transaction::{Client, Transaction, write_hello},
};
use crate::{
    command::{
        Route,
        change::Change,
        client::{self, ClientCommand, ReplyMode},
        table::{State, Stream, Subscription, Transaction as Step},
    },
    resp::{Protocol, Request, encode, reply},
    upstream::key::LaneKey,
};

/// The state of a client's own connection beyond user, database and protocol.
#[derive(Default)]
pub(super) struct Exclusive {
    /// Keys are watched.
    watching: bool,
    /// Keys were watched on a connection that is gone: the next transaction must not run.
    watch_lost: bool,
    /// The connection has state that is not tracked: it stays with its client.
    lasting: bool,
    /// The connection is not to be used by anyone else.
    spoiled: bool,
    /// A command that may wait is under way.
    pub(super) blocking: bool,
    unanswered: Unanswered,
}

/// Whether replies are expected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Unanswered {
    /// One for each request.
    #[default]
    No,
    /// None for the next request.
    Once,
    /// None, until they are switched on again.
    Off,
    /// The connection carries a stream; what in it is a reply cannot be told.
    Stream,
}

impl Exclusive {
    /// The client has got a fresh connection.
    pub(super) fn pinned(&mut self) {
        *self = Self { watch_lost: self.watch_lost, ..Self::default() };
    }

    /// Whether stateless commands can be passed on without a second thought.
    pub(super) fn passes(&self, outbox: &Outbox) -> bool {
        self.unanswered == Unanswered::No && outbox.transaction.borrow().is_none()
    }

    /// Whether nothing but the lane key tells the connection from a fresh one, and every reply has arrived.
    pub(super) fn is_clean(&self, outbox: &Outbox) -> bool {
        !self.watching
            && !self.lasting
            && self.unanswered == Unanswered::No
            && outbox.is_idle()
            && outbox.transaction.borrow().is_none()
            && !outbox.subscriptions.get().any()
    }

    /// Whether the client waits for something that may never happen.
    pub(super) fn is_blocked(&self, outbox: &Outbox) -> bool {
        self.blocking && !outbox.is_idle()
    }

    /// Keys that were watched on a connection that is gone are of no interest any more.
    pub(super) fn forget_watched(&mut self) {
        self.watch_lost = false;
    }

    /// The connection may have state that nobody knows of: it stays with its client.
    pub(super) fn keep(&mut self) {
        self.lasting = true;
    }

    /// A request went without a reply.
    pub(super) fn was_unanswered(&mut self) {
        if self.unanswered == Unanswered::Once {
            self.unanswered = Unanswered::No;
        }
    }

    /// Whether the client gets no replies.
    pub(super) fn is_unanswered(&self) -> bool {
        self.unanswered != Unanswered::No
    }
}

impl Connection {
    /// Gives the connection back if it is clean and clients share connections.
    pub(super) fn release(&mut self) {
        if self.context.dedicated || !self.exclusive.is_clean(&self.outbox) {
            return;
        }
        if let Target::Exclusive(link) = &self.target {
            let link = link.clone();
            self.target = Target::None;
            if mem::take(&mut self.exclusive.spoiled) {
                link.orphan();
                link.abort();
            } else {
                self.context.hub.give_back(link);
            }
            self.exclusive.blocking = false;
        }
    }

    /// Looks after a connection of the client's own that has closed. State that was only there is lost; where the client
    /// could not notice, its own connection is closed as the server's was.
    pub(super) fn note_closed_link(&mut self) -> Result<(), End> {
        let Target::Exclusive(link) = &self.target else { return Ok(()) };
        if link.is_open() {
            return Ok(());
        }
        self.outbox.take_link_closed();
        self.target = Target::None;
        let exclusive = mem::take(&mut self.exclusive);
        if self.outbox.subscriptions.take().any() || exclusive.lasting || exclusive.is_unanswered()
        {
            return Err(End::Politely);
        }
        if let Some(transaction) = self.outbox.transaction.borrow_mut().as_mut() {
            transaction.lost = true;
        }
        self.exclusive.watch_lost = exclusive.watching || exclusive.watch_lost;
        Ok(())
    }

    /// Whether a transaction was begun on a connection that is gone.
    pub(super) fn has_lost_transaction(&self) -> bool {
        self.outbox.transaction.borrow().as_ref().is_some_and(|transaction| transaction.lost)
    }

    /// Handles a request of a client whose transaction is lost; false when it is to be handled as any other.
    pub(super) async fn in_lost_transaction(&mut self, route: &Route) -> Result<bool, End> {
        let answer = match route {
            Route::Transaction(Step::Exec) => {
                "-EXECABORT Transaction discarded because the connection to the server was lost\r\n"
            }
            Route::Transaction(Step::Discard) => "+OK\r\n",
            Route::State(State::Reset) => "",
            _ => "-UPSTREAM unavailable: the connection that held the transaction was lost\r\n",
        };
        if !answer.starts_with("-UPSTREAM") {
            *self.outbox.transaction.borrow_mut() = None;
            self.exclusive.watch_lost = false;
        }
        if answer.is_empty() {
            return Ok(false);
        }
        self.answer(|out| out.extend_from_slice(answer.as_bytes())).await?;
        Ok(true)
    }

    /// Handles a request on the client's own connection.
    pub(super) async fn on_exclusive(
        &mut self,
        route: Route,
        request: &Request<'_>,
    ) -> Result<(), End> {
        let Target::Exclusive(link) = &self.target else { return Ok(()) };
        let link = link.clone();
        if self.exclusive.is_unanswered() {
            return self.unanswered(&link, route, request).await;
        }
        if self.outbox.transaction.borrow().is_some() {
            return self.in_transaction(&link, route, request).await;
        }
        match route {
            Route::Shared | Route::Aside | Route::Quit | Route::Session(_) => {
                self.run(&link, request);
            }
            Route::Blocking => {
                self.exclusive.blocking = true;
                self.run(&link, request);
            }
            Route::Replication => {
                // The server waits for what this connection has written last. The client wrote elsewhere, but before: any
                // command sets the mark to all that has been written by now.
                link.send_with(&self.outbox, Slot::Drop, |out| {
                    encode::command(out, [&b"PING"[..]]);
                });
                self.exclusive.blocking = true;
                self.run(&link, request);
            }
            Route::Transaction(step) => self.transaction(&link, step, request).await?,
            Route::Subscription(subscription) => self.subscribe(&link, subscription, request),
            Route::State(state) => self.change_state(&link, state, request).await?,
            Route::Client(ClientCommand::Reply(mode)) => {
                self.reply_mode(&link, mode, request).await?;
            }
            Route::Client(command) => {
                self.exclusive.spoiled |= command == ClientCommand::SetName;
                self.client_command(&link, command, request);
            }
            Route::Lasting => {
                self.exclusive.lasting = true;
                self.run(&link, request);
            }
            Route::Unknown => {
                let outcome = self.observe(&link, request).await?;
                self.exclusive.lasting |= outcome.is_some_and(|head| {
                    !head.starts_with(b"-ERR unknown command") && !head.starts_with(b"-NOAUTH")
                });
            }
            Route::Stream(Stream::Monitor) => {
                if self.succeeds(&link, request).await? {
                    self.exclusive.unanswered = Unanswered::Stream;
                }
            }
            Route::Stream(Stream::Replication) => {
                self.idle().await?;
                self.exclusive.unanswered = Unanswered::Stream;
                link.open_tunnel();
                link.send_unanswered(request.bytes());
            }
        }
        Ok(())
    }

    fn run(&mut self, link: &Rc<Link>, request: &Request<'_>) {
        self.outbox.sent(1);
        link.send_run(&self.outbox, request.bytes(), 1);
    }

    /// Sends a request and waits for the beginning of its reply, which goes to the client; `None` when there is none.
    async fn observe(
        &mut self,
        link: &Rc<Link>,
        request: &Request<'_>,
    ) -> Result<Option<Bytes>, End> {
        let bytes = request.bytes();
        let outcome = self.call(link, Slot::Observe, |out| out.extend_from_slice(bytes)).await?;
        Ok(outcome.ok())
    }

    async fn succeeds(&mut self, link: &Rc<Link>, request: &Request<'_>) -> Result<bool, End> {
        let head = self.observe(link, request).await?;
        Ok(head.is_some_and(|head| head.first() != Some(&b'-')))
    }

    async fn transaction(
        &mut self,
        link: &Rc<Link>,
        step: Step,
        request: &Request<'_>,
    ) -> Result<(), End> {
        match step {
            Step::Multi => {
                if self.succeeds(link, request).await? {
                    *self.outbox.transaction.borrow_mut() = Some(Transaction::default());
                }
            }
            Step::Watch => {
                // Set before the answer: if the connection breaks now, the keys may have been watched.
                let before = mem::replace(&mut self.exclusive.watching, true);
                let succeeded = self.succeeds(link, request).await?;
                self.exclusive.watching &= before || succeeded || !link.is_open();
            }
            Step::Unwatch => {
                if self.succeeds(link, request).await? {
                    self.exclusive.watching = false;
                    self.exclusive.watch_lost = false;
                }
            }
            Step::Exec | Step::Discard => self.run(link, request),
        }
        Ok(())
    }

    /// Handles a request while commands are being queued.
    async fn in_transaction(
        &mut self,
        link: &Rc<Link>,
        route: Route,
        request: &Request<'_>,
    ) -> Result<(), End> {
        let effect = match route {
            Route::Transaction(Step::Exec) => return self.execute(link, request).await,
            Route::Transaction(Step::Discard) => {
                if self.succeeds(link, request).await? {
                    self.end_transaction();
                }
                return Ok(());
            }
            Route::State(State::Reset) => {
                return self.change_state(link, State::Reset, request).await;
            }
            // Refused, without harm to the transaction.
            Route::Transaction(Step::Multi | Step::Watch) => {
                self.run(link, request);
                return Ok(());
            }
            Route::State(state) => Some(match Change::of(state, request) {
                Some(change) => Effect::Change(change),
                None => Effect::Lasting,
            }),
            Route::Client(ClientCommand::Id) => {
                Some(Effect::Substitute(Substitute::Id(self.outbox.id())))
            }
            Route::Client(ClientCommand::GetName) => Some(Effect::Substitute(Substitute::Name)),
            Route::Client(ClientCommand::SetName) => {
                Some(Effect::Substitute(Substitute::NewName(client::new_name(request))))
            }
            Route::Subscription(_) | Route::Client(ClientCommand::Reply(_)) | Route::Stream(_) => {
                Some(Effect::Tunnel)
            }
            Route::Lasting | Route::Unknown => Some(Effect::Lasting),
            Route::Shared
            | Route::Session(_)
            | Route::Blocking
            | Route::Replication
            | Route::Transaction(Step::Unwatch)
            | Route::Aside
            | Route::Quit => None,
        };
        self.outbox.sent(1);
        link.send(&self.outbox, request.bytes(), Slot::Queued(effect));
        Ok(())
    }

    /// `EXEC`
    async fn execute(&mut self, link: &Rc<Link>, request: &Request<'_>) -> Result<(), End> {
        self.idle().await?;
        if self.exclusive.watch_lost {
            // Whether the keys have changed cannot be known any more, so they count as changed.
            let outcome =
                self.call(link, Slot::Capture, |out| encode::command(out, [&b"DISCARD"[..]]));
            let aborted: &[u8] = match outcome.await? {
                Ok(_) if self.outbox.protocol.get() == Protocol::Resp2 => b"*-1\r\n",
                Ok(_) => b"_\r\n",
                Err(_) => b"-EXECABORT Transaction discarded because the connection to the server was lost\r\n",
            };
            self.end_transaction();
            return self.answer(|out| out.extend_from_slice(aborted)).await;
        }
        let (has_effects, tunnel) = match self.outbox.transaction.borrow().as_ref() {
            Some(transaction) => (transaction.has_effects(), transaction.opens_tunnel()),
            None => (false, false),
        };
        if tunnel {
            self.end_transaction();
            self.exclusive.unanswered = Unanswered::Stream;
            link.send_unanswered(request.bytes());
            return Ok(());
        }
        if !has_effects {
            // A refused EXEC (such as one with arguments) leaves the transaction open; one without a reply ends it.
            let head = self.observe(link, request).await?;
            if head.is_none_or(|head| ends_transaction(&head)) {
                self.end_transaction();
            }
            return Ok(());
        }
        let bytes = request.bytes();
        let outcome = self.call(link, Slot::Capture, |out| out.extend_from_slice(bytes)).await?;
        let frame = match outcome {
            Ok(frame) if !ends_transaction(&frame) => {
                return self.answer(|out| out.extend_from_slice(&frame)).await;
            }
            Ok(frame) => frame,
            Err(failure) => {
                self.end_transaction();
                return self
                    .answer(|out| out.extend_from_slice(&super::failure_frame(&failure)))
                    .await;
            }
        };
        let Some(transaction) = self.end_transaction() else { return Ok(()) };
        let (id, protocol) = (self.outbox.id(), self.outbox.protocol.get());
        let mut executed = None;
        let name = self.outbox.name.borrow().clone();
        let client = Client { id, name, protocol };
        self.answer(|out| executed = Some(transaction.execute(&frame, client, out))).await?;
        let Some(executed) = executed else { return Ok(()) };
        self.exclusive.lasting |= executed.lasting;
        for change in &executed.changes {
            self.apply(link, change);
        }
        self.exclusive.spoiled |= executed.renamed;
        *self.outbox.name.borrow_mut() = executed.name;
        Ok(())
    }

    fn end_transaction(&mut self) -> Option<Transaction> {
        self.exclusive.watching = false;
        self.exclusive.watch_lost = false;
        self.outbox.transaction.borrow_mut().take()
    }

    fn subscribe(&mut self, link: &Rc<Link>, subscription: Subscription, request: &Request<'_>) {
        let confirmations = Confirmations::new(subscription, request.len() - 1);
        self.outbox.sent(1);
        link.send(&self.outbox, request.bytes(), Slot::Subscription(confirmations));
    }

    /// `AUTH`, `HELLO`, `SELECT` and `RESET`: the server decides whether they succeed.
    async fn change_state(
        &mut self,
        link: &Rc<Link>,
        state: State,
        request: &Request<'_>,
    ) -> Result<(), End> {
        self.idle().await?;
        let bytes = request.bytes();
        let outcome = self.call(link, Slot::Capture, |out| out.extend_from_slice(bytes)).await?;
        let frame = match outcome {
            Ok(frame) => frame,
            Err(failure) => {
                return self
                    .answer(|out| out.extend_from_slice(&super::failure_frame(&failure)))
                    .await;
            }
        };
        if !reply::is_error(&frame) {
            match Change::of(state, request) {
                Some(change) => self.apply(link, &change),
                // The server has understood what we have not.
                None => self.exclusive.lasting = true,
            }
        }
        let id = self.outbox.id();
        self.answer(|out| match state {
            State::Hello => write_hello(&frame, id, out),
            State::Auth | State::Select | State::Reset => out.extend_from_slice(&frame),
        })
        .await
    }

    /// Notes a change that the server has confirmed on the client's own connection.
    fn apply(&mut self, link: &Rc<Link>, change: &Change) {
        let key: Rc<LaneKey> = Rc::new(change.apply(&self.key));
        if change.identity.as_ref().is_some_and(|identity| identity.is_proven()) {
            self.context.hub.vouch(&key);
        }
        self.outbox.protocol.set(key.protocol);
        link.set_key(key.clone());
        self.key = key;
        if let Some(name) = &change.name {
            self.exclusive.spoiled = true;
            *self.outbox.name.borrow_mut() = name.clone();
        }
        if change.reset {
            self.end_transaction();
            self.outbox.subscriptions.set(Subscriptions::default());
            self.exclusive.spoiled = true;
        }
    }

    /// `CLIENT REPLY`
    async fn reply_mode(
        &mut self,
        link: &Rc<Link>,
        mode: ReplyMode,
        request: &Request<'_>,
    ) -> Result<(), End> {
        self.exclusive.lasting = true;
        match mode {
            ReplyMode::On => self.run(link, request),
            ReplyMode::Off | ReplyMode::Skip => {
                self.idle().await?;
                self.exclusive.unanswered = match mode {
                    ReplyMode::Skip => Unanswered::Once,
                    ReplyMode::On | ReplyMode::Off => Unanswered::Off,
                };
                link.send_unanswered(request.bytes());
            }
        }
        Ok(())
    }

    /// Handles a request that gets no reply, or none that could be told from other bytes.
    async fn unanswered(
        &mut self,
        link: &Rc<Link>,
        route: Route,
        request: &Request<'_>,
    ) -> Result<(), End> {
        let mode = self.exclusive.unanswered;
        match (mode, route) {
            (
                Unanswered::Once | Unanswered::Off,
                Route::Client(ClientCommand::Reply(ReplyMode::On)),
            ) => {
                self.exclusive.unanswered = Unanswered::No;
                self.run(link, request);
            }
            (Unanswered::Once, Route::Client(ClientCommand::Reply(ReplyMode::Off))) => {
                self.exclusive.unanswered = Unanswered::Off;
                link.send_unanswered(request.bytes());
            }
            (Unanswered::Once | Unanswered::Off, Route::State(State::Reset)) => {
                // RESET switches replies on before it answers.
                self.exclusive.unanswered = Unanswered::No;
                self.change_state(link, State::Reset, request).await?;
            }
            (_, _) => {
                self.exclusive.was_unanswered();
                link.send_unanswered(request.bytes());
            }
        }
        Ok(())
    }
}

/// Whether the reply to `EXEC` means that the transaction is over. Only a wrong number of arguments leaves it open.
fn ends_transaction(head: &[u8]) -> bool {
    !head.starts_with(b"-ERR wrong number")
}
