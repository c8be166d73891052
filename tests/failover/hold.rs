//! `hold`: what has not been sent waits for a server that is away or loading, and for no longer than that.

use crate::common::*;
use crate::front::*;

/// No Sentinel acts while a test takes servers away.
const CALM: Plan = Plan { down_after: 120_000, ..Plan::PLAIN };

fn group_goes(group: &mut Group) {
    group.nodes.iter_mut().for_each(Member::kill);
}

fn group_comes(group: &mut Group) {
    group.nodes.iter_mut().for_each(Member::start_again);
}

/// Waits until this sessiond, which holds nothing back, says that the server is away.
fn wait_away(impatient: &Sessiond) {
    let mut client = impatient.client();
    eventually("the outage is noticed", || {
        cmd!(client, "GET", "k").to_string().starts_with(&format!("-{UNAVAILABLE}")).then_some(())
    });
}

/// Clients with one request each, of every kind, and how the answer begins when all is well.
fn requests(sessiond: &Sessiond, number: usize) -> Vec<Waiting> {
    let wanted = [
        ("SET k# v", "+OK"),
        ("GET none#", "$nil"),
        ("PING", "+PONG"),
        ("BLPOP l# 0.01", "*nil"),
        ("EVAL \"return {KEYS[1]}\" 1 e#", "[\"e#\"]"),
        ("SUBSCRIBE c#", "[\"subscribe\", \"c#\", 1]"),
        ("SSUBSCRIBE c#", "[\"ssubscribe\", \"c#\", 1]"),
        ("MONITOR", "+OK"),
        ("WATCH k#", "+OK"),
        ("MULTI", "+OK"),
        ("SCRIPT KILL", "-NOTBUSY "),
        ("NOSUCHCOMMAND", "-ERR unknown command"),
        ("COMMAND COUNT", ""),
        ("INFO server", ""),
        ("SESSION.ACTIVITY app#", "0"),
        ("SELECT 3", "+OK"),
        ("AUTH default x", "+OK"),
        ("HELLO 3", "{\"server\": \"redis\""),
        ("RESET", "+RESET"),
    ];
    let own = |text: &str| text.replace('#', &number.to_string());
    let waiting = |(line, wanted): (&'static str, &str)| Waiting {
        client: sessiond.client(),
        line,
        sent: wire(&own(line)),
        wanted: own(wanted),
    };
    wanted.into_iter().map(waiting).collect()
}

/// The same at each of them, with every client known to the server before if it is to be.
fn requests_at(fronts: &[Sessiond], numbers: usize, before: bool) -> Vec<Waiting> {
    let mut waiting: Vec<Waiting> =
        (numbers..).zip(fronts).flat_map(|(number, sessiond)| requests(sessiond, number)).collect();
    if before {
        for one in &mut waiting {
            check!(one.client, "GET", "before" => "$nil");
        }
    }
    waiting
}

/// A client with one request.
struct Waiting {
    client: Client,
    line: &'static str,
    sent: Vec<u8>,
    wanted: String,
}

impl Waiting {
    fn send(&mut self) {
        self.client.send(&self.sent);
    }

    /// Whether it asks for another state. Without an answer to that its client is closed.
    fn changes(&self) -> bool {
        ["SELECT", "AUTH", "HELLO", "RESET"].iter().any(|name| self.line.starts_with(name))
    }
}

fn assert_answered(waiting: &mut [Waiting]) {
    for Waiting { client, line, wanted, .. } in waiting {
        let reply = client.try_reply();
        let reply = reply.unwrap_or_else(|error| panic!("{line}: {error}")).to_string();
        assert!(reply.starts_with(&**wanted), "{line}: {reply}");
        let wrong = wanted.is_empty() && reply.starts_with('-');
        assert!(!wrong, "{line}: {reply}");
    }
}
#[test]
fn requests_wait_for_a_group_that_is_away() {
    let mut group = Group::with(CALM);
    let fronts = fronts(&group.url(), &PATIENT);
    let impatient = front(modes()[0], &group.url(), &["--hold", "0"]);
    let mut waiting = requests_at(&fronts, 0, true);
    group_goes(&mut group);
    wait_away(&impatient);
    // Some find the outage, some come to a sessiond that knows of it; the late ones have never had a connection.
    waiting.iter_mut().for_each(Waiting::send);
    let mut late = requests_at(&fronts, 10, false);
    late.iter_mut().for_each(Waiting::send);
    wait_away(&impatient);
    group_comes(&mut group);
    assert_answered(&mut waiting);
    assert_answered(&mut late);
}

#[test]
fn a_pipeline_that_waits_keeps_its_order() {
    let mut group = Group::with(CALM);
    let fronts = fronts(&group.url(), &PATIENT);
    let impatient = front(modes()[0], &group.url(), &["--hold", "0"]);
    let mut clients: Vec<Client> = fronts.iter().map(Sessiond::client).collect();
    clients.iter_mut().for_each(|client| check!(client, "PING" => "+PONG"));
    group_goes(&mut group);
    wait_away(&impatient);
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(&wire(&format!(
            "RPUSH list{number} a
             MULTI
             RPUSH list{number} b
             LRANGE list{number} 0 -1
             EXEC
             RPUSH list{number} c
             ECHO end"
        )));
    }
    wait_away(&impatient);
    group_comes(&mut group);
    for client in &mut clients {
        let replies: Vec<String> = (0..7).map(|_| client.reply().to_string()).collect();
        let wanted = ["1", "+OK", "+QUEUED", "+QUEUED", "[2, [\"a\", \"b\"]]", "3", "\"end\""];
        assert_eq!(replies, wanted);
    }
}

#[test]
fn without_hold_requests_are_answered_at_once() {
    let mut group = Group::with(CALM);
    let fronts = fronts(&group.url(), &["--hold", "0"]);
    let mut clients: Vec<Client> = fronts.iter().map(Sessiond::client).collect();
    clients.iter_mut().for_each(|client| check!(client, "SET", "k", "v" => "+OK"));
    group_goes(&mut group);
    fronts.iter().for_each(wait_away);
    // The group comes back only when each of them has been answered.
    for (client, sessiond) in clients.iter_mut().zip(&fronts) {
        for client in [client, &mut sessiond.client()] {
            for line in ["GET k", "BLPOP l 0", "SUBSCRIBE c", "SESSION.ACTIVITY app"] {
                client.send(&wire(line));
                let told = client.reply();
                assert!(told.error().starts_with(UNAVAILABLE), "{line}: {told}");
                assert!(told.error().len() > UNAVAILABLE.len(), "{told}");
            }
        }
    }
    group_comes(&mut group);
    for client in &mut clients {
        eventually("the same connection works again", || {
            (cmd!(client, "SET", "k", "v").to_string() == "+OK").then_some(())
        });
    }
}

#[test]
fn when_hold_has_passed_the_error_comes_and_the_connection_stays() {
    let mut group = Group::with(CALM);
    let fronts = fronts(&group.url(), &["--hold", "1"]);
    let mut waiting = requests_at(&fronts, 0, true);
    group_goes(&mut group);
    for one in &mut waiting {
        one.send();
        one.client.send(&wire("ECHO behind"));
    }
    for one in &mut waiting {
        let told = one.client.reply();
        assert!(told.error().starts_with(UNAVAILABLE), "{}: {told}", one.line);
    }
    // A change of state without an answer ends its client, so that nothing behind runs in another state.
    waiting.retain(|one| !one.changes());
    for one in &mut waiting {
        let told = one.client.reply();
        assert!(told.error().starts_with(UNAVAILABLE), "behind {}: {told}", one.line);
    }
    group_comes(&mut group);
    for one in &mut waiting {
        if one.line == "MULTI" {
            // What was meant to be queued must not run by itself.
            assert!(cmd!(one.client, "EXEC").error().starts_with("EXECABORT"));
        }
        eventually(&format!("the connection of {} works again", one.line), || {
            (cmd!(one.client, "SET", "k", "v").to_string() == "+OK").then_some(())
        });
    }
}

#[test]
fn one_server_is_waited_for_when_that_is_asked_for() {
    let mut redis = Redis::start();
    let fronts = fronts(&redis.url(), &PATIENT);
    let impatient = front(modes()[0], &redis.url(), &[]);
    let mut waiting = requests_at(&fronts, 0, true);
    redis.kill();
    // By default one server is not waited for.
    wait_away(&impatient);
    waiting.iter_mut().for_each(Waiting::send);
    wait_away(&impatient);
    redis.start_again();
    assert_answered(&mut waiting);
}

#[test]
fn a_server_that_loads_its_data_is_waited_for() {
    let mut group = Group::with(CALM);
    let fronts = fronts(&group.url(), &PATIENT);
    let mut waiting = requests_at(&fronts, 0, true);
    check!(group.client(0), "DEBUG", "POPULATE", "4000" => "+OK");
    check!(group.client(0), "SAVE" => "+OK");
    group.nodes[0].kill();
    // It takes seconds, and answers meanwhile.
    group.nodes[0].configure("key-load-delay 1000\nloading-process-events-interval-bytes 1024");
    group.nodes[0].start_again();
    let mut node = group.client(0);
    let said = cmd!(node, "GET", "k").to_string();
    assert!(said.starts_with("-LOADING"), "the server was too quick to say that it loads: {said}");
    let mut late = requests_at(&fronts, 10, false);
    waiting.iter_mut().chain(&mut late).for_each(Waiting::send);
    assert_answered(&mut waiting);
    assert_answered(&mut late);
    check!(fronts[0].client(), "EXISTS", "key:3999" => "1");
}

#[test]
fn what_was_sent_does_not_wait() {
    let mut group = Group::with(CALM);
    let fronts = fronts(&group.url(), &PATIENT);
    let mut clients: Vec<Client> = fronts.iter().map(Sessiond::client).collect();
    clients.iter_mut().for_each(|client| check!(client, "PING" => "+PONG"));
    check!(group.client(0), "CLIENT", "PAUSE", "60000", "WRITE" => "+OK");
    clients.iter_mut().for_each(|client| client.write(&["INCR", "n"]));
    eventually("the requests have reached the server", || {
        let list = connections(&group, 0);
        let blocked = |line: &&String| {
            line.split(" flags=").nth(1).is_some_and(|flags| flags.starts_with('b'))
        };
        (list.iter().filter(blocked).count() == clients.len()).then_some(())
    });
    group_goes(&mut group);
    // The group comes back only when each of them has been answered.
    for client in &mut clients {
        assert_eq!(client.reply().error(), LOST);
    }
    group_comes(&mut group);
    for client in &mut clients {
        assert!(!cmd!(client, "INCR", "n").is_error());
    }
    check!(group.client(0), "GET", "n" => format!("\"{}\"", clients.len()));
}
