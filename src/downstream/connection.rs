//! One client: its requests in order, each to the connection it needs.

use std::{mem, rc::Rc};

use bytes::{Buf, Bytes, BytesMut};
use tokio::net::TcpStream;

use super::{
    LARGE_REQUEST,
    context::Context,
    exclusive::Exclusive,
    io::{End, Io},
    outbox::Outbox,
    slot::{Slot, Substitute},
    words,
};
use crate::{
    command::{
        Route,
        client::{self, ClientCommand},
        route,
        table::{self, Class, Transaction as Step},
    },
    resp::{ProtocolError, Request, RequestScanner, Scanned, encode},
    upstream::{
        DialError,
        key::LaneKey,
        link,
        receiver::{Failure, Receiver},
    },
};

pub(super) type Link = link::Link<Outbox>;

/// Where a client's requests go at present.
pub(super) enum Target {
    /// Nowhere yet, or not any more.
    None,
    /// A connection shared with others in the same state.
    Lane(Rc<Link>),
    /// A connection of its own.
    Exclusive(Rc<Link>),
}

/// One client.
pub struct Connection {
    pub(super) context: Rc<Context>,
    pub(super) outbox: Rc<Outbox>,
    pub(super) io: Io,
    pub(super) scanner: RequestScanner,
    pub(super) key: Rc<LaneKey>,
    pub(super) target: Target,
    pub(super) exclusive: Exclusive,
}

/// What stands at the front of the input once everything that could simply be passed on is.
enum Ahead {
    /// Nothing that is complete.
    Nothing,
    /// Something that was not looked at yet.
    Again,
    /// A request of so many bytes.
    Request(usize),
    /// The beginning of a request that is too large to be held.
    Large,
    /// Something that no request begins with.
    Malformed(ProtocolError),
}

impl Connection {
    /// The client with the given id on `stream`; `output_limit` in bytes.
    pub fn new(context: Rc<Context>, id: u64, stream: TcpStream, output_limit: usize) -> Self {
        let (read, write) = stream.into_split();
        let outbox = Outbox::new(id, write, output_limit);
        let key = context.initial.clone();
        let io = Io::new(read, context.spares.clone());
        outbox.protocol.set(key.protocol);
        Self {
            context,
            outbox,
            io,
            scanner: RequestScanner::new(),
            key,
            target: Target::None,
            exclusive: Exclusive::default(),
        }
    }

    /// Serves the client until it leaves.
    pub async fn serve(mut self) {
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
        let Self { io, outbox, context, .. } = self;
        io.finish(&outbox, end).await;
        outbox.end();
        context.clients.borrow_mut().remove(&id);
    }

    /// Handles every complete request that has been read.
    async fn advance(&mut self) -> Result<(), End> {
        while !self.io.input.is_empty() {
            let refused = self.ready_target().await?;
            match self.pass_ahead() {
                Ahead::Nothing => return Ok(()),
                Ahead::Again => {}
                Ahead::Request(len) => {
                    let mut input = mem::take(&mut self.io.input);
                    let scanner = mem::take(&mut self.scanner);
                    let outcome = self.handle(&scanner.request(&input), refused).await;
                    self.scanner = scanner;
                    self.scanner.next();
                    input.advance(len);
                    self.io.put_back(input);
                    outcome?;
                }
                Ahead::Large => self.large(refused).await?,
                Ahead::Malformed(error) => {
                    self.answer(|out| error.encode(out)).await?;
                    return Err(End::AfterError);
                }
            }
        }
        Ok(())
    }

    /// Passes requests on as long as nothing has to be decided or waited for: whole runs of them in one piece.
    fn pass_ahead(&mut self) -> Ahead {
        let link = match &self.target {
            Target::Lane(link) if self.outbox.admits_requests() => Some(link.clone()),
            Target::Exclusive(link)
                if self.outbox.admits_requests() && self.exclusive.passes(&self.outbox) =>
            {
                Some(link.clone())
            }
            _ => None,
        };
        let link = link.filter(|link| link.is_open() && !link.is_congested());
        let authenticated = !self.link().is_some_and(|link| link.is_unauthenticated());
        let (mut at, mut run) = (0, 0u32);
        let room = self.outbox.room();
        let ahead = loop {
            let rest = &self.io.input[at..];
            if rest.is_empty() {
                break Ahead::Nothing;
            }
            if run == room {
                break Ahead::Again;
            }
            match self.scanner.scan(rest, authenticated) {
                Ok(Scanned::Frame { len }) => {
                    let request = self.scanner.request(rest);
                    if link.is_none()
                        || request.is_inline()
                        || table::class(request.name()) != Some(Class::Shared)
                    {
                        break Ahead::Request(len);
                    }
                    self.scanner.next();
                    at += len;
                    run += 1;
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
            self.outbox.sent(run);
            link.send_run(&self.outbox, &self.io.input[..at], run);
            self.io.input.advance(at);
        }
        ahead
    }

    /// Makes sure that there is a connection for the next request. Otherwise gives the error to answer it with.
    pub(super) async fn ready_target(&mut self) -> Result<Option<Bytes>, End> {
        if self.outbox.room() == 0 {
            let outbox = self.outbox.clone();
            self.until(move || outbox.has_room()).await?;
        }
        self.note_closed_link()?;
        match &self.target {
            Target::Lane(link) | Target::Exclusive(link) if link.is_open() => {
                let link = link.clone();
                if link.is_congested() {
                    let relief = std::future::poll_fn(|cx| link.poll_relief(cx));
                    self.io.during(&self.outbox, relief).await?;
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
        let (context, key) = (self.context.clone(), self.key.clone());
        let lane = async move { context.hub.lane(&key).await };
        match self.io.during(&self.outbox, lane).await? {
            Ok(link) => {
                if self.key.identity.is_proven() {
                    link.join(&self.outbox);
                }
                self.target = Target::Lane(link);
                Ok(None)
            }
            Err(error) => self.refusal(error).map(Some),
        }
    }

    /// Gives the client a connection of its own, in its present state; otherwise the error to answer with.
    pub(super) async fn pin(&mut self) -> Result<Option<Bytes>, End> {
        self.idle().await?;
        self.target = Target::None;
        let (context, key) = (self.context.clone(), self.key.clone());
        let link = async move { context.hub.exclusive(&key).await };
        match self.io.during(&self.outbox, link).await? {
            Ok(link) => {
                self.outbox.take_link_closed();
                link.adopt(&self.outbox);
                self.exclusive.pinned();
                self.target = Target::Exclusive(link);
                Ok(None)
            }
            Err(error) => self.refusal(error).map(Some),
        }
    }

    /// Handles one request that is not simply passed on. `refused`: there is no connection for it, and why.
    async fn handle(&mut self, request: &Request<'_>, refused: Option<Bytes>) -> Result<(), End> {
        let route = route(request);
        if let Route::Quit = route {
            self.answer(|out| encode::simple(out, "OK")).await?;
            return Err(End::Politely);
        }
        if self.has_lost_transaction() {
            if self.in_lost_transaction(&route).await? {
                return Ok(());
            }
        } else if let Some(refused) = refused {
            return self.answer(|out| out.extend_from_slice(&refused)).await;
        }
        if let Route::Session(command) = route {
            return self.session(command, request).await;
        }
        if !self.outbox.admits_requests() {
            let outbox = self.outbox.clone();
            self.until(move || outbox.admits_requests()).await?;
        }
        if let Some(refused) = self.ready_target().await? {
            return self.answer(|out| out.extend_from_slice(&refused)).await;
        }
        if let Target::Lane(link) = &self.target {
            let link = link.clone();
            match route {
                // Without a transaction or watched keys these change nothing.
                Route::Shared | Route::Transaction(Step::Exec | Step::Discard | Step::Unwatch) => {
                    if let Route::Transaction(Step::Unwatch) = route {
                        self.exclusive.forget_watched();
                    }
                    self.outbox.sent(1);
                    link.send_run(&self.outbox, request.bytes(), 1);
                    return Ok(());
                }
                Route::Client(command) if !matches!(command, ClientCommand::Reply(_)) => {
                    self.client_command(&link, command, request);
                    return Ok(());
                }
                _ => {}
            }
            if let Some(refused) = self.pin().await? {
                return self.answer(|out| out.extend_from_slice(&refused)).await;
            }
        }
        self.on_exclusive(route, request).await
    }

    /// A `CLIENT` subcommand that speaks of the client: the server is asked whether it is allowed, and what it says of its
    /// connection is replaced by what is true of the client.
    pub(super) fn client_command(
        &mut self,
        link: &Rc<Link>,
        command: ClientCommand,
        request: &Request<'_>,
    ) {
        let substitute = match command {
            ClientCommand::Id => Substitute::Id(self.outbox.id()),
            ClientCommand::GetName => Substitute::Name,
            ClientCommand::SetName | ClientCommand::Reply(_) => {
                Substitute::NewName(client::new_name(request))
            }
        };
        self.outbox.sent(1);
        let slot = Slot::Substitute(substitute);
        match command {
            ClientCommand::SetName if !link.is_exclusive() && is_valid_name(request) => {
                // The others on the lane are not called like this client. An invalid name is for the server to refuse.
                link.send_with(&self.outbox, slot, |out| {
                    encode::command(out, [&b"CLIENT"[..], b"SETNAME", b"sessiond"]);
                });
            }
            _ => link.send(&self.outbox, request.bytes(), slot),
        }
    }

    /// Waits until there is something to do: more input, a connection to give back, the end.
    async fn rest(&mut self) -> Result<(), End> {
        let before = self.io.input.len();
        let outbox = self.outbox.clone();
        let (exclusive, target) = (&self.exclusive, &self.target);
        let shares = !self.context.dedicated;
        let releasable =
            || shares && matches!(target, Target::Exclusive(_)) && exclusive.is_clean(&outbox);
        self.io
            .until(&self.outbox, |io| {
                io.input.len() > before
                    || io.eof
                    || outbox.is_draining()
                    || outbox.is_link_closed()
                    || releasable()
            })
            .await?;
        let cut = self.outbox.take_link_closed();
        self.note_closed_link()?;
        self.release();
        if cut && self.key.identity.is_proven() {
            // The server may have cut off this user; it says whether the user may come back.
            self.ready_target().await?;
        }
        if self.io.input.len() == before && (self.io.eof || self.outbox.is_draining()) {
            if !self.exclusive.is_blocked(&self.outbox) {
                self.idle().await?;
            }
            return Err(End::Politely);
        }
        Ok(())
    }

    /// Answers with a reply of our own, after all that is still to come from the server.
    pub(super) async fn answer(&mut self, write: impl FnOnce(&mut BytesMut)) -> Result<(), End> {
        self.idle().await?;
        if !self.exclusive.is_unanswered() {
            self.outbox.append(write);
            self.outbox.flush();
        }
        Ok(())
    }

    /// Waits until every reply has arrived.
    pub(super) async fn idle(&mut self) -> Result<(), End> {
        let outbox = self.outbox.clone();
        self.until(move || outbox.is_idle()).await
    }

    /// Waits for `ready`. A client that leaves, or has to, while it is blocked does not wait.
    pub(super) async fn until(&mut self, ready: impl Fn() -> bool) -> Result<(), End> {
        let outbox = self.outbox.clone();
        let blocking = self.exclusive.blocking;
        let gives_up = |io: &Io| blocking && (io.eof || outbox.is_draining());
        self.io.until(&self.outbox, |io| ready() || gives_up(io)).await?;
        if ready() { Ok(()) } else { Err(End::Politely) }
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
        let outbox = self.outbox.clone();
        self.until(move || outbox.has_outcome()).await?;
        Ok(self.outbox.take_outcome().unwrap_or(Err(Failure::Lost)))
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
            DialError::CredentialsRefused(_) => Err(End::Politely),
            DialError::Unreachable(why) => {
                let mut out = BytesMut::new();
                encode::error(&mut out, format!("{}{why}", words::UNAVAILABLE));
                Ok(out.freeze())
            }
        }
    }

    /// Leaves the upstream connection as the client leaves.
    fn leave(&mut self) {
        self.release();
        if let Target::Exclusive(link) = mem::replace(&mut self.target, Target::None) {
            link.orphan();
            link.abort();
        }
    }
}

fn is_valid_name(request: &Request<'_>) -> bool {
    request.arg(2).is_some_and(client::is_valid_name)
}
