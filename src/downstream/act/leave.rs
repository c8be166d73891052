//! How a client's connection comes to its end.

use std::time::Duration;

use super::super::{
    client::Client,
    ports::{Ports, To},
    state::{
        course::Stall,
        large::Large,
        leaving::{Closing, End, Grace},
    },
};
use crate::{command::client::profile::Flags, resp::Request, state::traces::Traces};

/// How long a command that may wait is waited for when its client has sent others behind it, and then no more.
const GRACE: Duration = Duration::from_millis(20);

impl Client {
    /// The end of the client's connection, once it has come.
    pub fn end(&self) -> Option<End> {
        self.leaving.end
    }

    /// The client is to be closed now: another one wants it, or it does not read.
    pub fn cut(&mut self) {
        self.leaving.end = Some(End::Now);
    }

    /// The client sends no more.
    pub fn half_closed(&mut self) {
        self.leaving.eof = true;
    }

    /// The client sends no more, though what it has sent is not read to its end.
    pub(crate) fn gone(&mut self) {
        self.leaving.gone = true;
    }

    /// Whether that is known.
    pub(crate) fn is_gone(&self) -> bool {
        self.leaving.gone
    }

    /// The client is to leave once its answers are given.
    pub fn drain(&mut self) {
        self.leaving.draining = true;
    }

    /// Whether the client is not to be read from any more.
    pub fn is_draining(&self) -> bool {
        self.leaving.draining
    }

    /// The time of an alarm has passed.
    pub fn time_passed(&mut self) {
        if self.leaving.grace == Grace::Running {
            self.leaving.grace = Grace::Over;
        }
    }

    /// What happens at the end of the input, of which nothing more can be handled now.
    pub(super) fn look_to_the_end(&mut self, ports: &mut impl Ports) {
        if self.leaving.end.is_some() {
            return;
        }
        if self.leaving.is_closing() {
            // Where the server has no reply to give, it does not close by itself.
            if self.leaving.is_leaving() || self.leaving.gone {
                ports.finish();
            }
            return;
        }
        if self.leaving.gone && self.footing.is_own() && self.may_wait() {
            return self.show_end(ports);
        }
        if !self.leaving.is_leaving() {
            return;
        }
        let listens =
            self.subscriptions.any() || self.me.flags.has(Flags::MONITOR) || self.is_tunnel();
        if self.leaving.draining && (listens || self.may_wait() || self.large.is_under_way()) {
            return self.leaving.end(End::Politely);
        }
        // What comes of a reply that is awaited may have to be sent there as well.
        let says_more =
            self.course.stall.is_some() || self.course.barrier.is_some() || self.course.calls > 0;
        if self.footing.is_own() && listens && !self.may_wait() && !says_more {
            // The server is told, and what it still has to say goes to the client.
            self.leaving.closing = Closing::Final;
            return ports.finish();
        }
        // The rest of a request that has been passed on in parts will not come, nor will its reply.
        let is_half = matches!(self.large, Large::Passing) && self.course.stall.is_none();
        if self.footing.is_own() && self.leaving.eof && is_half {
            return self.show_end(ports);
        }
        if self.footing.is_own() && self.may_wait() {
            return self.show_end(ports);
        }
        if self.replies.is_idle() && !self.is_under_way() {
            self.leaving.end(End::Politely);
        }
    }

    /// Whether a request waits that will go on by itself.
    fn is_under_way(&self) -> bool {
        self.course.stall.is_some_and(|stall| stall != Stall::Closing)
    }

    /// The server sees what we see: that nothing more comes. A command that has its answer gets it, one that waits ends with
    /// its connection, and what the client sent behind it is not reached.
    fn show_end(&mut self, ports: &mut impl Ports) {
        // What waits is followed by more that is to run if it does not wait for long.
        if self.course.stall.is_some() && self.leaving.grace != Grace::Over {
            if self.leaving.grace == Grace::Unused {
                self.leaving.grace = Grace::Running;
                ports.alarm(GRACE);
            }
            return;
        }
        self.leaving.closing = Closing::Shown;
        ports.finish();
    }

    /// `QUIT`
    pub(super) fn quit(
        &mut self,
        request: &Request<'_>,
        ports: &mut impl Ports,
    ) -> Result<(), Stall> {
        if !self.replies.is_idle() {
            return Err(Stall::Idle);
        }
        if !self.footing.is_own() || ports.standing(To::Own).is_none() {
            self.answer_frame(b"+OK\r\n");
            self.leaving.end(End::Politely);
            return Ok(());
        }
        // The client's state is gone by the time when its connection is: the server closes first.
        self.run(To::Own, request, ports);
        // It sees as well that nothing more comes.
        ports.finish();
        self.mark(Traces::LASTING);
        self.leaving.closing = Closing::Final;
        Ok(())
    }

    /// The client has gone: what it had is given up.
    pub fn left(&mut self, ports: &mut impl Ports) {
        self.rest(ports);
        self.end_redirect(ports);
        let targets = std::mem::take(&mut self.course.targets);
        targets.into_iter().for_each(|target| ports.release_target(target));
        ports.tell_keepers(None);
    }
}
