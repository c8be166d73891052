//! The number of buckets is the server's, and nobody looks for sessions in another.

use std::process::Command;

use super::bucketed;
use crate::common::*;

const OPTIONS: [&str; 4] = ["--layout", "buckets", "--cluster-buckets", "128"];

/// Whether session commands are answered, or with what error they are refused.
fn refusal(client: &mut Client) -> Option<String> {
    let reply = cmd!(client, "SESSION.ACTIVITY", "app");
    reply.is_error().then(|| reply.error().to_owned())
}

#[test]
fn another_number_is_refused_at_the_start() {
    let stack = bucketed(256);
    let url = stack.redis.url();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sessiond"));
    let output = command
        .args(["--listen", "127.0.0.1:0", "--upstream", &url])
        .args(OPTIONS)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    let expected =
        format!("sessiond: cluster_buckets is 128, but {url}/0 keeps its sessions in 256 buckets");
    assert!(told.lines().any(|line| line == expected), "{told}");
    let why = "the number of buckets: sessions are kept in 256 buckets, cluster_buckets is 128";
    assert!(told.contains(why), "{told}");
    check!(stack.redis.client(), "GET", "rs:buckets" => "\"256\"");
    // The same number is welcome, from whatever database.
    let second = Sessiond::start(&[
        "--upstream",
        &format!("{url}/3"),
        "--layout",
        "buckets",
        "--cluster-buckets",
        "256",
    ]);
    assert_eq!(refusal(&mut second.client()), None);
    check!(stack.redis.client(), "KEYS", "*" => "[\"rs:buckets\"]");
}

#[test]
fn a_server_that_was_away_is_asked_when_it_is_there() {
    for stored in ["128", "256", "none"] {
        let mut redis = Redis::start();
        let url = redis.url();
        redis.kill();
        let mut sessiond = Sessiond::start(&[&["--upstream", &url][..], &OPTIONS].concat());
        sessiond.expect_troubles();
        let mut client = sessiond.client();
        let away = refusal(&mut client).unwrap();
        assert!(away.starts_with("UPSTREAM unavailable: "), "{away}");
        redis.start_again();
        if stored != "none" {
            // Before sessiond is there, or behind it: both is to be refused or right.
            cmd!(redis.client(), "SET", "rs:buckets", stored);
        }
        let expected = (stored == "256").then_some(
            "UPSTREAM unavailable: sessions are kept in 256 buckets, cluster_buckets is 128",
        );
        eventually("the number is known", || {
            (refusal(&mut client).as_deref() == expected).then_some(())
        });
        let mut redis = redis.client();
        let number = if stored == "none" { "128" } else { stored };
        check!(redis, "GET", "rs:buckets" => format!("\"{number}\""));
    }
}

#[test]
fn where_it_cannot_be_known_session_commands_are_refused() {
    let redis = Redis::start();
    let mut admin = redis.client();
    let rules = ["ACL", "SETUSER", "keeper", "on", ">p", "+@all", "~other:*"];
    assert_eq!(admin.run(&rules).to_string(), "+OK");
    let url = redis.url().replace("redis://", "redis://keeper:p@");
    let mut sessiond = Sessiond::start(&[&["--upstream", &url][..], &OPTIONS].concat());
    sessiond.expect_troubles();
    let mut client = sessiond.client();
    check!(client, "SET", "k", "v" => "+OK");
    assert_eq!(cmd!(client, "SESSION.HELP").items().len(), 23);
    let unknown = "UPSTREAM unavailable: the number of buckets is not known yet";
    let error = format!("-{unknown}");
    let token = "A".repeat(64);
    for command in [
        args!("SESSION.CREATE", "app", "user", "ip"),
        args!("SESSION.GET", "app", token),
        args!("SESSION.SET", "app", token, "{\"a\":1}"),
        args!("SESSION.KILL", "app", token),
        args!("SESSION.KILLSOID", "app", "user"),
        args!("SESSION.KILLALL", "app"),
        args!("SESSION.SOID", "app", "user"),
        args!("SESSION.SOAPP", "app"),
        args!("SESSION.ACTIVITY", "app"),
        args!("SESSION.WIPE"),
    ] {
        assert_eq!(client.run(&command).to_string(), error, "{}", args_text(&command));
    }
    check!(client, "SESSION.GET", "app", "x" => "-INVALIDFORMAT Invalid token format");
    check!(client, "MULTI" => "+OK");
    check!(client, "SESSION.GET", "app", token => "+QUEUED");
    check!(client, "GET", "k" => "+QUEUED");
    check!(client, "EXEC" => format!("[{error}, \"v\"]"));
    let log = sessiond.log();
    assert_eq!(log.matches("refused for the number of buckets: NOPERM").count(), 1, "{log}");
    assert_eq!(admin.run(&["ACL", "SETUSER", "keeper", "~rs:buckets"]).to_string(), "+OK");
    eventually("the number is known", || refusal(&mut client).is_none().then_some(()));
    check!(admin, "GET", "rs:buckets" => "\"128\"");
}

#[test]
fn a_number_that_changes_is_noticed() {
    let mut stack = bucketed(128);
    stack.sessiond().expect_troubles();
    let (mut client, mut redis) = (stack.client(), stack.redis.client());
    assert_eq!(refusal(&mut client), None);
    check!(redis, "SET", "rs:buckets", "64" => "+OK");
    let noticed = eventually("the other number is noticed", || refusal(&mut client));
    assert_eq!(
        noticed,
        "UPSTREAM unavailable: sessions are kept in 64 buckets, cluster_buckets is 128"
    );
    check!(redis, "SET", "rs:buckets", "no number" => "+OK");
    eventually("that is none", || {
        let unknown = "UPSTREAM unavailable: the number of buckets is not known yet";
        (refusal(&mut client).as_deref() == Some(unknown)).then_some(())
    });
    // A server that has lost its data is given the number again.
    check!(redis, "FLUSHALL" => "+OK");
    eventually("the number is back", || refusal(&mut client).is_none().then_some(()));
    check!(redis, "GET", "rs:buckets" => "\"128\"");
}
