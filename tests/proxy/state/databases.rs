//! The selected database stays with its connection.

use crate::common::*;

#[test]
fn select_in_the_middle_of_a_pipeline() {
    each_mode(|stack| {
        let mut client = stack.client();
        let replies = client.pipeline(&[
            args!("SET", "k", "0"),
            args!("SELECT", "1"),
            args!("GET", "k"),
            args!("SET", "k", "1"),
            args!("SELECT", "99"),
            args!("GET", "k"),
            args!("SELECT", "2"),
            args!("SELECT", "0"),
            args!("GET", "k"),
            args!("SELECT", "x"),
            args!("SELECT"),
            args!("SELECT", "1"),
            args!("GET", "k"),
        ]);
        let shown: Vec<String> = replies.iter().map(Value::to_string).collect();
        let want = [
            "+OK",
            "+OK",
            "$nil",
            "+OK",
            "-ERR DB index is out of range",
            "\"1\"",
            "+OK",
            "+OK",
            "\"0\"",
            "-ERR value is not an integer or out of range",
            "-ERR wrong number of arguments for 'select' command",
            "+OK",
            "\"1\"",
        ];
        assert_eq!(shown, want);
    });
}

#[test]
fn databases_hold_their_own_sessions() {
    each_mode(|stack| {
        let (mut zero, mut nine) = (stack.client(), stack.client());
        check!(nine, "SELECT", "9" => "+OK");
        let token = cmd!(nine, "SESSION.CREATE", "app", "user", "ip").text();
        check!(zero, "SESSION.GET", "app", token => "$nil");
        check!(zero, "SESSION.KILL", "app", token => "0");
        check!(zero, "SESSION.KILLALL", "app" => "0");
        check!(zero, "DBSIZE" => "0");
        check!(nine, "SESSION.ACTIVITY", "app" => "1");
        check!(nine, "SESSION.KILLALL", "app" => "1");
        check!(nine, "DBSIZE" => "0");
    });
}

#[test]
fn a_user_stays_in_a_database_that_it_may_not_select() {
    each_mode(|stack| {
        let mut admin = stack.redis.client();
        check!(admin, "ACL", "SETUSER", "reader", "on", ">pw", "~*", "+get", "+watch", "+unwatch" => "+OK");
        check!(admin, "SELECT", "9" => "+OK");
        check!(admin, "SET", "k", "in 9" => "+OK");
        let mut client = stack.client();
        check!(client, "SELECT", "9" => "+OK");
        check!(client, "AUTH", "reader", "pw" => "+OK");
        for _ in 0..3 {
            check!(client, "GET", "k" => "\"in 9\"");
            check!(client, "WATCH", "k" => "+OK");
            check!(client, "UNWATCH" => "+OK");
        }
        assert!(cmd!(client, "SELECT", "1").error().starts_with("NOPERM "));
        check!(client, "GET", "k" => "\"in 9\"");
    });
}
