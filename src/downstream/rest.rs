//! What a client's connection does when there is no request to handle.

use super::{connection::Connection, io::End, target::Target};

impl Connection {
    /// Waits until there is something to do: more input, a connection to give back, the end.
    pub(super) async fn rest(&mut self) -> Result<(), End> {
        let before = self.io.input.len();
        let outbox = &self.outbox;
        let (exclusive, target) = (&self.exclusive, &self.target);
        let shares = !self.context.dedicated;
        let releasable =
            || shares && matches!(target, Target::Exclusive(_)) && exclusive.is_clean(outbox);
        self.io
            .until(&self.outbox, |io| {
                io.input.len() > before
                    || io.eof
                    || outbox.is_draining()
                    || outbox.is_link_closed()
                    || !outbox.waiting.is_empty()
                    || releasable()
            })
            .await?;
        let more = self.io.input.len() > before;
        if more && matches!(self.target, Target::Lane(_)) && self.outbox.waiting.is_empty() {
            return Ok(());
        }
        Box::pin(self.look_after(before)).await
    }

    /// Does what there is to do besides handling more input than the `before` bytes that are not enough for a request.
    async fn look_after(&mut self, before: usize) -> Result<(), End> {
        self.keep_link().await?;
        let cut = self.outbox.take_link_closed();
        self.note_closed_link()?;
        self.prove().await?;
        self.release();
        if cut && self.key.identity.is_proven() {
            // The server may have cut off this user; it says whether the user may come back.
            self.ready_target().await?;
        }
        // More may have arrived meanwhile.
        if self.io.input.len() == before && (self.io.eof || self.outbox.is_draining()) {
            let listens = self.exclusive.is_stream() || self.outbox.subscriptions.get().any();
            if listens && !self.outbox.is_draining() {
                self.finish_stream().await?;
            } else {
                self.idle().await?;
            }
            return Err(End::Politely);
        }
        Ok(())
    }

    /// The client sends no more: the server is told, and what it still has to say goes to the client.
    async fn finish_stream(&mut self) -> Result<(), End> {
        let Target::Exclusive(link) = &self.target else { return Ok(()) };
        link.finish();
        self.until(|outbox| outbox.is_link_closed() || outbox.is_draining()).await
    }

    /// Passes on whatever a client sends whose connection carries the stream of a replica.
    pub(super) async fn tunnel(&mut self) -> Result<(), End> {
        let Target::Exclusive(link) = &self.target else { return Err(End::Politely) };
        let link = link.clone();
        link.send_unanswered(&self.io.input);
        self.io.input.clear();
        self.relieved(&link).await?;
        self.note_closed_link()
    }

    /// Gets the client a connection of its own if someone waits for it to have one.
    async fn keep_link(&mut self) -> Result<(), End> {
        if self.outbox.waiting.is_empty() {
            return Ok(());
        }
        if !matches!(self.target, Target::Exclusive(_)) {
            // Without one, those who wait are told so.
            self.pin().await?;
        }
        if self.outbox.presence.pinned.get().is_none() {
            self.outbox.presence.kept.set(0);
        }
        self.outbox.waiting.answer(self.outbox.presence.pinned.get());
        Ok(())
    }
}
