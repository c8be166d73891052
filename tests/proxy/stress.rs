//! Two hundred clients at once, each with its own data, name, user, database and habits: no reply of another, and nothing
//! left of them when they have left.

use std::thread;
use std::time::{Duration, Instant};

use crate::common::*;

/// How long the clients keep on; `STRESS_SECONDS` says otherwise.
const LENGTH: u64 = 3;
/// The server's users, beside the default one.
const USERS: usize = 7;

/// One client and all that is its own.
struct Own {
    client: Client,
    random: Random,
    number: usize,
    resp3: bool,
    counter: i64,
}

impl Own {
    fn new(stack: &Stack, number: usize) -> Own {
        let mut client = stack.client();
        let resp3 = number.is_multiple_of(3);
        if resp3 {
            client = client.resp3();
        }
        check!(client, "SELECT", number % 5 => "+OK");
        let user = user(number);
        if user != "default" {
            check!(client, "AUTH", user, "pw" => "+OK");
        }
        check!(client, "CLIENT", "SETNAME", format!("name{number}") => "+OK");
        Own { client, random: Random::seeded(number as u64 + 1), number, resp3, counter: 0 }
    }

    fn key(&self, kind: &str) -> String {
        format!("{kind}:{}", self.number)
    }

    /// One thing that clients do, with every reply checked.
    fn step(&mut self, round: usize) {
        let mark = format!("{}-{round}", self.number);
        match self.random.below(8) {
            0 => self.pipeline(&mark),
            1 => self.transaction(&mark),
            2 => self.watch(),
            3 => self.subscription(&mark),
            4 => self.blocking_pop(&mark),
            5 => self.script(&mark),
            6 if !direct() => self.session(round),
            _ => self.identity(),
        }
    }

    fn pipeline(&mut self, mark: &str) {
        let length = 1 + self.random.below(2000);
        let value = vec![b'a' + (self.number % 26) as u8; length];
        let mut commands = vec![args!("SET", self.key("value"), value)];
        commands.extend((0..5).map(|_| args!("INCR", self.key("counter"))));
        commands.extend([args!("GET", self.key("value")), args!("ECHO", mark)]);
        let replies = self.client.pipeline(&commands);
        for reply in &replies[1..6] {
            self.counter += 1;
            assert_eq!(reply, &Value::Int(self.counter), "{mark}");
        }
        assert_eq!(replies[6], Value::Bulk(value), "{mark}");
        assert_eq!(replies[7].text(), mark);
    }

    fn transaction(&mut self, mark: &str) {
        let replies = self.client.pipeline(&[
            args!("MULTI"),
            args!("INCR", self.key("counter")),
            args!("ECHO", mark),
            args!("EXEC"),
        ]);
        self.counter += 1;
        assert_eq!(replies[3].to_string(), format!("[{}, \"{mark}\"]", self.counter));
    }

    fn watch(&mut self) {
        check!(self.client, "WATCH", self.key("counter") => "+OK");
        check!(self.client, "MULTI" => "+OK");
        check!(self.client, "INCR", self.key("counter") => "+QUEUED");
        self.counter += 1;
        check!(self.client, "EXEC" => format!("[{}]", self.counter));
    }

    fn subscription(&mut self, mark: &str) {
        let channel = self.key("channel");
        let push = if self.resp3 { ">" } else { "" };
        check!(self.client, "SUBSCRIBE", channel => format!("{push}[\"subscribe\", \"{channel}\", 1]"));
        if self.resp3 {
            self.client.write(&args!("PUBLISH", channel, mark));
            let message = format!(">[\"message\", \"{channel}\", \"{mark}\"]");
            assert_eq!(self.client.reply().to_string(), message);
            assert_eq!(self.client.reply(), Value::Int(1), "{mark}");
        } else {
            check!(self.client, "PING", mark => format!("[\"pong\", \"{mark}\"]"));
        }
        check!(self.client, "UNSUBSCRIBE" => format!("{push}[\"unsubscribe\", \"{channel}\", 0]"));
    }

    fn blocking_pop(&mut self, mark: &str) {
        let queue = self.key("queue");
        let replies = self.client.pipeline(&[
            args!("RPUSH", queue, mark),
            args!("BLPOP", queue, "30"),
            args!("ECHO", mark),
        ]);
        let shown: Vec<String> = replies.iter().map(Value::to_string).collect();
        assert_eq!(shown, ["1", &format!("[\"{queue}\", \"{mark}\"]"), &format!("\"{mark}\"")]);
    }

    fn script(&mut self, mark: &str) {
        let script = "return {'message', KEYS[1], {ARGV[1], 'subscribe'}}";
        let reply = cmd!(self.client, "EVAL", script, "1", self.key("k"), mark);
        let want = format!("[\"message\", \"{}\", [\"{mark}\", \"subscribe\"]]", self.key("k"));
        assert_eq!(reply.to_string(), want);
    }

    fn session(&mut self, round: usize) {
        let id = self.key("user");
        let token = cmd!(self.client, "SESSION.CREATE", "stress", id, "ip").text();
        let replies = self.client.pipeline(&[
            args!("SESSION.SET", "stress", token, format!("{{\"round\":{round}}}")),
            args!("ECHO", id),
            args!("SESSION.GET", "stress", token),
            args!("SESSION.KILL", "stress", token),
        ]);
        assert_eq!(replies[1].text(), id);
        assert_eq!(replies[2].field("id").text(), id);
        assert_eq!(replies[2].field("d").text(), format!("{{\"round\":{round}}}"));
        assert_eq!(replies[3], Value::Int(1));
    }

    fn identity(&mut self) {
        check!(self.client, "CLIENT", "GETNAME" => format!("\"name{}\"", self.number));
        let null = if self.resp3 { "_" } else { "$nil" };
        check!(self.client, "GET", "nothing" => null);
        check!(self.client, "GET", "database" => format!("\"{}\"", self.number % 5));
        let user = user(self.number);
        check!(self.client, "ACL", "WHOAMI" => format!("\"{user}\""));
        // Users with an odd number may not do this, and nobody else lends them the right.
        let touched = cmd!(self.client, "TOUCH", "nothing").to_string();
        match user.strip_prefix("user").map(|digits| digits.parse::<usize>().unwrap() % 2) {
            Some(1) => assert!(touched.starts_with("-NOPERM "), "{user}: {touched}"),
            _ => assert_eq!(touched, "0", "{user}"),
        }
        let info = cmd!(self.client, "CLIENT", "INFO").text();
        let own = format!(" name=name{} ", self.number);
        assert!(info.contains(&own) && info.contains(&format!(" user={user} ")), "{info}");
    }

    /// Leaves in the middle of something.
    fn leave(mut self) {
        match self.number % 8 {
            0 => check!(self.client, "MULTI" => "+OK"),
            1 => check!(self.client, "WATCH", self.key("k") => "+OK"),
            2 => drop(cmd!(self.client, "SUBSCRIBE", self.key("channel"))),
            3 => self.client.write(&args!("BLPOP", self.key("nothing"), "0")),
            4 => self.client.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2000000\r\nbeginning"),
            5 => self.client.write(&args!("CLIENT", "REPLY", "OFF")),
            6 => self.client.write(&args!("MONITOR")),
            _ => check!(self.client, "CLIENT", "TRACKING", "ON", "BCAST" => "+OK"),
        }
    }
}

/// Every fourth client is the default user.
fn user(number: usize) -> String {
    if number.is_multiple_of(4) { "default".to_owned() } else { format!("user{}", number % USERS) }
}

fn length() -> Duration {
    let seconds = std::env::var("STRESS_SECONDS").ok();
    Duration::from_secs(seconds.map_or(LENGTH, |seconds| seconds.parse().unwrap()))
}

#[test]
fn two_hundred_clients_keep_to_themselves() {
    each_mode_alone(|stack| {
        for database in 0..5 {
            let mut client = stack.client();
            check!(client, "SELECT", database => "+OK");
            check!(client, "SET", "database", database => "+OK");
        }
        let mut admin = stack.redis.client();
        for number in 0..USERS {
            let right = if number % 2 == 1 { "-touch" } else { "+touch" };
            let user = format!("user{number}");
            check!(admin, "ACL", "SETUSER", user, "on", ">pw", "~*", "&*", "+@all", right => "+OK");
        }
        let idle = eventually("nobody is there", || {
            let idle = stack.redis.connections().len();
            (idle <= 2).then_some(idle)
        });
        let end = Instant::now() + length();
        thread::scope(|scope| {
            for number in 0..200 {
                let mut own = Own::new(&stack, number);
                scope.spawn(move || {
                    let mut round = 0;
                    while round < 10 || Instant::now() < end {
                        own.step(round);
                        round += 1;
                    }
                    let counter = own.counter.to_string();
                    check!(own.client, "INCRBY", own.key("counter"), "0" => counter);
                    own.leave();
                });
            }
        });
        eventually("nothing is left of them", || {
            (stack.redis.connections().len() <= idle).then_some(())
        });
    });
}

#[test]
fn a_message_follows_its_subscription_across_connections() {
    each_mode(|stack| {
        let mut publisher = stack.client().resp3();
        for round in 0..100 {
            let mut subscriber = stack.client();
            if round % 2 == 0 {
                subscriber = subscriber.resp3();
            }
            let channel = format!("c{round}");
            cmd!(subscriber, "SUBSCRIBE", channel);
            check!(publisher, "PUBLISH", channel, round => "1");
            assert_eq!(subscriber.reply().items()[2].text(), round.to_string());
            cmd!(subscriber, "UNSUBSCRIBE", channel);
        }
    });
}
