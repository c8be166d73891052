//! What replies mean, applied when they are delivered.

use bytes::{Bytes, BytesMut};

use super::{
    super::{
        client::Client,
        ports::{Ports, To},
        refusal,
        replies::{
            Meaning,
            meaning::{Asking, Ours},
        },
        state::{
            leaving::End,
            mode::{Mode, Quiet, Tunnel},
            subscriptions::{Notice, is_message},
        },
    },
    call::send_parts,
};
use crate::{
    command::{
        client::{line::Form, profile::Flags},
        flags,
        table::State,
    },
    resp::{Protocol, encode, reply},
    session::{Batch, Step},
    state::{ids::Place, traces::Traces},
    upstream::link::receiver::Verdict,
};

/// How the server tells a client in RESP3 that its invalidations cannot be redirected any more.
const REDIRECT_BROKEN: &[u8] = b">2\r\n$21\r\ntracking-redir-broken\r\n";

impl Client {
    /// `count` complete replies for the places from `place` on, which pass as they are.
    #[inline]
    pub fn replies(&mut self, place: Place, frames: &[u8], count: u32, ports: &mut impl Ports) {
        self.replies.replies(place, frames, count);
        if self.footing.is_own() {
            self.rest(ports);
        }
    }

    /// The complete reply for `place`, which means something. `kept` was given with the request.
    pub fn reply(&mut self, place: Place, frame: &[u8], kept: &[u8], ports: &mut impl Ports) {
        let Some(meaning) = self.replies.take(place) else { return };
        self.replies.window.measure(frame.len(), meaning.commands());
        self.deliver(place, meaning, frame, kept, ports);
        self.release_targets(ports);
        if self.footing.is_own() {
            self.rest(ports);
        }
    }

    fn deliver(
        &mut self,
        place: Place,
        meaning: Meaning,
        frame: &[u8],
        kept: &[u8],
        ports: &mut impl Ports,
    ) {
        let is_error = reply::is_error(frame);
        match meaning {
            Meaning::Waited => {}
            Meaning::Call(head) => return self.call_answered(place, head, frame, kept, ports),
            Meaning::Single(call) => return self.single_answered(place, &call, frame, ports),
            Meaning::Again(adapt) => return self.again_answered(place, adapt, frame),
            Meaning::Batch(batch) => return self.batch_answered(place, batch, frame, kept, ports),
            Meaning::Substitute(substitute) => {
                return self.substituted(place, &substitute, frame, ports);
            }
            Meaning::Merged(merge) => {
                let protocol = self.protocol();
                return self.fill(place, |out| merge.apply(frame, protocol, out));
            }
            Meaning::Info(wanted) if !is_error => {
                let asking = Asking::Info(wanted, Bytes::copy_from_slice(frame));
                self.replies.put(place, Meaning::Asking(Box::new(asking)));
                return ports.ask(place, vec![super::super::registry::question::Question::Counts]);
            }
            Meaning::Info(_) => {}
            // Confirmations are not left out.
            Meaning::Subscription(_) if !is_error => self.replies.silence(place, false),
            Meaning::Subscription(_) => {}
            Meaning::Quiet(mode) if !is_error => self.reply_mode_changed(place, mode),
            Meaning::Quiet(_) => {}
            Meaning::Queued(effect) => match self.mode.transaction() {
                Some(transaction) if is_error => transaction.spoil(),
                Some(transaction) => transaction.queue(effect.map(|effect| *effect)),
                None => {}
            },
            Meaning::Part(effect) if frame != b"+QUEUED\r\n" => {
                let (label, protocol) = (self.me.label.clone(), self.protocol());
                return self.fill(place, |out| effect.write(frame, &label, protocol, out));
            }
            Meaning::Part(_) => {}
            Meaning::Executed(transaction) => {
                return self.block_executed(place, *transaction, frame);
            }
            Meaning::Refused(error) if is_error => {
                if let Some(transaction) = self.mode.transaction() {
                    transaction.spoil();
                }
                return self.fill_frame(place, &error);
            }
            Meaning::Refused(_) => {}
            Meaning::Distrusted(refusal) if !is_error => return self.fill_frame(place, &refusal),
            Meaning::Distrusted(_) => {}
            Meaning::Change(state, change, options) => {
                if state == State::Reset && !is_error && self.quiet == Quiet::Always {
                    // It has replies given again before it is answered.
                    self.quiet = Quiet::No;
                    self.replies.silence(place, false);
                }
                let option_by_option =
                    !ports.standing(To::Own).is_none_or(|own| own.waits_for_writes);
                if is_error
                    && option_by_option
                    && let Some(taken) = options.taken(frame)
                {
                    self.apply(taken, ports);
                }
                return self.change_answered(place, state, (change, options), frame, ports);
            }
            Meaning::Begun if !is_error => self.mode = Mode::Transaction(Box::default()),
            Meaning::Begun => {}
            Meaning::Watched(keys) if !is_error => {
                self.mark(Traces::WATCHING);
                self.me.watched = self.me.watched.saturating_add(keys);
            }
            Meaning::Watched(_) => {}
            Meaning::Unwatched if !is_error => self.end_watch(),
            Meaning::Unwatched => {}
            Meaning::Discarded if !is_error => {
                self.end_transaction();
            }
            Meaning::Discarded => {}
            Meaning::Executing => return self.executed(place, frame, ports),
            Meaning::Aborting => {
                let spoiled =
                    self.end_transaction().is_some_and(|transaction| transaction.is_spoiled());
                let aborted: &[u8] = match self.protocol() {
                    _ if spoiled => refusal::SPOILED,
                    Protocol::Resp2 => b"*-1\r\n",
                    Protocol::Resp3 => b"_\r\n",
                };
                return self.fill_frame(place, aborted);
            }
            Meaning::Lasting if !is_error => self.mark(Traces::LASTING),
            Meaning::Lasting => {}
            Meaning::Unknown(name) => self.unknown_answered(&name, is_error, ports),
            Meaning::Monitoring if !is_error => self.me.flag(Flags::MONITOR, true),
            Meaning::Monitoring => {}
            Meaning::Switched(switch, on) if !is_error => self.switch(switch, on),
            Meaning::Switched(..) => {}
            Meaning::Tracking(tracking, request) => {
                return self.tracking_answered(place, tracking, request, frame, ports);
            }
            Meaning::Paused(pausing) if !is_error => self.paused(pausing, ports),
            Meaning::Paused(_) => {}
            Meaning::Revoked if !is_error => ports.void_proofs(),
            Meaning::Revoked => {}
            Meaning::CommandsChanged => ports.forget_commands(),
            Meaning::Inquiry(inquiry) => return self.judged(place, inquiry, frame, ports),
            Meaning::Form(inquiry, judged) => {
                let form = Form::of(super::ask::text(frame).unwrap_or_default());
                return self.inquire(place, *inquiry, *judged, form, ports);
            }
            Meaning::ExecutedForm(executed) => {
                let (mut transaction, frames) = *executed;
                transaction.form = super::ask::text(frame).map(Form::of);
                return self.inquire_executed(place, transaction, frames, ports);
            }
            // Nothing of it was sent to the server.
            Meaning::Asking(asking) => {
                return self.replies.put(place, Meaning::Asking(asking));
            }
            Meaning::Ours(ours) => self.deliver_ours(ours, frame, ports),
        }
        self.fill_frame(place, frame);
    }

    fn deliver_ours(&mut self, ours: Ours, frame: &[u8], ports: &mut impl Ports) {
        match ours {
            Ours::Admission(_) if frame.starts_with(b"-NOAUTH") => {
                self.course.answer = Some(Box::new(Bytes::copy_from_slice(frame)));
            }
            Ours::Admission(to) => ports.admitted(to, true),
            Ours::Expulsion => ports.admitted(To::Own, !frame.starts_with(b"-NOAUTH")),
            Ours::Mark => {
                self.course.marked = true;
                // What cannot be marked cannot be waited for: the client is told why.
                self.course.unmarked =
                    reply::is_error(frame).then(|| Box::new(Bytes::copy_from_slice(frame)));
            }
            Ours::Hello(change) => self.hello_tried(&change, frame, ports),
            Ours::Placed => self.placed(frame, ports),
            Ours::Command(name) => {
                if let Some(may_share) = flags::may_share(frame) {
                    ports.note_command(&name, may_share);
                }
            }
        }
    }

    /// A command that is not in our table has been answered, after the question what kind of command it is.
    fn unknown_answered(&mut self, name: &[u8], is_error: bool, ports: &mut impl Ports) {
        if !is_error && ports.may_share(name) != Some(true) {
            self.mark(Traces::LASTING);
        }
    }

    /// A call of a command that works in steps has been answered.
    fn batch_answered(
        &mut self,
        place: Place,
        mut batch: Box<Batch>,
        frame: &[u8],
        number: &[u8],
        ports: &mut impl Ports,
    ) {
        let Some(to) = self.footing.to() else { return };
        match batch.next(number, frame, self.protocol()) {
            Step::Wait => self.replies.put(place, Meaning::Batch(batch)),
            Step::Calls(parts) => {
                self.replies.put(place, Meaning::Batch(batch));
                send_parts(to, place, &parts, ports);
            }
            Step::Done(reply) => self.fill_frame(place, &reply),
        }
    }

    /// Whether a large reply for `place` may be handed over by [`Client::part`].
    pub fn takes_parts(&mut self, place: Place) -> bool {
        let is_plain =
            matches!(&self.mode, Mode::Transaction(transaction) if !transaction.has_effects());
        // Of a run everything passes as it is.
        self.replies.meaning(place).is_none_or(|meaning| meaning.takes_parts(is_plain))
    }

    /// A part of a reply too large to be held.
    pub fn part(&mut self, place: Place, bytes: &[u8], ended: bool, ports: &mut impl Ports) {
        if ended {
            // A large reply is no error: those are short.
            match self.replies.meaning(place) {
                Some(Meaning::Executing) => drop(self.end_transaction()),
                Some(Meaning::Lasting) => self.mark(Traces::LASTING),
                Some(Meaning::Unknown(name)) => {
                    let name = name.clone();
                    self.unknown_answered(&name, false, ports);
                }
                _ => {}
            }
            if self.course.barrier == Some(place) {
                self.course.barrier = None;
            }
        }
        self.replies.part(place, bytes, ended);
        if ended && self.footing.is_own() {
            self.rest(ports);
        }
    }

    /// Whether a large frame of the client's own connection may be handed over in parts; if so, whether it answers the request
    /// at `front`.
    pub fn partable(&mut self, front: Option<Place>, beginning: &[u8]) -> Option<bool> {
        let confirms = self.is_confirmation_awaited(front);
        if self.may_be_notice(confirms, beginning) {
            // What changes the subscriptions has to be read whole.
            return is_message(beginning).then_some(false);
        }
        match front {
            None => Some(false),
            Some(place) => self.takes_parts(place).then_some(true),
        }
    }

    /// Judges a complete frame of the client's own connection; the oldest request stands at `front`.
    pub fn judge(&mut self, front: Option<Place>, frame: &[u8]) -> Verdict {
        if self.me.flags.has(Flags::MONITOR) && is_monitored(frame) {
            return Verdict::Unasked;
        }
        if self.subscriptions.answers_again(frame) {
            return Verdict::Unasked;
        }
        let confirms = self.is_confirmation_awaited(front);
        if self.may_be_notice(confirms, frame) {
            let is_push = frame.first() == Some(&b'>');
            let confirmations = match front.and_then(|place| self.replies.meaning(place)) {
                Some(Meaning::Subscription(confirmations)) => Some(confirmations),
                _ => None,
            };
            match self.subscriptions.notice(confirmations, frame) {
                Notice::Message | Notice::Announced if !self.is_collecting(front) => {
                    return Verdict::Unasked;
                }
                Notice::Confirmed(true) => return Verdict::Answers,
                Notice::Confirmed(false) => return Verdict::AnswersInPart,
                Notice::Other if is_push => return Verdict::Unasked,
                _ => {}
            }
        }
        let Some(place) = front else { return Verdict::Unasked };
        if matches!(self.replies.meaning(place), Some(Meaning::Executing))
            && let subscriptions = self.subscriptions.clone()
            && let Some(transaction) = self.mode.transaction()
            && !transaction.collect(frame, subscriptions)
        {
            return Verdict::AnswersInPart;
        }
        Verdict::Answers
    }

    /// Whether a frame of the client's own connection comes between replies, whatever is awaited.
    pub(crate) fn interrupts(&self, frame: &[u8]) -> bool {
        self.me.flags.has(Flags::MONITOR) && is_monitored(frame)
            || self.subscriptions.any() && is_message(frame)
    }

    fn is_confirmation_awaited(&mut self, front: Option<Place>) -> bool {
        let meaning = front.and_then(|place| self.replies.meaning(place));
        matches!(meaning, Some(Meaning::Subscription(_)))
    }

    /// Whether the reply to the transaction at the front has begun, and is not whole.
    fn is_collecting(&mut self, front: Option<Place>) -> bool {
        let executing = front.and_then(|place| self.replies.meaning(place));
        matches!(executing, Some(Meaning::Executing))
            && self.mode.transaction().is_some_and(|transaction| transaction.is_collecting())
    }

    /// Whether a frame may be a message or a confirmation. In RESP2 those are arrays like others; only a client that is
    /// subscribed, or waits for a confirmation, gets any.
    fn may_be_notice(&self, confirms: bool, frame: &[u8]) -> bool {
        match frame.first() {
            Some(b'>') => true,
            Some(b'*') if self.protocol() == Protocol::Resp2 => {
                confirms || self.subscriptions.any()
            }
            _ => false,
        }
    }

    /// Bytes of the client's own connection that no request asked for, or that answer the oldest one only in part.
    pub(crate) fn unasked(&mut self, bytes: &[u8], complete: bool, ports: &mut impl Ports) {
        if let Mode::Tunnel(Tunnel::Asked(silent)) = self.mode {
            return self.tunnel_answered(bytes, silent, ports);
        }
        if complete && self.subscriptions.answers_again(bytes) {
            if !self.subscriptions.made_again(bytes) {
                // It would wait for messages that do not come.
                self.leaving.end(End::Politely);
            }
            return;
        }
        if let Mode::Transaction(transaction) = &self.mode
            && transaction.is_collecting()
        {
            return;
        }
        if self.is_quiet() && self.me.flags.has(Flags::MONITOR) && is_monitored(bytes) {
            // Unlike messages these are left out.
            return;
        }
        if !complete || self.replies.is_in_part() {
            return self.replies.push_part(bytes, complete);
        }
        match self.me.redirect {
            Some(id) if bytes.starts_with(REDIRECT_BROKEN) => {
                // It ends with the server's id of the connection that is gone.
                self.replies.push(|out: &mut BytesMut| {
                    out.extend_from_slice(REDIRECT_BROKEN);
                    encode::integer(out, id.to_integer());
                });
            }
            _ => self.replies.push(|out| out.extend_from_slice(bytes)),
        }
    }

    /// The server has begun to answer a request for the stream of a replica.
    fn tunnel_answered(&mut self, bytes: &[u8], silent: bool, ports: &mut impl Ports) {
        let refused = bytes.starts_with(b"-") && bytes.ends_with(b"\r\n");
        if !(refused && silent) {
            self.replies.push(|out| out.extend_from_slice(bytes));
        }
        if refused {
            // It was all that was sent: what the client has sent behind it is still here.
            self.mode = Mode::Plain;
            ports.tunnel(false);
            self.rest(ports);
        } else {
            self.mode = Mode::Tunnel(Tunnel::Open);
            self.me.flag(Flags::REPLICA, true);
        }
    }

    /// One of the client's connections has closed; every request on it has been answered or has failed.
    pub fn closed(&mut self, to: To, ports: &mut impl Ports) {
        match to {
            To::Own => self.own_closed(ports),
            To::Lane => self.lane_cut(ports),
        }
    }
}

/// Whether the frame is a line of `MONITOR`: a time, and a database in brackets.
fn is_monitored(frame: &[u8]) -> bool {
    frame.first() == Some(&b'+')
        && frame.get(1).is_some_and(u8::is_ascii_digit)
        && frame.windows(2).take(40).any(|pair| pair == b" [")
}
