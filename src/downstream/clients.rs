//! `CLIENT`: what a client says and asks about itself and about others.
//!
//! The server decides whether a command is right and allowed; what it knows are upstream connections, so what it says of
//! them is replaced by what is true of clients.

use std::rc::Rc;

use bytes::{Bytes, BytesMut};

use super::{
    connection::{Connection, Link},
    exclusive::Unanswered,
    io::End,
    slot::{Slot, Substitute},
    tracking::with_pinned,
};
use crate::{
    command::client::{
        ClientCommand, Switch, asked, filter::Filter, line::Form, naming::Naming, profile::Flags,
        tracking::Tracking,
    },
    resp::{Request, encode, parse_integer, reply},
};

/// A question about clients, to which the server's answer is only the beginning.
#[derive(Clone, Debug)]
pub enum Question {
    /// `CLIENT INFO`
    Info,
    /// `CLIENT LIST`
    List(Filter),
    /// `CLIENT KILL`, in its old form with an address or with filters.
    Kill {
        /// Whom to end.
        filter: Filter,
        /// Whether there has to be such a client.
        by_address: bool,
    },
    /// A filter that the server knows and we do not.
    Unclear,
}

impl Question {
    /// What the client `own` asks.
    pub(super) fn of(command: ClientCommand, request: &Request<'_>, own: u64) -> Self {
        let question = match command {
            ClientCommand::List => Filter::of_list(request).map(Self::List),
            ClientCommand::Kill => Filter::of_kill(request, own)
                .map(|filter| Self::Kill { filter, by_address: request.len() == 3 }),
            _ => Some(Self::Info),
        };
        question.unwrap_or(Self::Unclear)
    }
}

/// What a client is told, and whether that is the last it is told.
pub(super) struct Answer {
    pub(super) frame: Bytes,
    pub(super) ends: bool,
}

impl Connection {
    /// A `CLIENT` subcommand outside of transactions.
    pub(super) async fn client_command(
        &mut self,
        link: &Rc<Link>,
        command: ClientCommand,
        request: &Request<'_>,
    ) -> Result<(), End> {
        match command {
            ClientCommand::Info | ClientCommand::List | ClientCommand::Kill => {
                return self.question(link, command, request).await;
            }
            ClientCommand::Unblock => {
                let asked = self.unblocking(request).await?;
                self.outbox.sent(1);
                link.send_run(&self.outbox, &asked, 1);
            }
            ClientCommand::Tracking => return self.change_tracking(link, request).await,
            ClientCommand::Switch(switch, on) => {
                if self.succeeds(link, request).await? {
                    self.switch(switch, on);
                }
            }
            ClientCommand::Reply(mode) => return self.reply_mode(link, mode, request).await,
            _ => {
                let Some(substitute) = self.substitute(link, command, request) else {
                    self.run(link, request);
                    return Ok(());
                };
                self.outbox.sent(1);
                match &substitute {
                    Substitute::Naming(naming) if !link.is_exclusive() => {
                        let naming = naming.clone();
                        link.send_with(&self.outbox, Slot::Substitute(substitute), |out| {
                            naming.encode_masked(out);
                        });
                    }
                    _ => link.send(&self.outbox, request.bytes(), Slot::Substitute(substitute)),
                }
            }
        }
        Ok(())
    }

    /// What takes the place of the server's answer, where that is known beforehand.
    pub(super) fn substitute(
        &self,
        link: &Link,
        command: ClientCommand,
        request: &Request<'_>,
    ) -> Option<Substitute> {
        match command {
            ClientCommand::Id => Some(Substitute::Id(self.outbox.id())),
            // A refused HELLO may have named the connection, which then is the client's for good.
            ClientCommand::GetName => {
                (!link.is_exclusive() || !self.exclusive.lasting).then_some(Substitute::Name)
            }
            ClientCommand::Label => Naming::of(request).map(Substitute::Naming),
            ClientCommand::GetRedirect | ClientCommand::TrackingInfo => {
                Some(Substitute::Redirect(self.outbox.presence.redirect.get()))
            }
            _ => None,
        }
    }

    /// `CLIENT LIST`, `INFO` and `KILL`
    async fn question(
        &mut self,
        link: &Rc<Link>,
        command: ClientCommand,
        request: &Request<'_>,
    ) -> Result<(), End> {
        self.idle().await?;
        let asked = self.asked(link, command, request);
        let outcome = self.call(link, Slot::Capture, |out| out.extend_from_slice(&asked)).await?;
        let frame = outcome.unwrap_or_else(|failure| super::failure_frame(&failure));
        let question = Question::of(command, request, self.outbox.id());
        let form = match (&question, text(&frame)) {
            // It lists none of its own connections; one will do to see how it would.
            (Question::List(_), Some(b"" | b"\n")) => self.line(link).await?,
            _ => Form::of(text(&frame).unwrap_or_default()),
        };
        let answer = self.answer_to(question, &form, &frame).await?;
        self.answer_frame(&answer.frame).await?;
        if answer.ends { Err(End::Politely) } else { Ok(()) }
    }

    /// The form of the server's lines.
    async fn line(&mut self, link: &Rc<Link>) -> Result<Form, End> {
        let info = |out: &mut BytesMut| encode::command(out, [&b"CLIENT"[..], b"INFO"]);
        let outcome = self.call(link, Slot::Capture, info).await?;
        Ok(Form::of(outcome.as_deref().ok().and_then(text).unwrap_or_default()))
    }

    /// What the server is asked in place of a request about clients.
    pub(super) fn asked(
        &self,
        link: &Link,
        command: ClientCommand,
        request: &Request<'_>,
    ) -> Bytes {
        let mut out = BytesMut::new();
        match command {
            ClientCommand::Kill => asked::encode_kill(request, &mut out),
            // All of the server's connections may be many: one line is enough to see how they look.
            ClientCommand::List if request.len() == 2 && link.id() > 0 => {
                let id = link.id().to_string();
                encode::command(&mut out, [&b"CLIENT"[..], b"LIST", b"ID", id.as_bytes()]);
            }
            _ => out.extend_from_slice(request.bytes()),
        }
        out.freeze()
    }

    /// What the client is told in place of the server's answer `frame`.
    pub(super) async fn answer_to(
        &mut self,
        question: Question,
        form: &Form,
        frame: &Bytes,
    ) -> Result<Answer, End> {
        let verbatim = frame.first() == Some(&b'=');
        let none = frame.starts_with(b"-ERR No such client");
        let mut ends = false;
        let frame = match question {
            Question::Kill { filter, by_address: true } if none => {
                let ended;
                (ended, ends) = self.end_clients(filter).await?;
                if ended > 0 { Bytes::from_static(b"+OK\r\n") } else { frame.clone() }
            }
            _ if reply::is_error(frame) => frame.clone(),
            Question::Kill { filter, .. } => {
                let ended;
                (ended, ends) = self.end_clients(filter).await?;
                let mut out = BytesMut::new();
                encode::integer(&mut out, i64::try_from(ended).unwrap_or(i64::MAX));
                out.freeze()
            }
            Question::Info => {
                let own = self.outbox.profile(self.context.clock.now());
                let mut lines = String::new();
                form.write(&own, &mut lines);
                encode_text(&lines, verbatim)
            }
            Question::List(filter) => {
                let roster = self.context.roster.clone();
                let profiles = roster.profiles(filter.clone());
                let profiles = self.io.during(&self.outbox, profiles).await?;
                let mut lines = String::new();
                for place in filter.arrange(&profiles) {
                    form.write(&profiles[place], &mut lines);
                }
                encode_text(&lines, verbatim)
            }
            Question::Unclear => Bytes::from_static(b"-ERR syntax error\r\n"),
        };
        Ok(Answer { frame, ends })
    }

    /// Ends the clients that the filter admits. Gives their number, and whether this one is among them: it is yet to be
    /// told.
    async fn end_clients(&mut self, filter: Filter) -> Result<(usize, bool), End> {
        let own = filter.admits(&self.outbox.profile(self.context.clock.now()));
        let roster = self.context.roster.clone();
        let others = roster.end(filter.sparing(self.outbox.id()));
        let others = self.io.during(&self.outbox, others).await?;
        Ok((others + usize::from(own), own))
    }

    /// `CLIENT UNBLOCK` with the server's id of the connection that the client waits on.
    pub(super) async fn unblocking(&mut self, request: &Request<'_>) -> Result<Bytes, End> {
        let id = request.arg(2).and_then(parse_integer);
        // What is no id is for the server to refuse.
        let Some(id) = id else { return Ok(Bytes::copy_from_slice(request.bytes())) };
        let pinned = match u64::try_from(id) {
            Ok(id) => {
                let roster = self.context.roster.clone();
                self.io.during(&self.outbox, roster.pinned(id)).await?
            }
            Err(_) => None,
        };
        Ok(with_pinned(request, 2, pinned))
    }

    /// Notes that the server has accepted `CLIENT NO-EVICT` or `NO-TOUCH`.
    pub(super) fn switch(&self, switch: Switch, on: bool) {
        let flag = match switch {
            Switch::NoEvict => Flags::NO_EVICT,
            Switch::NoTouch => Flags::NO_TOUCH,
        };
        self.outbox.presence.flag(flag, on);
    }

    /// A `CLIENT` subcommand of a client that gets no reply to it.
    pub(super) async fn client_command_unanswered(
        &mut self,
        link: &Rc<Link>,
        command: ClientCommand,
        request: &Request<'_>,
    ) -> Result<(), End> {
        let asked = match command {
            ClientCommand::Kill if !self.exclusive.is_stream() => {
                return self.kill_unanswered(link, request).await;
            }
            ClientCommand::Kill => self.asked(link, command, request),
            ClientCommand::Unblock => self.unblocking(request).await?,
            ClientCommand::Tracking => self.tracking(&Tracking::of(request), request).await?,
            ClientCommand::Label => {
                if let Some(naming) = Naming::of(request) {
                    link.set_label(self.outbox.presence.name(&naming));
                }
                Bytes::copy_from_slice(request.bytes())
            }
            _ => Bytes::copy_from_slice(request.bytes()),
        };
        self.exclusive.was_unanswered();
        link.send_unanswered(&asked);
        Ok(())
    }

    /// `CLIENT KILL` of a client that gets no reply: we need one all the same, to know whether it is allowed.
    async fn kill_unanswered(&mut self, link: &Rc<Link>, request: &Request<'_>) -> Result<(), End> {
        let mode = self.exclusive.unanswered;
        let reply = |mode: &'static [u8]| {
            let mut out = BytesMut::new();
            encode::command(&mut out, [&b"CLIENT"[..], b"REPLY", mode]);
            out
        };
        if mode == Unanswered::Once {
            // This one takes the reply that is left out.
            link.send_unanswered(b"*1\r\n$4\r\nPING\r\n");
            self.exclusive.was_unanswered();
        } else {
            link.send(&self.outbox, &reply(b"ON"), Slot::Drop);
        }
        let asked = self.asked(link, ClientCommand::Kill, request);
        let outcome = self.call(link, Slot::Capture, |out| out.extend_from_slice(&asked)).await?;
        if mode == Unanswered::Off {
            link.send_unanswered(&reply(b"OFF"));
        }
        if let Ok(frame) = outcome {
            let question = Question::of(ClientCommand::Kill, request, self.outbox.id());
            let answer = self.answer_to(question, &Form::of(b""), &frame).await?;
            if answer.ends {
                return Err(End::Politely);
            }
        }
        Ok(())
    }
}

/// The text of a bulk string or of a verbatim string.
pub(super) fn text(frame: &[u8]) -> Option<&[u8]> {
    if frame.first() != Some(&b'=') {
        return reply::as_bulk(frame);
    }
    let start = frame.iter().position(|&byte| byte == b'\n')? + 1;
    frame[start..].strip_suffix(b"\r\n")?.strip_prefix(b"txt:")
}

/// Text as the server gives it: a bulk string, in RESP3 a verbatim string.
fn encode_text(text: &str, verbatim: bool) -> Bytes {
    let mut out = BytesMut::new();
    if verbatim {
        out.extend_from_slice(format!("={}\r\ntxt:{text}\r\n", text.len() + 4).as_bytes());
    } else {
        encode::bulk(&mut out, text);
    }
    out.freeze()
}
