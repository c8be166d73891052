//! What a client needs though no request of its own asks for it: a connection that others count on, and the server's word.

use super::footing::Stop;
use crate::{
    downstream::{
        client::Client,
        ports::Ports,
        state::{
            footing::{Target, Wanted},
            leaving::End,
            mode::Mode,
        },
    },
    upstream::connect::DialError,
};

impl Client {
    /// Other clients' invalidations come here, or messages that the client is subscribed to: it needs a connection of its own.
    pub(in crate::downstream) fn wants_own(&self) -> bool {
        ((self.me.kept > 0 || self.subscriptions.are_lost()) && self.replies.is_idle()
            || self.course.left_over)
            && self.me.own.is_none()
            && !self.footing.is_asking()
    }

    /// What there is to do while there is no request to handle: a connection for others' invalidations, and the server's word
    /// on a user that it may have cut off.
    pub(super) fn look_after(&mut self, ports: &mut impl Ports) {
        if self.wants_own() && self.course.left_over {
            return self.go_after(ports);
        }
        if self.wants_own() {
            // Who waits is told when it is there, or that it will not be.
            if let Err(Stop::Refused(error)) = self.own_link(ports) {
                self.end_if_refused(&error);
                if self.subscriptions.are_lost() {
                    // It would wait for messages that do not come.
                    self.leaving.end(End::Politely);
                }
            }
        }
        if self.footing.recheck && self.replies.is_idle() && !self.footing.is_asking() {
            let refused = self.footing.refused.take();
            let outcome = match refused {
                Some(error) => Err(Stop::Refused(*error)),
                None => self.any_link(ports).map(|_| ()),
            };
            match outcome {
                Err(Stop::Wait(_)) => {}
                Ok(()) => self.footing.recheck = false,
                Err(Stop::Refused(error)) => {
                    self.footing.recheck = false;
                    self.end_if_refused(&error);
                }
            }
        }
    }

    /// The server would have cut this client off.
    fn end_if_refused(&mut self, error: &DialError) {
        if matches!(error, DialError::StateRefused(..)) && self.key != self.rules.initial {
            self.leaving.end(End::Politely);
        }
    }

    /// Whether the client takes back what its own connection could not send: nothing of that connection's state is missing
    /// when it is sent on another one.
    pub fn may_follow(&self) -> bool {
        self.rules.follows
            && matches!(self.mode, Mode::Plain)
            && !self.has_lasting()
            && self.me.kept == 0
            && !self.leaving.is_final()
    }

    /// Requests were not sent on the client's own connection, which ends.
    pub fn leave_over(&mut self) {
        self.course.left_over = true;
    }

    /// Asks for the connection on which they are sent. No other request overtakes them.
    fn go_after(&mut self, ports: &mut impl Ports) {
        let refused = self.footing.refused.take().is_some();
        self.footing.target = Target::None;
        let asked = if refused { Err(()) } else { Ok(ports.pin(&self.key, false)) };
        let outcome = asked.map(|asked| self.asked(Wanted::Own, asked, ports));
        if let Err(()) | Ok(Err(Stop::Refused(_))) = outcome {
            self.course.left_over = false;
            ports.send_left();
        }
    }
}
