//! What belongs to one connection (database, user, name, protocol, id) stays with it and reaches nobody else.

mod connections;
mod databases;
mod users;

use crate::common::*;

/// Creates a user on the server itself.
fn add_user(redis: &Redis, name: &str, rules: &[&str]) {
    let mut command = args!("ACL", "SETUSER", name, "on", format!(">{name}-password"));
    command.extend(rules.iter().map(|rule| rule.to_arg()));
    assert_eq!(redis.client().run(&command).to_string(), "+OK");
}
