//! `EXEC`: what becomes of a transaction.

use bytes::{Bytes, BytesMut};

use super::footing::Stop;
use crate::{
    command::client::{line::Form, profile::Flags},
    downstream::{
        client::Client,
        ports::{Ports, To},
        registry::question::{Question, Told},
        replies::{Meaning, meaning::Asking},
        state::{
            course::Stall,
            leaving::End,
            mode::Mode,
            transaction::{Effect, Executed, Executor, Transaction},
        },
    },
    resp::{Request, encode, reply},
    state::{ids::Place, traces::Traces},
};

impl Client {
    /// `EXEC` inside a transaction. The client has its own connection.
    pub(super) fn execute(
        &mut self,
        request: &Request<'_>,
        ports: &mut impl Ports,
    ) -> Result<(), Stop> {
        if !self.replies.is_idle() {
            // What the transaction will do is known when all of it is queued.
            return Err(Stop::Wait(Stall::Idle));
        }
        if self.course.watch_lost {
            // Whether the keys have changed cannot be known any more, so they count as changed.
            self.abort_transaction(ports);
            return Ok(());
        }
        self.pass_with_barrier(To::Own, Meaning::Executing, request.bytes(), ports);
        Ok(())
    }

    /// The server has executed the transaction, or refused to.
    pub(super) fn executed(&mut self, place: Place, frame: &[u8], ports: &mut impl Ports) {
        if !ends_transaction(frame) {
            return self.fill_frame(place, frame);
        }
        let frames = match self.mode.transaction() {
            Some(transaction) => transaction.take_frames(frame),
            None => Bytes::copy_from_slice(frame),
        };
        let memory = self.me.queued_bytes;
        let Some(mut transaction) = self.end_transaction() else {
            return self.fill_frame(place, &frames);
        };
        if !transaction.has_effects() {
            return self.fill_frame(place, &frames);
        }
        // If it was not executed nobody has asked anything.
        let is_executed = reply::kind(&frames) == Some(reply::Kind::Array);
        if !is_executed || transaction.questions().next().is_none() {
            return self.conclude(place, *transaction, &frames, ports);
        }
        transaction.memory = memory;
        if lists_nobody(&mut transaction, &frames) {
            // One line will do to see how lines look.
            let executed = Meaning::ExecutedForm(Box::new((*transaction, frames)));
            self.replies.put(place, executed);
            let info = &mut |out: &mut BytesMut| encode::command(out, [&b"CLIENT"[..], b"INFO"]);
            return ports.send(To::Own, place, b"", info);
        }
        self.inquire_executed(place, *transaction, frames, ports);
    }

    /// Asks the other clients what an executed transaction asked about them.
    pub(super) fn inquire_executed(
        &mut self,
        place: Place,
        mut transaction: Transaction,
        frames: Bytes,
        ports: &mut impl Ports,
    ) {
        let questions = transaction.questions().filter_map(|(_, effect)| match effect {
            Effect::Question(question) => Some(question.clone()),
            _ => None,
        });
        let questions = questions.collect();
        let asking = Asking::Transaction(transaction, frames);
        self.replies.put(place, Meaning::Asking(Box::new(asking)));
        ports.ask(place, questions);
    }

    /// The other clients have said what an executed transaction asked about them.
    pub(super) fn transaction_told(
        &mut self,
        place: Place,
        mut transaction: Transaction,
        frames: &Bytes,
        told: Vec<Told>,
        ports: &mut impl Ports,
    ) {
        let (mut ends, queued, memory) = (false, transaction.queued(), transaction.memory);
        let form = transaction.form.take();
        for ((at, effect), told) in transaction.questions().zip(told) {
            let mut elements = reply::elements(frames).into_iter().flatten().flatten();
            let Some(element) = elements.nth(at) else { break };
            let element = frames.slice_ref(element);
            if let Effect::Question(question) = effect {
                if let Told::Counts(counts) = told {
                    *effect =
                        Effect::Section(counts.of_clients(), self.rules.facts.section(counts));
                    continue;
                }
                let told = match told {
                    Told::Profiles(mut profiles) => {
                        let own = profiles.iter_mut().find(|profile| profile.id == self.me.id.0);
                        // It was in the transaction when this was asked.
                        if let Some(own) = own {
                            own.as_executor(queued, memory);
                        }
                        Told::Profiles(profiles)
                    }
                    told => told,
                };
                let form = match &form {
                    Some(form) => form.clone(),
                    None => Form::of(super::ask::text(&element).unwrap_or_default()),
                };
                let answer = super::ask::answer_to(question, &form, &element, told);
                ends |= answer.ends;
                *effect = Effect::Answer(answer.frame);
            }
        }
        self.conclude(place, transaction, frames, ports);
        if ends {
            self.leaving.end(End::Politely);
        }
    }

    /// Notes what the transaction has changed, and gives the client its reply.
    fn conclude(
        &mut self,
        place: Place,
        transaction: Transaction,
        frames: &[u8],
        ports: &mut impl Ports,
    ) {
        let mut reply = BytesMut::new();
        let executed = transaction.execute(frames, self.executor(), &mut reply);
        let Executed {
            changes,
            lasting,
            label,
            subscriptions,
            monitors,
            tracking,
            switches,
            pausing,
            revoked,
            quiet,
        } = executed;
        if lasting {
            self.mark(Traces::LASTING);
        }
        self.subscriptions = subscriptions;
        for change in &changes {
            self.apply(change, ports);
        }
        if monitors {
            self.me.flag(Flags::MONITOR, true);
        }
        if let Some(tracking) = &tracking {
            let target = tracking.redirect.filter(|_| tracking.on);
            let targets = &mut self.course.targets;
            // It goes on keeping its connection, for what it is told from now on.
            let kept = target.and_then(|(id, _)| targets.iter().position(|at| at.0 == id));
            kept.map(|at| targets.swap_remove(at));
            self.track(tracking, ports);
        }
        pausing.iter().for_each(|pausing| self.paused(*pausing, ports));
        switches.iter().for_each(|(switch, on)| self.switch(*switch, *on));
        self.relabel(label, ports);
        if revoked.0 {
            ports.void_proofs();
        }
        if revoked.1 {
            ports.forget_commands();
        }
        self.quiet = quiet;
        // What is left out of it is left out already.
        self.replies.silence(place, false);
        self.fill_frame(place, &reply);
    }

    /// The `EXEC` of a whole transaction has been answered.
    pub(super) fn block_executed(&mut self, place: Place, transaction: Transaction, frame: &[u8]) {
        let executor = self.executor();
        self.fill(place, |out| {
            // Only what changes nothing but the data is in it.
            transaction.execute(frame, executor, out);
        });
    }

    /// The client is in no transaction any more.
    pub(super) fn end_transaction(&mut self) -> Option<Box<Transaction>> {
        self.end_watch();
        self.me.queued_bytes = 0;
        match std::mem::take(&mut self.mode) {
            Mode::Transaction(transaction) => Some(transaction),
            Mode::Lost | Mode::Plain => None,
            other => {
                self.mode = other;
                None
            }
        }
    }

    fn executor(&self) -> Executor {
        Executor {
            id: self.me.id,
            label: self.me.label.clone(),
            protocol: self.protocol(),
            subscriptions: self.subscriptions.clone(),
            quiet: self.quiet,
        }
    }
}

/// Whether the server lists none of its connections in answer to a queued `CLIENT LIST`.
fn lists_nobody(transaction: &mut Transaction, frames: &[u8]) -> bool {
    transaction.questions().any(|(at, effect)| {
        let element = reply::elements(frames).into_iter().flatten().flatten().nth(at);
        let text = element.and_then(super::ask::text);
        matches!(effect, Effect::Question(Question::List(_))) && matches!(text, Some(b"" | b"\n"))
    })
}

/// Whether the reply to `EXEC` means that the transaction is over. Only a wrong number of arguments leaves it open.
fn ends_transaction(head: &[u8]) -> bool {
    !head.starts_with(b"-ERR wrong number")
}
