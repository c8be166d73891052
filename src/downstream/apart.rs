//! Requests that any connection could take, and that are better kept apart from those of others: what has a large value,
//! because those who are behind it would wait, and `PING`, so that it need not wait behind what is large.

use std::rc::Rc;

use super::{
    connection::{Connection, Link},
    io::End,
    target::Target,
};
use crate::resp::Request;

impl Connection {
    /// Whether a request that a lane could take should not go there now.
    pub(super) fn goes_apart(&self, request: &Request<'_>) -> bool {
        match &self.target {
            Target::Lane(link) => self.is_bulky(request) || self.overtakes(link, request),
            Target::Exclusive(_) | Target::None => false,
        }
    }

    /// Whether what the request is about has had a large value lately.
    pub(super) fn is_bulky(&self, request: &Request<'_>) -> bool {
        let bulky = &self.context.bulky;
        !bulky.is_empty()
            && bulky.subject(self.key.database, request).is_some_and(|subject| bulky.holds(subject))
    }

    /// Remembers what a request is about that is sent with nothing else under way: its reply may turn out to be large.
    pub(super) fn note_subject(&self, request: &Request<'_>) {
        self.outbox.asks_for(self.context.bulky.subject(self.key.database, request));
    }

    /// Whether the request asks for nothing but a sign of life, while replies to others are awaited on the lane: any of them
    /// may be large, and for how long it will take nobody knows.
    pub(super) fn overtakes(&self, lane: &Link, request: &Request<'_>) -> bool {
        self.outbox.is_idle()
            && request.len() <= 2
            && request.name().eq_ignore_ascii_case(b"PING")
            && !lane.is_idle()
            && !lane.is_unauthenticated()
            && !lane.is_misplaced()
    }

    /// Sends the request past the lane. What follows it goes to the lane again, once it is answered.
    pub(super) async fn overtake(&mut self, request: &Request<'_>) -> Result<(), End> {
        let (context, key) = (self.context.clone(), self.key.clone());
        let bypass = async move { context.hub.bypass(&key).await };
        if let Ok(link) = self.io.during(&self.outbox, bypass).await? {
            self.run(&link, request);
            self.target = Target::None;
            return Ok(());
        }
        // The lane shows what is wrong.
        if let Some(refused) = self.ready_target().await? {
            return self.answer_frame(&refused).await;
        }
        if let Some(link) = self.link() {
            let link: Rc<Link> = link.clone();
            self.run(&link, request);
        }
        Ok(())
    }
}
