//! What the next request of a client has to mind.

use bytes::Bytes;

use crate::{
    downstream::ports::To,
    resp::ProtocolError,
    session::Script,
    state::ids::{ClientId, Place, ServerId},
};

/// What the next request has to mind.
#[derive(Default)]
pub(in crate::downstream) struct Course {
    /// Nothing is sent before this place is filled.
    pub(in crate::downstream) barrier: Option<Place>,
    /// The last request that may wait for long.
    pub(in crate::downstream) waits: Option<Place>,
    /// Commands under way that are script calls by digest, and which script.
    pub(in crate::downstream) calls: u32,
    pub(in crate::downstream) script: Option<&'static Script>,
    /// What stands at the front of the input is no request.
    pub(in crate::downstream) malformed: Option<ProtocolError>,
    /// The answer to the request at the front of the input.
    pub(in crate::downstream) answer: Option<Box<Bytes>>,
    /// What other clients have said of the one that the request at the front names.
    pub(in crate::downstream) told: Option<Box<Option<ServerId>>>,
    /// Clients that are asked to keep a connection because the open transaction names them, to be told of invalidations.
    pub(in crate::downstream) targets: Vec<ClientId>,
    /// What has been written is marked: `WAIT` may speak of it.
    pub(in crate::downstream) marked: bool,
    /// Why it could not be marked.
    pub(in crate::downstream) unmarked: Option<Box<Bytes>>,
    /// Keys were watched on a connection that is gone: the next transaction must not run.
    pub(in crate::downstream) watch_lost: bool,
    /// Requests were not sent on the client's own connection, which has ended: they wait for the next.
    pub(in crate::downstream) left_over: bool,
    pub(in crate::downstream) stall: Option<Stall>,
}

/// What the request at the front of the input waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stall {
    /// All replies.
    Idle,
    /// Fewer requests under way.
    Room,
    /// The replies to script calls.
    Calls,
    /// One reply.
    Barrier,
    /// A connection.
    Grant,
    /// The server has yet to take what was sent.
    Relief(To),
    /// The end of its connection.
    Closing,
    /// The client to read its replies.
    Unread,
    /// The answer to a request for a stream.
    Opening,
}
