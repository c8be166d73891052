//! One app can be given to a user alone.

use super::bucketed;
use crate::common::*;

#[test]
fn a_user_may_have_one_app() {
    let stack = bucketed(64);
    let (mut admin, mut other) = (stack.redis.client(), stack.client());
    // All the rights that the README names for a user of one app.
    let rights = "+eval +evalsha +hmget +hset +hdel +hincrby +del +publish +sadd +scard +smembers \
        +srandmember +srem +sscan +time +zadd +zcount +zrange +zrangebyscore +zrem +zrevrange \
        +zrevrangebyscore +ping +multi +exec +subscribe";
    let mut rules = vec!["ACL", "SETUSER", "shop", "on", ">p", "~{rs:shop:*", "resetchannels"];
    rules.extend(rights.split_whitespace());
    assert_eq!(admin.run(&rules).to_string(), "+OK");
    let foreign = cmd!(other, "SESSION.CREATE", "shopping", "u", "ip", "TTL", "10").text();
    age(&mut admin, "shopping", &foreign, 1000);
    let living = cmd!(other, "SESSION.CREATE", "shopping", "u", "ip").text();

    let mut client = stack.client();
    check!(client, "AUTH", "shop", "p" => "+OK");
    let tokens: Vec<String> = (0..20)
        .map(|n| cmd!(client, "SESSION.CREATE", "shop", format!("u{n}"), "ip").text())
        .collect();
    let got = cmd!(client, "SESSION.GET", "shop", tokens[0]);
    assert_eq!(got.field("r"), Value::Int(2));
    let set = cmd!(client, "SESSION.SET", "shop", tokens[0], "{\"a\":1}");
    assert_eq!(set.field("w"), Value::Int(2));
    check!(client, "SESSION.ACTIVITY", "shop" => "20");
    assert_eq!(cmd!(client, "SESSION.SOAPP", "shop").items().len(), 20);
    assert_eq!(cmd!(client, "SESSION.SOID", "shop", "u3").items().len(), 1);
    check!(client, "SESSION.KILL", "shop", tokens[0], tokens[1], tokens[2] => "3");
    check!(client, "SESSION.KILLSOID", "shop", "u3" => "1");
    check!(client, "MULTI" => "+OK");
    check!(client, "SESSION.ACTIVITY", "shop" => "+QUEUED");
    check!(client, "SESSION.KILL", "shop", tokens[4], tokens[5] => "+QUEUED");
    check!(client, "EXEC" => "[16, 2]");

    let before = admin.dump();
    for command in [
        // Whatever would tell the tokens of other apps.
        args!("SCAN", "0"),
        args!("KEYS", "*"),
        args!("RANDOMKEY"),
        args!("SUBSCRIBE", "rs:cache"),
        args!("SESSION.CREATE", "shopping", "u", "ip"),
        args!("SESSION.GET", "shopping", living),
        args!("SESSION.SET", "shopping", living, "{\"a\":1}"),
        args!("SESSION.KILL", "shopping", living),
        args!("SESSION.KILL", "shopping", living, tokens[6]),
        args!("SESSION.KILLSOID", "shopping", "u"),
        args!("SESSION.KILLALL", "shopping"),
        args!("SESSION.SOID", "shopping", "u"),
        args!("SESSION.SOAPP", "shopping"),
        args!("SESSION.ACTIVITY", "shopping"),
        // It is about all apps.
        args!("SESSION.WIPE"),
    ] {
        let reply = client.run(&command);
        assert!(reply.is_error(), "{} answered {reply}", args_text(&command));
        assert!(reply.error().starts_with("NOPERM"), "{} answered {reply}", args_text(&command));
        assert_eq!(admin.dump(), before, "{}", args_text(&command));
    }
    check!(client, "SESSION.KILLALL", "shop" => "14");
    check!(other, "SESSION.WIPE" => "1");
    check!(other, "SESSION.KILLALL", "shopping" => "1");
    assert!(admin.dump().is_empty());
}
