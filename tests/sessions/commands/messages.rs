//! The messages that tell the libraries of changes and ends.

use super::{create, nobody};
use crate::common::*;

#[test]
fn changes_and_ends_are_published() {
    each_layout(|stack| {
        let mut client = stack.client();
        let mut listener = stack.redis.client();
        check!(listener, "SUBSCRIBE", "rs:cache" => "[\"subscribe\", \"rs:cache\", 1]");
        let mut redis = stack.redis.client();
        let mut heard = |redis: &mut Client| {
            check!(redis, "PUBLISH", "rs:cache", "end" => "1");
            let mut messages = Vec::new();
            loop {
                match listener.reply().items()[2].text() {
                    end if end == "end" => break,
                    message => messages.push(message),
                }
            }
            messages.sort();
            messages
        };
        let [a, b, c, d] =
            ["a", "a", "b", "c:d"].map(|id| create(&mut client, "app", id, &["TTL", "100"]));
        cmd!(client, "SESSION.GET", "app", a);
        cmd!(client, "SESSION.SOAPP", "app");
        cmd!(client, "SESSION.SOID", "app", "a");
        cmd!(client, "SESSION.SET", "app", a, "{}");
        cmd!(client, "SESSION.SET", "app", nobody(), "{\"a\":1}");
        cmd!(client, "SESSION.KILL", "app", nobody());
        cmd!(client, "SESSION.WIPE");
        assert_eq!(heard(&mut redis), Vec::<String>::new());
        cmd!(client, "SESSION.SET", "app", a, "{\"x\":1}");
        assert_eq!(heard(&mut redis), [format!("app:{a}")]);
        cmd!(client, "SESSION.KILL", "app", a);
        assert_eq!(heard(&mut redis), [format!("app:{a}")]);
        cmd!(client, "SESSION.KILLSOID", "app", "a");
        assert_eq!(heard(&mut redis), [format!("app:{b}")]);
        age(&mut redis, "app", &c, 1000);
        cmd!(client, "SESSION.WIPE");
        assert_eq!(heard(&mut redis), [format!("app:{c}")]);
        cmd!(client, "SESSION.KILLALL", "app");
        assert_eq!(heard(&mut redis), [format!("app:{d}")]);
    });
}
