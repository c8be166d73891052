//! A client's session commands: planned, and sent as script calls in the client's own stream.

use std::rc::Rc;

use bytes::{Buf, Bytes, BytesMut};

use super::{
    connection::{Connection, Link},
    context::Context,
    io::End,
    outbox::Outbox,
    presence::LastCommand,
    slot::{Effect, Slot},
    target::Target,
};
use crate::{
    resp::{Protocol, Request, Scanned, encode, reply},
    session::{self, Batch, Call, Plan, Reads, Script, Step, refusal},
    upstream::receiver::Failure,
};

/// Most arguments behind the name of a session command that is passed on without waiting.
const MOST_ARGUMENTS: usize = 8;
/// How large the replies to reads that one call carries out may be together, going by the last ones, in bytes.
const REPLIES_OF_A_CALL: u32 = 256 << 10;

/// Session commands on their way to calls. Several reads in a row become one.
struct Calls<'a> {
    context: &'a Context,
    outbox: &'a Rc<Outbox>,
    link: &'a Rc<Link>,
    reads: Reads,
    most_reads: u32,
    room: u32,
}

impl<'a> Calls<'a> {
    fn new(context: &'a Context, outbox: &'a Rc<Outbox>, link: &'a Rc<Link>) -> Self {
        let reads = Reads::new(context.spares.take());
        let most_reads = outbox.fitting(REPLIES_OF_A_CALL).max(1);
        Self { context, outbox, link, reads, most_reads, room: outbox.room() }
    }

    /// Takes a request if it is a session command that one call can carry out now.
    fn take(&mut self, request: &Request<'_>) -> bool {
        let mut args = [&b""[..]; MOST_ARGUMENTS];
        let count = request.len() - 1;
        if self.room == 0
            || count > MOST_ARGUMENTS
            || request.is_inline()
            || !request.is_well_ended()
        {
            return false;
        }
        let Some(command) = session::lookup(request.name()) else { return false };
        request.args().skip(1).zip(&mut args).for_each(|(given, arg)| *arg = given);
        let taken = self.plan(command, &args[..count]);
        self.room -= u32::from(taken);
        taken
    }

    fn plan(&mut self, command: &session::Command, args: &[&[u8]]) -> bool {
        let settings = &self.context.session;
        let reads = self.outbox.admits_call(self.reads.script(), self.link);
        let room = self.reads.count() < self.most_reads;
        if reads && room && self.reads.add(command, settings, args) {
            return true;
        }
        self.send_reads();
        if reads && self.reads.add(command, settings, args) {
            return true;
        }
        match command.plan_into(settings, args, self.context.spares.take()) {
            Ok(Plan::Script(call)) if self.outbox.admits_call(call.script(), self.link) => {
                self.outbox.call(self.link, &call);
                self.context.spares.give_back(call.into_buffer());
                true
            }
            // What else it is takes its time to answer.
            Ok(_) | Err(_) => false,
        }
    }

    fn send_reads(&mut self) {
        if let Some(call) = self.reads.take(&self.context.session) {
            self.outbox.call(self.link, &call);
            self.reads = Reads::new(call.into_buffer());
        }
    }

    /// Sends what is left.
    fn finish(mut self) {
        self.send_reads();
        self.context.spares.give_back(self.reads.into_buffer());
    }
}

impl Connection {
    /// Passes on the session commands at the front of the input, of which the scanner has found the first with its `len`,
    /// as long as each is one call and nothing has to be waited for. False when nothing was passed on.
    pub(super) fn pass_calls(&mut self, mut len: usize) -> bool {
        let Some(link) = self.link_for_calls().cloned() else { return false };
        let mut calls = Calls::new(&self.context, &self.outbox, &link);
        let (mut at, mut last) = (0, 0);
        while calls.take(&self.scanner.request(&self.io.input[at..])) {
            self.scanner.next();
            last = at;
            at += len;
            match self.scanner.scan(&self.io.input[at..], true) {
                Ok(Scanned::Frame { len: next }) => len = next,
                // Whatever else it is, it is met again at the front.
                Ok(Scanned::Nothing { .. } | Scanned::Partial) | Err(_) => break,
            }
        }
        calls.finish();
        if at > 0 {
            self.context.served.insert(self.key.database);
            let last = LastCommand::of_multibulk(&self.io.input[last..at]);
            self.outbox.presence.set_last(last);
            self.io.input.advance(at);
        }
        at > 0
    }

    /// The connection that calls can be sent to at once, if it is as they need it.
    fn link_for_calls(&self) -> Option<&Rc<Link>> {
        let link = match &self.target {
            Target::Lane(link) if !self.has_lost_transaction() => link,
            Target::Exclusive(link)
                if self.exclusive.passes(&self.outbox)
                    && !self.outbox.subscriptions.get().any() =>
            {
                link
            }
            _ => return None,
        };
        let fits = link.is_open()
            && !link.is_congested()
            && !link.is_unauthenticated()
            && !link.is_misplaced();
        fits.then_some(link)
    }

    /// Handles one session command. There is a connection for it.
    pub(super) async fn session(
        &mut self,
        command: &'static session::Command,
        request: &Request<'_>,
    ) -> Result<(), End> {
        let args: Vec<&[u8]> = request.args().skip(1).collect();
        if !command.accepts(args.len()) {
            return self.refuse_arity(command).await;
        }
        if self.link().is_some_and(|link| link.is_unauthenticated())
            && let Some(refusal) = self.authentication_refusal().await?
        {
            return self.answer_frame(&refusal).await;
        }
        if self.outbox.protocol.get() == Protocol::Resp2 && self.outbox.subscriptions.get().any() {
            let text = format!(
                "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in \
                 this context",
                command.name
            );
            return self.answer(|out| encode::error(out, text)).await;
        }
        self.context.served.insert(self.key.database);
        if self.queues() {
            return self.queue_call(self.whole_call(command, &args)).await;
        }
        match command.plan(&self.context.session, &args) {
            Ok(Plan::Script(call)) => self.send_call(call).await,
            Ok(Plan::Batched(batch)) => self.run_batches(batch).await,
            Ok(Plan::Lines(lines)) => self.answer(|out| refusal::write_lines(&lines, out)).await,
            Err(error) => self.answer(|out| refusal::write_error(&error, out)).await,
        }
    }

    /// The command as one call, whatever there is to be said to it: inside a transaction the server answers.
    pub(super) fn whole_call(&self, command: &session::Command, args: &[&[u8]]) -> Call {
        match command.plan(&self.context.session, args) {
            Ok(Plan::Script(call)) => call,
            Ok(Plan::Batched(batch)) => batch.whole(),
            Ok(Plan::Lines(lines)) => refusal::lines_call(&lines),
            Err(error) => refusal::error_call(&error),
        }
    }

    /// Whether a command gets no reply of its own now: inside a transaction, or where replies are switched off.
    fn queues(&self) -> bool {
        self.exclusive.is_unanswered() || self.outbox.transaction.borrow().is_some()
    }

    /// A wrong number of arguments. Inside a transaction the server has to know, so that `EXEC` is refused.
    async fn refuse_arity(&mut self, command: &'static session::Command) -> Result<(), End> {
        let error = arity_refusal(command);
        if self.outbox.transaction.borrow().is_none() {
            return self.answer_frame(&error).await;
        }
        if let Target::Exclusive(link) = &self.target {
            self.outbox.sent(1);
            link.send_with(&self.outbox, Slot::Refused(error), encode_refused);
        }
        Ok(())
    }

    /// What the server says to a client that has not authenticated, if it still says so. Such a client may not send as
    /// many arguments as a script call has: the server would close the connection.
    async fn authentication_refusal(&mut self) -> Result<Option<Bytes>, End> {
        self.idle().await?;
        let Some(link) = self.link().cloned() else { return Ok(None) };
        self.place();
        let ping = |out: &mut BytesMut| encode::command(out, [&b"PING"[..]]);
        Ok(match self.call(&link, Slot::Capture, ping).await? {
            Ok(frame) if frame.starts_with(b"-NOAUTH") => Some(frame),
            Ok(_) => {
                link.set_unauthenticated(false);
                None
            }
            Err(failure) => Some(super::failure_frame(&failure)),
        })
    }

    /// Sends a call that is queued by the server, or gets no reply. The script's text goes along: what `EXEC` will find
    /// cannot be known.
    async fn queue_call(&mut self, call: Call) -> Result<(), End> {
        let Target::Exclusive(link) = &self.target else { return Ok(()) };
        if self.exclusive.is_unanswered() {
            let mut bytes = BytesMut::new();
            call.write_eval(&mut bytes);
            link.send_unanswered(&bytes);
            self.exclusive.was_unanswered();
        } else {
            let slot = Slot::Queued(Some(Effect::Adapt(call.adapt())));
            self.outbox.sent(1);
            link.send_with(&self.outbox, slot, |out| call.write_eval(out));
        }
        Ok(())
    }

    /// Sends a script call by digest, in its place among the client's requests.
    async fn send_call(&mut self, call: Call) -> Result<(), End> {
        let script: *const Script = call.script();
        let Some(link) = self.link().cloned() else { return Ok(()) };
        if !self.outbox.admits_call(script, &link) {
            self.until(|outbox| outbox.admits_call(script, &link)).await?;
            if let Some(refused) = self.ready_target().await? {
                return self.answer_frame(&refused).await;
            }
        }
        let Some(link) = self.link() else { return Ok(()) };
        self.outbox.call(link, &call);
        Ok(())
    }

    /// Runs a command that works in batches, one call after the other.
    async fn run_batches(&mut self, mut batch: Batch) -> Result<(), End> {
        self.idle().await?;
        let protocol = self.outbox.protocol.get();
        let mut call = batch.first();
        loop {
            let frame = match self.ready_target().await? {
                Some(refused) => refused,
                None => {
                    let Some(link) = self.link().cloned() else { return Ok(()) };
                    match self.run_call(&link, &call).await? {
                        Ok(frame) => frame,
                        Err(failure) => super::failure_frame(&failure),
                    }
                }
            };
            match batch.next(&frame, protocol) {
                Step::Call(next) => call = next,
                Step::Done(reply) => return self.answer_frame(&reply).await,
            }
        }
    }

    async fn run_call(
        &mut self,
        link: &Rc<Link>,
        call: &Call,
    ) -> Result<Result<Bytes, Failure>, End> {
        let outcome = self.call(link, Slot::Capture, |out| call.write_evalsha(out)).await?;
        match outcome {
            Ok(frame) if reply::is_error(&frame) && frame.starts_with(b"-NOSCRIPT") => {
                self.call(link, Slot::Capture, |out| call.write_eval(out)).await
            }
            outcome => Ok(outcome),
        }
    }
}

/// The reply to a session command with a wrong number of arguments.
pub(super) fn arity_refusal(command: &session::Command) -> Bytes {
    let mut error = BytesMut::new();
    refusal::write_error(&command.arity_error(), &mut error);
    error.freeze()
}

/// Appends a request that every server refuses for its number of arguments.
pub(super) fn encode_refused(out: &mut BytesMut) {
    encode::command(out, [b"GET"]);
}
