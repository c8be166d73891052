//! `CLIENT TRACKING ... REDIRECT` names one of our clients.

use super::list;
use crate::common::*;

#[test]
fn invalidations_are_redirected_to_the_client_that_was_named() {
    each_mode(|stack| {
        let mut listener = stack.client();
        let id = listener.id();
        let mut reader = stack.client();
        check!(reader, "CLIENT", "TRACKING", "ON", "REDIRECT", "999999" =>
            "-ERR The client ID you want redirect to does not exist");
        check!(reader, "CLIENT", "TRACKING", "ON", "REDIRECT", id => "+OK");
        check!(reader, "CLIENT", "GETREDIR" => id.to_string());
        let info = cmd!(reader, "CLIENT", "TRACKINGINFO").to_string();
        assert!(info.contains(&format!("\"redirect\", {id}")), "{info}");
        assert_eq!(list(&mut listener, &[])[&reader.id()]["redir"], id.to_string());
        cmd!(listener, "SUBSCRIBE", "__redis__:invalidate");
        check!(stack.client(), "SET", "k", "1" => "+OK");
        check!(reader, "GET", "k" => "\"1\"");
        check!(stack.client(), "SET", "k", "2" => "+OK");
        let told = listener.reply().to_string();
        assert_eq!(told, "[\"message\", \"__redis__:invalidate\", [\"k\"]]");
        check!(reader, "CLIENT", "TRACKING", "OFF" => "+OK");
        check!(reader, "CLIENT", "GETREDIR" => "-1");
    });
}

/// How many clients have an upstream connection of their own.
fn pinned(stack: &Stack) -> usize {
    let section = cmd!(stack.client(), "INFO", "sessiond").text();
    let line = section.lines().find(|line| line.starts_with("sessiond_pinned_clients:"));
    line.unwrap().split(':').nth(1).unwrap().parse().unwrap()
}

#[test]
fn who_may_not_redirect_moves_nobody() {
    each_mode(|stack| {
        let mut admin = stack.redis.client();
        check!(admin, "ACL", "SETUSER", "joe", "on", ">pw", "-@all" => "+OK");
        let mut target = stack.client();
        let id = target.id();
        let mut joe = stack.client();
        check!(joe, "AUTH", "joe", "pw" => "+OK");
        let refused = cmd!(joe, "CLIENT", "TRACKING", "ON", "REDIRECT", id);
        assert!(refused.error().starts_with("NOPERM "), "{refused}");
        drop(joe);
        if !stack.mode.dedicated() {
            eventually("nobody has a connection of its own", || {
                (pinned(&stack) == 0).then_some(())
            });
        }
        check!(target, "PING" => "+PONG");
    });
}

#[test]
fn a_client_is_free_again_when_nothing_is_redirected_to_it() {
    each_mode(|stack| {
        if stack.mode.dedicated() {
            return;
        }
        let mut target = stack.client();
        let id = target.id();
        let mut reader = stack.client();
        check!(reader, "CLIENT", "TRACKING", "ON", "REDIRECT", id => "+OK");
        assert_eq!(pinned(&stack), 2);
        drop(reader);
        eventually("the target shares a connection again", || (pinned(&stack) == 0).then_some(()));
        check!(target, "PING" => "+PONG");
    });
}

/// Whom a transaction names keeps a connection for as long as it is needed: from the moment when it is queued.
#[test]
fn a_transaction_names_a_client_that_has_no_connection_of_its_own() {
    each_mode(|stack| {
        let (mut listener, mut reader) = (stack.client(), stack.client());
        let id = listener.id();
        for end in ["DISCARD", "EXEC"] {
            check!(reader, "MULTI" => "+OK");
            check!(reader, "CLIENT", "TRACKING", "ON", "REDIRECT", id => "+QUEUED");
            let done = if end == "EXEC" { "[+OK]" } else { "+OK" };
            check!(reader, end => done);
            if end == "DISCARD" && !direct() && !stack.mode.dedicated() {
                eventually("nobody needs a connection", || (pinned(&stack) == 0).then_some(()));
            }
        }
        check!(reader, "CLIENT", "GETREDIR" => id.to_string());
        cmd!(listener, "SUBSCRIBE", "__redis__:invalidate");
        check!(reader, "GET", "k" => "$nil");
        check!(stack.client(), "SET", "k", "1" => "+OK");
        let told = listener.reply().to_string();
        assert_eq!(told, "[\"message\", \"__redis__:invalidate\", [\"k\"]]");
    });
}
