//! `CLIENT TRACKING`: who is told of a client's invalidated keys.

use std::{rc::Rc, time::Duration};

use bytes::{Bytes, BytesMut};
use tokio::time::timeout;

use super::{
    connection::{Connection, Link},
    io::End,
    slot::Slot,
};
use crate::{
    command::client::{
        asked::{self, NOBODY},
        profile::Flags,
        tracking::Tracking,
    },
    resp::Request,
};

/// How the server ends its answer when everything is right and allowed but the client to redirect to (`clientCommand` in
/// networking.c).
const NO_SUCH_TARGET: &[u8] = b"does not exist\r\n";
/// How long a client may take to get a connection of its own because another one wants it to have one.
const PATIENCE: Duration = Duration::from_secs(5);

impl Connection {
    /// `CLIENT TRACKING`
    pub(super) async fn change_tracking(
        &mut self,
        link: &Rc<Link>,
        request: &Request<'_>,
    ) -> Result<(), End> {
        self.exclusive.lasting = true;
        let tracking = Tracking::of(request);
        let mut asked = Bytes::copy_from_slice(request.bytes());
        if let Some((id, place)) = tracking.redirect {
            // Nobody is bothered before the server has said that the request is right and allowed.
            let nobody = with_pinned(request, place, None);
            let outcome =
                self.call(link, Slot::Capture, |out| out.extend_from_slice(&nobody)).await?;
            let frame = outcome.unwrap_or_else(|failure| super::failure_frame(&failure));
            if !frame.ends_with(NO_SUCH_TARGET) {
                return self.answer_frame(&frame).await;
            }
            asked = with_pinned(request, place, self.keep(id).await?);
        }
        let head = self.observe_bytes(link, &asked).await?;
        if head.is_some_and(|head| head[..] == *b"+OK\r\n") {
            self.track(&tracking);
        } else if let Some((id, _)) = tracking.redirect {
            self.context.roster.release(id);
        }
        Ok(())
    }

    /// Has a client keep a connection of its own from now on; gives the server's id of it.
    pub(super) async fn keep(&mut self, id: u64) -> Result<Option<u64>, End> {
        let roster = self.context.roster.clone();
        let kept = self.io.during(&self.outbox, timeout(PATIENCE, roster.keep(id))).await?;
        Ok(kept.ok().flatten())
    }

    /// This client's invalidations are not redirected any more.
    pub(super) fn end_redirection(&self) {
        if let Some(id) = self.outbox.presence.redirect.take().filter(|&id| id > 0) {
            self.context.roster.release(id);
        }
    }

    /// `CLIENT TRACKING` where its answer comes later or never: only a client that has a connection of its own can be named.
    pub(super) async fn tracking(
        &mut self,
        tracking: &Tracking,
        request: &Request<'_>,
    ) -> Result<Bytes, End> {
        let Some((id, place)) = tracking.redirect else {
            return Ok(Bytes::copy_from_slice(request.bytes()));
        };
        let roster = self.context.roster.clone();
        let pinned = self.io.during(&self.outbox, roster.pinned(id)).await?;
        Ok(with_pinned(request, place, pinned))
    }

    /// Notes that the server has accepted `CLIENT TRACKING`.
    pub(super) fn track(&self, tracking: &Tracking) {
        self.end_redirection();
        let presence = &self.outbox.presence;
        presence.flag(Flags::TRACKING, tracking.on);
        presence.flag(Flags::BROADCAST, tracking.on && tracking.broadcast);
        let redirect = tracking.redirect.map_or(0, |(id, _)| id);
        presence.redirect.set(tracking.on.then_some(redirect));
    }
}

/// The request with the server's id of a client's own connection at `place`; nobody's, if the client has none.
pub(super) fn with_pinned(request: &Request<'_>, place: usize, pinned: Option<u64>) -> Bytes {
    let mut out = BytesMut::new();
    asked::encode_with(request, place, pinned.filter(|&id| id > 0).unwrap_or(NOBODY), &mut out);
    out.freeze()
}
