//! A client of a simulation: it sends its script, and knows what it has to receive.

use super::pipe::{Pipe, Read};
use crate::replay::rehearse;
use crate::script::{Kind, Step};
use crate::server::{Runs, Server};

/// One client.
pub(super) struct Actor {
    pub(super) id: u64,
    pub(super) script: Vec<Step>,
    /// Its connection, until it leaves.
    pipe: Option<Pipe>,
    /// The step that is sent, and how much of it has been.
    pub(super) at: usize,
    sent: usize,
    pub(super) received: Vec<u8>,
    /// What it would have received alone, by the end of each step and at all.
    after: Vec<usize>,
    pub(super) expected: Vec<u8>,
    /// What it would have left.
    pub(super) contents: Vec<Contents>,
    /// What it would have asked to be written; nothing if that depends on what becomes of its requests.
    pub(super) asked: Option<Runs>,
    /// Whether the server would have closed the connection; nothing if that cannot be told.
    closes: Option<bool>,
    /// sessiond has closed the connection.
    pub(super) ended: bool,
    /// It left before its script was over.
    pub(super) gone_early: bool,
    /// It looks at replies only before it ends.
    pub(super) hurries: bool,
    /// A fault may have touched it.
    pub(super) touched: bool,
    /// It is looked at no more.
    pub(super) judged: bool,
}

/// A key with its database and elements.
pub(super) type Contents = (usize, Vec<u8>, Vec<Vec<u8>>);

impl Actor {
    /// A client that is alone would meet `server`.
    pub(super) fn new(id: u64, pipe: Pipe, script: Vec<Step>, server: &Server) -> Self {
        let mut server = server.clone();
        server.set_next_id(id);
        let replay = rehearse(&server, &script);
        let conn = replay.conn.expect("there is room in an empty server");
        let state = replay.server.state(conn);
        // A connection that breaks ends such a wait.
        let waits = script.iter().any(|step| step.kind == Kind::WaitForEver);
        let log = replay.server.log();
        let is_certain = !log.depends && !waits;
        Self {
            id,
            script,
            pipe: Some(pipe),
            at: 0,
            sent: 0,
            received: Vec::new(),
            after: replay.after,
            expected: replay.received,
            contents: contents(id, &replay.server),
            asked: is_certain.then(|| log.asked.clone()),
            closes: (!state.deaf).then(|| replay.server.is_closed(conn)),
            ended: false,
            gone_early: false,
            hurries: false,
            touched: false,
            judged: false,
        }
    }

    pub(super) fn is_here(&self) -> bool {
        self.pipe.is_some()
    }

    /// Whether it has something to send now.
    pub(super) fn may_send(&self) -> bool {
        let Some(step) = self.script.get(self.at) else { return false };
        let is_last = step.kind.is_end() || step.kind == Kind::Malformed;
        let looks = if self.hurries { is_last } else { !step.joined };
        let looks = looks && self.sent == 0 && self.at > 0 && !self.touched;
        self.is_here() && (!looks || self.received.len() >= self.after[self.at - 1])
    }

    /// Sends up to so many bytes; gives how many. An end counts as one.
    pub(super) fn send(&mut self, most: usize) -> usize {
        let mut moved = 0;
        while moved < most && self.may_send() {
            let step = &self.script[self.at];
            match step.kind {
                Kind::HalfClose => {
                    self.pipe.iter_mut().for_each(Pipe::finish);
                    self.at = self.script.len();
                    return moved + 1;
                }
                Kind::Leave => {
                    self.at = self.script.len();
                    self.leave();
                    return moved + 1;
                }
                _ => {}
            }
            let Some(pipe) = &mut self.pipe else { break };
            let rest = &step.bytes[self.sent..];
            let written = pipe.write(&rest[..rest.len().min(most - moved)]);
            if pipe.broken {
                // What nobody reads is gone.
                self.at = self.script.len();
                return moved;
            }
            self.sent += written;
            moved += written;
            if self.sent == step.bytes.len() {
                self.at += 1;
                self.sent = 0;
            } else if written == 0 {
                break;
            }
        }
        moved
    }

    /// Reads up to so many bytes; gives how many. An end counts as one.
    pub(super) fn receive(&mut self, most: usize) -> usize {
        let Some(pipe) = self.pipe.as_mut().filter(|_| !self.ended) else { return 0 };
        match pipe.read(most) {
            Read::Nothing => 0,
            Read::Bytes(bytes) => {
                self.received.extend(&bytes);
                bytes.len()
            }
            Read::End => {
                self.ended = true;
                1
            }
        }
    }

    /// It goes without a word.
    pub(super) fn leave(&mut self) {
        self.pipe = None;
    }

    /// Whether it may be waiting: then it is left to chance whether the wait or the connection ends first.
    pub(super) fn may_wait(&self) -> bool {
        self.script[..self.at]
            .iter()
            .any(|step| matches!(step.kind, Kind::Wait | Kind::WaitForEver))
    }

    /// It sends nothing more, and reads on.
    pub(super) fn finish(&mut self) {
        self.gone_early = true;
        self.at = self.script.len();
        self.pipe.iter_mut().for_each(Pipe::finish);
    }

    /// What is wrong with what it has received so far.
    pub(super) fn complaint(&self) -> Option<String> {
        if self.expected.starts_with(&self.received) {
            return None;
        }
        let same = self.received.iter().zip(&self.expected).take_while(|(a, b)| a == b).count();
        let start = frame_start(&self.received, same);
        if self.touched && is_permitted(&self.received[start..]) {
            return None;
        }
        Some(format!(
            "received\n{}\ninstead of\n{}",
            around(&self.received, same),
            around(&self.expected, same)
        ))
    }

    /// What is wrong now that nothing moves any more.
    pub(super) fn final_complaint(&self) -> Option<String> {
        if let Some(complaint) = self.complaint() {
            return Some(complaint);
        }
        if self.touched || self.gone_early || !self.is_here() {
            return None;
        }
        if self.at < self.script.len() {
            let rest = around(&self.expected, self.received.len());
            return Some(format!("step {} cannot be sent, not received: {rest}", self.at));
        }
        if self.received.len() < self.expected.len() {
            return Some(format!("not received: {}", around(&self.expected, self.received.len())));
        }
        match self.closes {
            Some(closes) if closes != self.ended => {
                Some(format!("closed: {}, should be: {closes}", self.ended))
            }
            _ => None,
        }
    }
}

/// What a client has left.
pub(super) fn contents(id: u64, server: &Server) -> Vec<Contents> {
    let mut contents = server.contents(prefix(id).as_bytes());
    contents.extend(server.contents(format!("rs:app-{id}:").as_bytes()));
    contents
}

/// What all names of a client begin with.
pub(super) fn prefix(id: u64) -> String {
    format!("{id}:")
}

/// Where the line begins in which two replies begin to differ.
fn frame_start(bytes: &[u8], same: usize) -> usize {
    bytes[..same].windows(2).rposition(|pair| pair == b"\r\n").map_or(0, |at| at + 2)
}

/// What a client may be told when the server could not be reached, or was lost.
const PERMITTED: [&[u8]; 5] = [
    b"-UPSTREAM connection lost, the command may or may not have run\r\n",
    b"-UPSTREAM unavailable: ",
    b"-EXECABORT Transaction discarded because the connection to the server was lost\r\n",
    b"*-1\r\n",
    b"_\r\n",
];

fn is_permitted(bytes: &[u8]) -> bool {
    PERMITTED.iter().any(|known| known.starts_with(bytes) || bytes.starts_with(known))
}

/// The bytes about a place, readable.
fn around(bytes: &[u8], at: usize) -> String {
    let from = at.min(bytes.len()).saturating_sub(120);
    let to = bytes.len().min(at + 160);
    format!("[{at} of {}] …{}", bytes.len(), bytes[from..to].escape_ascii())
}
