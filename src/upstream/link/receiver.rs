//! What a link asks of those who send requests on it: somebody who takes the replies.

use std::{rc::Rc, task::Waker};

use super::{Link, Unsent};
use crate::state::ids::Place;

/// What is to be done with the frame that stands at the front of a client's own connection's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It answers the oldest request: the request is done.
    Answers,
    /// It is one of several frames that answer the oldest request, which is not done yet.
    AnswersInPart,
    /// Nobody asked for it: a push message, a published message, a line of `MONITOR`.
    Unasked,
}

/// Why a request has no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No byte of it left this process.
    Unsent(String),
    /// It was on its way when the connection broke: it may or may not have run.
    Lost,
}

/// The end of the replies. Replies name the [`Place`] that was given with the request.
///
/// A receiver outlives its client: what is still expected for one that has gone is read and dropped. None of the methods may
/// block. They may send on the link, and must not call back into its reading side.
pub trait Receiver: Sized + 'static {
    /// `count` complete replies, back to back, to requests that were sent as a run.
    fn replies(this: &Rc<Self>, place: Place, frames: &[u8], count: u32);

    /// The complete reply to one request that means something to the receiver. `kept` are the bytes that were given with it.
    /// `link` is where it has come from, unless that is no link of the receiver's.
    fn reply(
        this: &Rc<Self>,
        link: Option<&Rc<Link<Self>>>,
        place: Place,
        frame: &[u8],
        kept: &[u8],
    );

    /// Whether the reply to the request at `place` may be handed over by [`Receiver::part`] when it is large.
    fn takes_parts(this: &Rc<Self>, place: Place) -> bool;

    /// A part of a reply too large to be held.
    fn part(this: &Rc<Self>, place: Place, bytes: &[u8], ended: bool);

    /// Whether a large frame of the client's own connection, of which the beginning is shown, may be handed over in parts;
    /// if so, whether it answers the oldest request, at `front`. It is not judged then.
    fn partable(this: &Rc<Self>, front: Option<Place>, beginning: &[u8]) -> Option<bool>;

    /// Judges a complete frame of the client's own connection. `front` is the place of the oldest request.
    fn judge(this: &Rc<Self>, front: Option<Place>, frame: &[u8]) -> Verdict;

    /// Whether a frame of the client's own connection is one that comes between replies: a message, or a line of `MONITOR`.
    fn interrupts(this: &Rc<Self>, frame: &[u8]) -> bool;

    /// Bytes of the client's own connection that no request asked for, or that answer the oldest one only in part.
    /// `complete` is false for all but the last part of a large frame.
    fn unasked(this: &Rc<Self>, bytes: &[u8], complete: bool);

    /// `count` requests from `place` on have no reply and will get none.
    fn failed(this: &Rc<Self>, place: Place, count: u32, failure: &Failure);

    /// Whether the client takes back requests that its own connection has ended before it could send them.
    fn takes_back(this: &Rc<Self>) -> bool;

    /// Those requests.
    fn unsent(this: &Rc<Self>, unsent: Unsent<Self>);

    /// The link has closed that was the client's own, or that it was a member of; `None` for what the client has in place of
    /// a link of its own.
    fn closed(this: &Rc<Self>, link: Option<&Rc<Link<Self>>>);

    /// Marks the receiver as having unwritten replies; true when it was not marked before.
    fn touch(&self) -> bool;

    /// Writes what can be written, and clears the mark of [`Receiver::touch`]. Gives what [`Receiver::backlog`] does then.
    fn flush(&self) -> usize;

    /// Bytes that wait for the client to read them; 0 if reading on is all that can bring it to read.
    fn backlog(&self) -> usize;

    /// Wakes `waker` when the backlog has become smaller.
    fn on_drain(&self, waker: &Waker);
}
