//! A client's transaction: what `EXEC` will change, and how its reply has to be read.

use bytes::{Bytes, BytesMut};

use super::slot::{Effect, Substitute};
use crate::{
    command::change::Change,
    resp::{Protocol, reply},
};

/// The commands queued since `MULTI`.
#[derive(Default)]
pub struct Transaction {
    queued: usize,
    effects: Vec<(usize, Effect)>,
    /// The connection that held it is gone: it can only be discarded.
    pub lost: bool,
}

/// Who executes a transaction.
pub struct Client {
    /// The client's id.
    pub id: u64,
    /// Its name so far.
    pub name: Bytes,
    /// Its protocol so far.
    pub protocol: Protocol,
}

/// What an executed transaction has changed.
pub struct Executed {
    /// Changes of state, in order.
    pub changes: Vec<Change>,
    /// The connection keeps state.
    pub lasting: bool,
    /// The client's name now.
    pub name: Bytes,
    /// Whether the connection was given a name.
    pub renamed: bool,
}

impl Transaction {
    /// Notes a command that the server has queued.
    pub fn queue(&mut self, effect: Option<Effect>) {
        if let Some(effect) = effect {
            self.effects.push((self.queued, effect));
        }
        self.queued += 1;
    }

    /// Whether the reply to `EXEC` has to be read.
    pub fn has_effects(&self) -> bool {
        !self.effects.is_empty()
    }

    /// Whether frames may follow `EXEC` that are not its reply.
    pub fn opens_tunnel(&self) -> bool {
        self.effects.iter().any(|(_, effect)| matches!(effect, Effect::Tunnel))
    }

    /// Appends the reply to `EXEC` as the client is to see it.
    pub fn execute(self, frame: &[u8], client: Client, out: &mut BytesMut) -> Executed {
        let Client { id, name, mut protocol } = client;
        let mut executed = Executed { changes: Vec::new(), lasting: false, name, renamed: false };
        let elements = match reply::kind(frame) {
            Some(reply::Kind::Array) => reply::elements(frame),
            _ => None,
        };
        let Some(elements) = elements.filter(|_| !reply::is_null(frame)) else {
            out.extend_from_slice(frame);
            return executed;
        };
        let header = frame.len() - elements.rest().len();
        out.extend_from_slice(&frame[..header]);
        let mut effects = self.effects.into_iter().peekable();
        for (index, element) in elements.flatten().enumerate() {
            let effect = effects.next_if(|(at, _)| *at == index).map(|(_, effect)| effect);
            // What the server says of a command that it does not know may be an error.
            if reply::is_error(element) && !matches!(effect, Some(Effect::Merge(_))) {
                // A refused HELLO may have changed the user all the same.
                executed.lasting |= matches!(&effect, Some(Effect::Change(_) | Effect::Lasting));
                out.extend_from_slice(element);
                continue;
            }
            match effect {
                Some(Effect::Adapt(adapt)) => adapt.apply(element, protocol, out),
                Some(Effect::Substitute(substitute)) => {
                    substitute.write(element, &executed.name, protocol, out);
                    if let Substitute::NewName(name) = substitute {
                        executed.name = name;
                        executed.renamed = true;
                    }
                }
                Some(Effect::Merge(merge)) => merge.apply(element, protocol, out),
                Some(Effect::Change(change)) => {
                    protocol = change.protocol.unwrap_or(protocol);
                    write_hello(element, id, out);
                    if let Some(name) = &change.name {
                        executed.name = name.clone();
                        executed.renamed = true;
                    }
                    executed.changes.push(change);
                }
                Some(Effect::Lasting) => {
                    executed.lasting = true;
                    out.extend_from_slice(element);
                }
                Some(Effect::Tunnel) | None => out.extend_from_slice(element),
            }
        }
        executed
    }
}

/// Appends the reply to `HELLO` with the client's own id in place of the upstream connection's; other replies as they are.
pub fn write_hello(frame: &[u8], id: u64, out: &mut BytesMut) {
    let mut copied = 0;
    if let Some(elements) = reply::elements(frame) {
        let mut at = frame.len() - elements.rest().len();
        let mut key = &b""[..];
        for (index, element) in elements.flatten().enumerate() {
            if index % 2 == 0 {
                key = reply::as_bulk(element).unwrap_or_default();
            } else if key == b"id" && reply::as_integer(element).is_some() {
                out.extend_from_slice(&frame[copied..at]);
                crate::resp::encode::integer(out, i64::try_from(id).unwrap_or(i64::MAX));
                copied = at + element.len();
            }
            at += element.len();
        }
    }
    out.extend_from_slice(&frame[copied..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(protocol: Protocol) -> Client {
        Client { id: 9, name: Bytes::new(), protocol }
    }

    #[test]
    fn hello_shows_the_clients_own_id() {
        let mut out = BytesMut::new();
        let frame =
            b"%3\r\n$6\r\nserver\r\n$5\r\nredis\r\n$2\r\nid\r\n:123\r\n$7\r\nmodules\r\n*0\r\n";
        write_hello(frame, 7, &mut out);
        let expected =
            b"%3\r\n$6\r\nserver\r\n$5\r\nredis\r\n$2\r\nid\r\n:7\r\n$7\r\nmodules\r\n*0\r\n";
        assert_eq!(&out[..], &expected[..]);
        out.clear();
        write_hello(b"+OK\r\n", 7, &mut out);
        assert_eq!(&out[..], b"+OK\r\n");
    }

    #[test]
    fn effects_meet_the_replies_of_their_commands() {
        let mut transaction = Transaction::default();
        transaction.queue(None);
        transaction.queue(Some(Effect::Substitute(Substitute::Id(9))));
        let select = Change { database: Some(2), ..Change::default() };
        transaction.queue(Some(Effect::Change(select.clone())));
        transaction.queue(Some(Effect::Change(Change { database: Some(4), ..Change::default() })));
        let frame = b"*4\r\n:1\r\n:55\r\n+OK\r\n-ERR out of range\r\n";
        let mut out = BytesMut::new();
        let executed = transaction.execute(frame, client(Protocol::Resp2), &mut out);
        assert_eq!(&out[..], b"*4\r\n:1\r\n:9\r\n+OK\r\n-ERR out of range\r\n");
        assert_eq!(executed.changes, [select]);
    }

    #[test]
    fn an_aborted_transaction_changes_nothing() {
        for frame in [&b"*-1\r\n"[..], b"_\r\n", b"-EXECABORT no\r\n"] {
            let mut transaction = Transaction::default();
            transaction.queue(Some(Effect::Lasting));
            let mut out = BytesMut::new();
            let executed = transaction.execute(frame, client(Protocol::Resp3), &mut out);
            assert_eq!(&out[..], frame);
            assert!(!executed.lasting);
        }
    }
}
