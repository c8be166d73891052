//! What others may know of a client, and ask of it: what `CLIENT LIST` shows, and `CLIENT KILL` and `UNBLOCK` go by.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use crate::{
    command::client::{naming::Naming, profile::Flags},
    resp::reply,
    upstream::{key::LaneKey, label::Label},
};

/// Bytes of a command's name that are remembered.
const NAME: usize = 31;

/// What is known of a client at any time.
pub struct Presence {
    /// When it came, by the worker's clock.
    pub(in crate::downstream) born: u32,
    /// When it last sent a request, by the worker's clock.
    pub(in crate::downstream) active: Cell<u32>,
    pub(in crate::downstream) key: RefCell<Rc<LaneKey>>,
    pub(in crate::downstream) flags: Cell<Flags>,
    /// The server's id of the connection that the client has for itself; 0 when that is not known.
    pub(in crate::downstream) pinned: Cell<Option<u64>>,
    /// That connection is to be nobody else's later: somebody was told its id and may use it, or the server keeps something.
    pub(in crate::downstream) spoiled: Cell<bool>,
    /// How many other clients' invalidations are redirected to it: as long as there are any, it keeps its connection.
    pub(in crate::downstream) kept: Cell<u32>,
    /// The client that is told of this one's invalidated keys, as [`Profile::redirect`](crate::command::client::profile::Profile).
    pub(in crate::downstream) redirect: Cell<Option<u64>>,
    /// Watched keys.
    pub(in crate::downstream) watched: Cell<u32>,
    last: Cell<LastCommand>,
    label: RefCell<Rc<Label>>,
}

/// The name of a command, in lower case, with its subcommand.
#[derive(Clone, Copy, Default)]
pub(in crate::downstream) struct LastCommand {
    len: u8,
    name: [u8; NAME],
}

impl Presence {
    /// A client that has come at `now`, in the state of `key`.
    pub(in crate::downstream) fn new(now: u32, key: Rc<LaneKey>) -> Self {
        Self {
            born: now,
            active: Cell::new(now),
            key: RefCell::new(key),
            flags: Cell::default(),
            pinned: Cell::default(),
            spoiled: Cell::default(),
            kept: Cell::default(),
            redirect: Cell::default(),
            watched: Cell::default(),
            last: Cell::default(),
            label: RefCell::default(),
        }
    }

    /// What the client is called.
    pub(in crate::downstream) fn label(&self) -> Rc<Label> {
        self.label.borrow().clone()
    }

    /// Notes what the client is called now.
    pub(in crate::downstream) fn set_label(&self, label: Rc<Label>) {
        *self.label.borrow_mut() = label;
    }

    /// Notes a name that the client has given itself.
    pub(in crate::downstream) fn name(&self, naming: &Naming) -> Rc<Label> {
        let label = Rc::new(naming.apply(&self.label.borrow()));
        self.set_label(label.clone());
        label
    }

    /// Switches a flag.
    pub(in crate::downstream) fn flag(&self, flag: Flags, on: bool) {
        self.flags.set(self.flags.get().with(flag, on));
    }

    /// `RESET`: nothing is left of what the client had switched on.
    pub(in crate::downstream) fn reset(&self) {
        self.flags.set(Flags::default());
        self.redirect.set(None);
        self.watched.set(0);
    }

    /// Notes the last command of the client.
    pub(in crate::downstream) fn set_last(&self, last: LastCommand) {
        self.last.set(last);
    }

    /// The last command of the client; empty before the first.
    pub(in crate::downstream) fn last(&self) -> String {
        let LastCommand { len, name } = self.last.get();
        String::from_utf8_lossy(&name[..usize::from(len)]).into_owned()
    }
}

impl LastCommand {
    /// Whether it is the command of this name, in lower case.
    pub(in crate::downstream) fn is(&self, name: &[u8]) -> bool {
        self.name[..usize::from(self.len)] == *name
    }

    /// The command at the front of a multibulk request.
    pub(in crate::downstream) fn of_multibulk(request: &[u8]) -> Self {
        let args = reply::elements(request).into_iter().flatten().flatten();
        let mut args = args.filter_map(reply::as_bulk);
        let name = args.next().unwrap_or_default();
        Self::new(name, || args.next())
    }

    /// The command called `name`; with its subcommand if it is a container.
    pub(in crate::downstream) fn new<'a>(
        name: &[u8],
        subcommand: impl FnOnce() -> Option<&'a [u8]>,
    ) -> Self {
        let mut last = Self::default();
        last.push(name);
        if is_container(&last.name[..usize::from(last.len)])
            && let Some(subcommand) = subcommand()
        {
            last.push(b"|");
            last.push(subcommand);
        }
        last
    }

    fn push(&mut self, word: &[u8]) {
        let rest = &mut self.name[usize::from(self.len)..];
        let len = word.len().min(rest.len());
        rest[..len].copy_from_slice(&word[..len]);
        rest[..len].make_ascii_lowercase();
        self.len += u8::try_from(len).unwrap_or_default();
    }
}

/// The commands that Redis shows together with their subcommand.
fn is_container(name: &[u8]) -> bool {
    matches!(
        name,
        b"acl"
            | b"client"
            | b"cluster"
            | b"command"
            | b"config"
            | b"function"
            | b"latency"
            | b"memory"
            | b"module"
            | b"object"
            | b"pubsub"
            | b"script"
            | b"slowlog"
            | b"xgroup"
            | b"xinfo"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_command_is_shown_with_its_subcommand() {
        let last = |request: &[u8]| {
            let last = LastCommand::of_multibulk(request);
            String::from_utf8_lossy(&last.name[..usize::from(last.len)]).into_owned()
        };
        assert_eq!(last(b"*2\r\n$3\r\nGeT\r\n$1\r\nk\r\n"), "get");
        assert_eq!(last(b"*2\r\n$6\r\nCONFIG\r\n$3\r\nGET\r\n"), "config|get");
        assert_eq!(last(b"*1\r\n$6\r\nCONFIG\r\n"), "config");
        let long = format!("*2\r\n$6\r\nCLIENT\r\n$40\r\n{}\r\n", "X".repeat(40));
        assert_eq!(last(long.as_bytes()), format!("client|{}", "x".repeat(24)));
    }
}
