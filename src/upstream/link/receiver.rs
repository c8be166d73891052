//! What an upstream connection asks of the downstream side: somebody who takes the replies.

use std::{rc::Rc, task::Waker};

use super::Link;

/// What is to be done with the frame that stands at the front of an exclusive connection's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It answers the oldest request: the request is done.
    Answers,
    /// It is one of several frames that answer the oldest request, which is not done yet.
    AnswersInPart,
    /// Nobody asked for it (a push message, a published message, a line of `MONITOR`): it goes to the client as it is.
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

/// What an upstream connection expects for a request it has sent.
#[derive(Debug)]
pub enum Expected<S> {
    /// So many requests in a row whose replies go to the client as they are.
    Run(u32),
    /// One request whose reply means something to the receiver.
    Slot(S),
}

/// The downstream end of the replies. The methods take `this` as an `Rc` because a receiver may answer a reply by sending
/// another request in its own name.
///
/// None of them may block, and none may call back into the link's reading side.
pub trait Receiver: Sized + 'static {
    /// What the receiver wants to remember about a request until its reply arrives.
    type Slot: 'static;

    /// `count` complete replies, back to back, that go to the client as they are.
    fn replies(this: &Rc<Self>, frames: &[u8], count: u32);

    /// The complete reply to the request that `slot` stands for.
    fn reply(this: &Rc<Self>, link: &Link<Self>, slot: Self::Slot, frame: &[u8]);

    /// Whether the reply to `slot` may be handed over in parts by [`Receiver::part`] when it is large.
    fn takes_parts(slot: &Self::Slot) -> bool;

    /// A part of a reply too large to be held; `last` carries what was expected once the frame has ended.
    fn part(this: &Rc<Self>, bytes: &[u8], last: Option<Expected<Self::Slot>>);

    /// Whether a large frame of an exclusive connection, of which the beginning is shown, may be handed over in parts; if
    /// so, whether it answers the oldest request. It is not judged then.
    fn partable(
        this: &Rc<Self>,
        front: Option<&Expected<Self::Slot>>,
        beginning: &[u8],
    ) -> Option<bool>;

    /// Judges a complete frame of an exclusive connection. `front` is what the oldest request expects.
    fn judge(this: &Rc<Self>, front: Option<&mut Expected<Self::Slot>>, frame: &[u8]) -> Verdict;

    /// Bytes that no request asked for, or that answer a request only in part. `complete` is false for all but the
    /// last part of a large frame.
    fn unasked(this: &Rc<Self>, bytes: &[u8], complete: bool);

    /// The request has no reply and will get none.
    fn failed(this: &Rc<Self>, expected: Expected<Self::Slot>, failure: &Failure);

    /// The exclusive connection that this receiver owned has closed.
    fn link_closed(this: &Rc<Self>);

    /// Marks the receiver as having unwritten replies; true when it was not marked before.
    fn touch(&self) -> bool;

    /// Writes what can be written, and clears the mark of [`Receiver::touch`].
    fn flush(&self);

    /// Bytes that wait for the client to read them.
    fn backlog(&self) -> usize;

    /// Wakes `waker` when the backlog has become smaller.
    fn on_drain(&self, waker: &Waker);
}
