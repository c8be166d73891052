//! A change of state to which the server's word is missing: nothing that follows runs in another state.
use crate::behind::*;
use crate::common::*;
use crate::relay::Fault;

type Commands = Vec<Vec<Vec<u8>>>;

/// A request that changes its connection's state, and what its client has sent behind it.
struct Case {
    /// What the client does before, all of it answered.
    before: Commands,
    /// The request.
    change: Vec<Vec<u8>>,
    /// What follows in the same piece, before any reply is read.
    behind: Commands,
    /// What the client goes on with after these replies.
    later: Commands,
    /// A database, and keys in it that nothing may have written.
    untouched: (usize, &'static [&'static str]),
}

const FAULTS: [Fault; 3] = [Fault::Unseen, Fault::Unanswered, Fault::LostAndRefused];

/// Has the change's connection break in every way and in both modes, and the change refused where it needs a new one.
fn nothing_follows(case: &Case) {
    let mut wrong = Vec::new();
    for mode in MODES {
        for fault in FAULTS {
            wrong.extend(attempt(mode, &format!("{fault:?}"), case, |stack| {
                stack.relay.trap(&name_on_the_wire(&case.change), fault);
            }));
        }
    }
    wrong.extend(attempt("shared", "Refuse", case, |stack| stack.relay.refuse(true)));
    assert!(wrong.is_empty(), "behind {}: {wrong:#?}", args_text(&case.change));
}

fn name_on_the_wire(change: &[Vec<u8>]) -> Vec<u8> {
    let mut name = b"\r\n".to_vec();
    name.extend_from_slice(&change[0]);
    name.extend_from_slice(b"\r\n");
    name
}

/// Says what was answered and written, if it is not what may be.
fn attempt(mode: &str, how: &str, case: &Case, spoil: impl Fn(&Behind)) -> Option<String> {
    let stack = Behind::start(mode, &[]);
    let mut redis = stack.redis.client();
    check!(redis, "ACL", "SETUSER", "bob", "on", ">secret", "~bob:*", "&*", "+@all" => "+OK");
    check!(redis, "SET", "kept", "here" => "+OK");
    let mut client = stack.client();
    check!(client, "GET", "kept" => "\"here\"");
    for command in &case.before {
        let reply = client.run(command);
        assert!(!reply.is_error(), "{}: {reply}", args_text(command));
    }
    spoil(&stack);
    let mut together = vec![case.change.clone()];
    together.extend(case.behind.iter().cloned());
    client.send(&piece(&together));
    let mut replies = replies_or_end(&mut client, together.len());
    let closed = replies.len() < together.len();
    stack.relay.refuse(false);
    for command in &case.later {
        if closed || client.try_send(&encode(command)).is_err() {
            break;
        }
        replies.extend(reply_or_end(&mut client));
    }
    let mut written = Vec::new();
    if cmd!(redis, "GET", "kept").to_string() != "\"here\"" {
        written.push("kept");
    }
    let (database, keys) = case.untouched;
    check!(redis, "SELECT", database => "+OK");
    written.extend(keys.iter().filter(|key| cmd!(redis, "EXISTS", key).int() > 0));
    let changed = replies.first().is_some_and(|reply| !reply.is_error());
    let right = written.is_empty() && (changed || replies.iter().all(allowed));
    (!right).then(|| format!("{mode}, {how}: {:?}, written: {written:?}", texts(&replies)))
}

/// Behind a lost WATCH a transaction may be opened and filled, but not executed: that is null, or an error.
fn allowed(reply: &Value) -> bool {
    is_lost(reply) || matches!(reply.to_string().as_str(), "+OK" | "+QUEUED" | "*nil")
}

#[test]
fn behind_a_lost_multi_nothing_runs_by_itself() {
    nothing_follows(&Case {
        before: vec![],
        change: args!("MULTI"),
        behind: vec![args!("SET", "part", "1"), args!("LPUSH", "parts", "1")],
        later: vec![args!("EXEC")],
        untouched: (0, &["part", "parts"]),
    });
}

#[test]
fn behind_a_lost_watch_no_transaction_is_executed() {
    nothing_follows(&Case {
        before: vec![],
        change: args!("WATCH", "guarded"),
        behind: vec![args!("MULTI"), args!("SET", "part", "1")],
        later: vec![args!("EXEC")],
        untouched: (0, &["part"]),
    });
}

#[test]
fn behind_a_lost_watch_no_whole_transaction_is_executed() {
    nothing_follows(&Case {
        before: vec![],
        change: args!("WATCH", "guarded"),
        behind: vec![args!("MULTI"), args!("SET", "part", "1"), args!("EXEC")],
        later: vec![],
        untouched: (0, &["part"]),
    });
}

#[test]
fn behind_a_lost_select_the_old_database_is_left_alone() {
    nothing_follows(&Case {
        before: vec![],
        change: args!("SELECT", "5"),
        behind: vec![args!("FLUSHDB"), args!("SET", "part", "1")],
        later: vec![],
        untouched: (0, &["part"]),
    });
}

#[test]
fn behind_a_lost_auth_nothing_runs_as_the_user_before() {
    nothing_follows(&Case {
        before: vec![],
        change: args!("AUTH", "bob", "secret"),
        behind: vec![args!("SET", "part", "1"), args!("DEL", "kept")],
        later: vec![],
        untouched: (0, &["part"]),
    });
}

#[test]
fn behind_a_lost_hello_nothing_runs_as_the_user_before() {
    nothing_follows(&Case {
        before: vec![],
        change: args!("HELLO", "3", "AUTH", "bob", "secret"),
        behind: vec![args!("SET", "part", "1")],
        later: vec![],
        untouched: (0, &["part"]),
    });
}

#[test]
fn behind_a_lost_hello_nothing_is_answered_in_the_old_protocol() {
    nothing_follows(&Case {
        before: vec![args!("HSET", "hash", "field", "value")],
        change: args!("HELLO", "3"),
        behind: vec![args!("HGETALL", "hash"), args!("GET", "nothing")],
        later: vec![],
        untouched: (0, &[]),
    });
}

#[test]
fn behind_a_lost_reset_nothing_runs_in_the_state_before() {
    nothing_follows(&Case {
        before: vec![args!("SELECT", "5")],
        change: args!("RESET"),
        behind: vec![args!("SET", "part", "1")],
        later: vec![],
        untouched: (5, &["part"]),
    });
}

#[test]
fn behind_a_reset_lost_in_a_transaction_nothing_is_executed() {
    nothing_follows(&Case {
        before: vec![args!("MULTI"), args!("SET", "part", "1")],
        change: args!("RESET"),
        behind: vec![args!("EXEC")],
        later: vec![],
        untouched: (0, &["part"]),
    });
}
