//! The client without a socket: what it does, in the words of its actions.

mod gathering;
mod logout;
mod subscriber;
mod unheard;
mod wait;

use std::{
    rc::Rc,
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};

use crate::{
    downstream::{
        client::{Client, Rules},
        ports::{Asked, Ports, To},
        registry::{question::Question, report::Facts},
        state::{course::Stall, leaving::End},
    },
    resp::{Protocol, RequestScanner},
    session,
    state::{
        ids::{ClientId, Place, ServerId},
        key::{Identity, LaneKey},
        label::Label,
        traces::Clean,
    },
    upstream::{
        address::{Address, Endpoint},
        connect::DialError,
        link::{
            Standing,
            receiver::{Failure, Verdict},
        },
        topology::Topology,
    },
};

/// Says what the client does.
#[derive(Default)]
struct World {
    said: Vec<String>,
    lane: Option<Rc<LaneKey>>,
    previous: Option<Rc<LaneKey>>,
    own: bool,
    /// What the pool answers to the next questions; it has what is asked for where nothing is said.
    pool: Vec<Asked>,
    /// The places of requests that have no reply yet.
    sent: Vec<(Place, u32)>,
}

impl World {
    fn say(&mut self, what: impl Into<String>) {
        self.said.push(what.into());
    }

    fn asked(&mut self) -> Asked {
        if self.pool.is_empty() { Asked::Ready } else { self.pool.remove(0) }
    }

    /// What was done since this was last asked.
    fn done(&mut self) -> String {
        std::mem::take(&mut self.said).join("; ")
    }
}

/// The words of requests, with a bar between two requests.
fn words(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let words: Vec<&str> = text
        .split("\r\n")
        .filter(|line| !line.is_empty() && !line.starts_with('$'))
        .map(|line| if line.starts_with('*') { "|" } else { line })
        .collect();
    words.join(" ").trim_start_matches("| ").to_owned()
}

impl Ports for World {
    fn standing(&self, to: To) -> Option<Standing> {
        let there = match to {
            To::Lane => self.lane.is_some(),
            To::Own => self.own,
        };
        there.then(Standing::default)
    }

    fn is_congested(&self, _: To) -> bool {
        false
    }

    fn run(&mut self, to: To, place: Place, requests: &[u8], count: u32) {
        self.say(format!("{to:?}: {}", words(requests)));
        self.sent.push((place, count));
    }

    fn goes_past(&mut self) -> bool {
        false
    }

    fn past(&mut self, _: Place, _: &[u8]) {}

    fn send(&mut self, to: To, place: Place, _: &[u8], write: &mut dyn FnMut(&mut BytesMut)) {
        let mut out = BytesMut::new();
        write(&mut out);
        self.say(format!("{to:?}: {}", words(&out)));
        self.sent.push((place, 1));
    }

    fn login(&mut self, to: To, place: Place, request: &[u8]) {
        self.say(format!("{to:?}: {}", words(request)));
        self.sent.push((place, 1));
    }

    fn expect(&mut self, place: Place, _: bool) {
        self.sent.push((place, 1));
    }

    fn unheard(&mut self, to: To, request: &[u8]) {
        self.say(format!("{to:?}, unheard: {}", words(request)));
    }

    fn raw(&mut self, bytes: &[u8]) {
        self.say(format!("raw: {}", words(bytes)));
    }

    fn enter(&mut self, key: &Rc<LaneKey>, _: Option<&[u8]>) -> Asked {
        let asked = self.asked();
        if asked == Asked::Ready {
            self.previous = self.lane.replace(key.clone());
        }
        asked
    }

    fn go_back(&mut self) -> bool {
        self.lane = self.previous.take();
        self.lane.is_some()
    }

    fn is_lane_of(&self, key: &LaneKey) -> bool {
        self.lane.as_deref() == Some(key)
    }

    fn pin(&mut self, _: &Rc<LaneKey>, _: bool) -> Asked {
        let asked = self.asked();
        if asked == Asked::Ready {
            self.say("pin");
            self.own = true;
            self.lane = None;
        }
        asked
    }

    fn prove(&mut self, _: &Rc<LaneKey>) -> Asked {
        self.asked()
    }

    fn id(&self, _: To) -> ServerId {
        ServerId(7)
    }

    fn own_label(&self) -> Rc<Label> {
        Rc::default()
    }

    fn own_changed(&mut self, _: Option<&Rc<LaneKey>>, _: Option<&Rc<Label>>) {}

    fn send_left(&mut self) {
        self.say("send what is left");
    }

    fn leave_lane(&mut self) {
        self.lane = None;
    }

    fn give_back(&mut self, _: Clean) {
        self.say("give back");
        self.own = false;
    }

    fn drop_own(&mut self) {
        if std::mem::take(&mut self.own) {
            self.say("close");
        }
    }

    fn finish(&mut self) {
        self.say("finish");
    }

    fn tunnel(&mut self, _: bool) {}

    fn admitted(&mut self, to: To, admitted: bool) {
        self.say(format!("{to:?}, admitted: {admitted}"));
    }

    fn void_proofs(&mut self) {
        self.say("void proofs");
    }

    fn knows(&self, _: To, _: usize) -> bool {
        true
    }

    fn learn(&mut self, _: To, _: usize, _: bool) {}

    fn repeat(&mut self, to: To, place: Place, write: &mut dyn FnMut(&mut BytesMut)) {
        self.send(to, place, b"", write);
    }

    fn may_share(&self, _: &[u8]) -> Option<bool> {
        None
    }

    fn note_command(&mut self, _: &[u8], _: bool) {}

    fn forget_commands(&mut self) {}

    fn ask(&mut self, _: Place, questions: Vec<Question>) {
        self.say(format!("ask {}", questions.len()));
    }

    fn release_target(&mut self, _: ClientId) {}

    fn tell_keepers(&mut self, _: Option<ServerId>) {}

    fn pause_writes(&mut self, _: Option<Duration>) {}

    fn writes_are_paused(&self) -> bool {
        false
    }

    fn served(&mut self, _: u32) {}

    fn alarm(&mut self, _: Duration) {
        self.say("alarm");
    }

    fn scanner(&mut self) -> Box<RequestScanner> {
        Box::default()
    }

    fn give_scanner(&mut self, _: Box<RequestScanner>) {}

    fn spare(&mut self) -> BytesMut {
        BytesMut::new()
    }

    fn give_spare(&mut self, _: BytesMut) {}
}

/// A client, its world, and what it has sent.
struct Stage {
    client: Client,
    world: World,
    input: BytesMut,
}

impl Stage {
    fn new() -> Self {
        Self::with(false)
    }

    fn with(follows: bool) -> Self {
        Self::keeping(session::Settings::default(), follows)
    }

    fn keeping(session: session::Settings, follows: bool) -> Self {
        let initial =
            LaneKey { identity: Identity::unproven(), database: 0, protocol: Protocol::Resp2 };
        let server = Endpoint::new(Address::Unix("unused".into()));
        let facts = Facts {
            port: 0,
            topology: Topology::of(&server.into(), Duration::ZERO).0,
            workers: 1,
            dedicated: false,
            max_clients: 1,
            started: Instant::now(),
            accepted: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
        };
        let rules = Rules {
            initial: Rc::new(initial),
            dedicated: false,
            session,
            facts: Arc::new(facts),
            unnamed: Rc::default(),
            follows,
            spreads: false,
        };
        let client = Client::new(Rc::new(rules), ClientId(1), 0);
        Self { client, world: World::default(), input: BytesMut::new() }
    }

    /// The client sends these lines; gives what is done then.
    fn send(&mut self, lines: &str) -> String {
        for line in lines.split('|') {
            crate::resp::encode::command(
                &mut self.input,
                line.split_whitespace().collect::<Vec<_>>(),
            );
        }
        self.go_on()
    }

    fn go_on(&mut self) -> String {
        self.client.advance(&mut self.input, &mut self.world);
        self.world.done()
    }

    /// The server answers the oldest request; gives what the client is told.
    fn reply(&mut self, frame: &str) -> String {
        let (place, count) = self.world.sent.remove(0);
        if count > 1 || frame.starts_with('~') {
            self.client.replies(
                place,
                frame.trim_start_matches('~').as_bytes(),
                count,
                &mut self.world,
            );
        } else {
            self.client.reply(place, frame.as_bytes(), b"", &mut self.world);
        }
        self.told()
    }

    /// The connection breaks with everything that is under way; gives what the client is told.
    fn lose(&mut self, to: To) -> String {
        match to {
            To::Lane => self.world.lane = None,
            To::Own => self.world.own = false,
        }
        for (place, count) in std::mem::take(&mut self.world.sent) {
            self.client.failed(place, count, &Failure::Lost, &mut self.world);
        }
        self.client.closed(to, &mut self.world);
        self.told()
    }

    fn told(&mut self) -> String {
        let text = String::from_utf8_lossy(self.client.output()).into_owned();
        self.client.output().clear();
        self.client.wrote(text.len());
        text
    }
}

const LOST: &str = "-UPSTREAM connection lost, the command may or may not have run\r\n";

#[test]
fn what_follows_a_change_of_state_waits_for_the_servers_word() {
    let mut stage = Stage::new();
    assert_eq!(stage.send("SELECT 5|GET k"), "Lane: SELECT 5");
    assert_eq!(stage.client.stall(), Some(Stall::Barrier));
    assert_eq!(stage.world.lane.as_ref().unwrap().database, 5, "it is asked on the lane asked for");
    assert_eq!(stage.reply("+OK\r\n"), "+OK\r\n");
    assert_eq!(stage.go_on(), "Lane: GET k");
    assert_eq!(stage.world.lane.as_ref().unwrap().database, 5);
}

#[test]
fn a_login_with_which_the_lane_was_dialled_is_not_said_again() {
    let identity = Identity::proven(Some(b"joe"), b"pw");
    for (login, frame) in
        [("AUTH joe pw", "+OK\r\n"), ("HELLO 2 AUTH joe pw", "*2\r\n$2\r\nid\r\n:77\r\n")]
    {
        let mut stage = Stage::new();
        stage.world.pool.push(Asked::Later);
        assert_eq!(stage.send(&format!("{login}|GET k")), "");
        assert_eq!(stage.client.stall(), Some(Stall::Grant));
        let (identity, protocol) = (identity.clone(), Protocol::Resp2);
        stage.world.lane = Some(Rc::new(LaneKey { identity, database: 0, protocol }));
        let welcome = Bytes::copy_from_slice(frame.as_bytes());
        stage.client.granted(Ok(Some(welcome)), &mut stage.world);
        assert_eq!(stage.go_on(), "Lane: GET k");
        assert_eq!(stage.told(), frame.replace("77", "1"), "ids are the client's own");
    }
}

#[test]
fn a_refused_change_leaves_the_client_where_it_was() {
    let mut stage = Stage::new();
    assert_eq!(stage.send("PING"), "Lane: PING");
    stage.world.sent.clear();
    stage.client.replies(Place::default(), b"+PONG\r\n", 1, &mut stage.world);
    stage.told();
    assert_eq!(stage.send("SELECT 5|GET k"), "Lane: SELECT 5");
    assert_eq!(stage.reply("-NOPERM no\r\n"), "-NOPERM no\r\n");
    assert_eq!(stage.go_on(), "Lane: GET k");
    assert_eq!(stage.world.lane.as_ref().unwrap().database, 0);
}

#[test]
fn without_the_servers_word_on_a_change_nothing_follows() {
    for change in ["SELECT 5", "AUTH joe pw", "HELLO 3"] {
        let mut stage = Stage::new();
        stage.send(&format!("{change}|FLUSHDB"));
        assert_eq!(stage.lose(To::Lane), LOST, "{change}");
        assert_eq!(stage.go_on(), "", "{change}");
        assert_eq!(stage.client.end(), Some(End::Politely), "{change}");
        let mut stage = Stage::new();
        let away = DialError::Unreachable("away".to_owned());
        stage.world.pool = vec![Asked::Ready, Asked::Refused(away)];
        assert_eq!(stage.send(&format!("{change}|FLUSHDB")), "", "{change}");
        assert_eq!(stage.told(), "-UPSTREAM unavailable: away\r\n", "{change}");
        assert_eq!(stage.client.end(), Some(End::Politely), "{change}");
    }
}

#[test]
fn a_transaction_whose_beginning_was_lost_takes_no_commands() {
    let mut stage = Stage::new();
    assert_eq!(stage.send("MULTI|SET k 1"), "pin; Own: MULTI");
    assert_eq!(stage.lose(To::Own), LOST);
    assert_eq!(stage.send("INCR n|EXEC|GET k"), "Lane: GET k");
    let refused = "-UPSTREAM unavailable: the connection that held the transaction was lost\r\n";
    let aborted =
        "-EXECABORT Transaction discarded because the connection to the server was lost\r\n";
    assert_eq!(stage.told(), format!("{refused}{refused}{aborted}"));
}

#[test]
fn keys_that_may_have_been_watched_abort_the_next_transaction() {
    let mut stage = Stage::new();
    assert_eq!(stage.send("WATCH k"), "pin; Own: WATCH k");
    assert_eq!(stage.lose(To::Own), LOST);
    assert_eq!(stage.send("MULTI|EXEC"), "pin; Own: MULTI");
    stage.reply("+OK\r\n");
    assert_eq!(stage.go_on(), "Own: DISCARD");
    assert_eq!(stage.reply("+OK\r\n"), "*-1\r\n");
}

#[test]
fn a_connection_goes_back_when_the_last_reply_has_been_applied() {
    let mut stage = Stage::new();
    assert_eq!(stage.send("MULTI"), "pin; Own: MULTI");
    stage.reply("+OK\r\n");
    assert_eq!(stage.world.done(), "", "a transaction is open");
    assert_eq!(stage.send("SET k 1|EXEC"), "Own: SET k 1");
    stage.reply("+QUEUED\r\n");
    assert_eq!(stage.go_on(), "Own: EXEC");
    assert!(stage.world.own, "its reply is to come");
    stage.reply("*1\r\n+OK\r\n");
    assert_eq!(stage.world.done(), "give back");
}

#[test]
fn a_client_that_leaves_in_the_middle_gives_nothing_back() {
    for lines in
        ["MULTI", "WATCH k", "BLPOP k 0", "SUBSCRIBE c", "MONITOR", "CLIENT REPLY OFF", "NOSUCH"]
    {
        let mut stage = Stage::new();
        stage.send(lines);
        stage.client.left(&mut stage.world);
        assert!(!stage.world.done().contains("give back"), "{lines}");
    }
}

#[test]
fn an_answer_of_our_own_stands_in_its_place() {
    let mut stage = Stage::new();
    assert_eq!(stage.send("GET k|SESSION.GET|GET l"), "Lane: GET k; Lane: GET l");
    let arity = "-ERR wrong number of arguments for 'session.get' command\r\n";
    assert_eq!(stage.told(), "");
    let first = stage.world.sent[0].0;
    stage.client.replies(first, b"$1\r\nx\r\n", 1, &mut stage.world);
    assert_eq!(stage.told(), format!("$1\r\nx\r\n{arity}"));
}

#[test]
fn who_waits_and_sends_no_more_shows_it_to_the_server() {
    let mut stage = Stage::new();
    assert_eq!(stage.send("BLPOP k 0"), "pin; Own: BLPOP k 0");
    stage.client.half_closed();
    assert_eq!(stage.go_on(), "finish");
    assert_eq!(stage.lose(To::Own), "", "a client that has left is told nothing");
    assert_eq!(stage.client.end(), Some(End::Politely));
}

#[test]
fn a_transaction_with_a_refused_command_is_refused_though_its_keys_may_have_changed() {
    let mut stage = Stage::new();
    stage.send("WATCH k");
    stage.reply("+OK\r\n");
    stage.lose(To::Own);
    stage.send("MULTI");
    stage.reply("+OK\r\n");
    stage.send("NONE");
    stage.reply("-ERR unknown command\r\n");
    assert_eq!(stage.send("EXEC"), "Own: DISCARD");
    let aborted = "-EXECABORT Transaction discarded because of previous errors.\r\n";
    assert_eq!(stage.reply("+OK\r\n"), aborted);
}

#[test]
fn passwords_changed_make_the_servers_word_old() {
    let mut stage = Stage::new();
    assert_eq!(stage.send("CONFIG SET requirepass x"), "Lane: CONFIG SET requirepass x");
    stage.reply("+OK\r\n");
    assert_eq!(stage.world.done(), "void proofs");
}

fn confirmation(word: &str, topic: &str, count: u32) -> String {
    format!("*3\r\n${}\r\n{word}\r\n${}\r\n{topic}\r\n:{count}\r\n", word.len(), topic.len())
}

#[test]
fn subscriptions_are_made_again_where_another_server_takes_over() {
    let mut stage = Stage::with(true);
    stage.send("SUBSCRIBE a b");
    let unasked = |stage: &mut Stage, frame: &str, front| {
        let verdict = stage.client.judge(front, frame.as_bytes());
        if verdict != Verdict::Answers {
            stage.client.unasked(frame.as_bytes(), true, &mut stage.world);
        }
        verdict
    };
    let front = stage.world.sent.first().map(|(place, _)| *place);
    let first = confirmation("subscribe", "a", 1);
    assert_eq!(unasked(&mut stage, &first, front), Verdict::AnswersInPart);
    let second = confirmation("subscribe", "b", 2);
    assert_eq!(stage.client.judge(front, second.as_bytes()), Verdict::Answers);
    stage.reply(&second);

    stage.lose(To::Own);
    assert_eq!(stage.client.end(), None, "the client stays");
    assert_eq!(stage.go_on(), "pin; raw: SUBSCRIBE a b");
    // Of that the client is shown nothing, and what it asks itself is told apart from it.
    stage.send("SUBSCRIBE c");
    let front = stage.world.sent.first().map(|(place, _)| *place);
    for again in [confirmation("subscribe", "a", 1), confirmation("subscribe", "b", 2)] {
        assert_eq!(unasked(&mut stage, &again, front), Verdict::Unasked);
    }
    assert_eq!(stage.told(), "");
    let own = confirmation("subscribe", "c", 3);
    assert_eq!(stage.client.judge(front, own.as_bytes()), Verdict::Answers);
    assert_eq!(stage.reply(&own), own);
    let message = "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nm\r\n";
    assert_eq!(unasked(&mut stage, message, None), Verdict::Unasked);
    assert_eq!(stage.told(), message);
}

#[test]
fn a_subscription_that_is_refused_when_it_is_made_again_ends_its_client() {
    let mut stage = Stage::with(true);
    stage.send("SUBSCRIBE a");
    let front = stage.world.sent.first().map(|(place, _)| *place);
    let confirmed = confirmation("subscribe", "a", 1);
    assert_eq!(stage.client.judge(front, confirmed.as_bytes()), Verdict::Answers);
    stage.reply(&confirmed);
    stage.lose(To::Own);
    stage.go_on();
    let refused = b"-NOPERM this user has no permissions to access the channel\r\n";
    assert_eq!(stage.client.judge(None, refused), Verdict::Unasked);
    stage.client.unasked(refused, true, &mut stage.world);
    assert_eq!((stage.told().as_str(), stage.client.end()), ("", Some(End::Politely)));
}

#[test]
fn in_front_of_one_server_a_subscriber_ends_with_its_connection() {
    let mut stage = Stage::new();
    stage.send("SUBSCRIBE a");
    let front = stage.world.sent.first().map(|(place, _)| *place);
    let confirmed = confirmation("subscribe", "a", 1);
    stage.client.judge(front, confirmed.as_bytes());
    stage.reply(&confirmed);
    stage.lose(To::Own);
    assert_eq!(stage.client.end(), Some(End::Politely));
}

#[test]
fn what_its_own_connection_has_left_is_sent_on_the_next_before_anything_else() {
    let mut stage = Stage::with(true);
    stage.send("WATCH k");
    stage.reply("+OK\r\n");
    assert_eq!(stage.send("GET a"), "Own: GET a");
    // The connection ends before it could send that.
    assert!(stage.client.may_follow());
    stage.client.leave_over();
    let left = std::mem::take(&mut stage.world.sent);
    stage.world.own = false;
    stage.client.closed(To::Own, &mut stage.world);
    stage.world.pool = vec![Asked::Later];
    assert_eq!(stage.send("GET b"), "");
    assert_eq!(stage.client.stall(), Some(Stall::Grant));
    stage.world.own = true;
    stage.client.granted(Ok(None), &mut stage.world);
    assert_eq!(stage.go_on(), "send what is left; Own: GET b");
    stage.world.sent.splice(0..0, left);
    assert_eq!(stage.reply("~$1\r\na\r\n"), "$1\r\na\r\n");
}

#[test]
fn what_a_transaction_has_left_runs_nowhere() {
    let mut stage = Stage::with(true);
    stage.send("MULTI");
    stage.reply("+OK\r\n");
    stage.send("SET k v");
    assert!(!stage.client.may_follow());
    let mut alone = Stage::new();
    alone.send("WATCH k");
    alone.reply("+OK\r\n");
    assert!(!alone.client.may_follow(), "one server is nobody's successor");
}
