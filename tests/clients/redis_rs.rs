//! The crate `redis`: its blocking connection, and its multiplexed one with pushed messages and a cache.

use std::collections::{BTreeMap, HashMap};

use redis::aio::MultiplexedConnection;
use redis::caching::{CacheConfig, CacheStatistics};
use redis::{
    AsyncConnectionConfig, AsyncTypedCommands, Commands, PushInfo, PushKind, Value as RedisValue,
};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::common::*;

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
            let all: BTreeMap<String, i64> = connection.hgetall("h").unwrap();
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
                let session: HashMap<String, RedisValue> = redis::cmd("SESSION.GET")
                    .arg(&["shop", &token])
                    .query(&mut connection)
                    .unwrap();
                assert_eq!(session["r"], RedisValue::Int(2));
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

/// A multiplexed connection in RESP3, and what is pushed to it.
async fn with_pushes(
    client: &redis::Client,
    config: AsyncConnectionConfig,
) -> (MultiplexedConnection, UnboundedReceiver<PushInfo>) {
    let (sender, pushes) = tokio::sync::mpsc::unbounded_channel();
    let config = config.set_push_sender(sender);
    (client.get_multiplexed_async_connection_with_config(&config).await.unwrap(), pushes)
}

/// Waits for a push of this kind; others are passed over.
async fn pushed(pushes: &mut UnboundedReceiver<PushInfo>, kind: PushKind) -> Vec<RedisValue> {
    loop {
        let push = tokio::time::timeout(PATIENCE, pushes.recv()).await.expect("a push in time");
        let push = push.expect("an open connection");
        if push.kind == kind {
            return push.data;
        }
    }
}

fn text(bytes: &str) -> RedisValue {
    RedisValue::BulkString(bytes.as_bytes().to_vec())
}

#[tokio::main(flavor = "current_thread")]
async fn pushed_messages(stack: &Stack) {
    let client = redis_rs(stack, "?protocol=resp3", 6);
    let (mut subscriber, mut pushes) = with_pushes(&client, AsyncConnectionConfig::new()).await;
    let mut publisher = client.get_multiplexed_async_connection().await.unwrap();
    subscriber.subscribe("news").await.unwrap();
    pushed(&mut pushes, PushKind::Subscribe).await;
    for n in 0..100 {
        assert_eq!(publisher.publish("news", n).await.unwrap(), 1);
        // In RESP3 a subscriber goes on with commands between messages.
        assert_eq!(subscriber.incr("pushed", 1).await.unwrap(), n + 1);
    }
    for n in 0..100 {
        let message = pushed(&mut pushes, PushKind::Message).await;
        assert_eq!(message, [text("news"), text(&n.to_string())]);
    }
    subscriber.unsubscribe("news").await.unwrap();
    assert_eq!(publisher.publish("news", "nobody").await.unwrap(), 0);
}

#[test]
fn redis_rs_pushed_messages() {
    each_mode(|stack| pushed_messages(&stack));
}

#[tokio::main(flavor = "current_thread")]
async fn tracked(stack: &Stack) {
    let client = redis_rs(stack, "?protocol=resp3", 6);
    let mut writer = client.get_multiplexed_async_connection().await.unwrap();
    writer.mset(&[("cached", "1"), ("other", "1")]).await.unwrap();
    let config = AsyncConnectionConfig::new().set_cache_config(CacheConfig::new());
    let (mut reader, mut pushes) = with_pushes(&client, config).await;
    for _ in 0..10 {
        assert_eq!(reader.get("cached").await.unwrap().as_deref(), Some("1"));
        assert_eq!(reader.get("other").await.unwrap().as_deref(), Some("1"));
    }
    let statistics = reader.get_cache_statistics().unwrap();
    assert_eq!(statistics, CacheStatistics { hit: 18, miss: 2, invalidate: 0 });

    for value in ["2", "3"] {
        writer.set("cached", value).await.unwrap();
        let invalid = pushed(&mut pushes, PushKind::Invalidate).await;
        assert_eq!(invalid, [RedisValue::Array(vec![text("cached")])]);
        for key in ["cached", "cached", "other"] {
            let want = if key == "cached" { value } else { "1" };
            assert_eq!(reader.get(key).await.unwrap().as_deref(), Some(want));
        }
    }
    let statistics = reader.get_cache_statistics().unwrap();
    assert_eq!(statistics, CacheStatistics { hit: 22, miss: 4, invalidate: 2 });

    // What the reader changes itself is invalidated too.
    reader.set("other", "2").await.unwrap();
    pushed(&mut pushes, PushKind::Invalidate).await;
    assert_eq!(reader.get("other").await.unwrap().as_deref(), Some("2"));
    writer.del("cached").await.unwrap();
    pushed(&mut pushes, PushKind::Invalidate).await;
    assert_eq!(reader.get("cached").await.unwrap(), None);
}

#[test]
fn redis_rs_tracked() {
    each_mode(|stack| tracked(&stack));
}
