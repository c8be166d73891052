//! A TCP relay between sessiond and its server that breaks, stalls or falls silent when it is told to.

use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use crate::common::eventually;
use crate::relayed::{Connection, Flow, locked};

/// What happens to a connection whose client sends what is watched for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    /// It breaks before the server sees the request.
    Unseen,
    /// It breaks when the server answers: the request has run, and nobody is told.
    Unanswered,
    /// It breaks before the server sees the request, and no other is let in.
    LostAndRefused,
}

/// A running relay; its connections end with it.
pub(crate) struct Relay {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    target: AtomicU16,
    stopped: AtomicBool,
    refusing: AtomicBool,
    accepted: AtomicUsize,
    delay: Mutex<Duration>,
    /// The flows of connections to come.
    flows: Mutex<Option<(Flow, Flow)>>,
    trap: Mutex<Option<(Vec<u8>, Fault)>>,
    /// What was sent to the server since the recording began.
    record: Mutex<Option<Vec<u8>>>,
    connections: Mutex<Vec<Arc<Connection>>>,
}

impl Relay {
    /// A relay to a port of this machine.
    pub(crate) fn to(target: u16) -> Relay {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared { target: AtomicU16::new(target), ..Shared::default() });
        let accepting = shared.clone();
        thread::spawn(move || accept(&listener, &accepting));
        Relay { port, shared }
    }

    /// The port that it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// How many connections it has been asked for.
    pub(crate) fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// Connections to come lead to another port.
    pub(crate) fn move_to(&self, target: u16) {
        self.shared.target.store(target, Ordering::SeqCst);
    }

    /// Connections to come are reset at once, or let in again.
    pub(crate) fn refuse(&self, refuse: bool) {
        self.shared.refusing.store(refuse, Ordering::SeqCst);
    }

    /// Connections to come take this long before they carry anything.
    pub(crate) fn delay(&self, delay: Duration) {
        *locked(&self.shared.delay) = delay;
    }

    /// What becomes of the bytes of connections to come, to the server and back.
    pub(crate) fn future(&self, up: Flow, down: Flow) {
        *locked(&self.shared.flows) = Some((up, down));
    }

    /// What becomes of the bytes of the connections that there are, to the server and back.
    pub(crate) fn present(&self, up: Flow, down: Flow) {
        for connection in self.open() {
            connection.set(up, down);
        }
    }

    /// Breaks the next connection on which `bytes` are sent to the server.
    pub(crate) fn trap(&self, bytes: &[u8], fault: Fault) {
        *locked(&self.shared.trap) = Some((bytes.to_vec(), fault));
    }

    /// Begins to note what is sent to the server.
    pub(crate) fn record(&self) {
        *locked(&self.shared.record) = Some(Vec::new());
    }

    /// How often `bytes` were sent to the server since the recording began.
    pub(crate) fn recorded(&self, bytes: &[u8]) -> usize {
        let record = locked(&self.shared.record);
        let record = record.as_deref().unwrap_or_default();
        memchr::memmem::find_iter(record, bytes).count()
    }

    /// How many bytes from the server are held back.
    pub(crate) fn held(&self) -> usize {
        self.open().iter().map(|connection| connection.held()).sum()
    }

    /// Waits until these bytes of the server are held back.
    pub(crate) fn wait_held(&self, bytes: &[u8]) {
        eventually("what is waited for is held back", || {
            self.open().iter().any(|connection| connection.holds(bytes)).then_some(())
        });
    }

    /// The connection on which these bytes of the server are held back, as soon as they are, with as many in all.
    pub(crate) fn holding(&self, bytes: &[u8], count: usize) -> Arc<Connection> {
        eventually("as much as is waited for is held back", || {
            let holds = |one: &Arc<Connection>| one.held() >= count && one.holds(bytes);
            self.open().into_iter().find(holds)
        })
    }

    /// Breaks one of the open connections.
    pub(crate) fn cut(&self, index: usize) {
        let open = self.open();
        if !open.is_empty() {
            open[index % open.len()].cut();
        }
    }

    /// Breaks every connection.
    pub(crate) fn cut_all(&self) {
        for connection in self.open() {
            connection.cut();
        }
    }

    fn open(&self) -> Vec<Arc<Connection>> {
        let mut connections = locked(&self.shared.connections);
        connections.retain(|connection| !connection.is_closed());
        connections.clone()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, which sees that it is over.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        self.cut_all();
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    while let Ok((near, _)) = listener.accept() {
        if shared.stopped.load(Ordering::SeqCst) {
            return;
        }
        shared.accepted.fetch_add(1, Ordering::SeqCst);
        if shared.refusing.load(Ordering::SeqCst) {
            let _ = SockRef::from(&near).set_linger(Some(Duration::ZERO));
            continue;
        }
        let shared = shared.clone();
        thread::spawn(move || serve(near, &shared));
    }
}

fn serve(near: TcpStream, shared: &Arc<Shared>) {
    let delay = *locked(&shared.delay);
    thread::sleep(delay);
    let target = shared.target.load(Ordering::SeqCst);
    let Ok(far) = TcpStream::connect(("127.0.0.1", target)) else { return };
    let (up, down) = locked(&shared.flows).unwrap_or((Flow::Pass, Flow::Pass));
    let connection = Arc::new(Connection::new(near, far, up, down));
    locked(&shared.connections).push(connection.clone());
    connection.run(|chunk| send(&connection, shared, chunk));
}

/// Carries bytes to the server, unless they step into the trap.
fn send(connection: &Connection, shared: &Shared, chunk: &[u8]) -> bool {
    if let Some(record) = locked(&shared.record).as_mut() {
        record.extend_from_slice(chunk);
    }
    let caught = {
        let mut trap = locked(&shared.trap);
        let found =
            |(bytes, _): &mut (Vec<u8>, Fault)| memchr::memmem::find(chunk, bytes).is_some();
        trap.take_if(found)
    };
    match caught {
        Some((_, Fault::Unseen)) => return false,
        Some((_, Fault::Unanswered)) => connection.cut_at_reply(),
        Some((_, Fault::LostAndRefused)) => {
            shared.refusing.store(true, Ordering::SeqCst);
            return false;
        }
        None => {}
    }
    connection.send(chunk)
}
