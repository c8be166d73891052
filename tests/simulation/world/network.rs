//! The way from sessiond to the model of a server: connections whose bytes move when the simulation says so.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use sessiond::net::Stream;
use sessiond::upstream::connect::{Connect, Connecting};

use super::pipe::{Pipe, Read};
use crate::random::Random;
use crate::server::{Conn, FULL, Server};

/// The server, and all connections to it.
pub(super) struct Network {
    pub(super) server: Server,
    pub(super) links: Vec<Wire>,
    /// The virtual time, in milliseconds.
    pub(super) now: u64,
    /// Until when attempts to connect are refused.
    pub(super) refuses_until: u64,
    /// Until when new connections are silent.
    silent_until: u64,
    /// How long an attempt to connect takes.
    pub(super) delay: u64,
    /// How much a connection holds in each direction.
    pub(super) sizes: &'static [usize],
    pub(super) random: Random,
    made: usize,
}

/// One connection to the server.
pub(super) struct Wire {
    pub(super) number: usize,
    /// Nothing if there was no room for it.
    conn: Option<Conn>,
    pipe: Pipe,
    /// What the server has said and has not arrived.
    outbox: Vec<u8>,
    /// The server has been told that sessiond sends no more.
    ended: bool,
    /// Until when nothing moves.
    pub(super) silent_until: u64,
}

impl Network {
    pub(super) fn new(server: Server, sizes: &'static [usize], random: Random) -> Self {
        Self {
            server,
            links: Vec::new(),
            now: 0,
            refuses_until: 0,
            silent_until: 0,
            delay: 0,
            sizes,
            random,
            made: 0,
        }
    }

    fn open(&mut self) -> io::Result<Stream> {
        if self.now < self.refuses_until {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let size = self.sizes[self.random.below(self.sizes.len())];
        let (pipe, far) = Pipe::new(size);
        let conn = self.server.connect();
        let outbox = if conn.is_some() { Vec::new() } else { FULL.to_vec() };
        self.made += 1;
        self.links.push(Wire {
            number: self.made,
            conn,
            pipe,
            outbox,
            ended: false,
            silent_until: self.silent_until,
        });
        Ok(Stream::Memory(far))
    }

    /// Moves up to so many bytes to the server, which executes what is whole. Gives how many; an end counts as one.
    pub(super) fn up(&mut self, at: usize, most: usize) -> usize {
        let now = self.now;
        let Self { server, links, .. } = self;
        let wire = &mut links[at];
        if wire.ended || now < wire.silent_until {
            return 0;
        }
        match wire.pipe.read(most) {
            Read::Nothing => 0,
            Read::Bytes(bytes) => {
                if let Some(conn) = wire.conn {
                    server.input(conn, &bytes);
                }
                bytes.len()
            }
            Read::End => {
                wire.ended = true;
                if let Some(conn) = wire.conn {
                    server.disconnect(conn);
                }
                1
            }
        }
    }

    /// Moves up to so many bytes from the server. Gives how many; an end counts as one.
    pub(super) fn down(&mut self, at: usize, most: usize) -> usize {
        let now = self.now;
        let Self { server, links, .. } = self;
        let wire = &mut links[at];
        if let Some(conn) = wire.conn {
            wire.outbox.extend(server.output(conn));
        }
        if now < wire.silent_until {
            return 0;
        }
        let part = wire.outbox.len().min(most);
        let moved = wire.pipe.write(&wire.outbox[..part]);
        wire.outbox.drain(..moved);
        if wire.pipe.broken {
            wire.outbox.clear();
        }
        let closed = wire.conn.is_none_or(|conn| server.is_closed(conn));
        if closed && wire.outbox.is_empty() {
            self.links.remove(at);
            return 1;
        }
        moved
    }

    /// Breaks a connection. What sessiond has sent reaches the server first, if `arrives`.
    pub(super) fn cut(&mut self, at: usize, arrives: bool) {
        let mut wire = self.links.remove(at);
        let Some(conn) = wire.conn else { return };
        while arrives && let Read::Bytes(bytes) = wire.pipe.read(1 << 16) {
            self.server.input(conn, &bytes);
        }
        self.server.disconnect(conn);
        // Nobody reads its last words.
        self.server.output(conn);
    }

    /// The server ends a connection. What it has said before arrives.
    pub(super) fn kill(&mut self, at: usize) {
        if let Some(conn) = self.links[at].conn {
            self.server.kill(conn);
        }
    }

    /// Nothing moves on any connection until then.
    pub(super) fn fall_silent(&mut self, until: u64) {
        self.silent_until = until;
        self.links.iter_mut().for_each(|wire| wire.silent_until = until);
    }

    /// Lets all connections speak again, and new ones be made.
    pub(super) fn heal(&mut self) {
        self.refuses_until = 0;
        self.silent_until = 0;
        self.delay = 0;
        self.links.iter_mut().for_each(|wire| wire.silent_until = 0);
    }
}

/// The way to the network, as sessiond knows it.
pub(super) struct Way(pub(super) Rc<RefCell<Network>>);

impl Connect for Way {
    fn connect(&self) -> Connecting {
        let network = self.0.clone();
        Box::pin(async move {
            let delay = network.borrow().delay;
            if delay > 0 {
                tokio::time::sleep(Duration::from_millis(delay)).await;
            }
            let mut network = network.borrow_mut();
            network.open()
        })
    }

    fn random(&self) -> u32 {
        u32::try_from(self.0.borrow_mut().random.next() >> 32).unwrap_or_default()
    }
}
