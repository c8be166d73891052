//! Requests that other clients have a part in: what the server is asked in their place, and what the client is told.

use bytes::{Bytes, BytesMut};

use crate::{
    command::{
        client::{
            ClientCommand,
            asked::{self, NOBODY},
            line::Form,
        },
        info,
    },
    downstream::{
        client::Client,
        ports::{Ports, To},
        registry::question::{Inquiry, Question, Told},
        replies::{Meaning, meaning::Asking},
        state::leaving::End,
    },
    resp::{Request, encode, parse_integer, reply},
    state::ids::{ClientId, Place, ServerId},
};

/// What a client is told, and whether that is the last it is told.
pub(super) struct Answer {
    pub(super) frame: Bytes,
    pub(super) ends: bool,
}

impl Client {
    /// What the server is asked in place of a request about clients.
    pub(super) fn asked_in_place(
        &self,
        to: To,
        command: ClientCommand,
        request: &Request<'_>,
        ports: &impl Ports,
    ) -> Bytes {
        let mut out = BytesMut::new();
        match (command, ports.id(to).known()) {
            (ClientCommand::Kill, _) => asked::encode_kill(request, &mut out),
            // All of the server's connections may be many: one line is enough to see how they look.
            (ClientCommand::List, Some(id)) if request.len() == 2 => {
                let id = id.to_string();
                encode::command(&mut out, [&b"CLIENT"[..], b"LIST", b"ID", id.as_bytes()]);
            }
            _ => out.extend_from_slice(request.bytes()),
        }
        out.freeze()
    }

    /// The server has judged the words of `CLIENT LIST`, `INFO` or `KILL`.
    pub(super) fn judged(
        &mut self,
        place: Place,
        inquiry: Box<Inquiry>,
        frame: &[u8],
        ports: &mut impl Ports,
    ) {
        let frame = Bytes::copy_from_slice(frame);
        if let (Question::List(_), Some(b"" | b"\n")) = (&inquiry.question, text(&frame))
            && let Some(to) = self.footing.to()
        {
            // It lists none of its own connections; one will do to see how it would.
            self.replies.put(place, Meaning::Form(inquiry, Box::new(frame)));
            let info = &mut |out: &mut BytesMut| encode::command(out, [&b"CLIENT"[..], b"INFO"]);
            return ports.send(to, place, b"", info);
        }
        let form = Form::of(text(&frame).unwrap_or_default());
        self.inquire(place, *inquiry, frame, form, ports);
    }

    /// Asks the clients, unless the server has refused the request.
    pub(super) fn inquire(
        &mut self,
        place: Place,
        inquiry: Inquiry,
        frame: Bytes,
        form: Form,
        ports: &mut impl Ports,
    ) {
        let by_address = matches!(inquiry.question, Question::Kill { by_address: true, .. });
        let refused =
            reply::is_error(&frame) && !(by_address && frame.starts_with(b"-ERR No such client"));
        if refused {
            return self.fill_frame(place, &frame);
        }
        let question = inquiry.question.clone();
        self.replies.put(place, Meaning::Asking(Box::new(Asking::Inquiry(inquiry, frame, form))));
        ports.ask(place, vec![question]);
    }

    /// What was asked of other clients has been answered.
    pub fn answered(&mut self, place: Place, mut told: Vec<Told>, ports: &mut impl Ports) {
        let asking = match self.replies.take(place) {
            Some(Meaning::Asking(asking)) => *asking,
            // What it was asked for has failed meanwhile.
            Some(other) => return self.replies.put(place, other),
            None => return,
        };
        let first = if told.is_empty() { Told::Nothing } else { told.remove(0) };
        match asking {
            Asking::Front => {
                self.course.told = Some(Box::new(pinned(&first)));
                self.fill(place, |_| {});
            }
            Asking::Inquiry(inquiry, frame, form) => {
                let told = self.as_asker(&inquiry, first);
                let answer = answer_to(&inquiry.question, &form, &frame, told);
                self.fill_frame(place, &answer.frame);
                if answer.ends {
                    self.leaving.end(End::Politely);
                }
            }
            Asking::Info(wanted, frame) => {
                let Told::Counts(counts) = first else { return self.fill_frame(place, &frame) };
                let facts = self.rules.facts.clone();
                self.fill(place, |out| {
                    let section = |upstream: &info::Upstream| match wanted.section {
                        true => facts.section(counts) + &upstream.lines(),
                        false => String::new(),
                    };
                    info::merge(&frame, &counts.of_clients(), section, out);
                });
            }
            Asking::Unblock(request) => {
                let request = with_id(&request, 2, pinned(&first));
                self.resend(place, Meaning::Waited, &request, ports);
            }
            Asking::Tracking(tracking, request) => {
                let at = tracking.redirect.map_or(0, |(_, at)| at);
                let request = with_id(&request, at, pinned(&first));
                self.resend(place, Meaning::Tracking(Box::new(tracking), None), &request, ports);
            }
            Asking::Transaction(transaction, frames) => {
                told.insert(0, first);
                self.transaction_told(place, transaction, &frames, told, ports);
            }
        }
    }

    /// Sends another request for the same place.
    fn resend(&mut self, place: Place, meaning: Meaning, request: &[u8], ports: &mut impl Ports) {
        self.replies.put(place, meaning);
        Self::send(ports, To::Own, place, request);
    }

    /// The server handles a request where it was read: so it still counts as input of the client that asks.
    fn as_asker(&self, inquiry: &Inquiry, told: Told) -> Told {
        let Told::Profiles(mut profiles) = told else { return told };
        if let Some(own) = profiles.iter_mut().find(|profile| profile.id == self.me.id.0) {
            own.as_asker(inquiry.input, inquiry.arguments);
        }
        Told::Profiles(profiles)
    }
}

/// What the client is told in place of the server's answer `frame` to its question.
pub(super) fn answer_to(question: &Question, form: &Form, frame: &Bytes, told: Told) -> Answer {
    let verbatim = frame.first() == Some(&b'=');
    let is_error = reply::is_error(frame);
    let (frame, ends) = match (question, told) {
        (Question::Kill { by_address: true, .. }, Told::Ended(ended, own)) if is_error => {
            (if ended > 0 { Bytes::from_static(b"+OK\r\n") } else { frame.clone() }, own)
        }
        (Question::Unclear, _) if !is_error => {
            (Bytes::from_static(b"-ERR syntax error\r\n"), false)
        }
        (_, Told::Ended(ended, own)) if !is_error => {
            let mut out = BytesMut::new();
            encode::integer(&mut out, i64::try_from(ended).unwrap_or(i64::MAX));
            (out.freeze(), own)
        }
        (question, Told::Profiles(profiles)) if !is_error => {
            let mut lines = String::new();
            match question {
                Question::List(filter) => {
                    for place in filter.arrange(&profiles) {
                        form.write(&profiles[place], &mut lines);
                    }
                }
                _ => profiles.iter().for_each(|profile| form.write(profile, &mut lines)),
            }
            (encode_text(&lines, verbatim), false)
        }
        _ => (frame.clone(), false),
    };
    Answer { frame, ends }
}

fn pinned(told: &Told) -> Option<ServerId> {
    match told {
        Told::Pinned(id) => *id,
        _ => None,
    }
}

/// The client whose id stands at `index`; none if that is no id, or nobody's.
pub(super) fn client_named(request: &Request<'_>, index: usize) -> Option<ClientId> {
    let id = request.arg(index).and_then(parse_integer)?;
    u64::try_from(id).ok().map(ClientId)
}

/// The request with the server's id of a client's own connection at `place`; nobody's, if the client has none. What is no id is
/// for the server to refuse.
pub(super) fn with_pinned(request: &Request<'_>, place: usize, pinned: Option<ServerId>) -> Bytes {
    if request.arg(place).and_then(parse_integer).is_none() {
        return Bytes::copy_from_slice(request.bytes());
    }
    let mut out = BytesMut::new();
    let id = pinned.and_then(ServerId::known).map_or(NOBODY, |id| id.0);
    asked::encode_with(request, place, id, &mut out);
    out.freeze()
}

/// As [`with_pinned`], for the bytes of a complete request.
fn with_id(bytes: &[u8], place: usize, pinned: Option<ServerId>) -> Bytes {
    let mut scanner = crate::resp::RequestScanner::new();
    match scanner.scan(bytes, true) {
        Ok(crate::resp::Scanned::Frame { .. }) => {
            with_pinned(&scanner.request(bytes), place, pinned)
        }
        _ => Bytes::copy_from_slice(bytes),
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
