//! Requests of a client that has switched its replies off, or whose connection carries what cannot be told apart.

use bytes::BytesMut;

use super::{call::arity_refusal, footing::Stop};
use crate::{
    command::{Route, table::State},
    downstream::{
        client::Client,
        decide::{Mute, decide},
        ports::{Ports, To},
        state::{
            course::Stall,
            mode::{Kind, Mode},
        },
    },
    resp::{Request, encode},
};

/// A request that changes nothing.
pub(super) const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

impl Client {
    /// Sends a request that has no reply.
    pub(super) fn mute(
        &mut self,
        mute: Mute,
        route: Route,
        request: &Request<'_>,
        ports: &mut impl Ports,
    ) -> Result<(), Stop> {
        match ports.standing(To::Own) {
            None => return Err(Stop::Wait(Stall::Closing)),
            Some(_) if ports.is_congested(To::Own) => {
                return Err(Stop::Wait(Stall::Relief(To::Own)));
            }
            Some(_) => {}
        }
        let is_hello = matches!(route, Route::State(State::Hello));
        let mute = match mute {
            // A subscriber in RESP2, which it may become, could not have its replies switched off again.
            Mute::Heard
                if is_hello && self.subscriptions.any() && !matches!(self.mode, Mode::Skip) =>
            {
                Mute::Blind
            }
            mute => mute,
        };
        self.course.unheard = Some(self.replies.next());
        if matches!(route, Route::Blocking | Route::Replication | Route::Unknown) {
            self.course.waits_unheard = true;
        }
        if mute == Mute::Heard {
            return self.hear(route, request, ports);
        }
        if mute == Mute::Blind {
            if !self.replies.is_idle() {
                return Err(Stop::Wait(Stall::Idle));
            }
            ports.tunnel(true);
        }
        match mute {
            Mute::RepliesOn => {
                self.mode = Mode::Plain;
                self.run(To::Own, request, ports);
                return Ok(());
            }
            Mute::Call => {
                let mut call = BytesMut::new();
                self.encode_call(route, request, &mut call);
                ports.raw(&call);
            }
            _ => ports.raw(request.bytes()),
        }
        match mute {
            Mute::RepliesOff => self.mode = Mode::Off(false),
            Mute::Blind => self.mode = Mode::Blind,
            Mute::Queueing(queueing) => self.mode = Mode::Off(queueing),
            Mute::Plain | Mute::Call if matches!(self.mode, Mode::Skip) => self.mode = Mode::Plain,
            Mute::Plain | Mute::Call | Mute::SkipsOn | Mute::Heard | Mute::RepliesOn => {}
        }
        Ok(())
    }

    /// Sends a request whose reply we have to know, though the client is not to see it.
    fn hear(
        &mut self,
        route: Route,
        request: &Request<'_>,
        ports: &mut impl Ports,
    ) -> Result<(), Stop> {
        if !self.replies.is_idle() {
            // Nothing that follows has to wait, so all of it is done at once.
            return Err(Stop::Wait(Stall::Idle));
        }
        let off = matches!(self.mode, Mode::Off(_));
        let is_reset = matches!(route, Route::State(State::Reset));
        if off && !is_reset {
            let mut on = BytesMut::new();
            encode::command(&mut on, [&b"CLIENT"[..], b"REPLY", b"ON"]);
            ports.unheard(To::Own, &on);
        } else if !off {
            // This one takes the reply that is left out.
            ports.raw(PING);
        }
        let before = std::mem::take(&mut self.mode);
        // RESET switches replies on before it answers.
        self.course.silent = !(off && is_reset);
        let outcome = self.perform(decide(Kind::Plain, route), route, request, ports);
        self.course.silent = false;
        if off && !is_reset {
            let mut off = BytesMut::new();
            encode::command(&mut off, [&b"CLIENT"[..], b"REPLY", b"OFF"]);
            ports.raw(&off);
            self.mode = before;
        }
        outcome
    }

    /// Appends a session command as a call with the script's text: whether the server knows it will not be heard.
    fn encode_call(&self, route: Route, request: &Request<'_>, out: &mut BytesMut) {
        let Route::Session(command) = route else { return };
        let args: Vec<&[u8]> = request.args().skip(1).collect();
        if command.accepts(args.len()) {
            self.whole_call(command, &args).write_eval(out);
        } else if matches!(self.mode, Mode::Blind | Mode::Tunnel(_)) {
            // Somebody may see the answer.
            let error = arity_refusal(command);
            let text =
                String::from_utf8_lossy(&error).trim_start_matches('-').trim_end().to_owned();
            let script = "return redis.error_reply(ARGV[1])";
            encode::command(out, [&b"EVAL"[..], script.as_bytes(), b"0", text.as_bytes()]);
        } else {
            out.extend_from_slice(PING);
        }
    }
}
