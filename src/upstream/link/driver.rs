//! Moves the bytes of one [`Link`]: writes whatever has gathered in one call, reads replies and hands them out.

use std::{
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BytesMut};
use tokio::io::AsyncWrite;
use tokio_util::io::poll_read_buf;

use super::{
    Link, Status,
    pace::Pace,
    receiver::{Expected, Receiver, Verdict},
};
use crate::{
    resp::ReplyScanner,
    upstream::connect::dial::{self, ReadHalf, WriteHalf},
};

/// How much is read at once.
const READ_SIZE: usize = 64 << 10;
/// A reply larger than this is handed on in parts.
const LARGE_REPLY: usize = 1 << 20;
/// Buffers that have grown beyond this are given back when they are empty.
const KEPT_CAPACITY: usize = 256 << 10;

/// Runs a link to its end.
pub(in crate::upstream) async fn drive<R: Receiver>(
    link: Rc<Link<R>>,
    read: ReadHalf,
    write: WriteHalf,
    input: BytesMut,
) {
    let mut driver = Driver {
        link,
        read,
        write,
        input,
        output: BytesMut::new(),
        scanner: ReplyScanner::new(),
        in_part: None,
        touched: Vec::new(),
        pace: Pace::new(),
    };
    let why = std::future::poll_fn(|cx| driver.poll(cx)).await;
    tracing::debug!(why, "upstream connection closed");
    driver.link.close(&why);
}

struct Driver<R: Receiver> {
    link: Rc<Link<R>>,
    read: ReadHalf,
    write: WriteHalf,
    input: BytesMut,
    output: BytesMut,
    scanner: ReplyScanner,
    /// A large frame is being handed on; true when it answers a request.
    in_part: Option<bool>,
    touched: Vec<Rc<R>>,
    pace: Pace<R>,
}

impl<R: Receiver> Driver<R> {
    /// Ready with the reason once the link has ended.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<String> {
        self.link.register(cx);
        loop {
            if self.link.status() == Status::Closed {
                return Poll::Ready("closed by the client".to_owned());
            }
            if let Err(error) = self.write_all(cx) {
                return Poll::Ready(dial::reason(&error));
            }
            match self.read_all(cx) {
                Poll::Ready(why) => return Poll::Ready(why),
                Poll::Pending if self.link.out.borrow().is_empty() || !self.output.is_empty() => {}
                Poll::Pending => continue,
            }
            if self.link.status() == Status::Retired
                && self.link.is_idle()
                && self.output.is_empty()
            {
                return Poll::Ready("retired".to_owned());
            }
            return Poll::Pending;
        }
    }

    /// Writes until there is nothing left or the socket takes no more.
    fn write_all(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        loop {
            if self.output.is_empty() {
                if self.output.capacity() > KEPT_CAPACITY {
                    self.output = BytesMut::new();
                }
                let mut out = self.link.out.borrow_mut();
                if out.is_empty() {
                    drop(out);
                    return if self.link.finished.get() {
                        self.shutdown(cx)
                    } else {
                        self.flush(cx)
                    };
                }
                self.output.clear();
                std::mem::swap(&mut *out, &mut self.output);
                self.link.unsent.set(0);
                drop(out);
                self.link.relieve();
            }
            match Pin::new(&mut self.write).poll_write(cx, &self.output) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(written)) => self.output.advance(written),
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => return Ok(()),
            }
        }
    }

    /// TLS holds bytes back until it is flushed; for the other kinds of socket this does nothing.
    fn flush(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match Pin::new(&mut self.write).poll_flush(cx) {
            Poll::Ready(Err(error)) => Err(error),
            Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
        }
    }

    /// Ends the sending direction. That it was ended before does no harm.
    fn shutdown(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match Pin::new(&mut self.write).poll_shutdown(cx) {
            Poll::Ready(Err(error)) if error.kind() != io::ErrorKind::NotConnected => Err(error),
            Poll::Ready(_) | Poll::Pending => Ok(()),
        }
    }

    /// Reads until the socket has no more; ready with the reason when the connection has ended.
    fn read_all(&mut self, cx: &mut Context<'_>) -> Poll<String> {
        loop {
            if !self.input.is_empty()
                && let Err(why) = self.hand_out()
            {
                return Poll::Ready(why);
            }
            self.flush_touched();
            if self.pace.is_paused(&self.link, cx) {
                return Poll::Pending;
            }
            if self.input.is_empty() && self.input.capacity() > KEPT_CAPACITY {
                self.input = BytesMut::new();
            }
            self.input.reserve(READ_SIZE);
            match ready!(poll_read_buf(Pin::new(&mut self.read), cx, &mut self.input)) {
                Ok(0) => return Poll::Ready("the server closed the connection".to_owned()),
                Ok(_) => {}
                Err(error) => return Poll::Ready(dial::reason(&error)),
            }
        }
    }

    /// Hands out every complete reply in the input, and the parts of a large one.
    fn hand_out(&mut self) -> Result<(), String> {
        let mut input = std::mem::take(&mut self.input);
        let result = self.hand_out_of(&mut input);
        self.input = input;
        result
    }

    fn hand_out_of(&mut self, input: &mut BytesMut) -> Result<(), String> {
        let mut at = 0;
        let outcome = loop {
            if self.link.tunnel.get() {
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

    /// Hands out the reply, or the run of replies, at the front of `rest`; 0 when none is complete.
    fn next_reply(&mut self, rest: &[u8]) -> Result<usize, String> {
        let Some(len) = self.scan(rest)? else {
            if self.scanner.needed().is_none_or(|needed| needed <= LARGE_REPLY) {
                return Ok(0);
            }
            let Some(answers) = self.partable(rest) else { return Ok(0) };
            if !self.link.is_exclusive() {
                self.link.retire();
            }
            return self.next_part(rest, answers);
        };
        if self.link.is_exclusive() {
            self.exclusive_reply(&rest[..len]);
            return Ok(len);
        }
        if rest[0] == b'>' {
            // A server may announce things of its own accord; nobody on a shared connection has asked for them.
            return Ok(len);
        }
        let front = match self.link.queue.borrow().front() {
            Some(entry) => match entry.expected {
                Expected::Run(count) => Some((entry.receiver.clone(), count)),
                Expected::Slot(_) => None,
            },
            None => return Err(unexpected(&rest[..len])),
        };
        let Some((receiver, count)) = front else {
            self.slot_reply(&rest[..len]);
            return Ok(len);
        };
        let (mut end, mut taken) = (len, 1);
        while taken < count && end < rest.len() && rest[end] != b'>' {
            let Some(len) = self.scan(&rest[end..])? else { break };
            end += len;
            taken += 1;
        }
        R::replies(&receiver, &rest[..end], taken);
        self.answered(taken);
        self.touch(receiver);
        Ok(end)
    }

    fn scan(&mut self, rest: &[u8]) -> Result<Option<usize>, String> {
        self.scanner.scan(rest).map_err(|error| format!("the server broke the protocol: {error}"))
    }

    /// Takes `count` requests of a run off the queue's front.
    fn answered(&mut self, count: u32) {
        let mut queue = self.link.queue.borrow_mut();
        if let Some(entry) = queue.front_mut()
            && let Expected::Run(left) = &mut entry.expected
        {
            *left -= count;
            if *left == 0 {
                queue.pop_front();
            }
        }
    }

    /// The oldest request is one with a slot, or one of a run, and `frame` answers it.
    fn slot_reply(&mut self, frame: &[u8]) {
        let Some((receiver, expected)) = self.pop() else { return };
        match expected {
            Expected::Run(_) => R::replies(&receiver, frame, 1),
            Expected::Slot(slot) => R::reply(&receiver, &self.link, slot, frame),
        }
        self.touch(receiver);
    }

    /// Takes one request off the queue's front.
    fn pop(&mut self) -> Option<(Rc<R>, Expected<R::Slot>)> {
        let mut queue = self.link.queue.borrow_mut();
        if let Some(entry) = queue.front_mut()
            && let Expected::Run(left) = &mut entry.expected
            && *left > 1
        {
            *left -= 1;
            return Some((entry.receiver.clone(), Expected::Run(1)));
        }
        queue.pop_front().map(|entry| (entry.receiver, entry.expected))
    }

    fn exclusive_reply(&mut self, frame: &[u8]) {
        match self.judge(frame) {
            Verdict::Answers => self.slot_reply(frame),
            Verdict::AnswersInPart | Verdict::Unasked => self.unasked(frame, true),
        }
    }

    fn judge(&self, frame: &[u8]) -> Verdict {
        let mut queue = self.link.queue.borrow_mut();
        match self.link.owner.borrow().as_ref() {
            Some(owner) => {
                R::judge(owner, queue.front_mut().map(|entry| &mut entry.expected), frame)
            }
            None if queue.is_empty() => Verdict::Unasked,
            None => Verdict::Answers,
        }
    }

    fn unasked(&mut self, bytes: &[u8], complete: bool) {
        let owner = self.link.owner.borrow().clone();
        if let Some(owner) = owner {
            R::unasked(&owner, bytes, complete);
            self.touch(owner);
        }
    }

    /// Whether the large frame at the front of the input may be handed on in parts, and if so whether it answers a request.
    fn partable(&self, beginning: &[u8]) -> Option<bool> {
        let queue = self.link.queue.borrow();
        let front = queue.front().map(|entry| &entry.expected);
        match self.link.owner.borrow().as_ref() {
            Some(owner) => R::partable(owner, front, beginning),
            None => match front? {
                Expected::Run(_) => Some(true),
                Expected::Slot(slot) => R::takes_parts(slot).then_some(true),
            },
        }
    }

    /// Hands on what `rest` holds of a large frame.
    fn next_part(&mut self, rest: &[u8], answers: bool) -> Result<usize, String> {
        let (taken, ended) = self
            .scanner
            .stream(rest)
            .map_err(|error| format!("the server broke the protocol: {error}"))?;
        self.in_part = (!ended).then_some(answers);
        if !answers {
            self.unasked(&rest[..taken], ended);
            return Ok(taken);
        }
        let (receiver, last) = if ended {
            let Some((receiver, expected)) = self.pop() else { return Ok(taken) };
            (receiver, Some(expected))
        } else {
            let front = self.link.queue.borrow().front().map(|entry| entry.receiver.clone());
            let Some(receiver) = front else { return Ok(taken) };
            (receiver, None)
        };
        R::part(&receiver, &rest[..taken], last);
        self.touch(receiver);
        Ok(taken)
    }

    fn touch(&mut self, receiver: Rc<R>) {
        if receiver.touch() {
            self.touched.push(receiver);
        }
    }

    /// Writes to every client that got replies, once each, and notes one that does not keep up.
    fn flush_touched(&mut self) {
        while let Some(receiver) = self.touched.pop() {
            receiver.flush();
            if self.pace.note(receiver) && !self.link.is_exclusive() {
                self.link.retire();
            }
        }
    }
}

fn unexpected(frame: &[u8]) -> String {
    let line = frame.split(|&byte| byte == b'\r').next().unwrap_or_default();
    match line.first() {
        Some(b'-') => String::from_utf8_lossy(&line[1..]).into_owned(),
        _ => "the server sent a reply that nobody asked for".to_owned(),
    }
}
