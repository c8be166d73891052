//! What the outbox does with each reply, and with the lack of one.

use std::{rc::Rc, task::Waker};

use bytes::{Buf, Bytes};

use super::{Outbox, Quiet, empty};
use crate::{
    command::info,
    downstream::{
        slot::Slot,
        subscriptions::{Notice, is_message},
        transaction::Client,
    },
    resp::{encode, reply},
    session::Script,
    upstream::{
        link::Link,
        receiver::{Expected, Failure, Receiver, Verdict},
    },
};

/// How much of a reply is kept for the connection's task to look at.
const HEAD: usize = 64;
/// How the server tells a client in RESP3 that its invalidations cannot be redirected any more.
const REDIRECT_BROKEN: &[u8] = b">2\r\n$21\r\ntracking-redir-broken\r\n";

impl Receiver for Outbox {
    type Slot = Slot;

    fn replies(this: &Rc<Self>, frames: &[u8], count: u32) {
        this.measure(frames.len(), count);
        this.pass(frames);
        this.settle(count);
    }

    fn reply(this: &Rc<Self>, link: &Link<Self>, slot: Slot, frame: &[u8]) {
        this.measure(frame.len(), slot.commands());
        match slot {
            Slot::Drop => {}
            Slot::Capture => {
                this.settle(1);
                this.conclude(Ok(Bytes::copy_from_slice(frame)));
            }
            Slot::Observe => {
                this.pass(frame);
                this.settle(1);
                this.conclude(Ok(head(frame)));
            }
            Slot::Session(head, kept) => link.take_kept(kept as usize, |body| {
                let script: *const Script = head.script();
                if !reply::is_error(frame) {
                    link.learn(script.addr(), true);
                }
                if frame.starts_with(b"-NOSCRIPT") {
                    link.learn(script.addr(), false);
                    this.repeat(link, head.adapt(), |out| head.write_eval(body, out));
                } else if head.adapt().commands() > 1 && frame.starts_with(b"-NOPERM") {
                    // The rights may be to some of the sessions. The server has refused the call before it ran.
                    for call in head.singly(body) {
                        this.repeat_single(link, call);
                    }
                } else {
                    let adapt = head.adapt();
                    this.pass_written(|out| adapt.apply(frame, this.protocol.get(), out));
                    this.called(adapt.commands());
                }
            }),
            Slot::Single(hold, call) if frame.starts_with(b"-NOSCRIPT") => {
                link.send_with(this, Slot::Again(hold, call.adapt()), |out| call.write_eval(out));
            }
            Slot::Single(hold, call) => this.repeated(link, hold, call.adapt(), frame),
            Slot::Again(hold, adapt) => this.repeated(link, hold, adapt, frame),
            Slot::Substitute(substitute) => {
                this.substituted(link, substitute, frame);
                this.settle(1);
            }
            Slot::Merged(merge) => {
                this.pass_written(|out| merge.apply(frame, this.protocol.get(), out));
                this.settle(1);
            }
            Slot::Section(section) => {
                this.pass_written(|out| info::append(frame, &section, out));
                this.settle(1);
            }
            Slot::Subscription(_) => {
                this.pass(frame);
                this.settle(1);
            }
            Slot::Queued(effect) => {
                this.queued(effect, frame);
                this.settle(1);
            }
            Slot::Part(_) if frame == b"+QUEUED\r\n" => {
                this.pass(frame);
                this.settle(1);
            }
            Slot::Part(effect) => {
                this.pass_written(|out| {
                    effect.write(frame, &this.presence.label(), this.protocol.get(), out);
                });
                this.settle(1);
            }
            Slot::Executed(transaction) => {
                let client = Client {
                    id: this.id,
                    label: this.presence.label(),
                    protocol: this.protocol.get(),
                };
                this.pass_written(|out| {
                    transaction.execute(frame, client, out);
                });
                this.settle(1);
            }
            Slot::Refused(error) => {
                this.pass(if reply::is_error(frame) { &error } else { frame });
                this.settle(1);
            }
        }
    }

    fn takes_parts(slot: &Slot) -> bool {
        matches!(slot, Slot::Observe)
    }

    fn part(this: &Rc<Self>, bytes: &[u8], last: Option<Expected<Slot>>) {
        this.pass(bytes);
        this.in_part.set(last.is_none());
        match last {
            None => {}
            Some(Expected::Slot(Slot::Observe)) => {
                this.settle(1);
                // A large reply to a command that is observed is no error: those are short.
                this.conclude(Ok(Bytes::new()));
            }
            Some(_) => this.settle(1),
        }
    }

    fn partable(this: &Rc<Self>, front: Option<&Expected<Slot>>, beginning: &[u8]) -> Option<bool> {
        let confirms = matches!(front, Some(Expected::Slot(Slot::Subscription(_))));
        if this.may_be_notice(confirms, beginning) {
            // What changes the subscriptions has to be read whole.
            return is_message(beginning).then_some(false);
        }
        match front {
            None => Some(false),
            Some(Expected::Run(_)) => Some(true),
            Some(Expected::Slot(slot)) => Self::takes_parts(slot).then_some(true),
        }
    }

    fn judge(this: &Rc<Self>, front: Option<&mut Expected<Slot>>, frame: &[u8]) -> Verdict {
        let is_push = frame.first() == Some(&b'>');
        let mut subscriptions = this.subscriptions.get();
        let (has_front, confirmations) = match front {
            Some(Expected::Slot(Slot::Subscription(confirmations))) => (true, Some(confirmations)),
            Some(_) => (true, None),
            None => (false, None),
        };
        if this.may_be_notice(confirmations.is_some(), frame) {
            let notice = subscriptions.notice(confirmations, frame);
            this.subscriptions.set(subscriptions);
            match notice {
                Notice::Message | Notice::Announced => return Verdict::Unasked,
                Notice::Confirmed(true) => return Verdict::Answers,
                Notice::Confirmed(false) => return Verdict::AnswersInPart,
                Notice::Other if is_push => return Verdict::Unasked,
                Notice::Other => {}
            }
        }
        if has_front { Verdict::Answers } else { Verdict::Unasked }
    }

    fn unasked(this: &Rc<Self>, bytes: &[u8], complete: bool) {
        match this.presence.redirect.get() {
            Some(id) if bytes.starts_with(REDIRECT_BROKEN) => {
                // It ends with the server's id of the connection that is gone.
                this.pass_written(|out| {
                    out.extend_from_slice(REDIRECT_BROKEN);
                    encode::integer(out, i64::try_from(id).unwrap_or(i64::MAX));
                });
            }
            _ => this.pass(bytes),
        }
        if this.in_part.replace(!complete) && complete {
            this.wake();
        }
    }

    fn failed(this: &Rc<Self>, expected: Expected<Slot>, failure: &Failure) {
        let error = crate::downstream::failure_frame(failure);
        if this.in_part.get() {
            // Half a reply is with the client: nothing that follows could be understood.
            this.end();
        }
        this.fail(expected, &error, failure);
    }

    fn link_closed(this: &Rc<Self>) {
        this.link_closed.set(true);
        this.wake();
    }

    fn touch(&self) -> bool {
        !self.touched.replace(true)
    }

    fn flush(&self) {
        self.touched.set(false);
        let mut out = self.out.borrow_mut();
        while !out.is_empty() && !self.blocked.get() && !self.ended.get() {
            match self.write.borrow().try_write(&out) {
                Ok(written) => out.advance(written),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    self.blocked.set(true);
                    self.wake();
                }
                Err(_) => {
                    self.ended.set(true);
                    self.wake();
                }
            }
        }
        if out.is_empty() {
            empty(&mut out);
        } else if out.len() > self.limit {
            tracing::warn!(
                client = self.id,
                unread = out.len(),
                "closing a client that reads no replies"
            );
            drop(out);
            self.end();
        }
    }

    fn backlog(&self) -> usize {
        if self.ended.get() { 0 } else { self.out.borrow().len() }
    }

    fn on_drain(&self, waker: &Waker) {
        let mut drained = self.drained.borrow_mut();
        if !drained.iter().any(|known| known.will_wake(waker)) {
            drained.push(waker.clone());
        }
    }
}

impl Outbox {
    fn fail(&self, expected: Expected<Slot>, error: &[u8], failure: &Failure) {
        let quiet = self.quiet.get() != Quiet::No;
        if quiet {
            self.quiet.set(Quiet::Failed);
        }
        let error = if quiet { b"" } else { error };
        match expected {
            Expected::Run(count) => {
                for _ in 0..count {
                    self.pass(error);
                }
                self.settle(count);
            }
            Expected::Slot(Slot::Drop) => {}
            Expected::Slot(Slot::Capture) => {
                self.settle(1);
                self.conclude(Err(failure.clone()));
            }
            Expected::Slot(Slot::Observe) => {
                self.pass(error);
                self.settle(1);
                self.conclude(Err(failure.clone()));
            }
            Expected::Slot(Slot::Session(head, _)) => {
                let commands = head.adapt().commands();
                (0..commands).for_each(|_| self.pass(error));
                self.called(commands);
            }
            Expected::Slot(Slot::Single(hold, _)) => {
                self.release(hold, error);
                self.called(1);
            }
            Expected::Slot(Slot::Again(hold, adapt)) => {
                let commands = adapt.commands();
                self.release(hold, &error.repeat(commands as usize));
                self.called(commands);
            }
            Expected::Slot(
                Slot::Substitute(_)
                | Slot::Merged(_)
                | Slot::Section(_)
                | Slot::Subscription(_)
                | Slot::Queued(_)
                | Slot::Part(_)
                | Slot::Executed(_)
                | Slot::Refused(_),
            ) => {
                self.pass(error);
                self.settle(1);
            }
        }
    }
}

/// The beginning of a reply: enough to see whether it is an error, and which.
fn head(frame: &[u8]) -> Bytes {
    Bytes::copy_from_slice(&frame[..frame.len().min(HEAD)])
}
