//! Whole transactions: `MULTI` to `EXEC`, arrived in one piece, goes where any stateless request may go.
//!
//! Nothing is left on the connection afterwards, whatever the server says: `EXEC` without arguments ends the transaction even
//! when it is refused (`rejectCommand` in Redis' server.c), and when `MULTI` is refused there is none. So no connection is
//! needed for the client alone, and no answer has to be waited for.

use super::call::arity_refusal;
use crate::{
    command::{
        Route, changes_commands,
        client::ClientCommand,
        revokes, route,
        table::{self, Class, Transaction as Step},
    },
    downstream::{
        client::Client,
        ports::{Ports, To},
        replies::Meaning,
        state::substitute::Substitute,
        state::transaction::{Effect, Transaction},
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
                // Whether they succeed is to be noted.
                Route::Shared if revokes(&request) || changes_commands(&request) => return None,
                // The server begins nothing.
                Route::Shared if requests == 1 => return None,
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

impl Client {
    /// Sends the block that `bytes` are, whose replies have to be understood, on the connection that there is.
    pub(super) fn send_block(&mut self, bytes: &[u8], ports: &mut impl Ports) {
        let Some(to) = self.footing.to() else { return };
        let mut scanner = RequestScanner::new();
        let mut transaction = Transaction::default();
        let mut at = 0;
        while let Ok(Scanned::Frame { len }) = scanner.scan(&bytes[at..], true) {
            self.send_part(to, &scanner.request(&bytes[at..]), &mut transaction, ports);
            self.me.totals.commands += 1;
            scanner.next();
            at += len;
        }
    }

    fn send_part(
        &mut self,
        to: To,
        request: &Request<'_>,
        transaction: &mut Transaction,
        ports: &mut impl Ports,
    ) {
        let substitute = match route(request) {
            Route::Transaction(Step::Exec) => {
                let whole = Box::new(std::mem::take(transaction));
                return self.pass(to, Meaning::Executed(whole), request.bytes(), ports);
            }
            Route::Session(command) => {
                return self.send_session_part(to, command, request, transaction, ports);
            }
            Route::Client(ClientCommand::Id) => Substitute::Id(self.me.id),
            Route::Client(ClientCommand::GetName) => Substitute::Name,
            route => {
                if !matches!(route, Route::Transaction(Step::Multi)) {
                    transaction.queue(None);
                }
                return self.run(to, request, ports);
            }
        };
        transaction.queue(Some(Effect::Substitute(substitute.clone())));
        self.pass(
            to,
            Meaning::Part(Box::new(Effect::Substitute(substitute))),
            request.bytes(),
            ports,
        );
    }

    fn send_session_part(
        &mut self,
        to: To,
        command: &'static session::Command,
        request: &Request<'_>,
        transaction: &mut Transaction,
        ports: &mut impl Ports,
    ) {
        let args: Vec<&[u8]> = request.args().skip(1).collect();
        if !command.accepts(args.len()) {
            return self.refuse_by_server(to, arity_refusal(command), ports);
        }
        ports.served(self.key.database);
        let call = self.whole_call(command, &args);
        transaction.queue(Some(Effect::Adapt(call.adapt())));
        let place = self.place(Meaning::Part(Box::new(Effect::Adapt(call.adapt()))));
        ports.send(to, place, b"", &mut |out| call.write_eval(out));
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
