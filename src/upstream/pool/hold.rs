//! Requests that have not been sent wait for a server that is away, or that another one takes the place of.

use std::{rc::Rc, time::Duration};

use tokio::{
    sync::Notify,
    task::spawn_local,
    time::{Instant, sleep, timeout_at},
};

use super::Hub;
use crate::upstream::{
    connect::{DialError, Step},
    link::{Link, Status, receiver::Receiver},
};

/// How long the replies may take that are due from a server that another one has taken the place of.
const LAST_REPLIES: Duration = Duration::from_millis(500);
/// Why a connection to the former server ends.
const MOVED: &str = "another server has taken the place of this one";
/// How long after a server was not ready for requests it is asked again.
const AGAIN: Duration = Duration::from_millis(50);

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// One attempt to connect.
    pub connect: Duration,
    /// The silence of a server that is given up then; zero is for ever.
    pub silence: Duration,
    /// The wait of requests that have not been sent for a server that is away.
    pub hold: Duration,
}

/// The wait of those who want a connection.
pub(super) struct Hold {
    time: Duration,
    /// Told when another server stands behind.
    change: Notify,
}

impl Hold {
    pub(super) fn new(time: Duration) -> Self {
        Self { time, change: Notify::new() }
    }

    /// Whether anybody waits who could be told at once that there is no connection.
    pub(super) fn holds_anybody(&self) -> bool {
        !self.time.is_zero()
    }
}

impl<R: Receiver> Hub<R> {
    /// Another server stands behind, or none that is known: what leads to the former one ends. Replies that are due have a
    /// moment to come.
    pub fn moved(&self) {
        self.dialer.begin_anew();
        self.idle.close();
        let links = self.watchdog.links();
        for link in &links {
            link.retire();
            link.pass_on();
            if link.has_unsent() {
                link.lose(MOVED);
            }
        }
        spawn_local(async move {
            sleep(LAST_REPLIES).await;
            let open = links.iter().filter(|link| link.status() != Status::Closed);
            open.for_each(|link| link.lose(MOVED));
        });
        self.hold.change.notify_waiters();
    }

    /// Has what `lane` cannot send any more go to the next lane of its key, if it may wait for one.
    pub(super) fn provide_heir(self: &Rc<Self>, lane: &Rc<Link<R>>) {
        if !self.hold.holds_anybody() {
            return;
        }
        let (hub, key) = (Rc::downgrade(self), lane.key());
        lane.set_heir(move |unsent| {
            let (hub, key) = (hub.clone(), key.clone());
            spawn_local(async move {
                let Some(hub) = hub.upgrade() else { return unsent.fail(MOVED) };
                let mut unsent = unsent;
                loop {
                    let lane = match hub.lane(&key, None).await {
                        Ok(joined) => joined.link,
                        Err(error) => return unsent.fail(&error.words()),
                    };
                    match lane.inherit(unsent) {
                        Ok(()) => return,
                        Err(again) => unsent = again,
                    }
                }
            });
        });
    }

    /// Attempts to get a connection as long as there is no server that takes requests, and those who wait may be held.
    pub(super) async fn held<T>(
        &self,
        attempt: impl AsyncFn() -> Result<T, DialError>,
    ) -> Result<T, DialError> {
        let end = Instant::now() + self.hold.time;
        loop {
            let change = self.hold.change.notified();
            let outcome = attempt().await;
            let passes = matches!(
                outcome,
                Err(DialError::Unreachable(_) | DialError::Refused(Step::Ready, _))
            );
            let now = Instant::now();
            if !passes || now >= end {
                return outcome;
            }
            let next = self.dialer.holds_until().unwrap_or(now + AGAIN);
            // That nothing has changed by then is found out by the next attempt.
            let _ = timeout_at(next.min(end), change).await;
        }
    }
}
