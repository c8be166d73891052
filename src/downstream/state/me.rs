//! What is known of a client at any time, and others may know: what `CLIENT LIST` shows and `CLIENT KILL` goes by.

use std::rc::Rc;

use super::buffers::Buffers;
use crate::{
    command::client::{naming::Naming, profile::Flags},
    resp::reply,
    state::{
        ids::{ClientId, ServerId},
        label::Label,
    },
};

/// Bytes of a command's name that are remembered.
const NAME: usize = 31;

/// One client, as itself and others see it. A plain record, so it may have as many fields as there is to know.
pub(crate) struct Me {
    /// The number by which clients know it.
    pub id: ClientId,
    /// What it calls itself.
    pub label: Rc<Label>,
    /// When it came, by the worker's clock.
    pub born: u32,
    /// When it last sent a request, by the worker's clock.
    pub active: u32,
    /// What it has switched on.
    pub flags: Flags,
    /// Watched keys.
    pub watched: u32,
    /// Bytes of the arguments that are queued in its transaction.
    pub queued_bytes: usize,
    /// The client that is told of this one's invalidated keys: itself, if it is 0.
    pub redirect: Option<ClientId>,
    /// How many other clients' invalidations are redirected to it: as long as there are any, it keeps its connection.
    pub kept: u32,
    /// The server's id of its own connection; `None` without one.
    pub own: Option<ServerId>,
    /// Bytes it has sent, bytes it was sent, and commands.
    pub totals: Totals,
    /// How large its buffers were of late.
    pub buffers: Buffers,
    last: LastCommand,
}

/// What a client has sent and was sent so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    /// Bytes read from it.
    pub received: u64,
    /// Bytes written to it.
    pub sent: u64,
    /// Commands handled.
    pub commands: u64,
}

impl Me {
    /// A client called `label` that has come at `now`.
    pub(crate) fn new(id: ClientId, label: Rc<Label>, now: u32) -> Self {
        Self {
            id,
            label,
            born: now,
            active: now,
            flags: Flags::default(),
            watched: 0,
            queued_bytes: 0,
            redirect: None,
            kept: 0,
            own: None,
            totals: Totals::default(),
            buffers: Buffers::default(),
            last: LastCommand::default(),
        }
    }

    /// Notes a name that the client has given itself.
    pub(crate) fn name(&mut self, naming: &Naming) {
        self.label = Rc::new(naming.apply(&self.label));
    }

    /// Switches a flag.
    pub(crate) fn flag(&mut self, flag: Flags, on: bool) {
        self.flags = self.flags.with(flag, on);
    }

    /// Notes the last command.
    pub(crate) fn set_last(&mut self, last: LastCommand) {
        self.last = last;
    }

    /// The last command; empty before the first.
    pub(crate) fn last(&self) -> String {
        String::from_utf8_lossy(self.last.name()).into_owned()
    }
}

/// The name of a command, in lower case, with its subcommand.
#[derive(Clone, Copy, Default)]
pub(crate) struct LastCommand {
    len: u8,
    name: [u8; NAME],
}

impl LastCommand {
    /// Whether it is the command of this name, in lower case.
    pub(crate) fn is(&self, name: &[u8]) -> bool {
        self.name() == name
    }

    /// The command at the front of a multibulk request.
    pub(crate) fn of_multibulk(request: &[u8]) -> Self {
        let args = reply::elements(request).into_iter().flatten().flatten();
        let mut args = args.filter_map(reply::as_bulk);
        let name = args.next().unwrap_or_default();
        Self::new(name, || args.next())
    }

    /// The command called `name`; with its subcommand if it is a container.
    pub(crate) fn new<'a>(name: &[u8], subcommand: impl FnOnce() -> Option<&'a [u8]>) -> Self {
        let mut last = Self::default();
        last.push(name);
        if is_container(last.name())
            && let Some(subcommand) = subcommand()
        {
            last.push(b"|");
            last.push(subcommand);
        }
        last
    }

    fn name(&self) -> &[u8] {
        &self.name[..usize::from(self.len)]
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
            String::from_utf8_lossy(last.name()).into_owned()
        };
        assert_eq!(last(b"*2\r\n$3\r\nGeT\r\n$1\r\nk\r\n"), "get");
        assert_eq!(last(b"*2\r\n$6\r\nCONFIG\r\n$3\r\nGET\r\n"), "config|get");
        assert_eq!(last(b"*1\r\n$6\r\nCONFIG\r\n"), "config");
        let long = format!("*2\r\n$6\r\nCLIENT\r\n$40\r\n{}\r\n", "X".repeat(40));
        assert_eq!(last(long.as_bytes()), format!("client|{}", "x".repeat(24)));
    }
}
