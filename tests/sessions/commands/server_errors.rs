//! The user's rights hold for session commands, and Redis' own errors reach the client.

use super::{create, nobody};
use crate::common::*;

#[test]
fn sessions_run_as_the_own_user() {
    each_mode(|stack| {
        let mut redis = stack.redis.client();
        let user = |redis: &mut Client, name: &str, rules: &[&str]| {
            let mut command = args!("ACL", "SETUSER", name, "on", ">p", "+@all");
            command.extend(rules.iter().map(|rule| rule.to_arg()));
            assert_eq!(redis.run(&command).to_string(), "+OK");
        };
        user(&mut redis, "all", &["~rs:*", "resetchannels"]);
        user(&mut redis, "part", &["~rs:app:*", "resetchannels"]);
        user(&mut redis, "index", &["~rs:SESSIONS", "~rs:app:_*", "resetchannels"]);
        user(&mut redis, "noscript", &["~*", "-@scripting"]);
        let login = |name: &str| {
            let mut client = stack.client();
            check!(client, "AUTH", name, "p" => "+OK");
            client
        };
        let mut all = login("all");
        let token = create(&mut all, "app", "user", &["DATA", "{\"a\":1}"]);
        assert!(
            !cmd!(all, "SESSION.SET", "app", token, "{\"b\":1}").is_error(),
            "no right to publish is no failure"
        );
        for name in ["part", "index", "noscript"] {
            let mut client = login(name);
            let before = redis.dump();
            let mut commands = vec![
                args!("SESSION.CREATE", "app", "user", "ip"),
                args!("SESSION.GET", "app", token),
                args!("SESSION.SET", "app", token, "{\"c\":1}"),
                args!("SESSION.KILL", "app", token),
                args!("SESSION.KILLSOID", "app", "user"),
            ];
            if name != "index" {
                // The hashes that KILLALL meets are not known beforehand.
                commands.push(args!("SESSION.KILLALL", "app"));
            }
            for command in commands {
                let reply = client.run(&command);
                assert!(reply.is_error(), "{name}: {} answered {reply}", args_text(&command));
                assert!(
                    reply.error().starts_with("NOPERM"),
                    "{name}: {} answered {reply}",
                    args_text(&command)
                );
                assert_eq!(redis.dump(), before, "{name}: {}", args_text(&command));
            }
            check!(client, "PING" => "+PONG");
        }
        check!(all, "SESSION.KILL", "app", token => "1");
        create(&mut all, "app", "user", &[]);
        check!(all, "SESSION.KILLALL", "app" => "1");
    });
}

#[test]
fn errors_of_redis_itself_reach_the_client() {
    each_layout(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        let token = create(&mut client, "app", "user", &[]);
        check!(redis, "CONFIG", "SET", "maxmemory", "1" => "+OK");
        let oom = cmd!(client, "SESSION.CREATE", "app", "user", "ip");
        assert!(oom.error().starts_with("OOM "), "{oom}");
        check!(redis, "CONFIG", "SET", "maxmemory", "0" => "+OK");

        let master = Redis::start();
        check!(redis, "REPLICAOF", "127.0.0.1", master.port() => "+OK");
        eventually("the replica follows", || {
            let info = cmd!(redis, "INFO", "replication").text();
            info.contains("master_link_status:up").then_some(())
        });
        let readonly = cmd!(client, "SESSION.CREATE", "app", "user", "ip");
        assert!(readonly.error().starts_with("READONLY "), "{readonly}");
        check!(redis, "REPLICAOF", "NO", "ONE" => "+OK");
        check!(client, "SESSION.GET", "app", token => "$nil");
        assert_eq!(create(&mut client, "app", "user", &[]).len(), 64);
    });
}

#[test]
fn a_busy_redis_says_so() {
    each_layout_with(&["--lua-time-limit", "20"], &[], |mut stack| {
        stack.sessiond().expect_troubles();
        let mut client = stack.client();
        check!(client, "SESSION.ACTIVITY", "app" => "0");
        let mut runaway = stack.redis.client();
        runaway.write(&["EVAL", "while true do end", "0"]);
        let mut redis = stack.redis.client();
        eventually("Redis is busy", || {
            cmd!(redis, "GET", "k").to_string().starts_with("-BUSY").then_some(())
        });
        let busy = cmd!(client, "SESSION.ACTIVITY", "app");
        assert!(busy.error().starts_with("BUSY "), "{busy}");
        check!(redis, "SCRIPT", "KILL" => "+OK");
        assert!(runaway.reply().is_error());
        check!(client, "SESSION.ACTIVITY", "app" => "0");
    });
}

#[test]
fn a_key_of_the_wrong_type_is_reported() {
    each_layout(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        cmd!(redis, "SET", stack.key("app", &nobody()), "a string");
        let reply = cmd!(client, "SESSION.GET", "app", nobody());
        assert!(reply.error().starts_with("WRONGTYPE "), "{reply}");
        check!(client, "PING" => "+PONG");
    });
}
