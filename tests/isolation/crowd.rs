//! Two hundred clients at once, each with its own user, database, name, keys, channel and transactions.

use std::thread;
use std::time::Duration;

use socket2::SockRef;

use crate::common::*;

const CLIENTS: usize = 200;
const THREADS: usize = 4;
const ROUNDS: usize = 12;

struct Member {
    number: usize,
    resp3: bool,
    client: Client,
    subscriber: Client,
}

impl Member {
    fn join(stack: &Stack, number: usize) -> Member {
        let (mut client, mut subscriber) = (stack.client(), stack.client());
        let resp3 = number.is_multiple_of(3);
        if resp3 {
            client = client.resp3();
        }
        check!(client, "AUTH", user(number), "secret" => "+OK");
        check!(client, "SELECT", database(number) => "+OK");
        check!(client, "CLIENT", "SETNAME", format!("name{number}") => "+OK");
        let subscribed = cmd!(subscriber, "SUBSCRIBE", format!("channel{number}"));
        assert_eq!(subscribed.items()[1].text(), format!("channel{number}"));
        Member { number, resp3, client, subscriber }
    }

    /// Leaves in the middle of a transaction.
    fn abort(mut self) {
        self.client.send(&encode(&args!("MULTI")));
        for client in [&self.client, &self.subscriber] {
            SockRef::from(&client.duplicate()).set_linger(Some(Duration::ZERO)).unwrap();
        }
    }

    fn act(&mut self, what: usize) {
        let number = self.number;
        let (key, value) = (format!("key{number}"), format!("value{number}"));
        let client = &mut self.client;
        match what {
            0 => check!(client, "ACL", "WHOAMI" => format!("\"{}\"", user(number))),
            1 => check!(client, "CLIENT", "GETNAME" => format!("\"name{number}\"")),
            2 => check!(client, "GET", "marker" => format!("\"database {}\"", database(number))),
            3 => {
                check!(client, "SET", key, value => "+OK");
                check!(client, "GET", key => format!("\"{value}\""));
            }
            4 => {
                check!(client, "MULTI" => "+OK");
                check!(client, "GET", "marker" => "+QUEUED");
                check!(client, "CLIENT", "GETNAME" => "+QUEUED");
                check!(client, "INCR", format!("count{number}") => "+QUEUED");
                let results = cmd!(client, "EXEC");
                let text = |place: usize| results.items()[place].text();
                assert_eq!(text(0), format!("database {}", database(number)));
                assert_eq!(text(1), format!("name{number}"));
                assert!(results.items()[2].int() > 0);
            }
            5 => {
                let text = format!("message{number}");
                let channel = format!("channel{number}");
                check!(client, "PUBLISH", channel, text => "1");
                let message = self.subscriber.reply();
                let words: Vec<String> = message.items().iter().map(Value::text).collect();
                assert_eq!(words, ["message".to_owned(), channel, text]);
            }
            6 => {
                check!(client, "WATCH", key => "+OK");
                check!(client, "SET", key, "changed" => "+OK");
                check!(client, "MULTI" => "+OK");
                check!(client, "SET", key, "never" => "+QUEUED");
                check!(client, "EXEC" => if self.resp3 { "_" } else { "*nil" });
                check!(client, "GET", key => "\"changed\"");
            }
            _ => {
                check!(client, "DEL", format!("list{number}") => "0");
                check!(client, "RPUSH", format!("list{number}"), "one" => "1");
                let list = format!("list{number}");
                check!(client, "BLPOP", list, "0" => format!("[\"{list}\", \"one\"]"));
            }
        }
    }
}

fn user(number: usize) -> String {
    format!("user{}", number % 20)
}

fn database(number: usize) -> usize {
    number % 16
}

#[test]
fn two_hundred_clients_meet_nothing_but_their_own() {
    each_mode_in_turn(|stack| {
        let mut redis = stack.redis.client();
        for number in 0..20 {
            let name = user(number);
            check!(redis, "ACL", "SETUSER", name, "on", ">secret", "~*", "&*", "+@all" => "+OK");
        }
        for number in 0..16 {
            check!(redis, "SELECT", number => "+OK");
            check!(redis, "SET", "marker", format!("database {number}") => "+OK");
        }
        thread::scope(|scope| {
            for part in 0..THREADS {
                let stack = &stack;
                scope.spawn(move || {
                    let mut random = Random::seeded(part as u64 + 31);
                    let numbers = (part * CLIENTS / THREADS)..((part + 1) * CLIENTS / THREADS);
                    let mut members: Vec<Member> =
                        numbers.map(|number| Member::join(stack, number)).collect();
                    for _ in 0..ROUNDS * members.len() {
                        let place = random.below(members.len());
                        match random.below(20) {
                            0 => {
                                let member = members.swap_remove(place);
                                let number = member.number;
                                member.abort();
                                members.push(Member::join(stack, number));
                            }
                            what => members[place].act(what % 8),
                        }
                    }
                });
            }
        });
    });
}
