//! The library's defects: each is seen on its algorithm, else the test proves nothing, and not on sessiond.

use std::thread;

use serde_json::{Value as Json, json};

use super::{create, of, seen, user};
use crate::common::*;

#[test]
fn defect_1_get_or_set_racing_kill_leaves_a_zombie() {
    each_mode(|stack| {
        let mut redis = stack.redis.client();
        let mut library = LibrarySessions::on(stack.redis.port());
        for method in ["get", "set"] {
            let token = create(&mut library, user("user"));
            let options = json!({ "app": "app", "token": token, "d": {"a": 1} });
            library.call_racing(method, options, "hmGet", ("kill", of(&token)));
            let zombie = hash(&mut redis, &format!("rs:app:{token}"));
            assert!(!zombie.is_empty() && !zombie.contains_key("id"), "{method}: {zombie:?}");
            assert_eq!(
                library.call("kill", of(&token)),
                json!({ "kill": 0 }),
                "no one can remove it"
            );
            // sessiond can.
            let mut client = stack.client();
            check!(client, "SESSION.GET", "app", token => "$nil");
            check!(client, "SESSION.KILL", "app", token => "0");
            check!(client, "SESSION.KILLSOID", "app", "user" => "0");
            check!(client, "SESSION.KILLALL", "app" => "0");
            assert!(redis.dump().is_empty(), "{method}: {:?}", redis.dump());
        }
        for round in 0..60 {
            let mut client = stack.client();
            let token = cmd!(client, "SESSION.CREATE", "app", "user", "ip").text();
            let (mut reader, mut writer) = (stack.client(), stack.client());
            reader.write(&args!("SESSION.GET", "app", token));
            client.write(&args!("SESSION.KILL", "app", token));
            writer.write(&args!("SESSION.SET", "app", token, "{\"a\":1}"));
            assert!(!reader.reply().is_error() && !writer.reply().is_error());
            assert_eq!(client.reply(), Value::Int(1));
            assert!(redis.dump().is_empty(), "round {round}: {:?}", redis.dump());
        }
    });
}

#[test]
fn defect_2_parallel_sets_lose_a_change() {
    each_mode(|stack| {
        let mut library = LibrarySessions::on(stack.redis.port());
        let token = create(&mut library, user("user"));
        let set = |key: &str| json!({ "app": "app", "token": token, "d": {key: 1} });
        library.call_racing("set", set("mine"), "hmGet", ("set", set("rivals")));
        assert_eq!(
            library.call("get", of(&token))["d"],
            json!({ "mine": 1 }),
            "the rival's is lost"
        );

        let token = cmd!(stack.client(), "SESSION.CREATE", "app", "user", "ip").text();
        thread::scope(|scope| {
            for key in 0..4 {
                let (mut client, token) = (stack.client(), &token);
                scope.spawn(move || {
                    for round in 0..20 {
                        let json = format!("{{\"k{key}r{round}\":1}}");
                        assert!(!cmd!(client, "SESSION.SET", "app", token, json).is_error());
                    }
                });
            }
        });
        assert_eq!(seen(&mut stack.client(), &token)["d"].as_object().unwrap().len(), 80);
    });
}

#[test]
fn defect_3_a_no_resave_session_read_often_dies_early() {
    each_mode(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        let mut library = LibrarySessions::on(stack.redis.port());
        let no_resave =
            json!({ "app": "app", "id": "user", "ip": "i", "ttl": 1000, "no_resave": true });
        let token = create(&mut library, no_resave);
        let key = format!("rs:app:{token}");
        let shrunk = same_second(&mut stack.redis.client(), |now| {
            cmd!(redis, "HSET", key, "la", now - 1, "ttl", 1000);
            for _ in 0..10 {
                library.call("get", of(&token));
            }
            hash(&mut redis, &key)["ttl"].parse::<i64>().unwrap()
        });
        assert!(shrunk <= 990, "each read within one second takes a second: {shrunk}");

        let token =
            cmd!(client, "SESSION.CREATE", "app", "own", "ip", "TTL", "1000", "NORESAVE").text();
        let key = format!("rs:app:{token}");
        let kept = same_second(&mut stack.redis.client(), |now| {
            cmd!(redis, "HSET", key, "la", now - 1, "ttl", 1000);
            for _ in 0..10 {
                cmd!(client, "SESSION.GET", "app", token);
            }
            let fields = hash(&mut redis, &key);
            fields["la"].parse::<i64>().unwrap() + fields["ttl"].parse::<i64>().unwrap() - now
        });
        assert_eq!(kept, 999, "the moment of expiry does not move");
    });
}

#[test]
fn defect_4_set_on_a_no_resave_session_answers_w_0() {
    each_mode(|stack| {
        let mut library = LibrarySessions::on(stack.redis.port());
        let no_resave =
            json!({ "app": "app", "id": "user", "ip": "i", "ttl": 1000, "no_resave": true });
        let token = create(&mut library, no_resave);
        let set = json!({ "app": "app", "token": token, "d": {"a": 1} });
        assert_eq!(library.call("set", set)["w"], json!(0));
        let reply = cmd!(stack.client(), "SESSION.SET", "app", token, "{\"b\":1}");
        assert_eq!(reply.field("w"), Value::Int(3));
    });
}

#[test]
fn defect_5_wipe_kills_the_living() {
    each_mode(|stack| {
        let mut redis = stack.redis.client();
        let mut library = LibrarySessions::on(stack.redis.port());
        let expire_now = |redis: &mut Client, token: &str, now: i64| {
            cmd!(redis, "HSET", format!("rs:app:{token}"), "la", now - 1000, "ttl", 1000);
            cmd!(redis, "ZADD", "rs:SESSIONS", now, format!("app:{token}:user"));
        };
        // A session at idle == ttl is still shown by the library, and wiped by it; and so is one that is
        // refreshed between the look at the index and the removal.
        let (shown, after) = same_second(&mut stack.redis.client(), |now| {
            let token = create(&mut library, user("user"));
            expire_now(&mut redis, &token, now);
            let shown =
                library.call("soid", json!({ "app": "app", "id": "user" }))["sessions"].clone();
            library.call_racing("_wipe", Json::Null, "zRangeByScore", ("get", of(&token)));
            let after = library.call("get", of(&token));
            library.call("killall", json!({ "app": "app" }));
            (shown, after)
        });
        assert_eq!(shown.as_array().unwrap().len(), 1);
        assert_eq!(after, Json::Null, "listed, refreshed, and wiped all the same");

        let mut client = stack.client();
        let after = same_second(&mut stack.redis.client(), |now| {
            cmd!(redis, "FLUSHALL");
            let token = cmd!(client, "SESSION.CREATE", "app", "user", "ip", "TTL", "1000").text();
            expire_now(&mut redis, &token, now);
            let mut wiper = stack.client();
            wiper.write(&["SESSION.WIPE"]);
            client.write(&args!("SESSION.GET", "app", token));
            let got = client.reply();
            (wiper.reply(), matches!(got, Value::Array(_)))
        });
        assert_eq!(after, (Value::Int(0), true));
        assert_consistent(&mut redis, "app");
    });
}

#[test]
fn defect_6_an_id_with_a_colon_leaks_index_entries() {
    each_mode(|stack| {
        let mut redis = stack.redis.client();
        let mut library = LibrarySessions::on(stack.redis.port());
        create(&mut library, user("a:b"));
        library.call("killall", json!({ "app": "app" }));
        check!(redis, "EXISTS", "rs:app:us:a:b" => "1");
        let token = create(&mut library, user("a:b"));
        age(&mut redis, "app", &token, 5000);
        library.call("_wipe", Json::Null);
        check!(redis, "ZCARD", "rs:app:_sessions" => "1");
        check!(redis, "ZCARD", "rs:app:_users" => "1");
        cmd!(redis, "FLUSHALL");

        let mut client = stack.client();
        for end in ["KILLALL", "WIPE", "KILLSOID", "KILL"] {
            let token = cmd!(client, "SESSION.CREATE", "app", "a:b", "ip", "TTL", "1000").text();
            match end {
                "KILLALL" => check!(client, "SESSION.KILLALL", "app" => "1"),
                "KILLSOID" => check!(client, "SESSION.KILLSOID", "app", "a:b" => "1"),
                "KILL" => check!(client, "SESSION.KILL", "app", token => "1"),
                _ => {
                    age(&mut redis, "app", &token, 5000);
                    check!(client, "SESSION.WIPE" => "1");
                }
            }
            assert!(redis.dump().is_empty(), "{end}: {:?}", redis.dump());
        }
    });
}

#[test]
fn defect_7_kills_racing_create_hide_a_living_session() {
    each_mode(|stack| {
        let mut redis = stack.redis.client();
        let mut library = LibrarySessions::on(stack.redis.port());
        create(&mut library, user("user"));
        library.call_racing("killall", json!({ "app": "app" }), "zRange", ("create", user("user")));
        assert_eq!(
            cmd!(redis, "KEYS", "rs:app:????????????????*").items().len(),
            1,
            "one session lives"
        );
        let listed = library.call("soid", json!({ "app": "app", "id": "user" }));
        assert_eq!(listed["sessions"], json!([]), "but is not found");
        let killed = library.call("killsoid", json!({ "app": "app", "id": "user" }));
        assert_eq!(killed, json!({ "kill": 0 }));
        cmd!(redis, "FLUSHALL");
        let token = create(&mut library, user("user"));
        library.call_racing("kill", of(&token), "before zRem", ("create", user("user")));
        let activity = library.call("activity", json!({ "app": "app", "deltaTime": 60 }));
        assert_eq!(
            activity,
            json!({ "activity": 0 }),
            "a living session whose user does not count"
        );
        cmd!(redis, "FLUSHALL");

        let (mut one, mut two) = (stack.client(), stack.client());
        for round in 0..60 {
            let old = cmd!(one, "SESSION.CREATE", "app", "user", "ip").text();
            match round % 3 {
                0 => one.write(&args!("SESSION.KILLALL", "app")),
                1 => one.write(&args!("SESSION.KILLSOID", "app", "user")),
                _ => one.write(&args!("SESSION.KILL", "app", old)),
            }
            two.write(&args!("SESSION.CREATE", "app", "user", "ip"));
            one.reply().int();
            two.reply().text();
            assert_consistent(&mut redis, "app");
            one.run(&args!("SESSION.KILLALL", "app"));
            assert!(redis.dump().is_empty());
        }
    });
}

#[test]
fn defect_8_a_ttl_in_text_breaks_the_index() {
    each_mode(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        let mut library = LibrarySessions::on(stack.redis.port());
        let with_ttl = |ttl: &str| json!({ "app": "app", "id": "user", "ip": "i", "ttl": ttl });
        let token = create(&mut library, with_ttl("30"));
        let score = cmd!(redis, "ZSCORE", "rs:SESSIONS", format!("app:{token}:user")).text();
        assert!(score.len() >= 12 && score.ends_with("30"), "now and ttl concatenated: {score}");
        check!(client, "SESSION.WIPE" => "0");
        assert_consistent(&mut redis, "app");
        cmd!(redis, "FLUSHALL");
        library.call("create", with_ttl("30abc"));
        check!(redis, "EXISTS", "rs:SESSIONS" => "0");
        assert!(!redis.dump().is_empty(), "half a session is stored");
        cmd!(redis, "FLUSHALL");

        let token = cmd!(client, "SESSION.CREATE", "app", "user", "ip", "TTL", "30").text();
        let score = cmd!(redis, "ZSCORE", "rs:SESSIONS", format!("app:{token}:user")).text();
        assert_eq!(score.len(), redis.now().to_string().len());
        let before = redis.dump();
        let refused = "-INVALIDVALUE ttl must be a positive integer >= 10";
        check!(client, "SESSION.CREATE", "app", "user", "ip", "TTL", "30abc" => refused);
        assert_eq!(redis.dump(), before);
    });
}

#[test]
fn defect_9_a_cached_killsoid_counts_subscribers() {
    each_mode(|stack| {
        let mut client = stack.client();
        let mut library = LibrarySessions::cached_on(stack.redis.port());
        let mut listeners: Vec<Client> = (0..4).map(|_| stack.redis.client()).collect();
        for listener in &mut listeners {
            cmd!(listener, "SUBSCRIBE", "rs:cache");
        }
        for _ in 0..10 {
            create(&mut library, user("user"));
        }
        let killed = library.call("killsoid", json!({ "app": "app", "id": "user" }));
        assert_ne!(killed, json!({ "kill": 10 }), "the library counts something else");
        for _ in 0..10 {
            create(&mut library, user("user"));
        }
        check!(client, "SESSION.KILLSOID", "app", "user" => "10");
        assert!(stack.redis.client().dump().is_empty());
    });
}
