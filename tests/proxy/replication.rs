//! The stream of a replica through sessiond: `SYNC`, `PSYNC`, and waiting for replicas.

use std::process::{Command, Stdio};

use crate::common::*;

fn fill(client: &mut Client) {
    for number in 0..200 {
        let value = format!("{number}").repeat(number);
        check!(client, "SET", format!("k{number}"), value => "+OK");
    }
}

#[test]
fn redis_cli_fetches_a_dump() {
    each_mode(|stack| {
        fill(&mut stack.client());
        let dir = tempfile::TempDir::new().unwrap();
        let file = dir.path().join("dump.rdb");
        let port = stack.port().to_string();
        let said = run_checked(Command::new("redis-cli").args(["-p", &port, "--rdb"]).arg(&file));
        assert!(said.contains("Transfer finished with success"), "{said}");
        let dump = std::fs::read(&file).unwrap();
        assert!(dump.starts_with(b"REDIS"), "{said}");
        assert!(dump.windows(4).any(|bytes| bytes == b"k199"));
    });
}

#[test]
fn a_real_replica_follows_through_sessiond() {
    each_mode(|stack| {
        let mut client = stack.client();
        fill(&mut client);
        let replica = Redis::start();
        let mut copy = replica.client();
        check!(copy, "REPLICAOF", "127.0.0.1", stack.port() => "+OK");
        eventually("the replica has all", || {
            (cmd!(copy, "DBSIZE").to_string() == "200").then_some(())
        });
        check!(client, "SET", "later", "1" => "+OK");
        // The reply to WAIT says that the replica has acknowledged this client's write.
        eventually("the replica acknowledges", || {
            (cmd!(client, "WAIT", "1", "100").to_string() == "1").then_some(())
        });
        check!(copy, "GET", "later" => "\"1\"");
        let listed = cmd!(client, "CLIENT", "LIST", "TYPE", "replica").text();
        assert_eq!(listed.lines().count(), 1, "{listed}");
        assert!(listed.contains(" flags=S "), "{listed}");
        // Others go on as ever beside it, and what comes later is followed as well.
        for round in 0..50 {
            check!(stack.client(), "SET", "round", round => "+OK");
        }
        check!(stack.client(), "SESSION.ACTIVITY", "app" => "0");
        eventually("the replica has followed", || {
            (cmd!(copy, "GET", "round").to_string() == "\"49\"").then_some(())
        });
        check!(copy, "REPLICAOF", "NO", "ONE" => "+OK");
        eventually("the server has no replica left", || {
            let info = cmd!(stack.redis.client(), "INFO", "replication").text();
            info.contains("connected_slaves:0").then_some(())
        });
    });
}

#[test]
fn waiting_covers_what_this_client_has_written() {
    each_mode(|stack| {
        let replica = Redis::start();
        let mut copy = replica.client();
        let server = stack.redis.port();
        check!(copy, "REPLICAOF", "127.0.0.1", server => "+OK");
        let mut client = stack.client();
        eventually("the replica is there", || {
            (cmd!(client, "WAIT", "1", "100").to_string() == "1").then_some(())
        });
        for round in 0..100 {
            let replies = client.pipeline(&[args!("SET", "k", round), args!("WAIT", "1", "0")]);
            assert_eq!(replies[1].to_string(), "1");
            check!(copy, "GET", "k" => format!("\"{round}\""));
        }
        // A replica that does not acknowledge is not counted, on whatever connection the client wrote.
        let mut asleep = replica.client();
        asleep.write(&["DEBUG", "SLEEP", "1"]);
        let replies =
            client.pipeline(&[args!("SET", "k", "not yet there"), args!("WAIT", "1", "100")]);
        assert_eq!(replies[1].to_string(), "0");
        assert_eq!(asleep.reply().to_string(), "+OK");
        check!(copy, "REPLICAOF", "NO", "ONE" => "+OK");
        check!(client, "SET", "k", "alone" => "+OK");
        check!(client, "WAIT", "1", "50" => "0");
    });
}

#[test]
fn redis_cli_shows_the_stream_of_a_replica() {
    each_mode(|stack| {
        let port = stack.port().to_string();
        let mut cli = Command::new("redis-cli")
            .args(["-p", &port, "--replica"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        eventually("the server has a replica", || {
            let info = cmd!(stack.redis.client(), "INFO", "replication").text();
            info.contains("state=online").then_some(())
        });
        check!(stack.client(), "SET", "streamed", "value" => "+OK");
        let stdout = cli.stdout.take().unwrap();
        let seen = std::io::BufRead::lines(std::io::BufReader::new(stdout))
            .map(|line| line.unwrap())
            .any(|line| line.contains("streamed"));
        assert!(seen);
        cli.kill().unwrap();
        cli.wait().unwrap();
    });
}
