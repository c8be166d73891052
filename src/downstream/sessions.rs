//! A client's session commands: planned, and sent as script calls in the client's own stream.

use std::rc::Rc;

use bytes::{Bytes, BytesMut};

use super::{
    connection::{Connection, Link},
    io::End,
    slot::{Effect, Slot},
    target::Target,
};
use crate::{
    resp::{Protocol, Request, encode, reply},
    session::{self, Batch, Call, Plan, Script, Step, refusal},
    upstream::receiver::Failure,
};

impl Connection {
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
        self.outbox.called(script);
        let slot = Slot::Session(Box::new(call.clone()));
        link.send_with(&self.outbox, slot, |out| call.write_evalsha(out));
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
