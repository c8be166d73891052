//! Many who log in at once wait for one login, and cost the server a few connections.

use std::time::{Duration, Instant};

use crate::behind::*;
use crate::common::*;

const CLIENTS: usize = 150;
/// What the network adds to every new connection.
const AWAY: Duration = Duration::from_millis(20);

fn stack(mode: &str) -> Behind {
    let redis = Redis::with(&["--requirepass", "wanted"]);
    let stack = Behind::over(redis, mode, &[]);
    let mut redis = stack.redis.client();
    check!(redis, "AUTH", "wanted" => "+OK");
    for user in 0..4 {
        let name = format!("user{user}");
        check!(redis, "ACL", "SETUSER", name, "on", ">secret", "~*", "+@all" => "+OK");
    }
    stack.relay.delay(AWAY);
    stack
}

/// How long `count` clients take to log in and read, all at once.
fn storm(stack: &Behind, user: &str, count: usize) -> Duration {
    let mut clients: Vec<Client> = (0..count).map(|_| stack.client()).collect();
    let begun = Instant::now();
    for client in &mut clients {
        client.send(&piece(&[args!("AUTH", user, "secret"), args!("ACL", "WHOAMI")]));
    }
    for client in &mut clients {
        assert_eq!(client.reply().to_string(), "+OK");
        assert_eq!(client.reply().text(), user);
    }
    begun.elapsed()
}

fn storm_takes_about_as_long_as_one_login(mode: &str, most: usize) {
    let stack = stack(mode);
    let one = (0..3).map(|user| storm(&stack, &format!("user{user}"), 1)).max().unwrap();
    let before = stack.relay.accepted();
    let all = storm(&stack, "user3", CLIENTS);
    let opened = stack.relay.accepted() - before;
    assert!(all < 20 * one, "{mode}: one login took {one:?}, {CLIENTS} took {all:?}");
    assert!(opened < most, "{mode}: {opened} connections for {CLIENTS} logins");
}

#[test]
fn a_login_storm_costs_a_few_connections() {
    storm_takes_about_as_long_as_one_login("shared", 20);
}

/// Each client has a connection of its own here anyway.
#[test]
fn a_login_storm_costs_one_connection_each_in_dedicated_mode() {
    storm_takes_about_as_long_as_one_login("dedicated", CLIENTS + 20);
}

/// The password is right for some and wrong for others: everybody gets the answer that is theirs.
#[test]
fn wrong_passwords_in_a_storm_are_told_from_right_ones() {
    for mode in MODES {
        let stack = stack(mode);
        let mut clients: Vec<Client> = (0..CLIENTS).map(|_| stack.client()).collect();
        for (number, client) in clients.iter_mut().enumerate() {
            let password = if number % 3 == 0 { "wrong" } else { "secret" };
            client.send(&piece(&[args!("AUTH", "user0", password), args!("ACL", "WHOAMI")]));
        }
        for (number, client) in clients.iter_mut().enumerate() {
            let (auth, who) = (client.reply().to_string(), client.reply().to_string());
            if number % 3 == 0 {
                assert!(auth.starts_with("-WRONGPASS"), "{auth}");
                assert!(who.starts_with("-NOAUTH"), "{who}");
            } else {
                assert_eq!((auth.as_str(), who.as_str()), ("+OK", "\"user0\""));
            }
        }
    }
}

/// The client that has logged out has its replies, until it has logged in.
#[test]
fn replies_stay_on_for_who_has_logged_out() {
    each_mode_with(&["--requirepass", "secret"], &[], |mut stack| {
        if !direct() {
            // sessiond itself has no password here, and says so.
            stack.sessiond().expect_troubles();
        }
        for mode in ["OFF", "SKIP"] {
            let mut client = stack.client();
            hurry(&client, 10);
            client.send(&piece(&[
                args!("AUTH", "secret"),
                args!("RESET"),
                args!("CLIENT", "REPLY", mode),
                args!("GET", "k"),
                args!("AUTH", "secret"),
                args!("GET", "k"),
            ]));
            let refused = "-NOAUTH Authentication required.";
            let replies = texts(&replies_or_end(&mut client, 6));
            assert_eq!(replies, ["+OK", "+RESET", refused, refused, "+OK", "$nil"], "{mode}");
        }
    });
}
