//! Client libraries of several languages, redis-cli and redis-benchmark work through sessiond as on Redis.
#![allow(clippy::unwrap_used, reason = "a step that fails is a failed test")]
#![allow(clippy::useless_vec, reason = "a command has one type wherever it is used")]

mod common;

use std::process::Command;

use common::*;
use fred::clients::{Client as FredClient, Pool};
use fred::interfaces::{
    ClientLike, EventInterface, HashesInterface, KeysInterface, ListInterface, LuaInterface,
    PubsubInterface, TransactionInterface,
};
use fred::types::Builder;
use fred::types::config::Config;
use redis::{AsyncTypedCommands, Commands};

/// Runs a program of another language with the port as its argument.
fn program(command: &mut Command, stack: &Stack) {
    command.arg(stack.port().to_string());
    if direct() {
        command.arg("direct");
    }
    run_checked(command);
}

#[test]
fn redis_py() {
    each_mode(|stack| {
        let script = node_dir().with_file_name("python").join("features.py");
        program(Command::new(python()).arg(script), &stack);
    });
}

#[test]
fn ioredis() {
    each_mode(|stack| program(Command::new("node").arg(node_dir().join("ioredis.js")), &stack));
}

#[test]
fn node_redis() {
    each_mode(|stack| program(Command::new("node").arg(node_dir().join("node-redis.js")), &stack));
}

fn redis_rs(stack: &Stack, protocol: &str, db: u8) -> redis::Client {
    let port = stack.port();
    redis::Client::open(format!("redis://127.0.0.1:{port}/{db}{protocol}")).unwrap()
}

#[test]
fn redis_rs_blocking_api() {
    each_mode(|stack| {
        for protocol in ["", "?protocol=resp3"] {
            let client = redis_rs(&stack, protocol, 4);
            let mut connection = client.get_connection().unwrap();
            let _: () = redis::cmd("FLUSHDB").query(&mut connection).unwrap();
            let _: () = connection.set("k", "v").unwrap();
            assert_eq!(connection.get::<_, String>("k").unwrap(), "v");
            assert_eq!(connection.get::<_, Option<String>>("missing").unwrap(), None);
            let _: () = connection.hset_multiple("h", &[("a", 1), ("b", 2)]).unwrap();
            let all: std::collections::BTreeMap<String, i64> = connection.hgetall("h").unwrap();
            assert_eq!(all.into_values().sum::<i64>(), 3);

            let mut pipe = redis::pipe();
            for _ in 0..1000 {
                pipe.incr("n", 1);
            }
            let counted: Vec<i64> = pipe.query(&mut connection).unwrap();
            assert_eq!(counted, (1..=1000).collect::<Vec<i64>>());
            let atomic: (String, i64) =
                redis::pipe().atomic().set("t", 1).incr("t", 1).query(&mut connection).unwrap();
            assert_eq!(atomic, ("OK".to_owned(), 2));
            let retried: (i64,) =
                redis::transaction(&mut connection, &["t"], |connection, pipe| {
                    let value: i64 = connection.get("t")?;
                    pipe.set("t", value + 1).ignore().incr("t", 1).query(connection)
                })
                .unwrap();
            assert_eq!(retried, (4,));

            let script = redis::Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])");
            let sum: i64 = script.key("sum").arg(5).invoke(&mut connection).unwrap();
            assert_eq!(sum, 5);
            let _: () = redis::cmd("SCRIPT").arg("FLUSH").query(&mut connection).unwrap();
            let sum: i64 = script.key("sum").arg(6).invoke(&mut connection).unwrap();
            assert_eq!(sum, 11);

            let _: () = connection.rpush("queue", "job").unwrap();
            let popped: (String, String) = connection.blpop("queue", 20.0).unwrap();
            assert_eq!(popped, ("queue".to_owned(), "job".to_owned()));
            let nothing: Option<(String, String)> = connection.blpop("queue", 0.01).unwrap();
            assert_eq!(nothing, None);
            let keys: Vec<String> = connection.scan().unwrap().map(Result::unwrap).collect();
            assert!(keys.len() >= 5, "{keys:?}");

            let mut listener = client.get_connection().unwrap();
            let mut pubsub = listener.as_pubsub();
            pubsub.subscribe("news").unwrap();
            pubsub.psubscribe("n*").unwrap();
            let heard: i64 = connection.publish("news", "hello").unwrap();
            assert_eq!(heard, 2);
            for _ in 0..2 {
                assert_eq!(pubsub.get_message().unwrap().get_payload::<String>().unwrap(), "hello");
            }
            drop(pubsub);
            assert_eq!(listener.get::<_, String>("k").unwrap(), "v");

            if !direct() {
                let token: String = redis::cmd("SESSION.CREATE")
                    .arg(&["shop", "user", "::1"])
                    .query(&mut connection)
                    .unwrap();
                let session: std::collections::HashMap<String, redis::Value> =
                    redis::cmd("SESSION.GET")
                        .arg(&["shop", &token])
                        .query(&mut connection)
                        .unwrap();
                assert_eq!(session["r"], redis::Value::Int(2));
            }
        }
    });
}

#[tokio::main(flavor = "current_thread")]
async fn redis_rs_async(stack: &Stack, protocol: &str) {
    let client = redis_rs(stack, protocol, 6);
    let shared = client.get_multiplexed_async_connection().await.unwrap();
    let tasks: Vec<_> = (0..200)
        .map(|n| {
            let mut connection = shared.clone();
            tokio::spawn(async move {
                connection.set(format!("a{n}"), n).await.unwrap();
                connection.get(format!("a{n}")).await.unwrap()
            })
        })
        .collect();
    for (n, task) in tasks.into_iter().enumerate() {
        assert_eq!(task.await.unwrap(), Some(n.to_string()));
    }
    let mut manager = client.get_connection_manager().await.unwrap();
    assert_eq!(manager.incr(format!("m{protocol}"), 1).await.unwrap(), 1);
}

#[test]
fn redis_rs_async_api() {
    each_mode(|stack| {
        redis_rs_async(&stack, "");
        redis_rs_async(&stack, "?protocol=resp3");
    });
}

#[tokio::main(flavor = "current_thread")]
async fn fred_features(stack: &Stack, version: fred::types::RespVersion) {
    let url = format!("redis://127.0.0.1:{}/8", stack.port());
    let mut config = Config::from_url(&url).unwrap();
    config.version = version;
    let client: FredClient = Builder::from_config(config.clone()).build().unwrap();
    client.init().await.unwrap();
    client.del::<(), _>(vec!["k", "n", "h", "t", "queue", "sum"]).await.unwrap();
    client.set::<(), _, _>("k", "v", None, None, false).await.unwrap();
    assert_eq!(client.get::<String, _>("k").await.unwrap(), "v");
    client.hset::<(), _, _>("h", [("a", 1), ("b", 2)]).await.unwrap();
    let all: std::collections::BTreeMap<String, i64> = client.hgetall("h").await.unwrap();
    assert_eq!(all.len(), 2);

    let pipeline = client.pipeline();
    for _ in 0..500 {
        pipeline.incr::<(), _>("n").await.unwrap();
    }
    let counted: Vec<i64> = pipeline.all().await.unwrap();
    assert_eq!(counted, (1..=500).collect::<Vec<i64>>());
    let transaction = client.multi();
    transaction.set::<(), _, _>("t", 1, None, None, false).await.unwrap();
    transaction.incr::<(), _>("t").await.unwrap();
    let done: (String, i64) = transaction.exec(true).await.unwrap();
    assert_eq!(done, ("OK".to_owned(), 2));

    let script = "return redis.call('INCRBY', KEYS[1], ARGV[1])";
    let sha: String = client.script_load(script).await.unwrap();
    assert_eq!(client.evalsha::<i64, _, _, _>(sha, "sum", 5).await.unwrap(), 5);
    assert_eq!(client.eval::<i64, _, _, _>(script, "sum", 6).await.unwrap(), 11);

    let subscriber: FredClient = Builder::from_config(config.clone()).build().unwrap();
    subscriber.init().await.unwrap();
    let mut messages = subscriber.message_rx();
    subscriber.subscribe("news").await.unwrap();
    // fred's `subscribe` is done when the command is written, so a message may come too early for it.
    while client.publish::<i64, _, _>("news", "hello").await.unwrap() == 0 {
        tokio::task::yield_now().await;
    }
    let message = tokio::time::timeout(PATIENCE, messages.recv()).await.expect("a message");
    assert_eq!(message.unwrap().value.as_str().unwrap(), "hello");
    subscriber.unsubscribe("news").await.unwrap();

    let pool: Pool = Builder::from_config(config).build_pool(3).unwrap();
    pool.init().await.unwrap();
    let waiting = tokio::spawn({
        let waiter = subscriber.clone();
        async move { waiter.blpop::<(String, String), _>("queue", 20.0).await }
    });
    pool.next().rpush::<(), _, _>("queue", "job").await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), ("queue".to_owned(), "job".to_owned()));
    pool.quit().await.unwrap();
    subscriber.quit().await.unwrap();
    client.quit().await.unwrap();
}

#[test]
fn fred_with_resp2_and_resp3() {
    each_mode(|stack| {
        fred_features(&stack, fred::types::RespVersion::RESP2);
        fred_features(&stack, fred::types::RespVersion::RESP3);
    });
}

#[test]
fn redis_benchmark_runs_without_an_error() {
    const TESTS: &str = "get,set,incr,lpush,rpop,sadd,hset,spop,zadd,zpopmin,lrange,mset";
    each_mode(|stack| {
        for options in [&["-P", "1"][..], &["-P", "16"], &["--threads", "2", "-c", "200"]] {
            let port = stack.port().to_string();
            let output = run_checked(
                Command::new("redis-benchmark")
                    .args(["-p", &port, "-t", TESTS, "-n", "2000", "-q"])
                    .args(options),
            );
            let lower = output.to_lowercase();
            assert!(
                !lower.contains("error") && !lower.contains("warning"),
                "{options:?}: {output}"
            );
            for name in ["GET", "SET", "INCR", "LRANGE_600", "MSET (10 keys)", "ZPOPMIN"] {
                assert!(output.contains(name), "{options:?}: no {name} in {output}");
            }
        }
    });
}

#[test]
fn redis_cli_with_piped_commands() {
    each_mode(|stack| {
        let input = "SET a \"x y\"\nGET a\nMULTI\nINCR n\nLPUSH l 1 2\nEXEC\nEVAL \"return {1,{2}}\" 0\nNOSUCH\nSELECT 3\nDBSIZE\n";
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), input).unwrap();
        let port = stack.port().to_string();
        let run = |port: &str, options: &[&str]| {
            let output = Command::new("redis-cli")
                .args(["-p", port])
                .args(options)
                .stdin(std::fs::File::open(file.path()).unwrap())
                .output()
                .expect("redis-cli is needed: `make test-setup` installs it");
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        let plain = Redis::start();
        for options in [&[][..], &["-3"], &["--no-raw"], &["-3", "--json"]] {
            check!(stack.client(), "FLUSHALL" => "+OK");
            check!(plain.client(), "FLUSHALL" => "+OK");
            let want = run(&plain.port().to_string(), options);
            assert_eq!(run(&port, options), want, "redis-cli {options:?}");
        }
        let rdb = tempfile::NamedTempFile::new().unwrap();
        let dumped =
            run_checked(Command::new("redis-cli").args(["-p", &port, "--rdb"]).arg(rdb.path()));
        assert!(std::fs::metadata(rdb.path()).unwrap().len() > 50, "{dumped}");
    });
}
