//! A client's transaction on a connection of its own, from `WATCH` and `MULTI` to `EXEC` or `DISCARD`.

use std::{borrow::Cow, mem, rc::Rc};

use bytes::Bytes;

use super::{
    clients::{self, Question},
    connection::{Connection, Link},
    exclusive::Unanswered,
    io::End,
    slot::{Effect, Slot},
    transaction::{Client, Transaction},
};
use crate::{
    command::{
        Route,
        catalog::Merge,
        change::Change,
        client::{ClientCommand, line::Form, tracking::Tracking},
        table::{State, Transaction as Step},
    },
    resp::{Protocol, Request, encode, reply},
};

impl Connection {
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
        self.answer_frame(answer.as_bytes()).await?;
        Ok(true)
    }

    pub(super) async fn transaction(
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
                if succeeded {
                    let watched = &self.outbox.presence.watched;
                    let keys = u32::try_from(request.len() - 1).unwrap_or(u32::MAX);
                    watched.set(watched.get().saturating_add(keys));
                }
            }
            Step::Unwatch => {
                if self.succeeds(link, request).await? {
                    self.end_watch();
                }
            }
            Step::Exec | Step::Discard => self.run(link, request),
        }
        Ok(())
    }

    /// Handles a request while commands are being queued.
    pub(super) async fn in_transaction(
        &mut self,
        link: &Rc<Link>,
        route: Route,
        request: &Request<'_>,
    ) -> Result<(), End> {
        let mut asked = Cow::Borrowed(request.bytes());
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
            Route::Client(ClientCommand::Reply(_)) => Some(Effect::Tunnel),
            Route::Client(command) => {
                let (replaced, effect) = self.queued_client_command(link, command, request).await?;
                if let Some(replaced) = replaced {
                    asked = Cow::Owned(replaced.into());
                }
                effect
            }
            Route::Info => Some(Effect::Section(self.section(request).await?)),
            Route::Catalog => Merge::of(request, &self.context.session).map(|merge| {
                asked = merge.request(request);
                Effect::Merge(Box::new(merge))
            }),
            Route::Subscription(_) | Route::Stream(_) => Some(Effect::Tunnel),
            Route::Lasting | Route::Unknown => Some(Effect::Lasting),
            Route::Shared
            | Route::Session(_)
            | Route::Blocking
            | Route::Replication
            | Route::Transaction(Step::Unwatch)
            | Route::Aside
            | Route::Browser
            | Route::Quit => None,
        };
        self.outbox.sent(1);
        link.send(&self.outbox, &asked, Slot::Queued(effect));
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
            return self.answer_frame(aborted).await;
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
                return self.answer_frame(&frame).await;
            }
            Ok(frame) => frame,
            Err(failure) => {
                self.end_transaction();
                return self.answer_frame(&super::failure_frame(&failure)).await;
            }
        };
        let Some(mut transaction) = self.end_transaction() else { return Ok(()) };
        let ends = self.answer_questions(&mut transaction, &frame).await?;
        let (id, protocol) = (self.outbox.id(), self.outbox.protocol.get());
        let mut executed = None;
        let client = Client { id, label: self.outbox.presence.label(), protocol };
        self.answer(|out| executed = Some(transaction.execute(&frame, client, out))).await?;
        let Some(executed) = executed else { return Ok(()) };
        self.exclusive.lasting |= executed.lasting;
        for change in &executed.changes {
            self.apply(link, change);
        }
        if let Some(tracking) = &executed.tracking {
            if let Some((id, _)) = tracking.redirect {
                self.keep(id).await?;
            }
            self.track(tracking);
        }
        executed.switches.iter().for_each(|(switch, on)| self.switch(*switch, *on));
        self.outbox.presence.set_label(executed.label.clone());
        link.set_label(executed.label);
        if ends { Err(End::Politely) } else { Ok(()) }
    }

    /// What the server is asked in place of a `CLIENT` subcommand that is queued, if anything, and what happens when it runs.
    async fn queued_client_command(
        &mut self,
        link: &Rc<Link>,
        command: ClientCommand,
        request: &Request<'_>,
    ) -> Result<(Option<Bytes>, Option<Effect>), End> {
        Ok(match command {
            ClientCommand::Info | ClientCommand::List | ClientCommand::Kill => {
                let question = Question::of(command, request, self.outbox.id());
                (Some(self.asked(link, command, request)), Some(Effect::Question(question)))
            }
            ClientCommand::Unblock => (Some(self.unblocking(request).await?), None),
            ClientCommand::Tracking => {
                let tracking = Tracking::of(request);
                let asked = self.tracking(&tracking, request).await?;
                (Some(asked), Some(Effect::Tracking(tracking)))
            }
            ClientCommand::Switch(switch, on) => (None, Some(Effect::Switch(switch, on))),
            _ => (None, self.substitute(link, command, request).map(Effect::Substitute)),
        })
    }

    /// Answers what an executed transaction asked about clients. True when the client has ended itself.
    async fn answer_questions(
        &mut self,
        transaction: &mut Transaction,
        frame: &Bytes,
    ) -> Result<bool, End> {
        let mut ends = false;
        for (place, effect) in transaction.questions() {
            let mut elements = reply::elements(frame).into_iter().flatten().flatten();
            let Some(element) = elements.nth(place) else { break };
            let element = frame.slice_ref(element);
            let form = Form::of(clients::text(&element).unwrap_or_default());
            if let Effect::Question(question) = effect {
                let answer = self.answer_to(question.clone(), &form, &element).await?;
                *effect = Effect::Answer(answer.frame);
                ends |= answer.ends;
            }
        }
        Ok(ends)
    }

    pub(super) fn end_transaction(&mut self) -> Option<Transaction> {
        self.end_watch();
        self.outbox.transaction.borrow_mut().take()
    }

    fn end_watch(&mut self) {
        self.exclusive.watching = false;
        self.exclusive.watch_lost = false;
        self.outbox.presence.watched.set(0);
    }
}

/// Whether the reply to `EXEC` means that the transaction is over. Only a wrong number of arguments leaves it open.
fn ends_transaction(head: &[u8]) -> bool {
    !head.starts_with(b"-ERR wrong number")
}
