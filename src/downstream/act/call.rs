//! A client's session commands: planned, and sent as script calls in the client's own stream.

use std::ptr;

use bytes::{Buf, Bytes, BytesMut};

use super::footing::Stop;
use crate::{
    downstream::{
        client::Client,
        ports::{Ports, To},
        replies::{Meaning, meaning::Ours},
        state::{course::Stall, me::LastCommand, mode::Mode, transaction::Effect},
    },
    resp::{Request, Scanned},
    session::{self, Call, Part, Plan, Reads, Script, refusal},
    state::ids::Place,
};

/// Most arguments behind the name of a session command that is passed on without waiting.
const MOST_ARGUMENTS: usize = 8;
/// How large the replies to reads that one call carries out may be together, going by the last ones, in bytes.
const REPLIES_OF_A_CALL: u32 = 256 << 10;
/// A request that every server refuses for its number of arguments.
const REFUSED: &[u8] = b"*1\r\n$3\r\nGET\r\n";

/// A request that changes nothing.
pub(super) const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

/// Session commands on their way to calls. Several reads in a row become one.
struct Calls {
    to: To,
    reads: Reads,
    most_reads: u32,
    room: u32,
}

impl Client {
    /// Passes on the session commands at the front of the input, of which the scanner has found the first with its `len`,
    /// as long as each is one call and nothing has to be waited for. False when nothing was passed on.
    pub(super) fn pass_calls(
        &mut self,
        mut len: usize,
        input: &mut BytesMut,
        ports: &mut impl Ports,
    ) -> bool {
        let Some(to) = self.link_for_calls(ports) else { return false };
        let window = self.replies.window;
        let mut calls = Calls {
            to,
            reads: Reads::new(ports.spare()),
            most_reads: window.fitting(REPLIES_OF_A_CALL).max(1),
            room: window.room(self.replies.pending()),
        };
        let mut scanner = self.scanner.take().unwrap_or_default();
        let (mut at, mut last, mut count) = (0, 0, 0);
        while self.take_call(&mut calls, &scanner.request(&input[at..]), ports) {
            scanner.next();
            last = at;
            at += len;
            count += 1;
            match scanner.scan(&input[at..], true) {
                Ok(Scanned::Frame { len: next }) => len = next,
                // Whatever else it is, it is met again at the front.
                Ok(Scanned::Nothing { .. } | Scanned::Partial) | Err(_) => break,
            }
        }
        self.scanner = Some(scanner);
        self.send_reads(&mut calls, ports);
        ports.give_spare(calls.reads.into_buffer());
        if at > 0 {
            ports.served(self.key.database);
            self.me.totals.commands += count;
            self.me.set_last(LastCommand::of_multibulk(&input[last..at]));
            input.advance(at);
        }
        at > 0
    }

    /// The connection that calls can be sent to at once, if it is as they need it.
    fn link_for_calls(&self, ports: &impl Ports) -> Option<To> {
        let to = self.footing.to()?;
        let ready = matches!(self.mode, Mode::Plain)
            && !self.is_quiet()
            && self.course.answer.is_none()
            && (to == To::Lane || !self.subscriptions.any())
            && !self.footing.is_asking()
            && ports.standing(to).is_some_and(|standing| standing.is_plain())
            && !ports.is_congested(to)
            && (to == To::Own || !ports.writes_are_paused());
        ready.then_some(to)
    }

    /// Takes a request if it is a session command that one call can carry out now.
    fn take_call(
        &mut self,
        calls: &mut Calls,
        request: &Request<'_>,
        ports: &mut impl Ports,
    ) -> bool {
        let mut args = [&b""[..]; MOST_ARGUMENTS];
        let count = request.len() - 1;
        if calls.room == 0
            || count > MOST_ARGUMENTS
            || request.is_inline()
            || !request.is_well_ended()
        {
            return false;
        }
        let Some(command) = session::lookup(request.name()) else { return false };
        request.args().skip(1).zip(&mut args).for_each(|(given, arg)| *arg = given);
        let taken = self.plan_call(calls, command, &args[..count], ports);
        calls.room -= u32::from(taken);
        taken
    }

    fn plan_call(
        &mut self,
        calls: &mut Calls,
        command: &session::Command,
        args: &[&[u8]],
        ports: &mut impl Ports,
    ) -> bool {
        let rules = self.rules.clone();
        let settings = &rules.session;
        let reads = self.admits_call(calls.reads.script(), calls.to, ports);
        let room = calls.reads.count() < calls.most_reads;
        if reads && room && calls.reads.add(command, settings, args) {
            return true;
        }
        self.send_reads(calls, ports);
        if reads && calls.reads.add(command, settings, args) {
            return true;
        }
        match command.plan_into(settings, args, ports.spare()) {
            Ok(Plan::Script(call)) if self.admits_call(call.script(), calls.to, ports) => {
                self.send_call(calls.to, &call, ports);
                ports.give_spare(call.into_buffer());
                true
            }
            // What else it is takes its time to answer.
            Ok(_) | Err(_) => false,
        }
    }

    fn send_reads(&mut self, calls: &mut Calls, ports: &mut impl Ports) {
        if let Some(call) = calls.reads.take(&self.rules.session) {
            self.send_call(calls.to, &call, ports);
            calls.reads = Reads::new(call.into_buffer());
        }
    }

    /// Handles one session command.
    pub(super) fn session(
        &mut self,
        command: &'static session::Command,
        request: &Request<'_>,
        ports: &mut impl Ports,
    ) -> Result<(), Stop> {
        let to = self.any_link(ports)?;
        let args: Vec<&[u8]> = request.args().skip(1).collect();
        let queues = matches!(self.mode, Mode::Transaction(_));
        if !command.accepts(args.len()) {
            let error = arity_refusal(command);
            if queues {
                self.refuse_by_server(to, error, ports);
            } else {
                self.answer_frame(&error);
            }
            return Ok(());
        }
        if ports.standing(to).is_some_and(|standing| standing.unauthenticated) {
            // The server has to refuse it. Such a client may not send as many arguments as a script call has: the server would
            // close the connection.
            self.select_again(to, ports);
            self.ours_with_barrier(to, Ours::Admission(to), PING, ports);
            return Err(Stop::Wait(Stall::Barrier));
        }
        ports.served(self.key.database);
        self.select_again(to, ports);
        if queues {
            let call = self.whole_call(command, &args);
            let effect = Effect::Adapt(call.adapt());
            self.me.queued_bytes += request.bytes().len();
            let place = self.place(Meaning::Queued(Some(Box::new(effect))));
            ports.send(to, place, b"", &mut |out| call.write_eval(out));
            return Ok(());
        }
        match command.plan(&self.rules.session, &args) {
            Ok(Plan::Script(call)) => {
                if !self.admits_call(call.script(), to, ports) {
                    return Err(Stop::Wait(Stall::Calls));
                }
                self.send_call(to, &call, ports);
            }
            Ok(Plan::Batched(mut batch)) => {
                if self.course.calls > 0 {
                    return Err(Stop::Wait(Stall::Calls));
                }
                let parts = batch.begin();
                let place = self.place_with_barrier(Meaning::Batch(batch));
                send_parts(to, place, &parts, ports);
            }
            Ok(Plan::Lines(lines)) => self.answer(|out| refusal::write_lines(&lines, out)),
            Err(error) => self.answer(|out| refusal::write_error(&error, out)),
        }
        Ok(())
    }

    /// Has the server refuse a session command inside a transaction, in words that are replaced by `error`: it has to know, so
    /// that `EXEC` is refused.
    pub(super) fn refuse_by_server(&mut self, to: To, error: Bytes, ports: &mut impl Ports) {
        self.pass(to, Meaning::Refused(Box::new(error)), REFUSED, ports);
    }

    /// The command as one call, whatever there is to be said to it: inside a transaction the server answers.
    pub(super) fn whole_call(&self, command: &session::Command, args: &[&[u8]]) -> Call {
        match command.plan(&self.rules.session, args) {
            Ok(Plan::Script(call)) => call,
            Ok(Plan::Batched(batch)) => batch.whole(),
            Ok(Plan::Lines(lines)) => refusal::lines_call(&lines),
            Err(error) => refusal::error_call(&error),
        }
    }

    /// Sends a script call by digest. The bytes for its repetition are kept by the link.
    fn send_call(&mut self, to: To, call: &Call, ports: &mut impl Ports) {
        let meaning = Meaning::Call(call.head());
        self.course.script = Some(call.script());
        self.course.calls += meaning.commands();
        let place = self.place(meaning);
        ports.send(to, place, call.body(), &mut |out| call.write_evalsha(out));
    }

    /// Whether a script call by digest may be sent: none of another script is under way. A call that the server does not
    /// know is repeated, and must not be overtaken by a later one that it does know.
    /// While a call of anyone is being repeated on the link, those that are under way may have to be as well; and so may a
    /// first call that nobody has heard of yet, while others of the server's clients make the script known to it.
    fn admits_call(&self, script: &'static Script, to: To, ports: &impl Ports) -> bool {
        self.course.calls == 0
            || (self.course.script.is_some_and(|under_way| ptr::eq(under_way, script))
                && ports.knows(to, ptr::from_ref(script).addr()))
    }

    /// Commands that a script call by digest stood for are under way no longer.
    pub(super) fn called(&mut self, commands: u32) {
        self.course.calls = self.course.calls.saturating_sub(commands);
    }

    /// The reply to a script call by digest.
    pub(super) fn call_answered(
        &mut self,
        place: Place,
        head: session::CallHead,
        frame: &[u8],
        body: &[u8],
        ports: &mut impl Ports,
    ) {
        let Some(to) = self.footing.to() else { return };
        let script = ptr::from_ref(head.script()).addr();
        let (adapt, commands) = (head.adapt(), head.adapt().commands());
        if frame.starts_with(b"-NOSCRIPT") {
            ports.learn(to, script, false);
            self.replies.put(place, Meaning::Again(adapt));
            return ports.repeat(to, place, &mut |out| head.write_eval(body, out));
        }
        if commands > 1 && frame.starts_with(b"-NOPERM") {
            // The rights may be to some of the sessions. The server has refused the call before it ran.
            let singly: Vec<Call> = head.singly(body).collect();
            self.replies
                .split(place, singly.iter().map(|call| Meaning::Single(Box::new(call.clone()))));
            for (offset, call) in singly.iter().enumerate() {
                let place = place.plus(offset as u32);
                ports.repeat(to, place, &mut |out| call.write_evalsha(out));
            }
            return;
        }
        if !crate::resp::reply::is_error(frame) {
            ports.learn(to, script, true);
        }
        let protocol = self.key.protocol;
        self.fill(place, |out| adapt.apply(frame, protocol, out));
        self.called(commands);
    }

    /// The reply to a single one of several reads.
    pub(super) fn single_answered(
        &mut self,
        place: Place,
        call: &Call,
        frame: &[u8],
        ports: &mut impl Ports,
    ) {
        let Some(to) = self.footing.to() else { return };
        if frame.starts_with(b"-NOSCRIPT") {
            self.replies.put(place, Meaning::Again(call.adapt()));
            return ports.repeat(to, place, &mut |out| call.write_eval(out));
        }
        self.again_answered(place, call.adapt(), frame);
    }

    /// The reply to a repeated call.
    pub(super) fn again_answered(&mut self, place: Place, adapt: session::Adapt, frame: &[u8]) {
        let protocol = self.key.protocol;
        self.fill(place, |out| adapt.apply(frame, protocol, out));
        self.called(adapt.commands());
    }
}

/// Sends calls of a command that works in steps: each has a reply, and all of them are for one place.
pub(super) fn send_parts(to: To, place: Place, parts: &[Part], ports: &mut impl Ports) {
    for part in parts {
        ports.send(to, place, part.number(), &mut |out| part.write(out));
    }
}

/// The reply to a session command with a wrong number of arguments.
pub(super) fn arity_refusal(command: &session::Command) -> Bytes {
    let mut error = BytesMut::new();
    refusal::write_error(&command.arity_error(), &mut error);
    error.freeze()
}
