//! One client: its requests in order, each to the connection it needs.

use std::{
    mem,
    rc::{Rc, Weak},
    time::Duration,
};

use bytes::{Buf, Bytes, BytesMut};
use tokio::{net::TcpStream, time::timeout};

use super::{
    ahead::Ahead,
    context::Context,
    exclusive::Exclusive,
    io::{End, Io},
    outbox::Outbox,
    presence::{LastCommand, Presence},
    slot::Slot,
    target::Target,
};
use crate::{
    command::{
        Route, catalog::Merge, client::profile::Flags, info::Wanted, route,
        table::Transaction as Step,
    },
    resp::{Request, RequestScanner, encode},
    upstream::{
        key::LaneKey,
        link,
        receiver::{Failure, Receiver},
    },
};

pub(super) type Link = link::Link<Outbox>;

/// How long a command that may wait is waited for when its client has sent others behind it, and then no more.
const GRACE: Duration = Duration::from_millis(20);

/// One client.
pub struct Connection {
    pub(super) context: Rc<Context>,
    pub(super) outbox: Rc<Outbox>,
    pub(super) io: Io,
    pub(super) scanner: RequestScanner,
    pub(super) key: Rc<LaneKey>,
    pub(super) target: Target,
    pub(super) exclusive: Exclusive,
    /// The lane that tells this client when it closes.
    pub(super) joined: Weak<Link>,
    /// A request is being handled: what comes before it may have to be waited for.
    pub(super) handling: bool,
    /// A request went past the lane, and may have yet to be answered: what follows it goes to the lane.
    pub(super) past: bool,
    /// Whether the server wanted a password when this client came to its lane.
    pub(super) unauthenticated: bool,
}

impl Connection {
    /// The client with the given id on `stream`; `output_limit` in bytes.
    pub fn new(context: Rc<Context>, id: u64, stream: TcpStream, output_limit: usize) -> Self {
        let (read, write) = stream.into_split();
        let key = context.initial.clone();
        let presence = Presence::new(context.clock.now(), key.clone());
        let outbox = Outbox::new(id, write, output_limit, presence);
        let io = Io::new(read, context.spares.clone());
        Self {
            context,
            outbox,
            io,
            scanner: RequestScanner::new(),
            key,
            target: Target::None,
            exclusive: Exclusive::default(),
            joined: Weak::new(),
            handling: false,
            past: false,
            unauthenticated: false,
        }
    }

    /// Serves the client until it leaves.
    pub async fn serve(&mut self) {
        let id = self.outbox.id();
        self.context.clients.borrow_mut().insert(id, self.outbox.clone());
        if self.context.draining.get() {
            self.outbox.drain();
        }
        let end = loop {
            if let Err(end) = self.advance().await {
                break end;
            }
            if let Err(end) = self.rest().await {
                break end;
            }
        };
        self.leave();
        self.outbox.waiting.answer(None);
        Box::pin(self.io.finish(&self.outbox, end)).await;
        self.outbox.end();
        self.context.clients.borrow_mut().remove(&id);
    }

    /// Handles every complete request that has been read.
    ///
    /// What a waiting client takes is the room for everything that this might wait for. Most clients wait for nothing but
    /// input, so what is rare is boxed.
    async fn advance(&mut self) -> Result<(), End> {
        self.outbox.presence.active.set(self.context.clock.now());
        while !self.io.input.is_empty() {
            if self.outbox.presence.flags.get().has(Flags::REPLICA) {
                Box::pin(self.tunnel()).await?;
                continue;
            }
            // Where there is no connection, that is told to each request.
            if !self.has_ready_target() {
                Box::pin(self.ready_target()).await?;
            }
            match self.pass_ahead() {
                Ahead::Nothing => return Ok(()),
                Ahead::Again => {}
                Ahead::Request(len) => {
                    Box::pin(self.handle_front(len)).await?;
                }
                Ahead::Block(len) => {
                    let mut input = mem::take(&mut self.io.input);
                    self.scanner.next();
                    self.send_block(&input[..len]);
                    input.advance(len);
                    self.io.put_back(input);
                }
                Ahead::Large => Box::pin(self.large()).await?,
                Ahead::Malformed(error) => {
                    Box::pin(self.answer(|out| error.encode(out))).await?;
                    return Err(End::AfterError);
                }
            }
        }
        Ok(())
    }

    /// Handles the request of `len` bytes at the front of the input.
    async fn handle_front(&mut self, len: usize) -> Result<(), End> {
        let mut input = mem::take(&mut self.io.input);
        let scanner = mem::take(&mut self.scanner);
        self.handling = true;
        let outcome = self.handle(&scanner.request(&input)).await;
        self.handling = false;
        self.scanner = scanner;
        self.scanner.next();
        input.advance(len);
        self.io.put_back(input);
        outcome
    }

    /// Handles one request that is not simply passed on.
    async fn handle(&mut self, request: &Request<'_>) -> Result<(), End> {
        let route = route(request);
        self.outbox.presence.set_last(LastCommand::new(request.name(), || request.arg(1)));
        if let Route::Browser = route {
            tracing::info!(client = self.outbox.id(), "closing a client that speaks HTTP");
            return Err(End::Now);
        }
        if let Route::Quit = route {
            return Err(self.quit(request).await?);
        }
        if !matches!(route, Route::Session(_)) {
            self.until(Outbox::admits_requests).await?;
        }
        let refused = self.ready_target().await?;
        if self.has_lost_transaction() {
            if self.in_lost_transaction(&route).await? {
                return Ok(());
            }
        } else if let Some(refused) = refused {
            return self.answer_frame(&refused).await;
        }
        if let Route::Session(command) = route {
            return self.session(command, request).await;
        }
        self.place();
        if let Target::Lane(link) = &self.target {
            let link = link.clone();
            match route {
                // The server may close the connection for it.
                _ if !request.is_well_ended() => {}
                // Without a transaction or watched keys these change nothing.
                Route::Shared | Route::Transaction(Step::Exec | Step::Discard | Step::Unwatch) => {
                    if let Route::Transaction(Step::Unwatch) = route {
                        self.exclusive.watch_lost = false;
                    }
                    self.run(&link, request);
                    return Ok(());
                }
                Route::Client(command) if command.is_shared() => {
                    return self.client_command(&link, command, request).await;
                }
                Route::Info => return self.info(&link, request).await,
                Route::Catalog => {
                    self.catalog(&link, request);
                    return Ok(());
                }
                _ => {}
            }
            if let Some(refused) = self.pin().await? {
                return self.answer_frame(&refused).await;
            }
        }
        self.on_exclusive(route, request).await
    }

    /// `QUIT`
    async fn quit(&mut self, request: &Request<'_>) -> Result<End, End> {
        if !self.exclusive.is_stream() {
            self.idle().await?;
        }
        match &self.target {
            Target::Exclusive(link) if link.is_open() && !self.exclusive.is_clean(&self.outbox) => {
                // The client's state is gone by the time when its connection is: the server closes first.
                if self.exclusive.is_unanswered() {
                    link.send_unanswered(request.bytes());
                } else {
                    self.outbox.sent(1);
                    link.send_run(&self.outbox, request.bytes(), 1);
                }
                // Where it has no reply to give, it closes only when it sees that nothing more comes.
                link.finish();
                self.until(Outbox::is_link_closed).await?;
            }
            _ => self.answer(|out| encode::simple(out, "OK")).await?,
        }
        Ok(End::Politely)
    }

    /// `INFO`: the server is asked, and our section is added to what it says.
    pub(super) async fn info(&mut self, link: &Rc<Link>, request: &Request<'_>) -> Result<(), End> {
        let section = self.section(request).await?;
        self.outbox.sent(1);
        link.send(&self.outbox, request.bytes(), Slot::Section(section));
        Ok(())
    }

    /// The section `# Sessiond` as it is now; empty when `request` does not ask for it.
    pub(super) async fn section(&mut self, request: &Request<'_>) -> Result<String, End> {
        if !Wanted::of(request).section {
            return Ok(String::new());
        }
        let roster = self.context.roster.clone();
        let counts = self.io.during(&self.outbox, roster.counts()).await?;
        Ok(self.context.facts.section(counts))
    }

    /// `COMMAND`: the server is asked, and the session commands are added to what it says.
    pub(super) fn catalog(&mut self, link: &Rc<Link>, request: &Request<'_>) {
        match Merge::of(request, &self.context.session) {
            Some(merge) => {
                let asked = merge.request(request);
                self.outbox.sent(1);
                link.send(&self.outbox, &asked, Slot::Merged(Box::new(merge)));
            }
            None => self.run(link, request),
        }
    }

    /// Answers with a reply of our own, after all that is still to come from the server.
    pub(super) async fn answer(&mut self, write: impl FnOnce(&mut BytesMut)) -> Result<(), End> {
        self.idle().await?;
        if !self.exclusive.is_unanswered() {
            self.outbox.append(write);
            self.outbox.flush();
        } else if let Target::Exclusive(link) = &self.target
            && self.exclusive.was_unanswered()
        {
            // The server has yet to leave one reply out: it is to be the one to this.
            link.send_unanswered(b"*1\r\n$4\r\nPING\r\n");
        }
        Ok(())
    }

    /// As [`Connection::answer`], with a frame that is complete.
    pub(super) async fn answer_frame(&mut self, frame: &[u8]) -> Result<(), End> {
        self.answer(|out| out.extend_from_slice(frame)).await
    }

    /// Waits until every reply has arrived.
    pub(super) async fn idle(&mut self) -> Result<(), End> {
        self.until(Outbox::is_idle).await
    }

    /// Waits for `ready`. A client that leaves, or has to, while it is blocked does not wait.
    pub(super) async fn until(&mut self, ready: impl Fn(&Outbox) -> bool) -> Result<(), End> {
        let outbox = &self.outbox;
        let gives_up = |io: &Io| outbox.may_wait() && (io.eof || outbox.is_draining());
        self.io.until(outbox, |io| ready(outbox) || gives_up(io)).await?;
        if ready(outbox) {
            return Ok(());
        }
        if !outbox.is_draining() {
            if self.handling {
                // What waits is followed by more that is to run if it does not wait for long.
                let answered = self.io.until(outbox, |_| ready(outbox) || outbox.is_draining());
                if let Ok(outcome) = timeout(GRACE, answered).await {
                    outcome?;
                    return if ready(outbox) { Ok(()) } else { Err(End::Politely) };
                }
            }
            // The server sees what we see: that nothing more comes. A command that has its answer gets it, one that waits
            // ends with its connection, and what the client sent behind it is not reached.
            if let Target::Exclusive(link) = &self.target {
                outbox.leave_quietly();
                link.finish();
                let over = |_: &Io| outbox.is_link_closed() || outbox.is_draining();
                self.io.until(outbox, over).await?;
                if outbox.has_left_quietly() && ready(outbox) {
                    return Ok(());
                }
            }
        }
        Err(End::Politely)
    }

    /// Sends a request whose outcome is waited for. `slot` is [`Slot::Capture`] or [`Slot::Observe`].
    pub(super) async fn call(
        &mut self,
        link: &Rc<Link>,
        slot: Slot,
        write: impl FnOnce(&mut BytesMut),
    ) -> Result<Result<Bytes, Failure>, End> {
        self.outbox.sent(1);
        link.send_with(&self.outbox, slot, write);
        self.until(Outbox::has_outcome).await?;
        Ok(self.outbox.take_outcome().unwrap_or(Err(Failure::Lost)))
    }
}
