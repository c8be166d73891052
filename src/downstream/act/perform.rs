//! Requests that are not simply passed on, one by one.

use super::footing::Stop;
use crate::{
    command::{Route, client::ClientCommand, info::Wanted, route, table::Transaction as Step},
    downstream::{
        client::Client,
        decide::{Action, Lost, decide},
        ports::{Ports, To},
        refusal,
        replies::Meaning,
        state::{course::Stall, leaving::End, me::LastCommand, mode::Mode},
    },
    resp::Request,
    upstream::connect::DialError,
};

impl Client {
    /// Handles the request at the front of the input, or says what it waits for.
    pub(super) fn handle(
        &mut self,
        request: &Request<'_>,
        ports: &mut impl Ports,
    ) -> Result<(), Stall> {
        self.me.set_last(LastCommand::new(request.name(), || request.arg(1)));
        if let Some(frame) = self.course.answer.take() {
            self.answer_frame(&frame);
        } else {
            let route = route(request);
            let action = decide(self.kind(), route);
            match self.perform(action, route, request, ports) {
                Ok(()) => {}
                Err(Stop::Wait(stall)) => return Err(stall),
                Err(Stop::Refused(error)) => self.refuse(action, &error),
            }
        }
        self.end_skip();
        Ok(())
    }

    fn perform(
        &mut self,
        action: Action,
        route: Route,
        request: &Request<'_>,
        ports: &mut impl Ports,
    ) -> Result<(), Stop> {
        if !matches!(action, Action::Call(_) | Action::HangUp) && self.course.calls > 0 {
            // A script call may have to be repeated, and is not overtaken.
            return Err(Stop::Wait(Stall::Calls));
        }
        match action {
            Action::Forward => {
                let to = self.link_for(request, ports)?;
                self.forward_noted(to, request, ports);
            }
            Action::Aside(note) => self.aside(note, request, ports)?,
            Action::Replicate => self.replicate(request, ports)?,
            Action::Call(command) => self.session(command, request, ports)?,
            Action::RefuseSubscriber => self.refuse_subscriber(request, ports)?,
            Action::Change(state) => self.change(state, request, ports)?,
            Action::Step(step) => self.transaction_step(step, request, ports)?,
            Action::Subscribe(subscription) => self.subscribe(subscription, request, ports)?,
            Action::Client(command) => self.client_command(command, request, ports)?,
            Action::Info => {
                let to = self.link_for(request, ports)?;
                self.pass(to, Meaning::Info(Wanted::of(request)), request.bytes(), ports);
            }
            Action::Catalog => self.catalog(request, ports)?,
            Action::Stream(stream) => self.stream(stream, request, ports)?,
            Action::Queue => self.queue(route, request, ports)?,
            Action::Lost(lost) => self.lost(lost),
            Action::Quit => self.quit(request, ports).map_err(Stop::Wait)?,
            // Not before its turn: what waits goes on waiting.
            Action::HangUp if self.may_wait() => return Err(Stop::Wait(Stall::Idle)),
            Action::HangUp => {
                tracing::info!(client = self.me.id.0, "closing a client that speaks HTTP");
                self.leaving.end(End::Now);
            }
        }
        Ok(())
    }

    /// Passes a request on; what its success means beyond its reply is noted.
    fn forward_noted(&mut self, to: To, request: &Request<'_>, ports: &mut impl Ports) {
        let meaning = if crate::command::revokes(request) {
            Meaning::Revoked
        } else if crate::command::changes_commands(request) {
            Meaning::CommandsChanged
        } else {
            return self.run(to, request, ports);
        };
        self.pass(to, meaning, request.bytes(), ports);
    }

    /// There is no connection for the request. Where it would have changed how the following ones run, they must not run.
    fn refuse(&mut self, action: Action, error: &DialError) {
        if let Some(frame) = self.refusal(error) {
            self.answer_frame(&frame);
        }
        match action {
            Action::Step(Step::Multi) => self.mode = Mode::Lost,
            Action::Step(Step::Watch) => self.course.watch_lost = true,
            Action::Change(_) | Action::Client(ClientCommand::Reply(_))
                if matches!(error, DialError::Unreachable(_)) =>
            {
                self.leaving.end(End::Politely);
            }
            _ => {}
        }
    }

    /// A request of a client whose transaction is lost.
    fn lost(&mut self, lost: Lost) {
        let answer: &[u8] = match lost {
            Lost::Refused => refusal::TRANSACTION_LOST,
            Lost::Executed => refusal::DISCARDED,
            Lost::Discarded => b"+OK\r\n",
        };
        if lost != Lost::Refused {
            self.mode = Mode::Plain;
            self.course.watch_lost = false;
        }
        self.answer_frame(answer);
    }

    fn refuse_subscriber(
        &mut self,
        request: &Request<'_>,
        ports: &mut impl Ports,
    ) -> Result<(), Stop> {
        // Where the connection is gone the client is no subscriber any more, and is told so.
        self.own_link(ports)?;
        let name = String::from_utf8_lossy(request.name()).to_lowercase();
        self.answer_frame(&refusal::error(&format!(
            "ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in \
             this context"
        )));
        Ok(())
    }
}
