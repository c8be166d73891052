//! One side of a comparison: a server with or without sessiond in front, its connections and what they received.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Client, Redis, Sessiond, Value, encode, eventually, wire, words};
use crate::normal::{Known, Normal, normalise};
use crate::transcript::{Entry, excerpt, shown};

/// How long a reply may take. A side that does not answer is a difference, so the scenario goes on afterwards.
const PATIENCE: Duration = Duration::from_secs(10);

/// One of the servers, with or without sessiond in front.
pub(crate) struct Side {
    connections: BTreeMap<String, Connection>,
    transcript: Vec<Entry>,
    known: Vec<Known>,
    admin: Client,
    proxy: Option<Sessiond>,
    redis: Redis,
}

struct Connection {
    reader: BufReader<TcpStream>,
    writer: TcpStream,
    /// What was sent since the last step with a reply, for the transcript.
    sent: String,
}

impl Side {
    pub(crate) fn start(options: &[&str], mode: Option<&[&str]>) -> Side {
        let redis = Redis::with(options);
        let mut url = redis.url();
        if let Some(at) = options.iter().position(|option| *option == "--requirepass") {
            url = url.replace("//", &format!("//:{}@", options[at + 1]));
        }
        let proxy = mode.map(|mode| {
            let all = [mode, &["--upstream", &url, "--wipe", "0"]].concat();
            Sessiond::start(&all)
        });
        let mut admin = redis.client();
        if let Some(at) = options.iter().position(|option| *option == "--requirepass") {
            admin.run(&["AUTH", options[at + 1]]);
        }
        admin.run(&["CLIENT", "SETNAME", "test-admin"]);
        admin.run(&["CLIENT", "NO-EVICT", "on"]);
        let connections = BTreeMap::new();
        Side { connections, transcript: Vec::new(), known: Vec::new(), admin, proxy, redis }
    }

    /// Ends this side: warnings and errors in the log of sessiond, which no scenario gives a reason for.
    pub(crate) fn troubles(&mut self) -> Vec<String> {
        let Some(mut proxy) = self.proxy.take() else { return Vec::new() };
        proxy.expect_troubles();
        let log = proxy.kill();
        let bad = |line: &&str| line.contains("WARN") || line.contains("ERROR");
        log.lines().filter(bad).map(str::to_owned).collect()
    }

    pub(crate) fn transcript_of(
        &mut self,
        _name: &str,
        scenario: &dyn Fn(&mut Side),
    ) -> Vec<Entry> {
        self.reset();
        scenario(self);
        for name in self.connections.keys().cloned().collect::<Vec<_>>() {
            self.finish(&name);
        }
        self.transcript.sort_by_key(|entry| entry.connection == "nobody");
        std::mem::take(&mut self.transcript)
    }

    /// Makes the server what it was at its start.
    fn reset(&mut self) {
        self.connections.clear();
        self.known.clear();
        self.admin.run(&["CLIENT", "UNPAUSE"]);
        let plain = self.proxy.is_none();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let list = self.admin.run(&["CLIENT", "LIST"]).text();
            let idle = |line: &&str| {
                let quiet = [" flags=N ", " sub=0 ", " psub=0 ", " ssub=0 ", " multi=-1 "];
                quiet.iter().all(|quiet| line.contains(quiet)) && !plain
            };
            let busy = |line: &&str| !line.contains(" name=test-admin ") && !idle(line);
            let left: Vec<&str> = list.lines().filter(busy).collect();
            if left.is_empty() {
                break;
            }
            if Instant::now() > deadline {
                // A difference as well: clients that left still have something on the server.
                self.note("nobody", left.join("\n").into_bytes());
                break;
            }
            thread::sleep(Duration::from_millis(1));
        }
        for line in [
            "FLUSHALL",
            "FUNCTION FLUSH",
            "SCRIPT FLUSH",
            "CONFIG RESETSTAT",
            // A slow machine must not make entries.
            "CONFIG SET slowlog-log-slower-than -1",
            "SLOWLOG RESET",
            "ACL LOG RESET",
        ] {
            self.admin(line);
        }
        let users = self.admin.run(&["ACL", "USERS"]);
        for user in users.items().iter().map(Value::text).filter(|user| user != "default") {
            self.admin.run(&["ACL", "DELUSER", &user]);
        }
    }

    /// A command on the server itself, past sessiond, that is no part of the comparison.
    pub(crate) fn admin(&mut self, line: &str) -> Value {
        self.admin.run(&words(line))
    }

    /// Waits until this many connections of the server wait in a blocking or paused command.
    pub(crate) fn blocked(&mut self, count: usize) {
        let redis = &self.redis;
        eventually(&format!("{count} blocked connections"), || {
            (redis.blocked() == count).then_some(())
        });
    }

    /// Waits until there is no client with this id any more.
    pub(crate) fn gone(&mut self, id: &str) {
        let mut client = Client::connect(self.port());
        eventually("a client is gone", || {
            client.run(&["CLIENT", "LIST", "ID", id]).text().is_empty().then_some(())
        });
    }

    /// Waits until a channel has this many subscribers.
    pub(crate) fn numsub(&mut self, channel: &str, count: i64) {
        eventually(&format!("{count} subscribers of {channel}"), || {
            let reply = self.admin.run(&["PUBSUB", "NUMSUB", channel]);
            (reply.items()[1].int() == count).then_some(())
        });
    }

    /// Waits until the server tells everybody that a script keeps it busy.
    pub(crate) fn busy(&mut self) {
        eventually("a busy server", || {
            let reply = self.admin.run(&["PING"]);
            (reply.is_error() && reply.error().starts_with("BUSY")).then_some(())
        });
    }

    /// The port that clients connect to.
    pub(crate) fn port(&self) -> u16 {
        self.proxy.as_ref().map_or(self.redis.port(), Sessiond::port)
    }

    /// Opens a connection, unless there is one of this name.
    pub(crate) fn open(&mut self, name: &str) {
        let port = self.port();
        let known = &mut self.known;
        self.connections.entry(name.to_owned()).or_insert_with(|| {
            let writer = TcpStream::connect(("127.0.0.1", port)).unwrap();
            writer.set_nodelay(true).unwrap();
            writer.set_read_timeout(Some(PATIENCE)).unwrap();
            writer.set_write_timeout(Some(PATIENCE)).unwrap();
            known.push((writer.local_addr().unwrap().to_string().into(), format!("<{name}>")));
            let reader = BufReader::new(writer.try_clone().unwrap());
            Connection { reader, writer, sent: String::new() }
        });
    }

    fn connection(&mut self, name: &str) -> &mut Connection {
        self.open(name);
        self.connections.get_mut(name).unwrap()
    }

    /// Writes bytes as they are.
    pub(crate) fn send(&mut self, name: &str, bytes: &[u8]) {
        let connection = self.connection(name);
        connection.sent.push_str(&excerpt(bytes));
        // The other side may have closed already; what came before that is what counts.
        let _ = connection.writer.write_all(bytes);
    }

    /// Writes from a thread of its own, so that a deep pipeline does not wait for replies that nobody reads.
    pub(crate) fn send_aside(&mut self, name: &str, chunks: Vec<Vec<u8>>) {
        let connection = self.connection(name);
        connection.sent.push_str(&excerpt(&chunks.concat()));
        let mut writer = connection.writer.try_clone().unwrap();
        thread::spawn(move || chunks.iter().try_for_each(|chunk| writer.write_all(chunk)));
    }

    /// Writes the commands of these lines in one piece, without waiting for replies.
    pub(crate) fn write(&mut self, name: &str, lines: &str) {
        self.send(name, &wire(lines));
    }

    /// Reads so many replies (pushes count), to be the same byte for byte.
    pub(crate) fn read(&mut self, name: &str, count: usize) {
        self.read_as(name, Normal::Exact, count);
    }

    /// Reads so many replies, to be the same after normalisation. Gives them as they came.
    pub(crate) fn read_as(&mut self, name: &str, normal: Normal, count: usize) -> Vec<u8> {
        let connection = self.connection(name);
        let mut raw = Vec::new();
        for _ in 0..count {
            if let Err(error) = Value::read(&mut connection.reader, &mut raw) {
                raw.extend_from_slice(missed(&connection.writer, &error).as_bytes());
                break;
            }
        }
        self.note(name, normalise(normal, &raw, &self.known));
        raw
    }

    /// Reads replies and pushes up to the one that has this text in it.
    pub(crate) fn read_until(&mut self, name: &str, mark: &str) {
        let connection = self.connection(name);
        let mut raw = Vec::new();
        loop {
            let start = raw.len();
            if let Err(error) = Value::read(&mut connection.reader, &mut raw) {
                raw.extend_from_slice(missed(&connection.writer, &error).as_bytes());
                break;
            }
            if memchr::memmem::find(&raw[start..], mark.as_bytes()).is_some() {
                break;
            }
        }
        self.note(name, normalise(Normal::Exact, &raw, &self.known));
    }

    /// Reads a reply that is known beforehand and too large to be kept for every side: only what differs is noted.
    pub(crate) fn read_expected(&mut self, name: &str, want: &[u8]) {
        let connection = self.connection(name);
        let mut raw = Vec::new();
        let read = (&mut connection.reader).take(want.len() as u64).read_to_end(&mut raw);
        let note = match read {
            Ok(_) if raw == want => format!("{} bytes as expected", raw.len()),
            Ok(_) => shown(&raw, want),
            Err(error) => format!("{} bytes, then {}", raw.len(), trouble(&error)),
        };
        self.note(name, note.into_bytes());
    }

    /// One command and its one reply.
    pub(crate) fn run(&mut self, name: &str, line: &str) {
        self.run_as(name, Normal::Exact, line);
    }

    /// One command and its one reply, normalised; the reply as it came.
    pub(crate) fn run_as(&mut self, name: &str, normal: Normal, line: &str) -> Vec<u8> {
        self.send(name, &encode(&words(line)));
        self.read_as(name, normal, 1)
    }

    /// Several commands, each with one reply, one after the other.
    pub(crate) fn run_all(&mut self, name: &str, lines: &str) {
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            self.run(name, line);
        }
    }

    /// Several commands in one write, each with one reply.
    pub(crate) fn pipeline(&mut self, name: &str, lines: &str) {
        let count = lines.lines().filter(|line| !line.trim().is_empty()).count();
        self.write(name, lines);
        self.read(name, count);
    }

    /// Reads what is left until the server closes the connection, which it has to.
    pub(crate) fn closed(&mut self, name: &str) {
        self.closed_as(name, Normal::Exact);
    }

    /// The same for what has to be normalised.
    pub(crate) fn closed_as(&mut self, name: &str, normal: Normal) {
        let rest = rest(&mut self.connection(name).reader);
        self.note(name, normalise(normal, &rest, &self.known));
        self.connections.remove(name);
    }

    /// Says that no more requests come, and reads what is left.
    pub(crate) fn finish(&mut self, name: &str) {
        self.finish_as(name, Normal::Exact);
    }

    /// The same for what has to be normalised.
    pub(crate) fn finish_as(&mut self, name: &str, normal: Normal) {
        let connection = self.connection(name);
        connection.sent.push_str("<end>");
        let _ = connection.writer.shutdown(Shutdown::Write);
        self.closed_as(name, normal);
    }

    /// Whether there is a connection of this name.
    pub(crate) fn is_open(&self, name: &str) -> bool {
        self.connections.contains_key(name)
    }

    /// Says what the next reply answers, when it was sent together with others.
    pub(crate) fn about(&mut self, name: &str, args: &[Vec<u8>]) {
        self.connection(name).sent = crate::common::args_text(args);
    }

    /// Closes without another word.
    pub(crate) fn close(&mut self, name: &str) {
        self.connections.remove(name);
    }

    /// The connection's id, which is compared under the connection's name from now on.
    pub(crate) fn id(&mut self, name: &str) -> String {
        self.write(name, "CLIENT ID");
        let connection = self.connection(name);
        let id = Value::read(&mut connection.reader, &mut Vec::new()).unwrap().int().to_string();
        connection.sent.clear();
        self.known.push((id.clone().into_bytes(), format!("<id of {name}>")));
        id
    }

    /// A command whose reply is this connection's id.
    pub(crate) fn run_id(&mut self, name: &str, line: &str) {
        self.write(name, line);
        self.read_ids(name, 1);
    }

    /// Reads replies in which integers may be ids of this scenario's connections.
    pub(crate) fn read_ids(&mut self, name: &str, count: usize) {
        let connection = self.connection(name);
        let mut raw = Vec::new();
        for _ in 0..count {
            if let Err(error) = Value::read(&mut connection.reader, &mut raw) {
                raw.extend_from_slice(missed(&connection.writer, &error).as_bytes());
                break;
            }
        }
        let mut text = String::from_utf8_lossy(&raw).into_owned();
        for (bytes, common) in &self.known {
            text = text.replace(&format!(":{}\r\n", String::from_utf8_lossy(bytes)), common);
        }
        self.note(name, text.into_bytes());
    }

    /// The connection's address as the server sees it.
    pub(crate) fn address(&mut self, name: &str) -> String {
        self.connection(name).writer.local_addr().unwrap().to_string()
    }

    /// Puts something into the transcript, with what was sent before.
    pub(crate) fn note(&mut self, name: &str, got: Vec<u8>) {
        let sent = match self.connections.get_mut(name) {
            Some(connection) => std::mem::take(&mut connection.sent),
            None => String::new(),
        };
        self.transcript.push(Entry { connection: name.to_owned(), sent, got });
    }
}

fn rest(reader: &mut impl Read) -> Vec<u8> {
    let mut rest = Vec::new();
    if let Err(error) = reader.read_to_end(&mut rest)
        && error.kind() != io::ErrorKind::ConnectionReset
    {
        rest.extend_from_slice(format!("<not closed: {}>", trouble(&error)).as_bytes());
    }
    rest
}

/// What went wrong. One missing reply is a difference already: further ones are not waited for as long.
fn missed(stream: &TcpStream, error: &io::Error) -> String {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
    format!("<{}>", trouble(error))
}

fn trouble(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "no reply".to_owned(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => "closed".to_owned(),
        _ => error.to_string(),
    }
}
