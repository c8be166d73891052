//! Where a client's requests go: a lane, a connection of its own, or nowhere while the server is away.

use std::{mem, rc::Rc};

use bytes::{Bytes, BytesMut};

use super::{
    connection::{Connection, Link},
    io::End,
    outbox::Outbox,
    slot::Slot,
    words,
};
use crate::{resp::encode, upstream::DialError};

/// Where a client's requests go at present.
pub(super) enum Target {
    /// Nowhere yet, or not any more.
    None,
    /// A connection shared with others in the same state.
    Lane(Rc<Link>),
    /// A connection of its own.
    Exclusive(Rc<Link>),
}

impl Connection {
    /// Whether there is a connection that takes a request at once.
    pub(super) fn has_ready_target(&self) -> bool {
        !self.past
            && self.outbox.room() > 0
            && self.link().is_some_and(|link| link.is_open() && !link.is_congested())
    }

    /// Makes sure that there is a connection for the next request. Otherwise gives the error to answer it with.
    pub(super) async fn ready_target(&mut self) -> Result<Option<Bytes>, End> {
        if self.past {
            self.idle().await?;
            self.past = false;
        }
        if self.outbox.room() == 0 {
            self.until(Outbox::has_room).await?;
        }
        self.note_closed_link()?;
        match &self.target {
            Target::Lane(link) | Target::Exclusive(link) if link.is_open() => {
                let link = link.clone();
                if link.is_congested() {
                    self.relieved(&link).await?;
                }
                return Ok(None);
            }
            Target::Lane(_) | Target::Exclusive(_) => {
                // What is still to come from the old connection comes first.
                self.idle().await?;
                self.note_closed_link()?;
                self.target = Target::None;
            }
            Target::None => {}
        }
        if self.context.dedicated {
            return self.pin().await;
        }
        match self.lane().await? {
            Ok(link) => {
                if self.key.identity.is_proven() && self.joined.as_ptr() != Rc::as_ptr(&link) {
                    link.join(&self.outbox);
                    self.joined = Rc::downgrade(&link);
                }
                self.unauthenticated = link.is_unauthenticated();
                self.target = Target::Lane(link);
                Ok(None)
            }
            Err(error) => self.refusal(error).map(Some),
        }
    }

    /// The shared connection for clients in this one's state.
    pub(super) async fn lane(&mut self) -> Result<Result<Rc<Link>, DialError>, End> {
        let (context, key) = (self.context.clone(), self.key.clone());
        let lane = async move { context.hub.lane(&key).await };
        self.io.during(&self.outbox, lane).await
    }

    /// Waits until the server has taken most of what was sent on the link.
    pub(super) async fn relieved(&mut self, link: &Rc<Link>) -> Result<(), End> {
        let relief = std::future::poll_fn(|cx| link.poll_relief(cx));
        self.io.during(&self.outbox, relief).await
    }

    /// Where a request goes that asks for nothing but a sign of life, and is its client's only one: past a lane on which others'
    /// replies are awaited, if it can. Any of them may be large, and nobody knows how long it will take.
    pub(super) fn past(&mut self, lane: Rc<Link>) -> Rc<Link> {
        if !matches!(self.target, Target::Lane(_)) || !self.outbox.is_idle() {
            return lane;
        }
        self.context.hub.prepare_bypass(&lane);
        match lane.bypass() {
            Some(bypass) if !lane.is_idle() => {
                self.past = true;
                bypass
            }
            _ => lane,
        }
    }

    /// Gives the client a connection of its own, in its present state; otherwise the error to answer with.
    pub(super) async fn pin(&mut self) -> Result<Option<Bytes>, End> {
        self.idle().await?;
        self.target = Target::None;
        let (context, key) = (self.context.clone(), self.key.clone());
        let unauthenticated = self.unauthenticated && !key.identity.is_proven();
        let link = async move { context.hub.exclusive(&key, unauthenticated).await };
        match self.io.during(&self.outbox, link).await? {
            Ok(link) => {
                self.outbox.take_link_closed();
                link.adopt(&self.outbox);
                self.exclusive.pinned();
                self.outbox.presence.pinned.set(Some(link.id()));
                self.outbox.presence.spoiled.set(false);
                self.relabel(&link);
                self.target = Target::Exclusive(link);
                Ok(None)
            }
            Err(error) => self.refusal(error).map(Some),
        }
    }

    /// Has the server call the client's own connection as it calls itself.
    fn relabel(&self, link: &Rc<Link>) {
        let label = self.outbox.presence.label();
        label.encode_changes(&link.label(), |request| {
            link.send(&self.outbox, &request, Slot::Drop);
        });
        link.set_label(label);
    }

    /// Whether the connection may be in another database than the client: the server selects none for a connection that it
    /// wants a password from, nor while a script keeps it busy.
    pub(super) fn is_misplaced(&self) -> bool {
        self.link().is_some_and(|link| link.is_misplaced())
    }

    /// Selects the client's database ahead of a request, in case the server does that by now.
    pub(super) fn place(&self) {
        if self.is_misplaced()
            && self.outbox.transaction.borrow().is_none()
            && let Some(link) = self.link()
        {
            let database = self.key.database;
            link.send_with(&self.outbox, Slot::Drop, |out| encode_select(database, out));
        }
    }

    /// The connection that requests go to, if any.
    pub(super) fn link(&self) -> Option<&Rc<Link>> {
        match &self.target {
            Target::Lane(link) | Target::Exclusive(link) => Some(link),
            Target::None => None,
        }
    }

    /// The error to answer with when there is no connection, or the end if the server no longer knows the user.
    fn refusal(&self, error: DialError) -> Result<Bytes, End> {
        match error {
            DialError::Refused(frame) => Ok(frame),
            // The server would have cut this client off. One that has just come is told why.
            DialError::StateRefused(frame) if self.key == self.context.initial => Ok(frame),
            DialError::StateRefused(_) => Err(End::Politely),
            DialError::Unreachable(why) => {
                let mut out = BytesMut::new();
                encode::error(&mut out, format!("{}{why}", words::UNAVAILABLE));
                Ok(out.freeze())
            }
        }
    }

    /// Leaves the upstream connection as the client leaves.
    pub(super) fn leave(&mut self) {
        self.release();
        self.end_redirection();
        self.outbox.presence.pinned.set(None);
        if let Target::Exclusive(link) = mem::replace(&mut self.target, Target::None) {
            if self.exclusive.is_unanswered() && !self.exclusive.is_stream() {
                // Nobody can tell whether the last requests have been written, but the client need not wait for that.
                link.orphan();
                link.retire();
            } else {
                link.abort();
            }
        }
    }
}

/// Appends `SELECT database`.
pub(super) fn encode_select(database: u32, out: &mut BytesMut) {
    encode::command(out, [&b"SELECT"[..], database.to_string().as_bytes()]);
}
