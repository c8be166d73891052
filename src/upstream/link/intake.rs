//! The replies of a link: found in its bytes, and handed to whoever asked.

use std::rc::Rc;

use bytes::{Buf, BytesMut};

use super::{
    Link, login,
    pace::Pace,
    queue::{Care, Expected},
    receiver::{Receiver, Verdict},
};
use crate::{
    resp::{ReplyError, ReplyScanner},
    state::ids::Place,
};

/// A reply larger than this is handed on in parts.
const LARGE_REPLY: usize = 1 << 20;

/// What a link reads replies with.
pub(super) struct Intake<R: Receiver> {
    link: Rc<Link<R>>,
    scanner: ReplyScanner,
    /// A large frame is being handed on; true when it answers a request.
    in_part: Option<bool>,
    /// Those who got replies since they were last written to.
    touched: Vec<Rc<R>>,
}

impl<R: Receiver> Intake<R> {
    pub(super) fn new(link: Rc<Link<R>>) -> Self {
        Self { link, scanner: ReplyScanner::new(), in_part: None, touched: Vec::new() }
    }

    /// Hands out every complete reply in the input, and the parts of a large one.
    ///
    /// # Errors
    /// The server does not speak the protocol; the reason in words.
    pub(super) fn take_from(&mut self, input: &mut BytesMut) -> Result<(), String> {
        let mut at = 0;
        let outcome = loop {
            if self.link.queue.borrow().is_open_tunnel() {
                self.unasked(&input[at..], true);
                at = input.len();
            }
            if at == input.len() {
                break Ok(());
            }
            let rest = &input[at..];
            let step = match self.in_part {
                Some(answers) => self.next_part(rest, answers),
                None => self.next_reply(rest),
            };
            match step {
                Ok(0) => break Ok(()),
                Ok(taken) => at += taken,
                Err(why) => break Err(why),
            }
        };
        input.advance(at);
        outcome
    }

    /// Writes to every client that got replies, once each, and notes one that does not keep up.
    pub(super) fn flush(&mut self, pace: &mut Pace<R>) {
        while let Some(receiver) = self.touched.pop() {
            let backlog = receiver.flush();
            pace.note(receiver, backlog);
        }
    }

    /// Hands out the reply, or the run of replies, at the front of `rest`; 0 when none is complete.
    fn next_reply(&mut self, rest: &[u8]) -> Result<usize, String> {
        let Some(len) = self.scan(rest)? else {
            if self.scanner.needed().is_none_or(|needed| needed <= LARGE_REPLY) {
                return Ok(0);
            }
            return match self.partable(rest) {
                Some(answers) => self.next_part(rest, answers),
                None => Ok(0),
            };
        };
        if self.link.is_pinned() {
            self.pinned_reply(&rest[..len]);
            return Ok(len);
        }
        if rest[0] == b'>' {
            // A server may announce things of its own accord; nobody on a shared connection has asked for them.
            return Ok(len);
        }
        let front = match self.link.queue.borrow().front() {
            Some(entry) => match (entry.expected, &entry.receiver) {
                (Expected::Run(count), Some(receiver)) => {
                    Some((receiver.clone(), entry.place, count))
                }
                _ => None,
            },
            None => return Err(unexpected(&rest[..len])),
        };
        let Some((receiver, place, count)) = front else {
            self.answer(&rest[..len]);
            return Ok(len);
        };
        let (mut end, mut taken) = (len, 1);
        while taken < count && end < rest.len() && rest[end] != b'>' {
            let Some(len) = self.scan(&rest[end..])? else { break };
            end += len;
            taken += 1;
        }
        self.link.queue.borrow_mut().answered(taken);
        R::replies(&receiver, place, &rest[..end], taken);
        self.touch(receiver);
        Ok(end)
    }

    fn scan(&mut self, rest: &[u8]) -> Result<Option<usize>, String> {
        let scanned = self.scanner.scan(rest).map_err(broken)?;
        if let Some(len) = scanned
            && rest[0] == b'-'
        {
            self.link.heed(&rest[..len]);
        }
        Ok(scanned)
    }

    /// Hands `frame` to whoever sent the oldest request.
    fn answer(&mut self, frame: &[u8]) {
        let popped = self.link.queue.borrow_mut().pop();
        let Some(entry) = popped else { return };
        let frame = match entry.care {
            Care::None => frame,
            Care::Repeats => {
                self.link.scripts().repeated();
                frame
            }
            Care::Guarded if login::answers_guard(frame) => {
                self.link.queue.borrow_mut().pop();
                login::REFUSED
            }
            Care::Guarded => frame,
        };
        let kept = match entry.expected {
            Expected::Run(_) => None,
            Expected::One { kept } => Some(kept as usize),
        };
        let Some(receiver) = entry.receiver else { return };
        match kept {
            None => R::replies(&receiver, entry.place, frame, 1),
            Some(0) => R::reply(&receiver, Some(&self.link), entry.place, frame, b""),
            Some(len) => {
                let lent = self.link.queue.borrow_mut().lend_kept();
                R::reply(&receiver, Some(&self.link), entry.place, frame, &lent[..len]);
                self.link.queue.borrow_mut().return_kept(lent, len);
            }
        }
        self.touch(receiver);
    }

    fn pinned_reply(&mut self, frame: &[u8]) {
        match self.judge(frame) {
            Verdict::Answers => self.answer(frame),
            Verdict::AnswersInPart | Verdict::Unasked => self.unasked(frame, true),
        }
    }

    fn judge(&self, frame: &[u8]) -> Verdict {
        let (expects, front) = self.front();
        match self.owner() {
            // What the pool itself has sent is answered in its turn, whoever owns the link.
            Some(owner) if !expects || front.is_some() => R::judge(&owner, front, frame),
            Some(owner) if R::interrupts(&owner, frame) => Verdict::Unasked,
            _ if expects && frame.first() != Some(&b'>') => Verdict::Answers,
            _ => Verdict::Unasked,
        }
    }

    /// Whether anything is expected, and the place of the oldest request if somebody waits for its reply.
    fn front(&self) -> (bool, Option<Place>) {
        let queue = self.link.queue.borrow();
        let front = queue.front();
        (front.is_some(), front.filter(|entry| entry.receiver.is_some()).map(|entry| entry.place))
    }

    fn owner(&self) -> Option<Rc<R>> {
        self.link.people.borrow().owner.clone()
    }

    fn unasked(&mut self, bytes: &[u8], complete: bool) {
        if let Some(owner) = self.owner() {
            R::unasked(&owner, bytes, complete);
            self.touch(owner);
        }
    }

    /// Whether the large frame at the front of the input may be handed on in parts, and if so whether it answers a request.
    fn partable(&self, beginning: &[u8]) -> Option<bool> {
        if let Some(owner) = self.owner() {
            return R::partable(&owner, self.front().1, beginning);
        }
        let queue = self.link.queue.borrow();
        let front = queue.front()?;
        match (front.expected, &front.receiver) {
            (Expected::Run(_), _) | (_, None) => Some(true),
            (Expected::One { .. }, Some(receiver)) => {
                R::takes_parts(receiver, front.place).then_some(true)
            }
        }
    }

    /// Hands on what `rest` holds of a large frame.
    fn next_part(&mut self, rest: &[u8], answers: bool) -> Result<usize, String> {
        let (taken, ended) = self.scanner.stream(rest).map_err(broken)?;
        self.in_part = (!ended).then_some(answers);
        if !answers {
            self.unasked(&rest[..taken], ended);
            return Ok(taken);
        }
        let mut queue = self.link.queue.borrow_mut();
        let (receiver, place) = if ended {
            match queue.pop() {
                Some(entry) => {
                    queue.forget_kept(entry.expected);
                    (entry.receiver, entry.place)
                }
                None => return Ok(taken),
            }
        } else {
            queue.went_on();
            match queue.front() {
                Some(entry) => (entry.receiver.clone(), entry.place),
                None => return Ok(taken),
            }
        };
        drop(queue);
        if let Some(receiver) = receiver {
            R::part(&receiver, place, &rest[..taken], ended);
            self.touch(receiver);
        }
        Ok(taken)
    }

    fn touch(&mut self, receiver: Rc<R>) {
        if receiver.touch() {
            self.touched.push(receiver);
        }
    }
}

/// Why a link ends whose bytes are no replies.
fn broken(error: ReplyError) -> String {
    format!("the server broke the protocol: {error}")
}

/// Why a link ends on which a frame has come that nobody asked for: the server's words, if it is an error.
fn unexpected(frame: &[u8]) -> String {
    let line = frame.split(|&byte| byte == b'\r').next().unwrap_or_default();
    match line.first() {
        Some(b'-') => String::from_utf8_lossy(&line[1..]).into_owned(),
        _ => "the server sent a reply that nobody asked for".to_owned(),
    }
}
