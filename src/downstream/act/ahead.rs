//! The fast way: requests that any connection in the client's state can take go there in runs, unopened. What is left is
//! handled one by one.

use bytes::{Buf, BytesMut};

use super::block::{self, Block};
use crate::{
    command::table::{self, Class, Transaction as Step},
    downstream::{
        client::Client,
        ports::{Ports, To},
        replies::Meaning,
        state::{
            course::Stall,
            large::LARGE_REQUEST,
            leaving::End,
            me::LastCommand,
            mode::{Mode, Tunnel},
        },
    },
    resp::{ProtocolError, RequestScanner, Scanned},
    state::traces::Traces,
};

/// A longer `PING` has something to carry, in bytes.
const LONGEST_PING: usize = 128;
/// Unread replies above which nothing more is done for a client that has not sent much, in bytes.
const UNREAD: usize = 1 << 20;

/// What stands at the front of the input once everything that could simply be passed on is.
enum Ahead {
    /// Nothing that is complete.
    Nothing,
    /// Something that was not looked at yet.
    Again,
    /// A request of so many bytes.
    Request(usize),
    /// A whole transaction of so many bytes.
    Block(usize),
    /// The beginning of a request that is too large to be held.
    Large,
    /// Something that no request begins with.
    Malformed(ProtocolError),
}

impl Client {
    /// Handles as much of the input as can be handled now.
    pub fn advance(&mut self, input: &mut BytesMut, ports: &mut impl Ports) {
        self.course.stall = None;
        if self.scanner.is_none() && !input.is_empty() {
            self.scanner = Some(ports.scanner());
        }
        while !input.is_empty() && self.leaving.end.is_none() {
            if let Err(stall) = self.step(input, ports) {
                self.course.stall = stall;
                break;
            }
        }
        if self.course.stall.is_none() && input.is_empty() {
            if !self.large.is_under_way()
                && let Some(scanner) = self.scanner.take()
            {
                ports.give_scanner(scanner);
            }
            self.rest(ports);
        }
        self.release_targets(ports);
        self.look_after(ports);
        self.look_to_the_end(ports);
    }

    fn scanner(&mut self) -> &mut RequestScanner {
        self.scanner.get_or_insert_default()
    }

    /// Handles what stands at the front; an error when that has to wait for something, [`None`] for more bytes.
    fn step(&mut self, input: &mut BytesMut, ports: &mut impl Ports) -> Result<(), Option<Stall>> {
        if self.leaving.is_closing() {
            return Err(Some(Stall::Closing));
        }
        if self.course.left_over {
            return Err(Some(Stall::Grant));
        }
        if self.course.barrier.is_some() {
            return Err(Some(Stall::Barrier));
        }
        if let Some(error) = self.course.malformed {
            return self.refuse_malformed(error);
        }
        if self.has_to_read(input) {
            return Err(Some(Stall::Unread));
        }
        if let Mode::Tunnel(Tunnel::Asked(_)) = self.mode {
            return Err(Some(Stall::Opening));
        }
        if let Mode::Tunnel(_) = self.mode {
            if ports.is_congested(To::Own) {
                return Err(Some(Stall::Relief(To::Own)));
            }
            ports.raw(input);
            input.clear();
            return Ok(());
        }
        if self.large.is_under_way() {
            return self.go_on_with_large(input, ports);
        }
        // What may be sent at all depends on what the server makes of the client.
        if let Err(stall) = self.find_footing(ports) {
            return Err(Some(stall));
        }
        match self.pass_ahead(input, ports) {
            Ahead::Nothing => Err(None),
            Ahead::Again => Ok(()),
            Ahead::Request(len) => self.handle_front(len, input, ports),
            Ahead::Block(len) => {
                let block = input.split_to(len);
                self.scanner().next();
                self.send_block(&block, ports);
                Ok(())
            }
            Ahead::Large => self.begin_large(input, ports),
            Ahead::Malformed(error) => {
                self.course.malformed = Some(error);
                Ok(())
            }
        }
    }

    /// What follows a protocol error is not looked at. The error comes behind all replies.
    fn refuse_malformed(&mut self, error: ProtocolError) -> Result<(), Option<Stall>> {
        if !self.replies.is_idle() {
            return Err(Some(Stall::Idle));
        }
        self.answer(|out| error.encode(out));
        self.leaving.end(End::AfterError);
        Ok(())
    }

    /// Whether a client that does not read its replies has to do that first. One that goes on sending may do so before it reads:
    /// then its replies gather, up to the limit at which it is closed.
    fn has_to_read(&self, input: &BytesMut) -> bool {
        self.replies.out.len() > UNREAD && input.len() < LARGE_REQUEST && !self.large.is_under_way()
    }

    /// Handles the request of `len` bytes at the front of the input.
    fn handle_front(
        &mut self,
        len: usize,
        input: &mut BytesMut,
        ports: &mut impl Ports,
    ) -> Result<(), Option<Stall>> {
        let mut scanner = self.scanner.take().unwrap_or_default();
        let outcome = self.handle(&scanner.request(input), ports);
        if outcome.is_ok() {
            scanner.next();
            input.advance(len);
            self.me.totals.commands += 1;
            self.course.told = None;
            self.footing.refused = None;
        }
        self.scanner = Some(scanner);
        outcome.map_err(Some)
    }

    /// The connection that takes requests unopened, if there is one.
    fn fast_link(&self, ports: &impl Ports) -> Option<To> {
        let to = self.footing.to()?;
        let ready = matches!(self.mode, Mode::Plain)
            && !self.is_quiet()
            && self.course.calls == 0
            && self.course.answer.is_none()
            && !self.footing.is_asking()
            && !self.footing.recheck
            && ports.standing(to).is_some_and(|standing| !standing.misplaced)
            && !ports.is_congested(to)
            && (to == To::Own || !ports.writes_are_paused());
        ready.then_some(to)
    }

    /// Passes requests on as long as nothing has to be decided or waited for: whole runs of them in one piece.
    fn pass_ahead(&mut self, input: &mut BytesMut, ports: &mut impl Ports) -> Ahead {
        let link = self.fast_link(ports);
        // To a subscriber in RESP2 each command is refused by its name.
        let takes_blocks = !self.rules.spreads
            && !self.subscriptions.any()
            && !self.marks.any(Traces::WATCHING)
            && !self.course.watch_lost;
        let authenticated = !self
            .footing
            .to()
            .and_then(|to| ports.standing(to))
            .is_some_and(|standing| standing.unauthenticated);
        let room = match link {
            Some(_) => self.replies.window.room(self.replies.pending()),
            None => 0,
        };
        let (mut at, mut last, mut run) = (0, 0, 0u32);
        let ahead = loop {
            let rest = &input[at..];
            if rest.is_empty() {
                break Ahead::Nothing;
            }
            if run > 0 && run >= room {
                break Ahead::Again;
            }
            match self.scanner().scan(rest, authenticated) {
                Ok(Scanned::Frame { len }) => {
                    let request = self.scanner().request(rest);
                    let passes = room > 0 && !request.is_inline() && request.is_well_ended();
                    let (len, requests) = match table::class(request.name()) {
                        Some(Class::Shared) if passes => (len, 1),
                        Some(Class::Transaction(Step::Multi))
                            if passes && takes_blocks && authenticated =>
                        {
                            match block::whole(rest) {
                                Some(Block::Plain(len, requests)) => (len, requests),
                                // What stands before it goes first.
                                Some(Block::Mixed(_)) if run > 0 => break Ahead::Again,
                                Some(Block::Mixed(len)) => break Ahead::Block(len),
                                None => break Ahead::Request(len),
                            }
                        }
                        None if run > 0 => break Ahead::Again,
                        None if self.pass_calls(len, input, ports) => return Ahead::Again,
                        _ => break Ahead::Request(len),
                    };
                    self.scanner().next();
                    last = at;
                    at += len;
                    run += requests;
                }
                Ok(Scanned::Nothing { len }) if run == 0 => {
                    self.scanner().next();
                    // It is the one whose reply is left out, if one is to be.
                    self.end_skip();
                    input.advance(at + len);
                    at = 0;
                }
                // Bytes that ask for nothing would end up in the middle of the run: they are met again at the front.
                Ok(Scanned::Nothing { .. }) => {
                    self.scanner().next();
                    break Ahead::Again;
                }
                Ok(Scanned::Partial) if rest.len() >= LARGE_REQUEST => break Ahead::Large,
                Ok(Scanned::Partial) => break Ahead::Nothing,
                Err(error) => break Ahead::Malformed(error),
            }
        };
        if let Some(to) = link.filter(|_| run > 0) {
            let last = LastCommand::of_multibulk(&input[last..at]);
            self.me.set_last(last);
            self.me.totals.commands += u64::from(run);
            let alone = run == 1 && at == input.len() && self.replies.is_idle();
            let is_ping = alone && at <= LONGEST_PING && to == To::Lane && last.is(b"ping");
            if is_ping && ports.goes_past() {
                // Its reply may come behind that to a later request, so it is no part of a run.
                let place = self.place(Meaning::Waited);
                ports.past(place, &input[..at]);
            } else {
                let place = self.replies.run(run);
                ports.run(to, place, &input[..at], run);
            }
            input.advance(at);
        }
        ahead
    }
}
