//! The fast way: requests that any connection in the client's state can take go there in runs, unopened.

use bytes::Buf;

use super::{
    LARGE_REQUEST,
    block::{self, Block},
    connection::Connection,
    presence::LastCommand,
    target::Target,
};
use crate::{
    command::table::{self, Class, Transaction as Step},
    resp::{ProtocolError, Scanned},
};

/// A longer `PING` has something to carry, in bytes.
const LONGEST_PING: usize = 128;

/// What stands at the front of the input once everything that could simply be passed on is.
pub(super) enum Ahead {
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

impl Connection {
    /// Passes requests on as long as nothing has to be decided or waited for: whole runs of them in one piece.
    pub(super) fn pass_ahead(&mut self) -> Ahead {
        let link = match &self.target {
            // On a lane there is no transaction; one that was begun is lost, and takes no more commands.
            Target::Lane(link) if self.outbox.admits_requests() && !self.has_lost_transaction() => {
                Some(link.clone())
            }
            Target::Exclusive(link)
                if self.outbox.admits_requests() && self.exclusive.passes(&self.outbox) =>
            {
                Some(link.clone())
            }
            _ => None,
        };
        let link = link
            .filter(|link| link.is_open() && !link.is_congested())
            .filter(|_| !self.is_misplaced());
        let takes_blocks = !self.exclusive.watching && !self.exclusive.watch_lost;
        let authenticated = !self.link().is_some_and(|link| link.is_unauthenticated());
        let (mut at, mut last, mut run) = (0, 0, 0u32);
        let room = self.outbox.room();
        let ahead = loop {
            let rest = &self.io.input[at..];
            if rest.is_empty() {
                break Ahead::Nothing;
            }
            if run >= room {
                break Ahead::Again;
            }
            match self.scanner.scan(rest, authenticated) {
                Ok(Scanned::Frame { len }) => {
                    let request = self.scanner.request(rest);
                    let passes = link.is_some() && !request.is_inline() && request.is_well_ended();
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
                        None if self.pass_calls(len) => return Ahead::Again,
                        _ => break Ahead::Request(len),
                    };
                    self.scanner.next();
                    last = at;
                    at += len;
                    run += requests;
                }
                Ok(Scanned::Nothing { len }) if run == 0 => {
                    self.scanner.next();
                    at += len;
                    self.io.input.advance(at);
                    at = 0;
                }
                // Bytes that ask for nothing would end up in the middle of the run: they are met again at the front.
                Ok(Scanned::Nothing { .. }) => {
                    self.scanner.next();
                    break Ahead::Again;
                }
                Ok(Scanned::Partial) if rest.len() >= LARGE_REQUEST => break Ahead::Large,
                Ok(Scanned::Partial) => break Ahead::Nothing,
                Err(error) => break Ahead::Malformed(error),
            }
        };
        if let Some(link) = link.filter(|_| run > 0) {
            let last = LastCommand::of_multibulk(&self.io.input[last..at]);
            self.outbox.presence.set_last(last);
            let alone = run == 1 && at == self.io.input.len();
            let link = if alone && at <= LONGEST_PING && last.is(b"ping") {
                self.past(link)
            } else {
                link
            };
            self.outbox.sent(run);
            link.send_run(&self.outbox, &self.io.input[..at], run);
            self.io.input.advance(at);
        }
        ahead
    }
}
