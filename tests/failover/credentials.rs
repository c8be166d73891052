//! Who is told which password: the servers that of the URL, the Sentinels theirs, and the log none.

use crate::common::*;
use crate::front::*;

const NODE: &str = "node-secret";
const WATCH: &str = "watch-secret";

fn plan(user: Option<&'static str>, sentinel_user: Option<&'static str>) -> Plan {
    let login = Some(Login { user, password: NODE });
    let sentinel_login = Some(Login { user: sentinel_user, password: WATCH });
    Plan { login, sentinel_login, ..Plan::PLAIN }
}

fn assert_silent(sessiond: &Sessiond) {
    let log = sessiond.log();
    assert!(!log.contains(NODE) && !log.contains(WATCH), "a password in the log:\n{log}");
}

/// What clients of a server with a password have to do themselves.
fn logged_in(sessiond: &Sessiond, user: &str) -> Client {
    let mut client = sessiond.client();
    check!(client, "AUTH", user, NODE => "+OK");
    client
}

fn everybody_is_told_the_right_one(plan: Plan) {
    let group = Group::with(plan);
    let user = plan.login.unwrap().user.unwrap_or("default");
    let mut options = vec!["--sentinel-password", WATCH, "--log-level", "debug"];
    options.extend(PATIENT);
    if let Some(user) = plan.sentinel_login.unwrap().user {
        options.extend(["--sentinel-user", user]);
    }
    let fronts = fronts(&group.url(), &options);
    let mut clients: Vec<Client> =
        fronts.iter().map(|sessiond| logged_in(sessiond, user)).collect();
    clients.iter_mut().for_each(|client| check!(client, "SET", "k", "v" => "+OK"));
    let new = group.fail_over();
    for (client, sessiond) in clients.iter_mut().zip(&fronts) {
        eventually("sessiond has gone over to the new primary", || {
            let served = serving(&mut logged_in(sessiond, user));
            (served == Ok(group.nodes[new].port())).then_some(())
        });
        check!(client, "SET", "k", "w" => "+OK");
        check!(client, "ACL", "WHOAMI" => format!("\"{user}\""));
        assert_silent(sessiond);
    }
}

#[test]
fn users_and_passwords_go_where_they_belong() {
    everybody_is_told_the_right_one(plan(Some("app"), Some("watcher")));
}

#[test]
fn passwords_alone_go_where_they_belong() {
    everybody_is_told_the_right_one(plan(None, None));
}

#[test]
fn a_sentinel_never_hears_the_password_of_the_servers() {
    let redis = Redis::with(&["--requirepass", NODE]);
    for password in [None, Some(WATCH)] {
        let fake = FakeSentinel::start(Says::Names(redis.port()));
        let url = fake.url().replace("://", &format!("://:{NODE}@"));
        let mut options = PATIENT.to_vec();
        options.extend(password.iter().flat_map(|password| ["--sentinel-password", password]));
        let sessiond = front(modes()[0], &url, &options);
        let mut client = logged_in(&sessiond, "default");
        check!(client, "SET", "k", "v" => "+OK");
        let heard: Vec<String> = fake.heard().concat();
        assert!(!heard.iter().any(|word| word == NODE), "{heard:?}");
        assert_eq!(heard.iter().any(|word| word == WATCH), password.is_some(), "{heard:?}");
    }
}

/// What a client is told, and what the log says, when something is wrong with a password.
fn told(group: &Group, url: &str, options: &[&str]) -> (String, String) {
    let options = [&["--hold", "0"], options].concat();
    let mut sessiond = front(modes()[0], url, &options);
    let mut client = sessiond.client();
    let told = eventually("an error", || {
        let reply = cmd!(client, "AUTH", "default", NODE);
        reply.is_error().then(|| reply.error().to_owned())
    });
    assert!(told.starts_with(UNAVAILABLE), "{told}");
    let trouble = eventually("a warning", || {
        let log = sessiond.log();
        let trouble = |line: &&str| line.contains("WARN") || line.contains("ERROR");
        let lines: Vec<&str> = log.lines().filter(trouble).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    });
    assert_silent(&sessiond);
    sessiond.kill();
    assert_silent(&sessiond);
    for secret in [NODE, WATCH, "wrong-word"] {
        assert!(!told.contains(secret) && !sessiond.log().contains(secret), "{told}");
    }
    // The group is as well as before.
    assert_eq!(group.primary(), 0);
    (told, trouble)
}

/// The words in which servers refuse somebody.
fn is_refusal(text: &str) -> bool {
    ["NOAUTH", "WRONGPASS"].iter().any(|word| text.contains(word))
}

#[test]
fn a_wrong_or_missing_word_for_the_sentinels_is_said_clearly() {
    let group = Group::with(plan(None, None));
    for options in [&["--sentinel-password", "wrong-word"][..], &[]] {
        let (told, trouble) = told(&group, &group.url(), options);
        assert!(is_refusal(&told) || is_refusal(&trouble), "{told}\n{trouble}");
        assert!(told.to_lowercase().contains("sentinel"), "{told}");
    }
}

#[test]
fn a_wrong_word_for_the_servers_is_said_clearly() {
    let group = Group::with(plan(None, None));
    let url = group.url().replace(NODE, "wrong-word");
    let (told, trouble) = told(&group, &url, &["--sentinel-password", WATCH]);
    assert!(is_refusal(&told) || is_refusal(&trouble), "{told}\n{trouble}");
}

#[test]
fn without_a_word_for_the_servers_clients_bring_their_own() {
    let group = Group::with(plan(None, None));
    let url = group.url().replace(&format!(":{NODE}@"), "");
    let fronts = fronts(&url, &[&PATIENT[..], &["--sentinel-password", WATCH]].concat());
    for sessiond in &fronts {
        assert!(cmd!(sessiond.client(), "GET", "k").error().starts_with("NOAUTH"));
        check!(logged_in(sessiond, "default"), "SET", "k", "v" => "+OK");
    }
    let new = group.fail_over();
    for sessiond in &fronts {
        eventually("sessiond has gone over to the new primary", || {
            let mut client = sessiond.client();
            let reply = cmd!(client, "AUTH", "default", NODE).to_string();
            (reply == "+OK" && serving(&mut client) == Ok(group.nodes[new].port())).then_some(())
        });
        assert!(cmd!(sessiond.client(), "GET", "k").error().starts_with("NOAUTH"));
    }
}
