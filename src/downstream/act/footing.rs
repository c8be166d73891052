//! Where a client's requests go: a lane, a connection of its own, or nowhere while the server is away.

use std::rc::Rc;

use bytes::{Bytes, BytesMut};

use crate::{
    command::client::profile::Flags,
    downstream::{
        client::Client,
        ports::{Asked, Ports, To},
        refusal,
        state::{
            course::Stall,
            footing::{Target, Wanted},
            leaving::End,
            mode::Mode,
        },
    },
    state::{
        key::LaneKey,
        traces::{Clean, Traces},
    },
    upstream::connect::DialError,
};

/// Properties that are only the connection's.
const LASTING_FLAGS: Flags = Flags::NO_EVICT
    .with(Flags::NO_TOUCH, true)
    .with(Flags::MONITOR, true)
    .with(Flags::REPLICA, true);

/// Why a request cannot be handled now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// It is tried again when this is over.
    Wait(Stall),
    /// There is no connection for it.
    Refused(DialError),
}

impl Client {
    /// The connection for a request that any in the client's state can take.
    pub(super) fn any_link(&mut self, ports: &mut impl Ports) -> Result<To, Stop> {
        if self.rules.dedicated || ports.writes_are_paused() {
            return self.own_link(ports).map(|()| To::Own);
        }
        if let Some(to) = self.usable(ports)? {
            return Ok(to);
        }
        let key = self.key.clone();
        self.enter(&key, None, ports)?;
        Ok(To::Lane)
    }

    /// Makes sure that there is a connection before a request is looked at. Where there is none, that is told to the request.
    pub(super) fn find_footing(&mut self, ports: &mut impl Ports) -> Result<(), Stall> {
        if self.footing.to().is_some() || self.footing.refused.is_some() {
            return Ok(());
        }
        match self.any_link(ports) {
            Ok(_) => Ok(()),
            Err(Stop::Wait(stall)) => Err(stall),
            Err(Stop::Refused(error)) => {
                self.footing.refused = Some(Box::new(error));
                Ok(())
            }
        }
    }

    /// Makes sure that the client has a connection of its own, in its present state.
    pub(super) fn own_link(&mut self, ports: &mut impl Ports) -> Result<(), Stop> {
        match self.usable(ports)? {
            Some(To::Own) => return Ok(()),
            _ if !self.replies.is_idle() => return Err(Stop::Wait(Stall::Idle)),
            // The lane tells what the server makes of newcomers without a password.
            None if !self.rules.dedicated && !self.key.identity.is_proven() => {
                let key = self.key.clone();
                self.enter(&key, None, ports)?;
            }
            _ => {}
        }
        let standing = ports.standing(To::Lane).unwrap_or_default();
        let unauthenticated = standing.unauthenticated && !self.key.identity.is_proven();
        self.footing.target = Target::None;
        let asked = ports.pin(&self.key, unauthenticated);
        self.asked(Wanted::Own, asked, ports)
    }

    /// As [`Client::own_link`], and the connection is in the client's database if the server lets it.
    pub(super) fn own_link_in_database(&mut self, ports: &mut impl Ports) -> Result<(), Stop> {
        self.own_link(ports)?;
        self.select_again(To::Own, ports);
        Ok(())
    }

    /// The connection that there is, if it takes a request now.
    pub(super) fn usable(&mut self, ports: &mut impl Ports) -> Result<Option<To>, Stop> {
        if let Some(error) = self.footing.refused.take() {
            return Err(Stop::Refused(*error));
        }
        if self.footing.is_asking() {
            return Err(Stop::Wait(Stall::Grant));
        }
        if self.replies.window.room(self.replies.pending()) == 0 {
            return Err(Stop::Wait(Stall::Room));
        }
        let Some(to) = self.footing.to() else { return Ok(None) };
        if ports.standing(to).is_some() {
            return if ports.is_congested(to) {
                Err(Stop::Wait(Stall::Relief(to)))
            } else {
                Ok(Some(to))
            };
        }
        if to == To::Own {
            return Err(Stop::Wait(Stall::Closing));
        }
        // What is still to come from the old lane comes first.
        if !self.replies.is_idle() {
            return Err(Stop::Wait(Stall::Idle));
        }
        self.leave_lane(ports);
        Ok(None)
    }

    /// Asks for the lane of clients in the state of `key`, to which this `login` brings the client.
    pub(super) fn enter(
        &mut self,
        key: &Rc<LaneKey>,
        login: Option<&[u8]>,
        ports: &mut impl Ports,
    ) -> Result<(), Stop> {
        self.footing.target = Target::None;
        self.footing.welcome = None;
        let asked = ports.enter(key, login);
        self.asked(Wanted::Lane, asked, ports)
    }

    pub(super) fn asked(
        &mut self,
        wanted: Wanted,
        asked: Asked,
        ports: &mut impl Ports,
    ) -> Result<(), Stop> {
        match asked {
            Asked::Ready => {
                self.settle_on(wanted, ports);
                Ok(())
            }
            Asked::Later => {
                self.footing.asked = Some(wanted);
                Err(Stop::Wait(Stall::Grant))
            }
            Asked::Refused(error) => {
                if wanted == Wanted::Own {
                    self.pin_failed(ports);
                }
                Err(Stop::Refused(error))
            }
        }
    }

    /// What was asked for is there, with the server's answer to a login, or will not be.
    pub fn granted(&mut self, outcome: Result<Option<Bytes>, DialError>, ports: &mut impl Ports) {
        let Some(wanted) = self.footing.asked.take() else { return };
        match outcome {
            Ok(welcome) => {
                self.footing.welcome = welcome.map(Box::new);
                self.settle_on(wanted, ports);
            }
            Err(error) => {
                if wanted == Wanted::Own {
                    self.pin_failed(ports);
                }
                self.footing.refused = Some(Box::new(error));
            }
        }
    }

    /// It is known whether there can be a lane for clients in the state of `key`.
    pub(crate) fn proved(&mut self, key: &LaneKey, there_is: bool, ports: &mut impl Ports) {
        self.footing.proving = false;
        if !self.footing.is_own() || *key != *self.key {
            return;
        }
        if there_is {
            self.marks = self.marks.with(Traces::MOVED, false);
            self.rest(ports);
        } else {
            // Its own connection will show whether the server is away.
            self.mark(Traces::LASTING);
        }
    }

    fn settle_on(&mut self, wanted: Wanted, ports: &mut impl Ports) {
        match wanted {
            Wanted::Lane => self.footing.target = Target::To(To::Lane),
            Wanted::Own => {
                self.footing.target = Target::To(To::Own);
                self.footing.ahead_of_change = false;
                self.marks = Traces::default();
                self.course.marked = false;
                let id = ports.id(To::Own);
                self.me.own = Some(id);
                // The server calls the connection as the client calls itself.
                let label = self.me.label.clone();
                label
                    .encode_changes(&ports.own_label(), |request| ports.unheard(To::Own, &request));
                ports.own_changed(None, Some(&label));
                if self.subscriptions.are_lost() {
                    let mut again = BytesMut::new();
                    self.subscriptions.make_again(&mut again);
                    ports.raw(&again);
                }
                ports.tell_keepers(Some(id));
                if std::mem::take(&mut self.course.left_over) {
                    ports.send_left();
                }
            }
        }
    }

    fn pin_failed(&mut self, ports: &mut impl Ports) {
        self.me.kept = 0;
        ports.tell_keepers(None);
    }

    pub(super) fn leave_lane(&mut self, ports: &mut impl Ports) {
        if self.footing.target == Target::To(To::Lane) {
            self.footing.target = Target::None;
        }
        ports.leave_lane();
    }

    /// There is no other lane: the client stays where it was.
    pub(super) fn stay(&mut self, ports: &mut impl Ports) {
        if self.footing.target == Target::None && ports.is_lane_of(&self.key) {
            self.footing.target = Target::To(To::Lane);
        }
    }

    /// The state that was asked for is not the client's: it goes back to where it was.
    pub(super) fn go_back(&mut self, ports: &mut impl Ports) {
        self.footing.target = if ports.go_back() && ports.is_lane_of(&self.key) {
            Target::To(To::Lane)
        } else {
            Target::None
        };
    }

    /// Closes the client's own connection, whatever is on it.
    pub(super) fn drop_own(&mut self, ports: &mut impl Ports) {
        if self.footing.is_own() {
            self.footing.target = Target::None;
            self.me.own = None;
            ports.drop_own();
        }
    }

    /// The error to answer a request with for which there is no connection; none if the client is to be closed.
    pub(super) fn refusal(&mut self, error: &DialError) -> Option<Bytes> {
        match error {
            DialError::Refused(_, frame) => Some(frame.clone()),
            // One that has just come is told why.
            DialError::StateRefused(_, frame) if self.key == self.rules.initial => {
                Some(frame.clone())
            }
            DialError::StateRefused(..) => {
                self.leaving.end(End::Politely);
                None
            }
            DialError::Unreachable(why) => Some(refusal::unavailable(why)),
        }
    }

    /// What tells the client's own connection from a fresh one.
    pub(super) fn traces(&self) -> Traces {
        let busy = !self.replies.is_idle()
            || self.course.barrier.is_some()
            || self.course.marked
            || self.large.is_under_way()
            || self.course.calls > 0;
        let in_transaction = matches!(self.mode, Mode::Transaction(_) | Mode::Lost);
        self.marks
            .with(Traces::UNANSWERED, busy)
            .with(Traces::TRANSACTION, in_transaction)
            .with(Traces::QUIET, self.is_quiet() || self.is_tunnel())
            .with(Traces::SUBSCRIBED, self.subscriptions.any())
            .with(Traces::TARGET, self.me.kept > 0)
            .with(Traces::LASTING, self.has_lasting())
    }

    /// Whether its own connection has something that no other could be given.
    pub(super) fn has_lasting(&self) -> bool {
        self.marks.any(Traces::LASTING)
            || self.me.flags.has(LASTING_FLAGS)
            || self.me.redirect.is_some()
    }

    /// Gives the client's own connection back if it is clean and clients share connections.
    pub(super) fn rest(&mut self, ports: &mut impl Ports) {
        if !self.footing.is_own() || self.rules.dedicated || self.leaving.is_closing() {
            return;
        }
        let traces = self.traces().with(Traces::KNOWN, false);
        if !traces.with(Traces::MOVED, false).is_empty() || ports.writes_are_paused() {
            return;
        }
        if traces.any(Traces::MOVED) {
            // Where there can be no lane for the client, it keeps what it has: no other connection could be brought there.
            if self.footing.proving {
                return;
            }
            match ports.prove(&self.key) {
                Asked::Ready => self.marks = self.marks.with(Traces::MOVED, false),
                Asked::Refused(_) => return self.mark(Traces::LASTING),
                Asked::Later => {
                    self.footing.proving = true;
                    return;
                }
            }
        }
        self.footing.target = Target::None;
        self.me.own = None;
        match Clean::of(self.traces()) {
            Some(clean) => ports.give_back(clean),
            // Somebody may still use its id, or the server has kept something.
            None => ports.drop_own(),
        }
    }

    /// The client's own connection has closed. State that was only there is lost; where the client could not notice, its own
    /// connection is closed as the server's was.
    pub(super) fn own_closed(&mut self, ports: &mut impl Ports) {
        if !self.footing.is_own() {
            return;
        }
        self.drop_own(ports);
        let lasting = self.has_lasting();
        let marks = std::mem::take(&mut self.marks);
        let unheard = self.subscriptions.any() && !self.subscriptions.lose();
        let unnoticed =
            unheard || lasting || self.is_quiet() || self.is_tunnel() || self.me.kept > 0;
        if unnoticed || self.leaving.is_final() {
            return self.leaving.end(End::Politely);
        }
        self.leaving.reopened();
        if let Mode::Transaction(_) = self.mode {
            self.mode = Mode::Lost;
            self.me.queued_bytes = 0;
        }
        self.course.watch_lost |= marks.any(Traces::WATCHING);
        self.me.watched = 0;
        self.footing.recheck = self.key.identity.is_proven();
    }

    /// The lane that the client was a member of has been cut by the server.
    pub(super) fn lane_cut(&mut self, ports: &mut impl Ports) {
        if self.footing.to() == Some(To::Lane) && ports.standing(To::Lane).is_none() {
            if self.footing.ahead_of_change {
                return;
            }
            self.footing.recheck = self.key.identity.is_proven();
        }
    }
}
