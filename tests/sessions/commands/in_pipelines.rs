//! Session commands between others in one pipeline, also when their scripts are gone.

use serde_json::json;

use super::{create, json_of};
use crate::common::*;

#[test]
fn session_commands_take_their_place_in_a_pipeline() {
    each_mode(|stack| {
        let mut client = stack.client();
        let token = create(&mut client, "app", "user", &[]);
        for flush in [false, true] {
            for round in 0..10 {
                if flush {
                    // sessiond is not told: its scripts are gone when the pipeline arrives.
                    check!(stack.redis.client(), "SCRIPT", "FLUSH" => "+OK");
                }
                let json = format!("{{\"round\":{round}}}");
                let replies = client.pipeline(&[
                    args!("SET", "k", round),
                    args!("SESSION.SET", "app", token, json),
                    args!("INCR", "k"),
                    args!("SESSION.GET", "app", token, "JSON"),
                    args!("GET", "k"),
                    args!("HGET", stack.key("app", &token), "d"),
                    args!("SESSION.ACTIVITY", "app"),
                    args!("SELECT", "1"),
                    args!("SESSION.ACTIVITY", "app"),
                    args!("SELECT", "0"),
                    args!("SESSION.SOID", "app", "user", "JSON"),
                    args!("DEL", stack.key("app", &token)),
                    args!("SESSION.GET", "app", token),
                    args!("SESSION.KILLSOID", "app", "user"),
                    args!("SESSION.CREATE", "app", "user", "ip"),
                    args!("DBSIZE"),
                    args!("SESSION.KILLALL", "app"),
                    args!("DBSIZE"),
                    args!("SESSION.WIPE"),
                    args!("ECHO", "end"),
                ]);
                let shown: Vec<String> = replies.iter().map(Value::to_string).collect();
                let next = round + 1;
                assert_eq!(
                    (shown[0].as_str(), shown[2].as_str()),
                    ("+OK", next.to_string().as_str())
                );
                assert_eq!(replies[1].field("d").text(), json);
                assert_eq!(json_of(&replies[3])["d"]["round"], json!(round));
                assert_eq!(replies[4].text(), next.to_string());
                assert_eq!(replies[5].text(), json);
                assert_eq!(shown[6..10], ["1", "+OK", "0", "+OK"]);
                assert_eq!(json_of(&replies[10]).as_array().unwrap().len(), 1);
                assert_eq!(shown[11..14], ["1", "$nil", "0"]);
                assert_eq!(replies[14].text().len(), 64);
                assert_eq!(shown[15..], ["6", "1", "1", "0", "\"end\""]);
                // The next round works on a session with the same name.
                let id = args!(
                    "HSET",
                    stack.key("app", &token),
                    "id",
                    "user",
                    "r",
                    "1",
                    "w",
                    "1",
                    "ip",
                    "i"
                );
                assert_eq!(client.run(&id), Value::Int(4));
                let now = stack.redis.client().now();
                cmd!(client, "HSET", stack.key("app", &token), "la", now, "ttl", "1000");
                cmd!(client, "ZADD", "rs:app:_users", now, "user");
                cmd!(client, "ZADD", "rs:app:_sessions", now, format!("{token}:user"));
                cmd!(client, "ZADD", "rs:SESSIONS", now + 1000, format!("app:{token}:user"));
                cmd!(client, "SADD", "rs:app:us:user", token);
            }
        }
    });
}

#[test]
fn flushed_scripts_come_back_for_every_client_at_once() {
    each_layout(|stack| {
        let tokens: Vec<String> = {
            let mut client = stack.client();
            (0..12).map(|n| create(&mut client, "app", &format!("u{n}"), &[])).collect()
        };
        std::thread::scope(|scope| {
            for (number, token) in tokens.iter().enumerate() {
                let mut client = stack.client();
                scope.spawn(move || {
                    for round in 0..40 {
                        let replies = client.pipeline(&[
                            args!("ECHO", format!("{number}-{round}")),
                            args!("SESSION.GET", "app", token),
                            args!("INCR", format!("n{number}")),
                            args!("SESSION.SET", "app", token, format!("{{\"n\":{round}}}")),
                            args!("ECHO", "end"),
                        ]);
                        assert_eq!(replies[0].text(), format!("{number}-{round}"));
                        assert_eq!(replies[1].field("id").text(), format!("u{number}"));
                        assert_eq!(
                            replies[1].field("r"),
                            Value::Int(round + 2),
                            "counted exactly once"
                        );
                        assert_eq!(replies[2], Value::Int(round + 1));
                        assert_eq!(
                            replies[3].field("w"),
                            Value::Int(round + 2),
                            "written exactly once"
                        );
                        assert_eq!(replies[4].text(), "end");
                    }
                });
            }
            let mut redis = stack.redis.client();
            for _ in 0..60 {
                check!(redis, "SCRIPT", "FLUSH" => "+OK");
            }
        });
        assert_consistent(&mut stack.redis.client(), "app");
    });
}
