//! A client on a connection of its own: what state the connection has, and when it can be given back.

use std::mem;

use super::{connection::Connection, io::End, outbox::Outbox, target::Target};
use crate::command::client::profile::Flags;

/// Properties that are only the connection's.
const LASTING_FLAGS: Flags = Flags::NO_EVICT.with(Flags::NO_TOUCH, true);

/// The state of a client's own connection beyond user, database and protocol.
#[derive(Default)]
pub(super) struct Exclusive {
    /// Keys are watched.
    pub(super) watching: bool,
    /// Keys were watched on a connection that is gone: the next transaction must not run.
    pub(super) watch_lost: bool,
    /// The connection has state that is not tracked: it stays with its client.
    pub(super) lasting: bool,
    /// The client's state was changed here. Whether another connection can be brought into it is not known: a user may be in a
    /// database that it may not select.
    pub(super) moved: bool,
    pub(super) unanswered: Unanswered,
}

/// Whether replies are expected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// One for each request.
    #[default]
    No,
    /// None for the next request.
    Once,
    /// None, until they are switched on again.
    Off,
    /// The connection carries a stream; what in it is a reply cannot be told.
    Stream,
}

impl Exclusive {
    /// The client has got a fresh connection.
    pub(super) fn pinned(&mut self) {
        *self = Self { watch_lost: self.watch_lost, ..Self::default() };
    }

    /// Whether stateless commands can be passed on without a second thought.
    pub(super) fn passes(&self, outbox: &Outbox) -> bool {
        !self.is_unanswered() && outbox.transaction.borrow().is_none()
    }

    /// Whether nothing but the lane key tells the connection from a fresh one, and every reply has arrived.
    pub(super) fn is_clean(&self, outbox: &Outbox) -> bool {
        !self.watching
            && !self.lasting
            && !self.is_unanswered()
            && outbox.is_idle()
            && outbox.transaction.borrow().is_none()
            && !outbox.subscriptions.get().any()
            && outbox.presence.kept.get() == 0
            && !outbox.presence.flags.get().has(LASTING_FLAGS)
    }

    /// A request went without a reply; true when it was the only one to do so.
    pub(super) fn was_unanswered(&mut self) -> bool {
        let once = self.unanswered == Unanswered::Once;
        if once {
            self.unanswered = Unanswered::No;
        }
        once
    }

    /// Whether the connection carries a stream in which replies cannot be told.
    pub(super) fn is_stream(&self) -> bool {
        self.unanswered == Unanswered::Stream
    }

    /// Whether the client gets no replies.
    pub(super) fn is_unanswered(&self) -> bool {
        self.unanswered != Unanswered::No
    }
}

impl Connection {
    /// Gives the connection back if it is clean and clients share connections.
    pub(super) fn release(&mut self) {
        if self.context.dedicated || !self.exclusive.is_clean(&self.outbox) {
            return;
        }
        if let Target::Exclusive(link) = &self.target {
            let link = link.clone();
            self.target = Target::None;
            if self.outbox.presence.spoiled.take() {
                link.abort();
            } else {
                self.context.hub.give_back(link);
            }
            self.outbox.presence.pinned.set(None);
        }
    }

    /// Makes sure that there is a lane for the client before its own connection is given back. Where there can be none, it
    /// keeps what it has.
    pub(super) async fn prove(&mut self) -> Result<(), End> {
        let clean = !self.context.dedicated && self.exclusive.is_clean(&self.outbox);
        if !self.exclusive.moved || !clean || !matches!(self.target, Target::Exclusive(_)) {
            return Ok(());
        }
        match self.lane().await? {
            Ok(_) => self.exclusive.moved = false,
            // Its own connection will show whether the server is away.
            Err(_) => self.exclusive.lasting = true,
        }
        Ok(())
    }

    /// Looks after a connection of the client's own that has closed. State that was only there is lost; where the client
    /// could not notice, its own connection is closed as the server's was.
    pub(super) fn note_closed_link(&mut self) -> Result<(), End> {
        let Target::Exclusive(link) = &self.target else { return Ok(()) };
        if link.is_open() {
            return Ok(());
        }
        self.outbox.take_link_closed();
        self.outbox.presence.pinned.set(None);
        self.target = Target::None;
        let exclusive = mem::take(&mut self.exclusive);
        let presence = &self.outbox.presence;
        if self.outbox.subscriptions.take().any()
            || exclusive.lasting
            || exclusive.is_unanswered()
            || presence.kept.get() > 0
            || presence.flags.get().has(LASTING_FLAGS)
        {
            return Err(End::Politely);
        }
        if let Some(transaction) = self.outbox.transaction.borrow_mut().as_mut() {
            transaction.lost = true;
        }
        self.exclusive.watch_lost = exclusive.watching || exclusive.watch_lost;
        Ok(())
    }
}
