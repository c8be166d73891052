//! A client's transaction: what `EXEC` will change, and how its reply has to be read.

use std::rc::Rc;

use bytes::BytesMut;

use super::slot::{Effect, Substitute, write_with_id};
use crate::{
    command::{
        change::Change,
        client::{Switch, naming::Naming, tracking::Tracking},
        info,
    },
    resp::{Protocol, reply},
    upstream::label::Label,
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
    /// What it is called so far.
    pub label: Rc<Label>,
    /// Its protocol so far.
    pub protocol: Protocol,
}

/// What an executed transaction has changed.
pub struct Executed {
    /// Changes of state, in order.
    pub changes: Vec<Change>,
    /// The connection keeps state.
    pub lasting: bool,
    /// What the client is called now.
    pub label: Rc<Label>,
    /// `CLIENT TRACKING`, if it was said.
    pub tracking: Option<Tracking>,
    /// What was switched.
    pub switches: Vec<(Switch, bool)>,
}

impl Transaction {
    /// Notes a command that the server has queued.
    pub fn queue(&mut self, effect: Option<Effect>) {
        if let Some(effect) = effect {
            self.effects.push((self.queued, effect));
        }
        self.queued += 1;
    }

    /// How many commands are queued.
    pub fn queued(&self) -> usize {
        self.queued
    }

    /// The questions about clients, and their places in the reply to `EXEC`.
    pub fn questions(&mut self) -> impl Iterator<Item = (usize, &mut Effect)> {
        let effects = self.effects.iter_mut().map(|(place, effect)| (*place, effect));
        effects.filter(|(_, effect)| matches!(effect, Effect::Question(_)))
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
        let Client { id, label, mut protocol } = client;
        let mut executed = Executed {
            changes: Vec::new(),
            lasting: false,
            label,
            tracking: None,
            switches: Vec::new(),
        };
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
            // What the server says of a command, or of a client, that it does not know may be an error.
            if reply::is_error(element)
                && !matches!(effect, Some(Effect::Merge(_) | Effect::Answer(_)))
            {
                // A refused HELLO may have changed the user all the same.
                executed.lasting |= matches!(
                    &effect,
                    Some(Effect::Change(_) | Effect::Lasting | Effect::Tracking(_))
                );
                out.extend_from_slice(element);
                continue;
            }
            match effect {
                Some(Effect::Adapt(adapt)) => adapt.apply(element, protocol, out),
                Some(Effect::Substitute(substitute)) => {
                    substitute.write(element, &executed.label, protocol, out);
                    if let Substitute::Naming(naming) = substitute {
                        executed.label = Rc::new(naming.apply(&executed.label));
                    }
                }
                Some(Effect::Merge(merge)) => merge.apply(element, protocol, out),
                Some(Effect::Change(change)) => {
                    protocol = change.protocol.unwrap_or(protocol);
                    write_hello(element, id, out);
                    if let Some(name) = &change.name {
                        let named = Naming::Name(name.clone()).apply(&executed.label);
                        executed.label = Rc::new(named);
                    }
                    executed.changes.push(change);
                }
                Some(Effect::Lasting) => {
                    executed.lasting = true;
                    out.extend_from_slice(element);
                }
                Some(Effect::Section(section)) => info::append(element, &section, out),
                Some(Effect::Answer(answer)) => out.extend_from_slice(&answer),
                Some(Effect::Tracking(tracking)) => {
                    executed.lasting = true;
                    executed.tracking = Some(tracking);
                    out.extend_from_slice(element);
                }
                Some(Effect::Switch(switch, on)) => {
                    executed.switches.push((switch, on));
                    out.extend_from_slice(element);
                }
                Some(Effect::Tunnel | Effect::Question(_)) | None => out.extend_from_slice(element),
            }
        }
        executed
    }
}

/// Appends the reply to `HELLO` with the client's own id in place of the upstream connection's; other replies as they are.
pub fn write_hello(frame: &[u8], id: u64, out: &mut BytesMut) {
    write_with_id(frame, b"id", id, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(protocol: Protocol) -> Client {
        Client { id: 9, label: Rc::default(), protocol }
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
