//! Requests on a connection of the client's own: what each leaves behind there.

use std::rc::Rc;

use bytes::{Bytes, BytesMut};

use super::{
    connection::{Connection, Link},
    exclusive::Unanswered,
    io::End,
    slot::Slot,
    subscriptions::{Confirmations, Subscriptions},
    target::{Target, encode_select},
    transaction::write_hello,
};
use crate::{
    command::{
        Route,
        change::Change,
        client::{ClientCommand, ReplyMode, naming::Naming, profile::Flags},
        table::{State, Stream, Subscription},
    },
    resp::{Protocol, Request, encode, reply},
    upstream::key::LaneKey,
};

impl Connection {
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
            Route::Shared | Route::Aside | Route::Quit | Route::Browser | Route::Session(_) => {
                self.run(&link, request);
            }
            Route::Blocking => {
                self.outbox.will_wait();
                self.run(&link, request);
            }
            Route::Replication => {
                self.mark_writes(&link);
                self.outbox.will_wait();
                self.run(&link, request);
            }
            Route::Transaction(step) => self.transaction(&link, step, request).await?,
            Route::Subscription(subscription) => self.subscribe(&link, subscription, request),
            Route::State(state) => self.change_state(&link, state, request).await?,
            Route::Client(command) => self.client_command(&link, command, request).await?,
            Route::Info => self.info(&link, request).await?,
            Route::Catalog => self.catalog(&link, request),
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
                    self.outbox.presence.flag(Flags::MONITOR, true);
                }
            }
            Route::Stream(Stream::Replication) => {
                self.idle().await?;
                self.exclusive.unanswered = Unanswered::Stream;
                self.outbox.presence.flag(Flags::REPLICA, true);
                link.open_tunnel();
                link.send_unanswered(request.bytes());
            }
        }
        Ok(())
    }

    /// The server waits for what this connection has written last (`woff` in Redis). The client wrote elsewhere, but before:
    /// so the mark is set to all that has been written by now. Up to Redis 7.0 any command does that, later only one that
    /// is replicated: a message to a shard channel, which nobody sees by a pattern, and nothing is changed.
    fn mark_writes(&self, link: &Rc<Link>) {
        for mark in [&[&b"PING"[..]][..], &[b"SPUBLISH", b"sessiond:wait", b""]] {
            link.send_with(&self.outbox, Slot::Drop, |out| encode::command(out, mark));
        }
    }

    pub(super) fn run(&mut self, link: &Rc<Link>, request: &Request<'_>) {
        self.outbox.sent(1);
        if link.is_unauthenticated() && request.is_inline() {
            // The limits for clients that have not authenticated are not for inline requests.
            let mut line = BytesMut::new();
            encode::inline(&mut line, request.args());
            return link.send_run(&self.outbox, &line, 1);
        }
        link.send_run(&self.outbox, request.bytes(), 1);
    }

    /// Sends a request and waits for the beginning of its reply, which goes to the client; `None` when there is none.
    pub(super) async fn observe(
        &mut self,
        link: &Rc<Link>,
        request: &Request<'_>,
    ) -> Result<Option<Bytes>, End> {
        self.observe_bytes(link, request.bytes()).await
    }

    /// As [`Connection::observe`], for a request of these bytes.
    pub(super) async fn observe_bytes(
        &mut self,
        link: &Rc<Link>,
        request: &[u8],
    ) -> Result<Option<Bytes>, End> {
        let outcome = self.call(link, Slot::Observe, |out| out.extend_from_slice(request)).await?;
        Ok(outcome.ok())
    }

    pub(super) async fn succeeds(
        &mut self,
        link: &Rc<Link>,
        request: &Request<'_>,
    ) -> Result<bool, End> {
        let head = self.observe(link, request).await?;
        Ok(head.is_some_and(|head| head.first() != Some(&b'-')))
    }

    fn subscribe(&mut self, link: &Rc<Link>, subscription: Subscription, request: &Request<'_>) {
        let confirmations = Confirmations::new(subscription, request.len() - 1);
        self.outbox.sent(1);
        link.send(&self.outbox, request.bytes(), Slot::Subscription(confirmations));
    }

    /// `AUTH`, `HELLO`, `SELECT` and `RESET`: the server decides whether they succeed.
    pub(super) async fn change_state(
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
                return self.answer_frame(&super::failure_frame(&failure)).await;
            }
        };
        if !reply::is_error(&frame) {
            match Change::of(state, request) {
                Some(mut change) => {
                    if self.is_misplaced() && change.database.is_none() {
                        change.database = Some(self.select_again(link).await?);
                    }
                    self.apply(link, &change);
                }
                // The server has understood what we have not.
                None => self.exclusive.lasting = true,
            }
        } else if state == State::Hello && request.len() > 2 {
            // Redis authenticates before it looks at the other options: a refused HELLO may have changed the user.
            self.exclusive.lasting = true;
        }
        let id = self.outbox.id();
        self.answer(|out| match state {
            State::Hello => write_hello(&frame, id, out),
            State::Auth | State::Select | State::Reset => out.extend_from_slice(&frame),
        })
        .await
    }

    /// Selects the client's database, which the server refused as long as the connection was not authenticated. Gives the
    /// database that the connection is in.
    async fn select_again(&mut self, link: &Rc<Link>) -> Result<u32, End> {
        let database = self.key.database;
        let outcome = self.call(link, Slot::Capture, |out| encode_select(database, out)).await?;
        let selected = outcome.is_ok_and(|frame| !reply::is_error(&frame));
        Ok(if selected { database } else { 0 })
    }

    /// Notes a change that the server has confirmed on the client's own connection.
    pub(super) fn apply(&mut self, link: &Rc<Link>, change: &Change) {
        let key: Rc<LaneKey> = Rc::new(change.apply(&self.key));
        self.exclusive.moved = true;
        if change.identity.as_ref().is_some_and(|identity| identity.is_proven()) {
            self.context.hub.vouch(&key);
        }
        self.outbox.protocol.set(key.protocol);
        link.set_key(key.clone());
        *self.outbox.presence.key.borrow_mut() = key.clone();
        self.key = key;
        if let Some(name) = &change.name {
            link.set_label(self.outbox.presence.name(&Naming::Name(name.clone())));
        }
        if change.reset {
            self.end_transaction();
            self.outbox.subscriptions.set(Subscriptions::default());
            self.outbox.presence.spoiled.set(true);
            self.end_redirection();
            self.outbox.presence.reset();
        }
    }

    /// `CLIENT REPLY`
    pub(super) async fn reply_mode(
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
                let subscribed = self.outbox.subscriptions.get().any();
                if subscribed && self.outbox.protocol.get() == Protocol::Resp2 {
                    // The server refuses it.
                    self.run(link, request);
                    return Ok(());
                }
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
            (Unanswered::Once | Unanswered::Off, Route::State(state)) => {
                // Whether it succeeds is not told. It mostly does, and nobody else will have this connection.
                if let Some(change) = Change::of(state, request) {
                    self.apply(link, &change);
                }
                self.exclusive.was_unanswered();
                link.send_unanswered(request.bytes());
            }
            // The server leaves out the reply to this one, and to the next.
            (Unanswered::Once, Route::Client(ClientCommand::Reply(ReplyMode::Skip))) => {
                link.send_unanswered(request.bytes());
            }
            // Confirmations are not left out, and what a subscriber may say is not known any more.
            (_, Route::Subscription(_)) => {
                self.exclusive.unanswered = Unanswered::Stream;
                link.send_unanswered(request.bytes());
            }
            (_, Route::Client(command)) => {
                self.client_command_unanswered(link, command, request).await?;
            }
            (_, _) => {
                self.exclusive.was_unanswered();
                link.send_unanswered(request.bytes());
            }
        }
        Ok(())
    }
}
