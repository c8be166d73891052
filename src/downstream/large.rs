//! Requests too large to be held: they are passed on as they arrive.

use bytes::Buf;

use super::{connection::Connection, io::End, outbox::Outbox, slot::Slot, target::Target};
use crate::{
    command::{Route, route},
    resp::encode,
    upstream::receiver::Expected,
};

/// The largest request that is held whole because its arguments have to be looked at.
const LARGEST_HELD: usize = 16 << 20;

impl Connection {
    /// Handles the large request that begins at the front of the input.
    pub(super) async fn large(&mut self) -> Result<(), End> {
        let begun = self.scanner.begun(&self.io.input);
        let route = begun.map_or(Route::Unknown, |request| route(&request));
        let streams = matches!(
            route,
            Route::Shared
                | Route::Catalog
                | Route::Blocking
                | Route::Unknown
                | Route::Aside
                | Route::Lasting
        );
        if !streams {
            return self.hold().await;
        }
        self.until(Outbox::admits_requests).await?;
        let refused = self.ready_target().await?;
        if self.has_lost_transaction() {
            self.swallow().await?;
            return self.in_lost_transaction(&route).await.map(|_| ());
        }
        if let Some(refused) = refused {
            self.swallow().await?;
            return self.answer_frame(&refused).await;
        }
        if let Target::Lane(_) | Target::None = &self.target
            && let Some(refused) = self.pin().await?
        {
            self.swallow().await?;
            return self.answer_frame(&refused).await;
        }
        if let Route::Blocking = route {
            self.outbox.will_wait();
        }
        if matches!(route, Route::Lasting | Route::Unknown) {
            self.exclusive.lasting = true;
        }
        self.stream().await
    }

    /// Passes the request on as it arrives.
    async fn stream(&mut self) -> Result<(), End> {
        let Target::Exclusive(link) = &self.target else { return Ok(()) };
        let link = link.clone();
        if !self.exclusive.is_unanswered() {
            let expected = if self.outbox.transaction.borrow().is_some() {
                Expected::Slot(Slot::Queued(None))
            } else {
                Expected::Run(1)
            };
            self.outbox.sent(1);
            link.expect(&self.outbox, expected);
        }
        loop {
            let (len, ended) = match self.scanner.stream(&self.io.input) {
                Ok(step) => step,
                Err(error) => {
                    // Half a request is with the server: it will never see the rest.
                    link.abort();
                    self.target = Target::None;
                    self.outbox.append(|out| error.encode(out));
                    return Err(End::AfterError);
                }
            };
            link.send_unanswered(&self.io.input[..len]);
            self.io.input.advance(len);
            if ended {
                return Ok(());
            }
            let left = self.io.input.len();
            self.relieved(&link).await?;
            self.more(left).await?;
        }
    }

    /// Reads the request to its end and forgets it.
    async fn swallow(&mut self) -> Result<(), End> {
        loop {
            match self.scanner.stream(&self.io.input) {
                Ok((len, ended)) => {
                    self.io.input.advance(len);
                    if ended {
                        return Ok(());
                    }
                }
                Err(error) => {
                    self.answer(|out| error.encode(out)).await?;
                    return Err(End::AfterError);
                }
            }
            self.more(self.io.input.len()).await?;
        }
    }

    /// Reads on until the request is complete, or larger than can be held.
    async fn hold(&mut self) -> Result<(), End> {
        if self.io.input.len() < LARGEST_HELD {
            return self.more(self.io.input.len()).await;
        }
        self.swallow().await?;
        let text = format!("ERR request is larger than {LARGEST_HELD} bytes");
        self.answer(|out| encode::error(out, text)).await
    }

    /// Waits for more of the request than the `before` bytes that were left of it. A client that leaves in the middle
    /// leaves the request incomplete for ever.
    async fn more(&mut self, before: usize) -> Result<(), End> {
        self.io.read_on(&self.outbox, before).await?;
        if self.io.eof && self.io.input.len() == before { Err(End::Politely) } else { Ok(()) }
    }
}
