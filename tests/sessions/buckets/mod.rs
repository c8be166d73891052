//! Session keys in buckets: what is different from the layout of the libraries.

mod agreement;
mod cluster;
mod gathering;
mod keys;
mod rights;
mod steps;

use crate::common::*;

/// A server, and a sessiond that keeps sessions there in so many buckets.
fn bucketed(count: u16) -> Stack {
    Stack::laid_out(Redis::start(), modes()[0], Layout::Buckets(count), &[])
}

/// A new session of `app`; its token.
fn create(client: &mut Client, id: &str, options: &[&str]) -> String {
    let mut command = args!("SESSION.CREATE", "app", id, "ip");
    command.extend(options.iter().map(|option| option.to_arg()));
    client.run(&command).text()
}

/// Sessions of `app` with ids `u0`, `u1` ..., the later ones the longer ago; their tokens.
fn fill(stack: &Stack, client: &mut Client, count: usize) -> Vec<String> {
    let tokens: Vec<_> = (0..count).map(|n| create(client, &format!("u{n}"), &[])).collect();
    let mut redis = stack.redis.client();
    for (place, token) in tokens.iter().enumerate() {
        let (id, back) = (format!("u{place}"), (-10 * place as i64).to_string());
        let named = |last: &str| stack.named("app", &id, last);
        cmd!(redis, "HINCRBY", stack.key("app", token), "la", back);
        cmd!(redis, "ZINCRBY", named("_sessions"), back, format!("{token}:{id}"));
        cmd!(redis, "ZINCRBY", named("_users"), back, id);
        cmd!(redis, "ZINCRBY", named("SESSIONS"), back, format!("app:{token}:{id}"));
    }
    tokens
}

/// The ids of a listing, in its order.
fn ids(listing: &Value) -> Vec<String> {
    listing.items().iter().map(|session| session.field("id").text()).collect()
}
