//! Steps that change what the next requests mean: `WATCH`, `MULTI` and what is queued, subscriptions, streams.

use std::{borrow::Cow, rc::Rc};

use bytes::{Bytes, BytesMut};

use super::{ask::with_pinned, client_command::replies_on, footing::Stop};
use crate::{
    command::{
        Route,
        catalog::Merge,
        change::{Change, HelloOptions},
        client::{ClientCommand, tracking::Tracking},
        pause::Pausing,
        table::{State, Stream, Subscription, Transaction as Step},
    },
    downstream::{
        client::Client,
        ports::{Ports, To},
        registry::question::{Inquiry, Question},
        replies::{Meaning, meaning::Asking},
        state::{
            course::Stall,
            mode::{Mode, Tunnel},
            subscriptions::Confirmations,
            transaction::Effect,
        },
    },
    resp::{Request, encode},
    state::{
        ids::{ClientId, ServerId},
        traces::Traces,
    },
};

/// A login in a transaction, on a server that would keep its refusal to itself.
const LOGIN_REFUSED: &[u8] =
    b"-ERR a login is not possible in a transaction: this server does not answer one that it refuses\r\n";

impl Client {
    /// `MULTI`, `EXEC`, `DISCARD`, `WATCH`, `UNWATCH`
    pub(super) fn transaction_step(
        &mut self,
        step: Step,
        request: &Request<'_>,
        ports: &mut impl Ports,
    ) -> Result<(), Stop> {
        if let Mode::Transaction(_) = self.mode {
            self.own_link(ports)?;
            return match step {
                Step::Exec => self.execute(request, ports),
                _ => {
                    self.pass_with_barrier(To::Own, Meaning::Discarded, request.bytes(), ports);
                    Ok(())
                }
            };
        }
        let meaning = match step {
            Step::Multi => Meaning::Begun,
            Step::Watch => Meaning::Watched(u32::try_from(request.len() - 1).unwrap_or(u32::MAX)),
            // Without a transaction or watched keys these change nothing.
            Step::Unwatch | Step::Exec | Step::Discard => {
                let to = self.link_for(request, ports)?;
                if step == Step::Unwatch {
                    self.course.watch_lost = false;
                    if to == To::Own {
                        self.pass_with_barrier(to, Meaning::Unwatched, request.bytes(), ports);
                        return Ok(());
                    }
                }
                self.run(to, request, ports);
                return Ok(());
            }
        };
        self.own_link_in_database(ports)?;
        self.pass_with_barrier(To::Own, meaning, request.bytes(), ports);
        Ok(())
    }

    /// Queues a command.
    pub(super) fn queue(
        &mut self,
        route: Route,
        request: &Request<'_>,
        ports: &mut impl Ports,
    ) -> Result<(), Stop> {
        self.own_link(ports)?;
        if self.may_go_unanswered(route, request, ports) {
            self.refuse_by_server(To::Own, Bytes::from_static(LOGIN_REFUSED), ports);
            return Ok(());
        }
        let mut asked = Cow::Borrowed(request.bytes());
        let effect = match route {
            Route::State(state) => {
                let change = Change::of(state, request);
                Some(Effect::Change(change, HelloOptions::of(state, request)))
            }
            Route::Client(ClientCommand::Reply(mode)) => {
                asked = Cow::Owned(replies_on().into());
                Some(Effect::Quiet(mode))
            }
            Route::Client(command) => {
                let (replaced, effect) = self.queue_client_command(command, request, ports)?;
                if let Some(replaced) = replaced {
                    asked = Cow::Owned(replaced.into());
                }
                effect
            }
            Route::Info => Some(Effect::Question(Question::Counts)),
            Route::Catalog => Merge::of(request, &self.rules.session).map(|merge| {
                asked = merge.request(request);
                Effect::Merge(Rc::new(merge))
            }),
            Route::Subscription(subscription) => {
                Some(Effect::Subscription(subscription, request.len() - 1))
            }
            Route::Stream(Stream::Monitor) => Some(Effect::Monitor),
            Route::Lasting | Route::Unknown => Some(Effect::Lasting),
            Route::Shared if crate::command::revokes(request) => Some(Effect::Revoke(false)),
            Route::Shared if crate::command::changes_commands(request) => {
                Some(Effect::Revoke(true))
            }
            Route::Stream(Stream::Replication)
            | Route::Shared
            | Route::Session(_)
            | Route::Blocking
            | Route::Replication
            | Route::Transaction(_)
            | Route::Aside
            | Route::Browser
            | Route::Quit => None,
        };
        self.me.queued_bytes += request.bytes().len();
        self.pass(To::Own, Meaning::Queued(effect.map(Box::new)), &asked, ports);
        Ok(())
    }

    /// Whether a login would be queued whose refusal would be missing in the reply to `EXEC`, which nobody could read then.
    fn may_go_unanswered(
        &self,
        route: Route,
        request: &Request<'_>,
        ports: &mut impl Ports,
    ) -> bool {
        let Route::State(state) = route else { return false };
        let hides = ports.standing(To::Own).is_some_and(|standing| standing.hides_refusals);
        let logs_in = || Change::of(state, request).is_none_or(|change| change.identity.is_some());
        hides && matches!(state, State::Auth | State::Hello) && logs_in()
    }

    /// What the server is asked in place of a `CLIENT` subcommand that is queued, if anything, and what happens when it runs.
    fn queue_client_command(
        &mut self,
        command: ClientCommand,
        request: &Request<'_>,
        ports: &mut impl Ports,
    ) -> Result<(Option<Bytes>, Option<Effect>), Stop> {
        Ok(match command {
            ClientCommand::Info | ClientCommand::List | ClientCommand::Kill => {
                let Inquiry { question, .. } = Inquiry::of(command, request, self.me.id);
                let asked = self.asked_in_place(To::Own, command, request, ports);
                (Some(asked), Some(Effect::Question(question)))
            }
            ClientCommand::Unblock => {
                let client = super::ask::client_named(request, 2);
                let told = self.told(Question::Pinned(client), ports)?;
                (Some(with_pinned(request, 2, told)), None)
            }
            ClientCommand::Tracking => {
                let tracking = Tracking::of(request);
                let Some((id, place)) = tracking.redirect else {
                    return Ok((None, Some(Effect::Tracking(tracking))));
                };
                // Only a client that has a connection of its own can be named, and it needs it when EXEC comes.
                let told = self.told(Question::Keep(ClientId(id)), ports)?;
                (Some(with_pinned(request, place, told)), Some(Effect::Tracking(tracking)))
            }
            ClientCommand::Switch(switch, on) => (None, Some(Effect::Switch(switch, on))),
            ClientCommand::Pause | ClientCommand::Unpause => {
                (None, Pausing::of(request).map(Effect::Pause))
            }
            _ => {
                let substitute = self.substitute(To::Own, command, request);
                (None, substitute.map(Effect::Substitute))
            }
        })
    }

    /// `SUBSCRIBE` and its like
    pub(super) fn subscribe(
        &mut self,
        subscription: Subscription,
        request: &Request<'_>,
        ports: &mut impl Ports,
    ) -> Result<(), Stop> {
        self.own_link_in_database(ports)?;
        let confirmations = Confirmations::new(subscription, request.len() - 1);
        self.pass_with_barrier(
            To::Own,
            Meaning::Subscription(confirmations),
            request.bytes(),
            ports,
        );
        Ok(())
    }

    /// `MONITOR`, `SYNC`, `PSYNC`
    pub(super) fn stream(
        &mut self,
        stream: Stream,
        request: &Request<'_>,
        ports: &mut impl Ports,
    ) -> Result<(), Stop> {
        self.own_link(ports)?;
        match stream {
            Stream::Monitor => {
                self.pass_with_barrier(To::Own, Meaning::Monitoring, request.bytes(), ports);
            }
            Stream::Replication => {
                if !self.replies.is_idle() {
                    return Err(Stop::Wait(Stall::Idle));
                }
                self.mode = Mode::Tunnel(Tunnel::Asked(self.is_quiet()));
                ports.tunnel(true);
                ports.raw(request.bytes());
            }
        }
        Ok(())
    }

    /// The server's id of another client's own connection, for a request that names it: the answer to this question.
    fn told(
        &mut self,
        question: Question,
        ports: &mut impl Ports,
    ) -> Result<Option<ServerId>, Stop> {
        if let Some(told) = self.course.told.take() {
            return Ok(*told);
        }
        let place = self.replies.one(Meaning::Asking(Box::new(Asking::Front)));
        self.replies.silence(place, true);
        self.course.barrier = Some(place);
        if let Question::Keep(id) = &question {
            self.course.targets.push(*id);
        }
        ports.ask(place, vec![question]);
        Err(Stop::Wait(Stall::Barrier))
    }

    /// Clients that a transaction named need not keep their connections for it when it is over.
    pub(super) fn release_targets(&mut self, ports: &mut impl Ports) {
        let over = self.course.barrier.is_none() && !matches!(self.mode, Mode::Transaction(_));
        if over && !self.course.targets.is_empty() {
            let targets = std::mem::take(&mut self.course.targets);
            targets.into_iter().for_each(|target| ports.release_target(target));
        }
    }

    /// The keys are watched no longer.
    pub(super) fn end_watch(&mut self) {
        self.marks = self.marks.with(Traces::WATCHING, false);
        self.course.watch_lost = false;
        self.me.watched = 0;
    }

    /// Sends `DISCARD` in place of `EXEC`.
    pub(super) fn abort_transaction(&mut self, ports: &mut impl Ports) {
        let place = self.place_with_barrier(Meaning::Aborting);
        let mut discard = BytesMut::new();
        encode::command(&mut discard, [b"DISCARD"]);
        Self::send(ports, To::Own, place, &discard);
    }
}
