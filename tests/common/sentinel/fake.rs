//! A Sentinel that says what a test wants: the wrong server, none, or nothing at all.

use std::io::{BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use super::super::arg::encode;
use super::super::value::Value;
use super::group::SERVICE;

/// What it answers when it is asked for the primary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Says {
    /// The server on this port of this machine.
    Names(u16),
    /// That it knows no such group.
    Unknown,
    /// Nothing, to no request.
    Nothing,
}

/// A running one; its connections end with it.
pub(crate) struct FakeSentinel {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    says: Mutex<Says>,
    /// How often it was asked for the primary.
    asked: AtomicUsize,
    accepted: AtomicUsize,
    stopped: AtomicBool,
    connections: Mutex<Vec<TcpStream>>,
    /// Every request, as its words.
    heard: Mutex<Vec<Vec<String>>>,
    /// Those of them that listen to `+switch-master`.
    listeners: Mutex<Vec<TcpStream>>,
}

impl FakeSentinel {
    /// One that says this until it is told otherwise.
    pub(crate) fn start(says: Says) -> FakeSentinel {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            says: Mutex::new(says),
            asked: AtomicUsize::new(0),
            accepted: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
            connections: Mutex::default(),
            heard: Mutex::default(),
            listeners: Mutex::default(),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accept(&listener, &accepting));
        FakeSentinel { port, shared }
    }

    /// The port that it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The address of its group as sessiond's `--upstream` wants it.
    pub(crate) fn url(&self) -> String {
        format!("redis+sentinel://127.0.0.1:{}/{SERVICE}", self.port)
    }

    /// From now on it says this.
    pub(crate) fn say(&self, says: Says) {
        *self.shared.says.lock().unwrap() = says;
    }

    /// How often it was asked for the primary.
    pub(crate) fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::SeqCst)
    }

    /// How many connections it has been asked for.
    pub(crate) fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// Every request that it has got, as its words.
    pub(crate) fn heard(&self) -> Vec<Vec<String>> {
        self.shared.heard.lock().unwrap().clone()
    }

    /// How many connections listen to `+switch-master`.
    pub(crate) fn listeners(&self) -> usize {
        self.shared.listeners.lock().unwrap().len()
    }

    /// Tells those who listen that the primary has changed.
    pub(crate) fn publish_switch(&self, from: u16, to: u16) {
        let text = format!("{SERVICE} 127.0.0.1 {from} 127.0.0.1 {to}");
        let message = encode(&["message", "+switch-master", &text]);
        for mut listener in &*self.shared.listeners.lock().unwrap() {
            let _ = listener.write_all(&message);
        }
    }
}

impl Drop for FakeSentinel {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, which sees that it is over.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        for connection in &*self.shared.connections.lock().unwrap() {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    while let Ok((connection, _)) = listener.accept() {
        if shared.stopped.load(Ordering::SeqCst) {
            return;
        }
        shared.accepted.fetch_add(1, Ordering::SeqCst);
        let Ok(kept) = connection.try_clone() else { continue };
        shared.connections.lock().unwrap().push(kept);
        let shared = Arc::clone(shared);
        thread::spawn(move || serve(connection, &shared));
    }
}

fn serve(mut connection: TcpStream, shared: &Shared) {
    let Ok(reading) = connection.try_clone() else { return };
    let mut reading = BufReader::new(reading);
    while let Ok(request) = Value::read(&mut reading, &mut Vec::new()) {
        let words: Vec<String> = request.items().iter().map(Value::text).collect();
        shared.heard.lock().unwrap().push(words.clone());
        let says = *shared.says.lock().unwrap();
        let reply = answer(&words, says, shared, &connection);
        if says != Says::Nothing && connection.write_all(&reply).is_err() {
            return;
        }
    }
}

fn answer(words: &[String], says: Says, shared: &Shared, connection: &TcpStream) -> Vec<u8> {
    let upper: Vec<String> = words.iter().take(2).map(|word| word.to_uppercase()).collect();
    let upper: Vec<&str> = upper.iter().map(String::as_str).collect();
    match upper[..] {
        ["SENTINEL", "GET-MASTER-ADDR-BY-NAME"] => {
            shared.asked.fetch_add(1, Ordering::SeqCst);
            match says {
                Says::Names(port) if words[2] == SERVICE => {
                    encode(&["127.0.0.1", &port.to_string()])
                }
                _ => b"*-1\r\n".to_vec(),
            }
        }
        ["SENTINEL", "SENTINELS" | "REPLICAS" | "SLAVES"] => match says {
            Says::Names(_) => b"*0\r\n".to_vec(),
            _ => b"-ERR No such master with that name\r\n".to_vec(),
        },
        ["SUBSCRIBE", ..] => {
            let Ok(listener) = connection.try_clone() else { return Vec::new() };
            shared.listeners.lock().unwrap().push(listener);
            let channels = words[1..].iter().enumerate();
            let confirmed = channels.map(|(index, channel)| {
                let length = channel.len();
                let count = index + 1;
                format!("*3\r\n$9\r\nsubscribe\r\n${length}\r\n{channel}\r\n:{count}\r\n")
            });
            confirmed.collect::<String>().into_bytes()
        }
        ["PING", ..] => b"+PONG\r\n".to_vec(),
        ["CLIENT" | "AUTH", ..] => b"+OK\r\n".to_vec(),
        ["ROLE"] => {
            let services = encode(&[SERVICE]);
            [b"*2\r\n$8\r\nsentinel\r\n".as_slice(), &services].concat()
        }
        _ => format!("-ERR unknown command '{}'\r\n", words[0]).into_bytes(),
    }
}
