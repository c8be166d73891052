//! `CLIENT`: what a client says and asks about itself and about others.
//!
//! The server decides whether a command is right and allowed; what it knows are upstream connections, so what it says of
//! them is replaced by what is true of clients.

use bytes::{Bytes, BytesMut};

use super::{
    ask::{client_named, with_pinned},
    footing::Stop,
};
use crate::{
    command::{
        client::{
            ClientCommand, ReplyMode, Switch, naming::Naming, profile::Flags, tracking::Tracking,
        },
        pause::{Mode as PauseMode, Pausing},
    },
    downstream::{
        client::Client,
        ports::{Ports, To},
        registry::question::{Inquiry, Question},
        replies::{Meaning, meaning::Asking},
        state::mode::Quiet,
        state::substitute::Substitute,
    },
    resp::{Request, encode},
    state::{
        ids::{ClientId, Place},
        traces::Traces,
    },
};

/// How the server ends its answer when everything is right and allowed but the client to redirect to (`clientCommand` in
/// networking.c).
const NO_SUCH_TARGET: &[u8] = b"does not exist\r\n";

impl Client {
    /// A `CLIENT` subcommand outside of transactions.
    pub(super) fn client_command(
        &mut self,
        command: ClientCommand,
        request: &Request<'_>,
        ports: &mut impl Ports,
    ) -> Result<(), Stop> {
        let to = if command.is_shared() {
            self.link_for(request, ports)?
        } else {
            self.own_link_in_database(ports)?;
            To::Own
        };
        match command {
            ClientCommand::Info | ClientCommand::List | ClientCommand::Kill => {
                let asked = self.asked_in_place(to, command, request, ports);
                let inquiry = Inquiry::of(command, request, self.me.id);
                self.pass_with_barrier(to, Meaning::Inquiry(Box::new(inquiry)), &asked, ports);
            }
            ClientCommand::Unblock => {
                let asking = Asking::Unblock(Bytes::copy_from_slice(request.bytes()));
                let place = self.place_with_barrier(Meaning::Asking(Box::new(asking)));
                ports.ask(place, vec![Question::Pinned(client_named(request, 2))]);
            }
            ClientCommand::Tracking => self.change_tracking(request, ports),
            ClientCommand::Switch(switch, on) => {
                self.pass_with_barrier(to, Meaning::Switched(switch, on), request.bytes(), ports);
            }
            ClientCommand::Reply(mode) => self.reply_mode(mode, ports),
            ClientCommand::Pause | ClientCommand::Unpause => match Pausing::of(request) {
                Some(pausing) => {
                    self.pass_with_barrier(to, Meaning::Paused(pausing), request.bytes(), ports);
                }
                None => self.run(to, request, ports),
            },
            _ => match self.substitute(to, command, request) {
                None => self.run(to, request, ports),
                Some(substitute) => self.send_substituted(to, substitute, request, ports),
            },
        }
        Ok(())
    }

    fn send_substituted(
        &mut self,
        to: To,
        substitute: Substitute,
        request: &Request<'_>,
        ports: &mut impl Ports,
    ) {
        let names_lane = to == To::Lane && matches!(substitute, Substitute::Naming(_));
        let place = self.place(Meaning::Substitute(Box::new(substitute)));
        if names_lane {
            ports.send(to, place, b"", &mut |out| Naming::encode_masked(request, out));
        } else {
            Self::send(ports, to, place, request.bytes());
        }
    }

    /// What takes the place of the server's answer, where that is known beforehand.
    pub(super) fn substitute(
        &self,
        to: To,
        command: ClientCommand,
        request: &Request<'_>,
    ) -> Option<Substitute> {
        match command {
            ClientCommand::Id => Some(Substitute::Id(self.me.id)),
            // A refused HELLO may have named the connection, which then is the client's for good.
            ClientCommand::GetName => {
                let certain = to == To::Lane || !self.marks.any(Traces::LASTING);
                certain.then_some(Substitute::Name)
            }
            ClientCommand::Label => Naming::of(request).map(Substitute::Naming),
            ClientCommand::GetRedirect | ClientCommand::TrackingInfo => {
                Some(Substitute::Redirect(self.me.redirect))
            }
            _ => None,
        }
    }

    /// The server has answered a command whose answer speaks of its connection.
    pub(super) fn substituted(
        &mut self,
        place: Place,
        substitute: &Substitute,
        frame: &[u8],
        ports: &mut impl Ports,
    ) {
        let (label, protocol) = (self.me.label.clone(), self.protocol());
        self.fill(place, |out| substitute.write(frame, &label, protocol, out));
        if let Substitute::Naming(naming) = substitute
            && !crate::resp::reply::is_error(frame)
        {
            self.me.name(naming);
            self.relabel(self.me.label.clone(), ports);
        }
    }

    /// `CLIENT TRACKING`
    fn change_tracking(&mut self, request: &Request<'_>, ports: &mut impl Ports) {
        let tracking = Tracking::of(request);
        let Some((_, at)) = tracking.redirect else {
            return self.pass_with_barrier(
                To::Own,
                Meaning::Tracking(Box::new(tracking), None),
                request.bytes(),
                ports,
            );
        };
        // Nobody is bothered before the server has said that the request is right and allowed.
        let nobody = with_pinned(request, at, None);
        let kept = Box::new(Bytes::copy_from_slice(request.bytes()));
        self.pass_with_barrier(
            To::Own,
            Meaning::Tracking(Box::new(tracking), Some(kept)),
            &nobody,
            ports,
        );
    }

    /// The server has answered `CLIENT TRACKING`; `request` is what is to be sent once it has judged the words.
    pub(super) fn tracking_answered(
        &mut self,
        place: Place,
        tracking: Box<Tracking>,
        request: Option<Box<Bytes>>,
        frame: &[u8],
        ports: &mut impl Ports,
    ) {
        if let (Some(request), Some((id, _))) = (request, tracking.redirect) {
            if !frame.ends_with(NO_SUCH_TARGET) {
                return self.fill_frame(place, frame);
            }
            let asking = Asking::Tracking(*tracking, *request);
            self.replies.put(place, Meaning::Asking(Box::new(asking)));
            return ports.ask(place, vec![Question::Keep(ClientId(id))]);
        }
        if frame == b"+OK\r\n" {
            self.track(&tracking, ports);
        } else if let Some((id, _)) = tracking.redirect {
            ports.release_target(ClientId(id));
        }
        self.fill_frame(place, frame);
    }

    /// Notes that the server has accepted `CLIENT TRACKING`.
    pub(super) fn track(&mut self, tracking: &Tracking, ports: &mut impl Ports) {
        self.end_redirect(ports);
        self.me.flag(Flags::TRACKING, tracking.on);
        self.me.flag(Flags::BROADCAST, tracking.on && tracking.broadcast);
        let redirect = tracking.redirect.map_or(0, |(id, _)| id);
        self.me.redirect = tracking.on.then_some(ClientId(redirect));
        // The server remembers which keys were read on it.
        self.mark(Traces::LASTING);
    }

    /// Its invalidations go nowhere else any more.
    pub(super) fn end_redirect(&mut self, ports: &mut impl Ports) {
        if let Some(target) = self.me.redirect.take().filter(|id| id.0 > 0) {
            ports.release_target(target);
        }
    }

    /// Notes that the server has accepted `CLIENT NO-EVICT` or `NO-TOUCH`.
    pub(super) fn switch(&mut self, switch: Switch, on: bool) {
        let flag = match switch {
            Switch::NoEvict => Flags::NO_EVICT,
            Switch::NoTouch => Flags::NO_TOUCH,
        };
        self.me.flag(flag, on);
    }

    /// `CLIENT REPLY`
    fn reply_mode(&mut self, mode: ReplyMode, ports: &mut impl Ports) {
        self.pass_with_barrier(To::Own, Meaning::Quiet(mode), &replies_on(), ports);
    }

    /// The server lets the client choose which replies it is given.
    pub(super) fn reply_mode_changed(&mut self, place: Place, mode: ReplyMode) {
        self.quiet = match mode {
            ReplyMode::On => Quiet::No,
            ReplyMode::Skip if self.quiet == Quiet::No => Quiet::Next,
            ReplyMode::Skip | ReplyMode::Off => Quiet::Always,
        };
        self.replies.silence(place, mode != ReplyMode::On);
    }

    /// The server has accepted `CLIENT PAUSE` or `UNPAUSE`.
    pub(super) fn paused(&mut self, pausing: Pausing, ports: &mut impl Ports) {
        match pausing {
            Pausing::Unpause => ports.pause_writes(None),
            Pausing::Pause(pause) if pause.mode == PauseMode::Write => {
                ports.pause_writes(Some(std::time::Duration::from_millis(pause.millis)));
            }
            // All wait for the same time, on whatever connection.
            Pausing::Pause(_) => {}
        }
    }
}

/// What the server is asked in place of every `CLIENT REPLY`: whether it is allowed. Its replies stay on, because what it
/// does not say would have to be guessed.
pub(super) fn replies_on() -> Bytes {
    let mut request = BytesMut::new();
    encode::command(&mut request, [&b"CLIENT"[..], b"REPLY", b"ON"]);
    request.freeze()
}
