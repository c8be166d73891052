//! `CLIENT SETNAME` and `CLIENT SETINFO`: what a client calls itself.

use bytes::{Bytes, BytesMut};

use crate::{
    command::route::is,
    resp::{Request, encode},
    state::label::Label,
};

/// A name that a client gives itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Naming {
    /// `CLIENT SETNAME`, and `HELLO` with `SETNAME`. Empty to have none.
    Name(Bytes),
    /// `CLIENT SETINFO LIB-NAME`
    Library(Bytes),
    /// `CLIENT SETINFO LIB-VER`
    Version(Bytes),
}

impl Naming {
    /// What `request` sets; `None` when the server would refuse it.
    pub fn of(request: &Request<'_>) -> Option<Self> {
        let arg = |index| request.arg(index).filter(|arg| is_valid_name(arg));
        let copy = Bytes::copy_from_slice;
        if is(request.arg(1)?, b"SETNAME") && request.len() == 3 {
            return arg(2).map(|name| Self::Name(copy(name)));
        }
        if is(request.arg(1)?, b"SETINFO") && request.len() == 4 {
            return match request.arg(2)? {
                attribute if is(attribute, b"LIB-NAME") => {
                    arg(3).map(|name| Self::Library(copy(name)))
                }
                attribute if is(attribute, b"LIB-VER") => {
                    arg(3).map(|name| Self::Version(copy(name)))
                }
                _ => None,
            };
        }
        None
    }

    /// The names of a client that were `label`.
    pub fn apply(&self, label: &Label) -> Label {
        let mut label = label.clone();
        match self {
            Self::Name(name) => label.name = name.clone(),
            Self::Library(name) => label.library = name.clone(),
            Self::Version(version) => label.version = version.clone(),
        }
        label
    }

    /// Appends `request`, which gives a name, for a connection that others use as well: they are not called like this client.
    /// A server that does not know the subcommand says so in the client's own spelling.
    pub fn encode_masked(request: &Request<'_>, out: &mut BytesMut) {
        let mut words: Vec<&[u8]> = request.args().take(request.len() - 1).collect();
        words.push(b"sessiond");
        encode::command(out, words);
    }
}

/// Whether Redis accepts the name: printable ASCII without blanks (`validateClientName` in networking.c).
pub fn is_valid_name(name: &[u8]) -> bool {
    name.iter().all(u8::is_ascii_graphic)
}
