//! The session commands by command: replies, keys, errors, rights, messages.

mod create;
mod get;
mod help;
mod in_pipelines;
mod kill;
mod listings;
mod messages;
mod refusals;
mod server_errors;
mod set;
mod wipe;

use serde_json::Value as Json;

use crate::common::*;

/// A token that no session has.
fn nobody() -> String {
    "x".repeat(64)
}

/// `SESSION.CREATE app user ip` with options behind.
fn create(client: &mut Client, app: &str, id: &str, options: &[&str]) -> String {
    let mut command = args!("SESSION.CREATE", app, id, "1.2.3.4");
    command.extend(options.iter().map(|option| option.to_arg()));
    client.run(&command).text()
}

/// One JSON reply, decoded.
fn json_of(reply: &Value) -> Json {
    let Value::Bulk(bytes) = reply else { panic!("JSON comes as a bulk string, got {reply}") };
    serde_json::from_slice(bytes).unwrap()
}
