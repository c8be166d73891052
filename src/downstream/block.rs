//! Whole transactions: `MULTI` to `EXEC`, arrived in one piece, goes where any stateless request may go.
//!
//! Nothing is left on the connection afterwards, whatever the server says: `EXEC` without arguments ends the transaction even
//! when it is refused (`rejectCommand` in Redis' server.c), and when `MULTI` is refused there is none. So no connection is
//! needed for the client alone, and no answer has to be waited for.

use super::{
    connection::Connection,
    sessions::{arity_refusal, encode_refused},
    slot::{Effect, Slot, Substitute},
    transaction::Transaction,
};
use crate::{
    command::{
        Route,
        client::ClientCommand,
        route,
        table::{self, Class, Transaction as Step},
    },
    resp::{Request, RequestScanner, Scanned},
    session,
};

/// Most session commands in a block: each goes along with its script's text, some kilobytes.
const MOST_CALLS: u32 = 16;

/// A transaction that is there from `MULTI` to `EXEC`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// Its replies go to the client as they are. Holds its bytes and requests.
    Plain(usize, u32),
    /// Some of its replies speak of sessions or of the client. Holds its bytes.
    Mixed(usize),
}

/// The transaction at the front of `input`; `None` when it is not all there, or holds something that needs a connection
/// of its client's own: what changes the connection's state, or would wait if `MULTI` were refused.
pub(super) fn whole(input: &[u8]) -> Option<Block> {
    let mut scanner = RequestScanner::new();
    let (mut at, mut requests, mut calls, mut plain) = (0, 0, 0, true);
    loop {
        let rest = input.get(at..)?;
        let Ok(Scanned::Frame { len }) = scanner.scan(rest, true) else { return None };
        let request = scanner.request(rest);
        if request.is_inline() || !request.is_well_ended() {
            return None;
        }
        at += len;
        requests += 1;
        if table::class(request.name()) != Some(Class::Shared) {
            let alone = request.len() == 1;
            match route(&request) {
                Route::Shared => {}
                Route::Transaction(Step::Multi) if requests == 1 && alone => {}
                Route::Transaction(Step::Exec) if requests > 1 && alone => {
                    return Some(if plain { Block::Plain(at, requests) } else { Block::Mixed(at) });
                }
                Route::Session(_) if calls < MOST_CALLS => {
                    calls += 1;
                    plain = false;
                }
                Route::Client(ClientCommand::Id | ClientCommand::GetName) => plain = false,
                _ => return None,
            }
        }
        scanner.next();
    }
}

impl Connection {
    /// Sends the block that `bytes` are, whose replies have to be understood, on the connection that there is.
    pub(super) fn send_block(&mut self, bytes: &[u8]) {
        let mut scanner = RequestScanner::new();
        let mut transaction = Transaction::default();
        let mut at = 0;
        while let Ok(Scanned::Frame { len }) = scanner.scan(&bytes[at..], true) {
            self.send_part(&scanner.request(&bytes[at..]), &mut transaction);
            scanner.next();
            at += len;
        }
    }

    fn send_part(&mut self, request: &Request<'_>, transaction: &mut Transaction) {
        let Some(link) = self.link().cloned() else { return };
        let substitute = match route(request) {
            Route::Transaction(Step::Exec) => {
                let slot = Slot::Executed(Box::new(std::mem::take(transaction)));
                self.outbox.sent(1);
                return link.send(&self.outbox, request.bytes(), slot);
            }
            Route::Session(command) => {
                return self.send_session_part(command, request, transaction);
            }
            Route::Client(ClientCommand::Id) => Some(Substitute::Id(self.outbox.id())),
            Route::Client(ClientCommand::GetName) => Some(Substitute::Name),
            route => {
                if !matches!(route, Route::Transaction(Step::Multi)) {
                    transaction.queue(None);
                }
                None
            }
        };
        self.outbox.sent(1);
        match substitute {
            None => link.send_run(&self.outbox, request.bytes(), 1),
            Some(substitute) => {
                transaction.queue(Some(Effect::Substitute(substitute.clone())));
                let slot = Slot::Part(Effect::Substitute(substitute));
                link.send(&self.outbox, request.bytes(), slot);
            }
        }
    }

    fn send_session_part(
        &mut self,
        command: &'static session::Command,
        request: &Request<'_>,
        transaction: &mut Transaction,
    ) {
        let Some(link) = self.link().cloned() else { return };
        let args: Vec<&[u8]> = request.args().skip(1).collect();
        self.outbox.sent(1);
        if !command.accepts(args.len()) {
            // The server has to know, so that EXEC is refused.
            return link.send_with(
                &self.outbox,
                Slot::Refused(arity_refusal(command)),
                encode_refused,
            );
        }
        self.context.served.insert(self.key.database);
        let call = self.whole_call(command, &args);
        transaction.queue(Some(Effect::Adapt(call.adapt())));
        let slot = Slot::Part(Effect::Adapt(call.adapt()));
        link.send_with(&self.outbox, slot, |out| call.write_eval(out));
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::resp::encode;

    fn bytes(commands: &[&str]) -> Vec<u8> {
        let mut bytes = BytesMut::new();
        for words in commands {
            encode::command(&mut bytes, words.split(' ').collect::<Vec<_>>());
        }
        bytes.to_vec()
    }

    #[test]
    fn a_block_ends_with_exec() {
        let block = bytes(&["MULTI", "SET k v", "exec"]);
        let more = [&block[..], b"*1\r\n$4\r\nPING\r\n"].concat();
        assert_eq!(whole(&more), Some(Block::Plain(block.len(), 3)));
        for end in 0..block.len() {
            assert_eq!(whole(&block[..end]), None, "{end} bytes of it");
        }
        assert_eq!(whole(&bytes(&["MULTI", "EXEC"])), Some(Block::Plain(29, 2)));
        let mixed = bytes(&["MULTI", "SESSION.GET a b", "CLIENT ID", "EXEC"]);
        assert_eq!(whole(&mixed), Some(Block::Mixed(mixed.len())));
        for (calls, is_block) in [(16, true), (17, false)] {
            let mut commands = vec!["MULTI"];
            commands.extend(vec!["SESSION.WIPE"; calls]);
            commands.push("EXEC");
            assert_eq!(whole(&bytes(&commands)).is_some(), is_block, "{calls} calls");
        }
    }

    #[test]
    fn what_needs_a_connection_of_its_own_makes_no_block() {
        for inside in [
            "SELECT 1",
            "MULTI",
            "WATCH k",
            "DISCARD",
            "BLPOP k 0",
            "SUBSCRIBE c",
            "CLIENT REPLY OFF",
            "MONITOR",
            "HELLO 3",
            "NOSUCH",
            "EXEC x",
            "QUIT",
        ] {
            assert_eq!(whole(&bytes(&["MULTI", "SET k v", inside, "EXEC"])), None, "{inside}");
        }
        assert_eq!(whole(&bytes(&["MULTI x", "EXEC"])), None);
        assert_eq!(whole(b"*1\r\n$5\r\nMULTI\r\nSET k v\r\n*1\r\n$4\r\nEXEC\r\n"), None);
    }
}
