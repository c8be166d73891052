//! A client's transaction on a connection of its own, from `WATCH` and `MULTI` to `EXEC` or `DISCARD`.

use std::{borrow::Cow, mem, rc::Rc};

use super::{
    connection::{Connection, Link},
    exclusive::Unanswered,
    io::End,
    slot::{Effect, Slot, Substitute},
    transaction::{Client, Transaction},
};
use crate::{
    command::{
        Route,
        catalog::Merge,
        change::Change,
        client::{self, ClientCommand},
        table::{State, Transaction as Step},
    },
    resp::{Protocol, Request, encode},
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
            Route::Client(ClientCommand::Id) => {
                Some(Effect::Substitute(Substitute::Id(self.outbox.id())))
            }
            Route::Client(ClientCommand::GetName) => Some(Effect::Substitute(Substitute::Name)),
            Route::Client(ClientCommand::SetName) => {
                Some(Effect::Substitute(Substitute::NewName(client::new_name(request))))
            }
            Route::Catalog => Merge::of(request, &self.context.session).map(|merge| {
                asked = merge.request(request);
                Effect::Merge(Box::new(merge))
            }),
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

    pub(super) fn end_transaction(&mut self) -> Option<Transaction> {
        self.exclusive.watching = false;
        self.exclusive.watch_lost = false;
        self.outbox.transaction.borrow_mut().take()
    }
}

/// Whether the reply to `EXEC` means that the transaction is over. Only a wrong number of arguments leaves it open.
fn ends_transaction(head: &[u8]) -> bool {
    !head.starts_with(b"-ERR wrong number")
}
