//! Session commands of many clients at the same time: each is one step, nothing is lost or left behind.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::common::*;

#[test]
fn parallel_sets_lose_nothing() {
    each_layout(|stack| {
        const CLIENTS: usize = 8;
        const KEYS: usize = 40;
        let mut client = stack.client();
        let token = cmd!(client, "SESSION.CREATE", "app", "user", "ip").text();
        thread::scope(|scope| {
            for number in 0..CLIENTS {
                let (mut client, token) = (stack.client(), &token);
                scope.spawn(move || {
                    for key in 0..KEYS {
                        let json = format!("{{\"c{number}k{key}\":{key}}}");
                        assert!(!cmd!(client, "SESSION.SET", "app", token, json).is_error());
                        assert!(!cmd!(client, "SESSION.GET", "app", token).is_error());
                    }
                });
            }
        });
        let session = cmd!(client, "SESSION.GET", "app", token, "PEEK");
        let data: serde_json::Value = serde_json::from_str(&session.field("d").text()).unwrap();
        let data = data.as_object().unwrap();
        assert_eq!(data.len(), CLIENTS * KEYS);
        for number in 0..CLIENTS {
            for key in 0..KEYS {
                assert_eq!(data[&format!("c{number}k{key}")], key);
            }
        }
        let counted = (CLIENTS * KEYS + 1) as i64;
        assert_eq!(session.field("r"), Value::Int(counted));
        assert_eq!(session.field("w"), Value::Int(counted));
        assert_consistent(&mut stack.redis.client(), "app");
    });
}

#[test]
fn a_killed_session_never_comes_back() {
    each_layout(|stack| {
        let mut killer = stack.client();
        let current = std::sync::Mutex::new(String::new());
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            for number in 0..6 {
                let mut client = stack.client();
                let (current, stop) = (&current, &stop);
                scope.spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        let token = current.lock().unwrap().clone();
                        if token.is_empty() {
                            thread::yield_now();
                            continue;
                        }
                        let reply = match number % 3 {
                            0 => cmd!(client, "SESSION.GET", "app", token),
                            1 => cmd!(client, "SESSION.SET", "app", token, "{\"a\":1}"),
                            _ => cmd!(client, "SESSION.GET", "app", token, "PEEK", "JSON"),
                        };
                        assert!(!reply.is_error(), "{reply}");
                    }
                });
            }
            for round in 0..100 {
                let create =
                    cmd!(killer, "SESSION.CREATE", "app", "user", "ip", "DATA", "{\"r\":1}");
                *current.lock().unwrap() = create.text();
                for _ in 0..3 {
                    check!(killer, "PING" => "+PONG");
                }
                match round % 3 {
                    0 => check!(killer, "SESSION.KILL", "app", create.text() => "1"),
                    1 => check!(killer, "SESSION.KILLSOID", "app", "user" => "1"),
                    _ => check!(killer, "SESSION.KILLALL", "app" => "1"),
                }
                check!(killer, "SESSION.GET", "app", create.text(), "PEEK" => "$nil");
            }
            stop.store(true, Ordering::Relaxed);
        });
        assert!(stack.redis.client().dump().is_empty(), "{:?}", stack.redis.client().dump());
    });
}

#[test]
fn creating_while_everything_is_killed_keeps_the_indexes_whole() {
    each_layout(|stack| {
        let stop = AtomicBool::new(false);
        let (created, ended) = thread::scope(|scope| {
            let creators: Vec<_> = (0..4)
                .map(|number| {
                    let mut client = stack.client();
                    scope.spawn(move || {
                        for _ in 0..150 {
                            let id = format!("user:{}", number % 2);
                            cmd!(client, "SESSION.CREATE", "app", id, "ip").text();
                        }
                        150
                    })
                })
                .collect();
            let killers: Vec<_> = (0..3)
                .map(|number| {
                    let mut client = stack.client();
                    let stop = &stop;
                    scope.spawn(move || {
                        let mut ended = 0;
                        while !stop.load(Ordering::Relaxed) {
                            ended += match number {
                                0 => cmd!(client, "SESSION.KILLALL", "app"),
                                1 => cmd!(client, "SESSION.KILLSOID", "app", "user:0"),
                                _ => cmd!(client, "SESSION.KILLSOID", "app", "user:1"),
                            }
                            .int();
                        }
                        ended
                    })
                })
                .collect();
            let created: i64 = creators.into_iter().map(|thread| thread.join().unwrap()).sum();
            stop.store(true, Ordering::Relaxed);
            let ended: i64 = killers.into_iter().map(|thread| thread.join().unwrap()).sum();
            (created, ended)
        });
        let mut client = stack.client();
        assert_consistent(&mut stack.redis.client(), "app");
        let visible = cmd!(client, "SESSION.SOAPP", "app").items().len()
            - cmd!(client, "SESSION.SOID", "app", "user:0").items().len()
            - cmd!(client, "SESSION.SOID", "app", "user:1").items().len();
        assert_eq!(visible, 0, "every session is found by its id");
        let rest = cmd!(client, "SESSION.KILLALL", "app").int();
        assert_eq!(created, ended + rest, "each session ended exactly once");
        assert!(stack.redis.client().dump().is_empty());
    });
}

#[test]
fn the_last_kill_of_an_id_racing_its_next_session() {
    each_layout(|stack| {
        let (mut one, mut two) = (stack.client(), stack.client());
        let mut redis = stack.redis.client();
        for _ in 0..100 {
            let old = cmd!(one, "SESSION.CREATE", "app", "user", "ip").text();
            one.write(&args!("SESSION.KILL", "app", old));
            two.write(&args!("SESSION.CREATE", "app", "user", "ip"));
            assert_eq!(one.reply(), Value::Int(1));
            let new = two.reply().text();
            check!(one, "SESSION.ACTIVITY", "app" => "1");
            assert_eq!(cmd!(one, "SESSION.SOID", "app", "user").items().len(), 1);
            check!(one, "SESSION.KILL", "app", new => "1");
        }
        assert!(redis.dump().is_empty());
    });
}

#[test]
fn wiping_while_sessions_live_touches_none_of_them() {
    each_layout(|stack| {
        let mut client = stack.client();
        let tokens: Vec<String> = (0..50)
            .map(|n| {
                cmd!(client, "SESSION.CREATE", "app", format!("u{n}"), "ip", "TTL", "10").text()
            })
            .collect();
        let mut redis = stack.redis.client();
        for _ in 0..20 {
            // Their index entries say that they have expired; their hashes know better.
            for (number, token) in tokens.iter().enumerate() {
                let expiries = stack.named("app", &format!("u{number}"), "SESSIONS");
                cmd!(redis, "ZADD", expiries, "1", format!("app:{token}:u{number}"));
                cmd!(redis, "HSET", stack.key("app", token), "ttl", "1000");
            }
            let mut wiper = stack.client();
            wiper.write(&["SESSION.WIPE"]);
            for token in &tokens {
                client.write(&args!("SESSION.GET", "app", token));
            }
            for _ in &tokens {
                assert!(matches!(client.reply(), Value::Array(_)), "a living session was wiped");
            }
            assert_eq!(wiper.reply(), Value::Int(0));
        }
        assert_consistent(&mut redis, "app");
    });
}

#[test]
fn tokens_are_unique_and_look_random() {
    each_layout(|stack| {
        let tokens: BTreeSet<String> = thread::scope(|scope| {
            let creators: Vec<_> = (0..4)
                .map(|_| {
                    let mut client = stack.client();
                    scope.spawn(move || {
                        let create = args!("SESSION.CREATE", "app", "user", "ip");
                        client.pipeline(&vec![create; 500])
                    })
                })
                .collect();
            let replies = creators.into_iter().flat_map(|thread| thread.join().unwrap());
            replies.map(|reply| reply.text()).collect()
        });
        assert_eq!(tokens.len(), 2000, "every token is another");
        let mut seen = vec![BTreeSet::new(); 64];
        for token in &tokens {
            assert_eq!(token.len(), 64);
            for (place, byte) in token.bytes().enumerate() {
                assert!(byte.is_ascii_alphanumeric(), "{token}");
                seen[place].insert(byte);
            }
        }
        // In buckets the first three name that of the id.
        let named = if stack.layout == Layout::Libraries { 0 } else { 3 };
        for (place, bytes) in seen.iter().enumerate().skip(named) {
            assert_eq!(bytes.len(), 62, "place {place} of a token uses every character");
        }
        check!(stack.client(), "SESSION.KILLALL", "app" => "2000");
    });
}
