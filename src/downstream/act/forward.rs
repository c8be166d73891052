//! Requests that are passed on, whatever is to be noted of their replies.

use bytes::{Bytes, BytesMut};

use super::footing::Stop;
use crate::{
    command::{catalog::Merge, flags},
    downstream::{
        client::Client,
        decide::Note,
        ports::{Ports, To},
        replies::{Meaning, meaning::Ours},
        state::course::Stall,
    },
    resp::{Request, encode},
    state::traces::Traces,
};

/// What marks all that has been written: `WAIT` speaks of its connection's last write (`woff` in Redis). Up to Redis 7.0 any
/// command does that, and every user may say this one. Later only one that is replicated does: a message to a shard channel,
/// which nobody sees by a pattern, and nothing is changed.
const MARK: &[u8] = b"*1\r\n$5\r\nHELLO\r\n";
const WRITTEN_MARK: &[u8] = b"*3\r\n$8\r\nSPUBLISH\r\n$13\r\nsessiond:wait\r\n$0\r\n\r\n";

impl Client {
    /// The connection for a request that any in the client's state can take, if the request is as it should be.
    pub(super) fn link_for(
        &mut self,
        request: &Request<'_>,
        ports: &mut impl Ports,
    ) -> Result<To, Stop> {
        let to = if request.is_well_ended() {
            self.any_link(ports)?
        } else {
            // The server may close the connection for it.
            self.own_link(ports)?;
            To::Own
        };
        self.select_again(to, ports);
        Ok(to)
    }

    /// Passes a request on whose reply passes as it is.
    pub(super) fn run(&mut self, to: To, request: &Request<'_>, ports: &mut impl Ports) {
        if self.is_quiet() {
            return self.pass(to, Meaning::Waited, request.bytes(), ports);
        }
        let place = self.replies.run(1);
        let unauthenticated = ports.standing(to).is_some_and(|standing| standing.unauthenticated);
        if unauthenticated && request.is_inline() {
            // The limits for clients that have not authenticated are not for inline requests.
            let mut line = BytesMut::new();
            encode::inline(&mut line, request.args());
            ports.run(to, place, &line, 1);
        } else {
            ports.run(to, place, request.bytes(), 1);
        }
    }

    /// A command that needs a connection of its client's own for its time.
    pub(super) fn aside(
        &mut self,
        note: Note,
        request: &Request<'_>,
        ports: &mut impl Ports,
    ) -> Result<(), Stop> {
        let unknown = note == Note::Unknown;
        if unknown && ports.may_share(request.name()) == Some(true) {
            let to = self.link_for(request, ports)?;
            self.run(to, request, ports);
            return Ok(());
        }
        self.own_link_in_database(ports)?;
        if unknown {
            self.find_out(request, ports);
        }
        let meaning = match note {
            Note::Nothing => {
                self.run(To::Own, request, ports);
                return Ok(());
            }
            Note::Waits => Meaning::Waited,
            Note::Lasts => Meaning::Lasting,
            Note::Unknown => Meaning::Unknown(Box::new(Bytes::copy_from_slice(request.name()))),
        };
        let place = self.place(meaning);
        if note == Note::Waits {
            self.course.waits = Some(place);
        }
        Self::send(ports, To::Own, place, request.bytes());
        Ok(())
    }

    /// Asks the server what kind of command it is that is not in our table, unless that is known.
    fn find_out(&mut self, request: &Request<'_>, ports: &mut impl Ports) {
        if ports.may_share(request.name()).is_some() {
            return;
        }
        let mut question = BytesMut::new();
        flags::encode_question(request.name(), &mut question);
        let name = Bytes::copy_from_slice(request.name());
        let place = self.ours(Ours::Command(name));
        Self::send(ports, To::Own, place, &question);
    }

    /// A place for a request of our own.
    pub(super) fn ours(&mut self, ours: Ours) -> crate::state::ids::Place {
        let place = self.replies.one(Meaning::Ours(ours));
        self.replies.silence(place, true);
        place
    }

    /// Sends a request of our own; nothing else is sent before its reply is here.
    pub(super) fn ours_with_barrier(
        &mut self,
        to: To,
        ours: Ours,
        request: &[u8],
        ports: &mut impl Ports,
    ) {
        let place = self.ours(ours);
        self.course.barrier = Some(place);
        Self::send(ports, to, place, request);
    }

    /// `WAIT` and `WAITAOF`. What the client has written went elsewhere, but before: so the connection is marked first.
    pub(super) fn replicate(
        &mut self,
        request: &Request<'_>,
        ports: &mut impl Ports,
    ) -> Result<(), Stop> {
        self.own_link(ports)?;
        // Where every client has a connection of its own, it speaks of the client's own writes.
        if !self.rules.dedicated && !std::mem::take(&mut self.course.marked) {
            let standing = ports.standing(To::Own).unwrap_or_default();
            let mark = if standing.waits_for_writes { WRITTEN_MARK } else { MARK };
            self.ours_with_barrier(To::Own, Ours::Mark, mark, ports);
            return Err(Stop::Wait(Stall::Barrier));
        }
        let place = match self.course.unmarked.take() {
            Some(refusal) => self.place(Meaning::Distrusted(refusal)),
            None => self.place(Meaning::Waited),
        };
        self.course.waits = Some(place);
        Self::send(ports, To::Own, place, request.bytes());
        Ok(())
    }

    /// `COMMAND`: the server is asked, and the session commands are added to what it says.
    pub(super) fn catalog(
        &mut self,
        request: &Request<'_>,
        ports: &mut impl Ports,
    ) -> Result<(), Stop> {
        let to = self.link_for(request, ports)?;
        match Merge::of(request, &self.rules.session) {
            Some(merge) => {
                let asked = merge.request(request);
                self.pass(to, Meaning::Merged(Box::new(merge)), &asked, ports);
            }
            None => self.run(to, request, ports),
        }
        Ok(())
    }

    /// The client's own connection bears a trace from now on.
    pub(super) fn mark(&mut self, trace: Traces) {
        self.marks = self.marks.with(trace, true);
    }
}
