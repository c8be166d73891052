//! What a router in front of a cluster goes by, held against real servers.
#![cfg(test)] // So clippy.toml allows in every function what it allows in a test.

#[path = "../common/mod.rs"]
mod common;

mod answers;
mod keys;
mod parts;

use common::{Redis, cmd, words};
use sessiond::{
    command::specs::Specs,
    resp::{Request, RequestScanner},
};

fn with_request<T>(text: &str, look: impl FnOnce(&Request<'_>) -> T) -> T {
    let bytes = common::encode(&words(text));
    let mut scanner = RequestScanner::new();
    scanner.scan(&bytes, true).unwrap();
    look(&scanner.request(&bytes))
}

/// What the server says of its commands, in both protocols.
fn specs(redis: &Redis) -> [Specs; 2] {
    ["2", "3"].map(|protocol| {
        let mut client = redis.client();
        cmd!(client, "HELLO", protocol);
        client.write(&words("COMMAND"));
        Specs::read(&client.raw_reply()).unwrap()
    })
}
