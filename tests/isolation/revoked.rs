//! What an administrator takes away through sessiond is gone for the next client, at once.

use crate::common::*;

fn admin(stack: &Stack) -> Client {
    let mut admin = stack.client();
    check!(admin, "ACL", "SETUSER", "root", "on", ">root", "~*", "&*", "+@all" => "+OK");
    check!(admin, "ACL", "SETUSER", "bob", "on", ">secret", "~*", "+@all" => "+OK");
    check!(admin, "AUTH", "root", "root" => "+OK");
    admin
}

/// Logs in as bob on a new connection, in both ways.
fn attempts(stack: &Stack, password: &str) -> Vec<String> {
    let (mut auth, mut hello) = (stack.client(), stack.client());
    vec![
        cmd!(auth, "AUTH", "bob", password).to_string(),
        cmd!(hello, "HELLO", "2", "AUTH", "bob", password).to_string(),
    ]
}

/// Bob's connections are warm; then something is done, and bob is refused.
fn refused_after(command: &[Vec<u8>]) {
    each_mode(|stack| {
        let mut admin = admin(&stack);
        for _ in 0..3 {
            let mut bob = stack.client();
            check!(bob, "AUTH", "bob", "secret" => "+OK");
            check!(bob, "GET", "k" => "$nil");
        }
        let reply = admin.run(command);
        assert!(!reply.is_error(), "{reply}");
        for answer in attempts(&stack, "secret") {
            assert!(answer.starts_with("-WRONGPASS"), "{}: {answer}", args_text(command));
        }
    });
}

#[test]
fn a_user_switched_off_cannot_log_in() {
    refused_after(&args!("ACL", "SETUSER", "bob", "off"));
}

#[test]
fn a_password_taken_away_is_refused() {
    refused_after(&args!("ACL", "SETUSER", "bob", "resetpass"));
}

#[test]
fn a_password_replaced_is_refused() {
    refused_after(&args!("ACL", "SETUSER", "bob", "resetpass", ">other"));
}

#[test]
fn a_deleted_user_cannot_log_in() {
    refused_after(&args!("ACL", "DELUSER", "bob"));
}

#[test]
fn a_password_wanted_from_now_on_is_wanted_of_the_next_client() {
    each_mode(|stack| {
        let mut admin = admin(&stack);
        // Others share a connection on which no password was wanted.
        let mut early = stack.client();
        check!(early, "SET", "k", "v" => "+OK");
        check!(admin, "CONFIG", "SET", "requirepass", "wanted" => "+OK");
        let mut late = stack.client();
        let reply = cmd!(late, "GET", "k").to_string();
        assert!(reply.starts_with("-NOAUTH"), "{reply}");
        check!(late, "AUTH", "wanted" => "+OK");
        check!(late, "GET", "k" => "\"v\"");
        check!(early, "GET", "k" => "\"v\"");
    });
}

#[test]
fn the_default_user_switched_off_is_off_for_the_next_client() {
    each_mode(|stack| {
        let mut admin = admin(&stack);
        let mut early = stack.client();
        check!(early, "SET", "k", "v" => "+OK");
        check!(admin, "ACL", "SETUSER", "default", "off" => "+OK");
        let mut late = stack.client();
        let reply = cmd!(late, "GET", "k").to_string();
        assert!(reply.starts_with("-NOAUTH"), "{reply}");
        check!(late, "AUTH", "bob", "secret" => "+OK");
        check!(late, "GET", "k" => "\"v\"");
    });
}
