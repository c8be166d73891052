//! `AUTH`, `HELLO`, `SELECT` and `RESET`: the server decides whether the client's state changes.
//!
//! A client on a lane asks on the lane of the state that it wants to be in: there the request changes nothing, so the lane stays
//! what it is, and its answer is the server's word on this very client. Thousands can log in by one connection.

use std::rc::Rc;

use bytes::{Bytes, BytesMut};

use super::{call::PING, footing::Stop};
use crate::{
    command::{
        change::{Change, HelloOptions},
        client::naming::Naming,
        own_id::write_hello,
        table::State,
    },
    downstream::{
        client::Client,
        ports::{Ports, To},
        registry::question::Told,
        replies::{Meaning, meaning::Ours},
        state::{course::Stall, mode::Mode},
    },
    resp::{Protocol, Request, encode, reply},
    state::{ids::Place, label::Label, traces::Traces},
    upstream::connect::{DialError, Step},
};

impl Client {
    /// Asks the server for a change of state.
    pub(super) fn change(
        &mut self,
        state: State,
        request: &Request<'_>,
        ports: &mut impl Ports,
    ) -> Result<(), Stop> {
        let change = Change::of(state, request);
        let on_lane = !self.rules.dedicated
            && !self.footing.is_own()
            && !self.footing.change_by_own
            && matches!(self.mode, Mode::Plain)
            && state != State::Reset
            && request.is_well_ended()
            && !ports.writes_are_paused();
        match &change {
            Some(change) if on_lane => {
                if self.change_on_lane(state, change, request, ports)? {
                    return Ok(());
                }
                self.footing.change_by_own = true;
            }
            _ => {}
        }
        self.own_link(ports)?;
        self.footing.change_by_own = false;
        self.change_on_own(state, change, request, ports);
        Ok(())
    }

    /// False when it has to be asked for on a connection of the client's own.
    fn change_on_lane(
        &mut self,
        state: State,
        change: &Change,
        request: &Request<'_>,
        ports: &mut impl Ports,
    ) -> Result<bool, Stop> {
        if !self.replies.is_idle() {
            return Err(Stop::Wait(Stall::Idle));
        }
        let key = Rc::new(change.apply(&self.key));
        let entered = match self.usable(ports) {
            // The lane that was asked for, and no other: on any other the request would change it for all.
            Ok(Some(To::Lane)) if ports.is_lane_of(&key) => Ok(()),
            Ok(_) => {
                self.footing.ahead_of_change = true;
                // Whoever is let in by this has said all that there is to say: the server need not be asked again.
                let is_login = change.identity.is_some() && change.name.is_none();
                self.enter(&key, is_login.then_some(request.bytes()), ports)
            }
            Err(stop) => Err(stop),
        };
        match entered {
            Ok(()) => self.footing.ahead_of_change = false,
            Err(Stop::Refused(error)) => {
                self.footing.ahead_of_change = false;
                self.stay(ports);
                let by_change = match &error {
                    // How far the server got with such a request before it refused it, it has to show itself.
                    DialError::Refused(..) | DialError::StateRefused(..)
                        if change.name.is_some() =>
                    {
                        false
                    }
                    DialError::Unreachable(_) => true,
                    DialError::Refused(step, _) | DialError::StateRefused(step, _) => {
                        is_about(*step, change)
                    }
                };
                return match error {
                    DialError::Refused(_, frame) | DialError::StateRefused(_, frame)
                        if by_change =>
                    {
                        self.answer_frame(&frame);
                        Ok(true)
                    }
                    error if by_change => Err(Stop::Refused(error)),
                    _ => Ok(false),
                };
            }
            Err(wait) => return Err(wait),
        }
        if change.name.is_some() {
            let mut unnamed = BytesMut::new();
            encode_unnamed(change, &mut unnamed);
            let place = self.ours(Ours::Hello(Box::new(change.clone())));
            self.course.barrier = Some(place);
            Self::ask_for(Some(change), state, To::Lane, place, &unnamed, ports);
            return Err(Stop::Wait(Stall::Barrier));
        }
        let meaning = Meaning::Change(state, Some(Box::new(change.clone())), Default::default());
        match self.footing.welcome.take() {
            Some(frame) => {
                let place = self.place(meaning);
                self.reply(place, &frame, b"", ports);
            }
            None => {
                let place = self.place_with_barrier(meaning);
                Self::ask_for(Some(change), state, To::Lane, place, request.bytes(), ports);
            }
        }
        Ok(true)
    }

    /// The server has answered to a `HELLO` without the name in it.
    pub(super) fn hello_tried(&mut self, change: &Change, frame: &[u8], ports: &mut impl Ports) {
        if reply::is_error(frame) {
            // How far it got with the request as it is, it has to show on a connection of the client's own.
            self.go_back(ports);
            self.footing.change_by_own = true;
            return;
        }
        self.apply(change, ports);
        let mut answer = BytesMut::new();
        write_hello(frame, self.me.id, &mut answer);
        self.course.answer = Some(Box::new(answer.freeze()));
    }

    pub(super) fn change_on_own(
        &mut self,
        state: State,
        change: Option<Change>,
        request: &Request<'_>,
        ports: &mut impl Ports,
    ) {
        let misplaced = ports.standing(To::Own).is_some_and(|standing| standing.misplaced);
        let selects_again = misplaced && change.as_ref().is_some_and(|c| c.database.is_none());
        let options = HelloOptions::of(state, request);
        let meaning = Meaning::Change(state, change.clone().map(Box::new), options);
        let place = self.place_with_barrier(meaning);
        Self::ask_for(change.as_ref(), state, To::Own, place, request.bytes(), ports);
        if selects_again {
            // The server refused to select the client's database as long as the connection was not authenticated.
            let mut select = BytesMut::new();
            encode_select(self.key.database, &mut select);
            self.ours_with_barrier(To::Own, Ours::Placed, &select, ports);
        }
        if state == State::Reset && self.key.identity.is_proven() {
            // The user that it becomes again may have to say a password, and nothing was ever asked of the server as that one.
            self.ours_with_barrier(To::Own, Ours::Expulsion, PING, ports);
        }
    }

    /// Sends a request for a change; without one it is not understood, and may be a login all the same.
    fn ask_for(
        change: Option<&Change>,
        state: State,
        to: To,
        place: Place,
        request: &[u8],
        ports: &mut impl Ports,
    ) {
        let may_log_in = change.is_none_or(|change| change.identity.is_some());
        match state {
            State::Auth | State::Hello if may_log_in => ports.login(to, place, request),
            _ => Self::send(ports, to, place, request),
        }
    }

    /// The server has answered.
    pub(super) fn change_answered(
        &mut self,
        place: Place,
        state: State,
        (change, options): (Option<Box<Change>>, HelloOptions),
        frame: &[u8],
        ports: &mut impl Ports,
    ) {
        if reply::is_error(frame) {
            if !self.footing.is_own() {
                // It is on the lane of a state that it is not in.
                self.go_back(ports);
            } else if options.may_have_been_taken(frame) {
                self.mark(Traces::LASTING);
            }
            return self.fill_frame(place, frame);
        }
        match change {
            Some(change) => self.apply(&change, ports),
            // The server has understood what we have not.
            None => self.mark(Traces::LASTING),
        }
        let id = self.me.id;
        self.fill(place, |out| match state {
            State::Hello => write_hello(frame, id, out),
            State::Auth | State::Select | State::Reset => out.extend_from_slice(frame),
        });
    }

    /// The server has answered to the `SELECT` that followed `AUTH`.
    pub(super) fn placed(&mut self, frame: &[u8], ports: &mut impl Ports) {
        if reply::is_error(frame) {
            self.apply(&Change { database: Some(0), ..Change::default() }, ports);
        }
    }

    /// Notes a change that the server has confirmed.
    pub(super) fn apply(&mut self, change: &Change, ports: &mut impl Ports) {
        let key = change.apply(&self.key);
        if key != *self.key {
            self.key = Rc::new(key);
            if self.footing.is_own() {
                self.mark(Traces::MOVED);
            }
        }
        if let Some(name) = &change.name {
            self.me.name(&Naming::Name(name.clone()));
        }
        if self.footing.is_own() {
            let label = change.name.as_ref().map(|_| self.me.label.clone());
            ports.own_changed(Some(&self.key), label.as_ref());
        }
        if change.reset {
            self.forget_all(ports);
        }
    }

    /// `RESET`: nothing is left of what the client had switched on.
    fn forget_all(&mut self, ports: &mut impl Ports) {
        self.mode = Mode::Plain;
        self.subscriptions.clear();
        // The server keeps what `CLIENT SETINFO` has said, so the connection is nobody else's.
        self.marks = Traces::KNOWN.with(Traces::MOVED, self.marks.any(Traces::MOVED));
        self.course.watch_lost = false;
        self.end_redirect(ports);
        self.me.flags = Default::default();
        self.me.watched = 0;
        self.me.queued_bytes = 0;
    }

    /// Notes what the client is called now.
    pub(super) fn relabel(&mut self, label: Rc<Label>, ports: &mut impl Ports) {
        self.me.label = label.clone();
        if self.footing.is_own() {
            ports.own_changed(None, Some(&label));
        }
    }

    /// Has the server bring the connection to the client's database before a request, in case that it does by now.
    pub(super) fn select_again(&mut self, to: To, ports: &mut impl Ports) {
        let misplaced = ports.standing(to).is_some_and(|standing| standing.misplaced);
        if misplaced && matches!(self.mode, Mode::Plain) {
            let mut request = BytesMut::new();
            encode_select(self.key.database, &mut request);
            ports.unheard(to, &request);
        }
    }

    /// The client's protocol at present.
    pub(super) fn protocol(&self) -> Protocol {
        self.key.protocol
    }

    /// The client's own connection is another client's target from now on, and is kept for that.
    pub fn keep(&mut self) {
        self.me.kept = self.me.kept.saturating_add(1);
    }

    /// One of those is gone for whom the client kept its connection.
    pub fn unkeep(&mut self, ports: &mut impl Ports) {
        self.me.kept = self.me.kept.saturating_sub(1);
        self.rest(ports);
    }

    /// The server's id of the client's own connection; it may be used from now on.
    pub fn tell_own(&mut self) -> Told {
        if self.me.own.is_some() {
            self.mark(Traces::KNOWN);
        }
        Told::Pinned(self.me.own)
    }
}

/// Whether what the server refused at this step of the handshake is what the change is about.
fn is_about(step: Step, change: &Change) -> bool {
    match step {
        Step::Authenticate => change.identity.is_some(),
        Step::Protocol => change.protocol.is_some(),
        Step::Select => change.database.is_some(),
        Step::Role | Step::Ready | Step::Probe => false,
    }
}

/// Appends `HELLO` as `change` has it, without the name: the lane is not called like this client.
fn encode_unnamed(change: &Change, out: &mut BytesMut) {
    let version: &[u8] = match change.protocol {
        Some(Protocol::Resp3) => b"3",
        _ => b"2",
    };
    let mut args: Vec<Bytes> = vec![Bytes::from_static(b"HELLO"), Bytes::copy_from_slice(version)];
    if let Some((user, password)) =
        change.identity.as_ref().and_then(|identity| identity.credentials())
    {
        args.push(Bytes::from_static(b"AUTH"));
        args.push(Bytes::copy_from_slice(user.unwrap_or(b"default")));
        args.push(Bytes::copy_from_slice(password));
    }
    encode::command(out, args);
}

/// Appends `SELECT database`.
fn encode_select(database: u32, out: &mut BytesMut) {
    encode::command(out, [&b"SELECT"[..], database.to_string().as_bytes()]);
}
