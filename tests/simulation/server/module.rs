//! Commands of a module that no proxy has heard of: one that leaves nothing on the connection, two that do.

use super::{Args, Server, strings};

/// Reads a key as `GET` does.
pub(super) fn pure(server: &mut Server, id: u64, args: &Args) {
    strings::get(server, id, args);
}

/// Leaves a mark on the connection, which not even `RESET` takes away.
pub(super) fn stateful(server: &mut Server, id: u64, args: &Args) {
    let client = server.client(id);
    client.mark = Some(args[1].clone());
    client.ok();
}

/// Shows the mark.
pub(super) fn show(server: &mut Server, id: u64, _: &Args) {
    let client = server.client(id);
    let mark = client.mark.clone();
    client.maybe(mark.as_deref());
}
