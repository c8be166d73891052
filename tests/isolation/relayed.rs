//! One connection through the relay: its two directions, and what becomes of their bytes.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

/// What becomes of the bytes of one direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Flow {
    /// They pass.
    Pass,
    /// They are lost; nobody is told.
    Swallow,
    /// They wait until the flow is another, and then leave in one piece.
    Hold,
    /// The first of them break the connection.
    Cut,
}

/// A connection and its continuation to the server.
pub(crate) struct Connection {
    near: TcpStream,
    far: TcpStream,
    up: Mutex<Direction>,
    down: Mutex<Direction>,
    closed: AtomicBool,
}

struct Direction {
    to: TcpStream,
    flow: Flow,
    held: Vec<u8>,
    /// The end has come; it waits behind what is held back.
    ended: bool,
}

impl Connection {
    /// A client's connection and the one to its server.
    pub(crate) fn new(near: TcpStream, far: TcpStream, up: Flow, down: Flow) -> Connection {
        near.set_nodelay(true).unwrap();
        far.set_nodelay(true).unwrap();
        Connection {
            up: Direction::new(&far, up),
            down: Direction::new(&near, down),
            near,
            far,
            closed: AtomicBool::new(false),
        }
    }

    /// Carries bytes until both sides have ended; `send` is asked about those to the server.
    pub(crate) fn run(&self, send: impl FnMut(&[u8]) -> bool) {
        thread::scope(|scope| {
            scope.spawn(|| match pump(&self.far, |chunk| locked(&self.down).carry(chunk)) {
                true => locked(&self.down).end(),
                false => self.cut(),
            });
            match pump(&self.near, send) {
                true => locked(&self.up).end(),
                false => self.cut(),
            }
        });
        if self.held() == 0 {
            self.closed.store(true, Ordering::SeqCst);
        }
    }

    /// Takes bytes to the server; false when that breaks the connection.
    pub(crate) fn send(&self, chunk: &[u8]) -> bool {
        locked(&self.up).carry(chunk)
    }

    /// The server's next reply breaks the connection.
    pub(crate) fn cut_at_reply(&self) {
        locked(&self.down).flow = Flow::Cut;
    }

    /// How many bytes from the server are held back.
    pub(crate) fn held(&self) -> usize {
        locked(&self.down).held.len()
    }

    /// Whether these bytes of the server are held back.
    pub(crate) fn holds(&self, bytes: &[u8]) -> bool {
        memchr::memmem::find(&locked(&self.down).held, bytes).is_some()
    }

    /// Passes on so many of the bytes from the server that are held back; the others go on waiting.
    pub(crate) fn pass(&self, count: usize) {
        let mut down = locked(&self.down);
        let passed: Vec<u8> = down.held.drain(..count).collect();
        down.to.write_all(&passed).unwrap();
    }

    /// Whether nothing can come of it any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// What becomes of the bytes from now on, and of those that are held back.
    pub(crate) fn set(&self, up: Flow, down: Flow) {
        let carried = locked(&self.up).set(up) & locked(&self.down).set(down);
        if !carried {
            self.cut();
        }
    }

    /// Breaks the connection.
    pub(crate) fn cut(&self) {
        self.closed.store(true, Ordering::SeqCst);
        let _ = self.near.shutdown(Shutdown::Both);
        let _ = self.far.shutdown(Shutdown::Both);
    }
}

impl Direction {
    fn new(to: &TcpStream, flow: Flow) -> Mutex<Direction> {
        Mutex::new(Direction { to: to.try_clone().unwrap(), flow, held: Vec::new(), ended: false })
    }

    /// False when this breaks the connection.
    fn set(&mut self, flow: Flow) -> bool {
        self.flow = flow;
        let held = std::mem::take(&mut self.held);
        let carried = held.is_empty() || self.carry(&held);
        self.pass_end();
        carried
    }

    /// Nothing more comes from the sender, who may still listen.
    fn end(&mut self) {
        self.ended = true;
        self.pass_end();
    }

    fn pass_end(&self) {
        if self.ended && matches!(self.flow, Flow::Pass | Flow::Cut) {
            let _ = self.to.shutdown(Shutdown::Write);
        }
    }

    /// False when this breaks the connection.
    fn carry(&mut self, bytes: &[u8]) -> bool {
        match self.flow {
            Flow::Pass => self.to.write_all(bytes).is_ok(),
            Flow::Swallow => true,
            Flow::Hold => {
                self.held.extend_from_slice(bytes);
                true
            }
            Flow::Cut => false,
        }
    }
}

/// Carries bytes until the sender ends; false when they could not be carried.
fn pump(mut from: &TcpStream, mut carry: impl FnMut(&[u8]) -> bool) -> bool {
    let mut chunk = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut chunk) {
        if !carry(&chunk[..read]) {
            return false;
        }
    }
    true
}

/// The lock, also where another thread has panicked meanwhile.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
