//! fred in RESP2 and RESP3: commands, pipelines, transactions, scripts, subscriptions and a pool.

use fred::clients::{Client as FredClient, Pool};
use fred::interfaces::{
    ClientLike, EventInterface, HashesInterface, KeysInterface, ListInterface, LuaInterface,
    PubsubInterface, TransactionInterface,
};
use fred::types::Builder;
use fred::types::config::Config;

use crate::common::*;

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
