//! What one client asks about the others, and what it is told.

use crate::{
    command::client::{ClientCommand, filter::Filter, profile::Profile},
    downstream::registry::roster::Counts,
    resp::Request,
    state::ids::{ClientId, ServerId},
};

/// A question to the clients of all workers.
#[derive(Clone, Debug)]
pub enum Question {
    /// `CLIENT INFO`: the client that asks knows the answer itself.
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
    /// How many clients and connections there are.
    Counts,
    /// The server's id of a client's own connection.
    Pinned(Option<ClientId>),
    /// The same, of a client that shall keep its connection from now on, and get one first if it has none.
    Keep(ClientId),
}

/// What the clients say.
#[derive(Clone, Debug)]
pub enum Told {
    /// Nothing that is not known already.
    Nothing,
    /// What `CLIENT LIST` shows of the clients that are meant.
    Profiles(Vec<Profile>),
    /// So many were ended, and whether the client that asked is among them: it is yet to be told.
    Ended(usize, bool),
    /// The numbers of all workers.
    Counts(Counts),
    /// The server's id of a client's own connection, if it has one.
    Pinned(Option<ServerId>),
}

/// What a client has asked by `CLIENT LIST`, `INFO` or `KILL`.
#[derive(Clone, Debug)]
pub struct Inquiry {
    /// What it wants to know, or to have done.
    pub question: Question,
    /// The size of its request, which the server would count as its input.
    pub input: usize,
    /// The size of the arguments.
    pub arguments: usize,
}

impl Inquiry {
    /// What the client `own` asks.
    pub fn of(command: ClientCommand, request: &Request<'_>, own: ClientId) -> Self {
        let input = request.bytes().len();
        let arguments = request.args().map(<[u8]>::len).sum();
        Self { question: Question::of(command, request, own), input, arguments }
    }
}

impl Question {
    /// What the client `own` asks by `CLIENT LIST`, `INFO` or `KILL`.
    fn of(command: ClientCommand, request: &Request<'_>, own: ClientId) -> Self {
        let question = match command {
            ClientCommand::List => Filter::of_list(request).map(Self::List),
            ClientCommand::Kill => Filter::of_kill(request, own.0)
                .map(|filter| Self::Kill { filter, by_address: request.len() == 3 }),
            _ => Some(Self::Info),
        };
        question.unwrap_or(Self::Unclear)
    }
}
