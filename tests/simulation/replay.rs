//! What a script brings a client that is alone with the server: what it has to bring it in any company.

use crate::script::{Kind, Step};
use crate::server::{Conn, FULL, Server};

/// A script that has been played to a private copy of the server.
pub(crate) struct Replay {
    /// What the client has received.
    pub(crate) received: Vec<u8>,
    /// How much of it there was after each step.
    pub(crate) after: Vec<usize>,
    /// The copy, as the script has left it.
    pub(crate) server: Server,
    /// The client's connection; nothing if there was no room for it.
    pub(crate) conn: Option<Conn>,
}

/// The exact bytes that a lone client would receive.
pub(crate) fn replay(server: &Server, script: &[Step]) -> Vec<u8> {
    rehearse(server, script).received
}

/// The same, with all that there is to know. Waits that end by themselves are waited for.
pub(crate) fn rehearse(server: &Server, script: &[Step]) -> Replay {
    let mut server = server.clone();
    let Some(conn) = server.connect() else {
        let after = vec![FULL.len(); script.len()];
        return Replay { received: FULL.to_vec(), after, server, conn: None };
    };
    let mut received = Vec::new();
    let mut after = Vec::with_capacity(script.len());
    for step in script {
        match step.kind {
            Kind::HalfClose | Kind::Leave => server.disconnect(conn),
            _ => server.input(conn, &step.bytes),
        }
        while let Some(millis) = wait(&server, conn) {
            server.tick(millis);
        }
        received.extend(server.output(conn));
        after.push(received.len());
    }
    Replay { received, after, server, conn: Some(conn) }
}

/// How long a client waits that does not wait for ever.
fn wait(server: &Server, conn: Conn) -> Option<u64> {
    server.state(conn).blocked?.until()?;
    server.next_end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::script::{Cast, generate, prepare};
    use crate::server::Settings;

    fn world(password: Option<&str>) -> Server {
        let requirepass = password.map(str::to_owned);
        let mut server = Server::new(Settings { requirepass, ..Settings::default() });
        prepare(&mut server);
        server
    }

    fn cast(prefix: String, password: Option<&str>) -> Cast {
        Cast { password: password.map(str::to_owned), ..Cast::new(prefix) }
    }

    /// One of many clients of one server.
    struct Actor {
        conn: Conn,
        script: Vec<Step>,
        expected: Vec<u8>,
        received: Vec<u8>,
        at: usize,
        sent: usize,
    }

    /// A step, or a part of it; gives whether there is more.
    fn act(server: &mut Server, random: &mut Random, actor: &mut Actor) -> bool {
        let Some(step) = actor.script.get(actor.at) else { return false };
        if step.kind.is_end() && !step.joined && wait(server, actor.conn).is_some() {
            // It looks at the replies first.
            return true;
        }
        if step.kind.is_end() {
            server.disconnect(actor.conn);
        } else {
            let rest = &step.bytes[actor.sent..];
            let part = if random.one_in(3) { 1 + random.below(rest.len()) } else { rest.len() };
            server.input(actor.conn, &rest[..part]);
            actor.sent += part;
        }
        if step.kind.is_end() || actor.sent == step.bytes.len() {
            actor.at += 1;
            actor.sent = 0;
        }
        true
    }

    #[test]
    fn in_company_a_client_receives_the_same_as_alone() {
        for seed in 0..300 {
            let mut random = Random::seeded(seed);
            let password = random.one_in(3).then_some("secret");
            let mut server = world(password);
            let mut actors = Vec::new();
            for number in 0..2 + random.below(6) {
                let cast = cast(format!("{number}:"), password);
                let script = generate(&mut random, &cast, 40);
                let expected = replay(&server, &script);
                let conn = server.connect().unwrap();
                let received = Vec::new();
                actors.push(Actor { conn, script, expected, received, at: 0, sent: 0 });
            }
            loop {
                let mut more = false;
                for actor in &mut actors {
                    more |= random.one_in(2) || act(&mut server, &mut random, actor);
                    if random.one_in(10) {
                        server.tick(7);
                    }
                }
                if !more {
                    break;
                }
            }
            // Everyone's waits end, one after another.
            for _ in 0..100 {
                server.tick(20_000);
            }
            for actor in &mut actors {
                while act(&mut server, &mut random, actor) {
                    server.tick(20_000);
                }
                server.tick(1_000_000);
                actor.received.extend(server.output(actor.conn));
                assert!(
                    actor.received == actor.expected,
                    "seed {seed}, client {}: received\n{}\ninstead of\n{}",
                    actor.conn.0,
                    actor.received.escape_ascii(),
                    actor.expected.escape_ascii()
                );
            }
        }
    }

    #[test]
    fn a_replay_leaves_the_server_alone() {
        let server = world(None);
        let script = generate(&mut Random::seeded(7), &cast("a:".to_owned(), None), 80);
        let first = rehearse(&server, &script);
        assert_eq!(first.received, replay(&server, &script));
        assert_eq!(first.after.len(), script.len());
        assert!(first.server.is_closed(first.conn.unwrap()));
        assert_eq!(server.contents(b"a:"), []);
        assert!(!first.server.contents(b"a:").is_empty());
    }
}
