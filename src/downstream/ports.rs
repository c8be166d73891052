//! What a client's state machine asks of the world: its connections to the server, and the other clients.

use std::{rc::Rc, time::Duration};

use bytes::BytesMut;

use super::registry::question::Question;
use crate::{
    resp::RequestScanner,
    state::{
        ids::{ClientId, Place, ServerId},
        key::LaneKey,
        label::Label,
        traces::Clean,
    },
    upstream::{connect::DialError, link::Standing},
};

/// One of a client's connections to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// The one that it shares with others in its state.
    Lane,
    /// The one that it has for itself.
    Own,
}

/// Whether something that was asked for is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It is.
    Ready,
    /// The answer comes by [`Client::granted`](super::client::Client::granted).
    Later,
    /// It will not be.
    Refused(DialError),
}

/// The actions of a client. They are carried out at once, and none of them calls back into the client: what comes of them
/// comes later, as an input of its own. More than 25 methods, because this is all that a client can do.
pub trait Ports {
    /// What the server makes of the connection; `None` when there is none that takes requests.
    fn standing(&self, to: To) -> Option<Standing>;

    /// Whether the server has yet to take much of what was sent there.
    fn is_congested(&self, to: To) -> bool;

    /// Sends `count` complete requests whose replies pass as they are.
    fn run(&mut self, to: To, place: Place, requests: &[u8], count: u32);

    /// Whether a request for a sign of life can go past the lane, on which others are awaited.
    fn goes_past(&mut self) -> bool;

    /// Sends such a request.
    fn past(&mut self, place: Place, request: &[u8]);

    /// Sends one request whose reply means something. `kept` is given back with the reply.
    fn send(&mut self, to: To, place: Place, kept: &[u8], write: &mut dyn FnMut(&mut BytesMut));

    /// Sends one request that may log the client in. Its reply means something.
    fn login(&mut self, to: To, place: Place, request: &[u8]);

    /// Sends one request on the client's own connection, the bytes of which follow by [`Ports::raw`].
    fn expect(&mut self, place: Place, as_run: bool);

    /// Sends a request whose reply nobody wants to see.
    fn unheard(&mut self, to: To, request: &[u8]);

    /// Sends bytes on the client's own connection for which no reply is expected.
    fn raw(&mut self, bytes: &[u8]);

    /// Asks for the lane of clients in the state of `key`, in place of the one there was. `login`: what the client has said
    /// to get into that state, in case that the lane is dialled.
    fn enter(&mut self, key: &Rc<LaneKey>, login: Option<&[u8]>) -> Asked;

    /// Goes back to the lane that there was before the last one; false if there is none.
    fn go_back(&mut self) -> bool;

    /// Whether the client's lane is that of clients in the state of `key`.
    fn is_lane_of(&self, key: &LaneKey) -> bool;

    /// Asks for a connection of the client's own in the state of `key`, in place of its lane. `unauthenticated`: the server
    /// wanted a password when the client came.
    fn pin(&mut self, key: &Rc<LaneKey>, unauthenticated: bool) -> Asked;

    /// Asks whether there is, or can be, a lane for clients in the state of `key`.
    fn prove(&mut self, key: &Rc<LaneKey>) -> Asked;

    /// The server's id of the connection.
    fn id(&self, to: To) -> ServerId;

    /// What the server calls the client's own connection.
    fn own_label(&self) -> Rc<Label>;

    /// The server has confirmed a change of the client's own connection.
    fn own_changed(&mut self, key: Option<&Rc<LaneKey>>, label: Option<&Rc<Label>>);

    /// Sends what a former connection of the client's own has left on the present one. Without one it has failed.
    fn send_left(&mut self);

    /// The client needs its lane no longer.
    fn leave_lane(&mut self);

    /// Gives the client's own connection back.
    fn give_back(&mut self, clean: Clean);

    /// Closes the client's own connection.
    fn drop_own(&mut self);

    /// Shows the server that the client sends no more on its own connection.
    fn finish(&mut self);

    /// From now on the client's own connection carries a stream of bytes, or replies again.
    fn tunnel(&mut self, open: bool);

    /// Whether the server takes requests on the connection, or refuses them for want of a password.
    fn admitted(&mut self, to: To, admitted: bool);

    /// The server's word on credentials that it has accepted is old.
    fn void_proofs(&mut self);

    /// Whether the server knows the script on this connection, and no call is being repeated there.
    fn knows(&self, to: To, script: usize) -> bool;

    /// Notes whether the server knows the script.
    fn learn(&mut self, to: To, script: usize, known: bool);

    /// Sends a call once more, whose script the server did not know.
    fn repeat(&mut self, to: To, place: Place, write: &mut dyn FnMut(&mut BytesMut));

    /// What was found out about a command that is not in our table: whether it may share a connection.
    fn may_share(&self, name: &[u8]) -> Option<bool>;

    /// Notes that.
    fn note_command(&mut self, name: &[u8], may_share: bool);

    /// The server may have other commands now.
    fn forget_commands(&mut self);

    /// Asks the clients of all workers; the answers come by [`Client::answered`](super::client::Client::answered).
    fn ask(&mut self, place: Place, questions: Vec<Question>);

    /// Another client need not keep its connection any longer as the target of invalidations.
    fn release_target(&mut self, id: ClientId);

    /// Those who wait for this client to have a connection of its own are told its id, or that it has none.
    fn tell_keepers(&mut self, own: Option<ServerId>);

    /// Writes of all clients wait at the server for so long; `None`: no longer.
    fn pause_writes(&mut self, time: Option<Duration>);

    /// Whether writes of all clients wait at the server.
    fn writes_are_paused(&self) -> bool;

    /// A session command is used in this database.
    fn served(&mut self, database: u32);

    /// Has [`Client::time_passed`](super::client::Client::time_passed) called after this time.
    fn alarm(&mut self, time: Duration);

    /// A scanner at the first byte of a request.
    fn scanner(&mut self) -> Box<RequestScanner>;

    /// Takes such a scanner back.
    fn give_scanner(&mut self, scanner: Box<RequestScanner>);

    /// An empty buffer with room.
    fn spare(&mut self) -> BytesMut;

    /// Takes such a buffer back.
    fn give_spare(&mut self, buffer: BytesMut);
}
