//! Whole transactions in one write: they run where any other request does, with Redis' replies.

use crate::common::*;

fn shown(replies: &[Value]) -> Vec<String> {
    replies.iter().map(Value::to_string).collect()
}

/// How often the server has accepted a connection, the asking ones included.
fn accepted(redis: &mut Client) -> u64 {
    let info = cmd!(redis, "INFO", "stats").text();
    let line = info.lines().find(|line| line.starts_with("total_connections_received:")).unwrap();
    line.split(':').nth(1).unwrap().trim().parse().unwrap()
}

#[test]
fn a_whole_transaction_takes_no_connection_of_its_own() {
    each_mode(|stack| {
        let mut admin = stack.redis.client();
        let mut clients: Vec<Client> = (0..10).map(|_| stack.client()).collect();
        for client in &mut clients {
            check!(client, "PING" => "+PONG");
        }
        let before = accepted(&mut admin);
        for round in 0..20 {
            for client in &mut clients {
                let replies = client.pipeline(&[
                    args!("INCR", "plain"),
                    args!("MULTI"),
                    args!("SET", "k", round),
                    args!("GET", "k"),
                    args!("EXEC"),
                    args!("MULTI"),
                    args!("CLIENT", "ID"),
                    args!("SESSION.ACTIVITY", "app"),
                    args!("EXEC"),
                    args!("ECHO", "behind"),
                ]);
                let shown = shown(&replies);
                assert_eq!(shown[4], format!("[+OK, \"{round}\"]"));
                assert_eq!(shown[8], format!("[{}, 0]", client.id()));
                assert_eq!(shown[9], "\"behind\"");
            }
        }
        // sessiond's own look at the server's health may come in between.
        let more = accepted(&mut admin) - before;
        assert!(more < 5, "{more} connections were opened");
    });
}

#[test]
fn errors_in_a_whole_transaction_are_those_of_redis() {
    each_mode(|stack| {
        let mut client = stack.client();
        let abort = "-EXECABORT Transaction discarded because of previous errors.";
        let arity = "-ERR wrong number of arguments for 'get' command";
        let replies = client.pipeline(&[
            args!("MULTI"),
            args!("SET", "k", "1"),
            args!("GET"),
            args!("EXEC"),
            args!("GET", "k"),
        ]);
        assert_eq!(shown(&replies), ["+OK", "+QUEUED", arity, abort, "$nil"]);
        let arity = "-ERR wrong number of arguments for 'session.get' command";
        let replies = client.pipeline(&[
            args!("MULTI"),
            args!("SET", "k", "1"),
            args!("SESSION.GET", "app"),
            args!("EXEC"),
            args!("GET", "k"),
        ]);
        assert_eq!(shown(&replies), ["+OK", "+QUEUED", arity, abort, "$nil"]);
        let replies = client.pipeline(&[
            args!("MULTI"),
            args!("LPUSH", "list", "x"),
            args!("INCR", "list"),
            args!("SESSION.GET", "a!", "x"),
            args!("EXEC"),
        ]);
        let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value";
        let format = "-INVALIDFORMAT Invalid app format";
        let exec = format!("[1, {wrong}, {format}]");
        assert_eq!(shown(&replies), ["+OK", "+QUEUED", "+QUEUED", "+QUEUED", &exec]);
    });
}

#[test]
fn a_refused_multi_or_exec_leaves_nothing_behind_for_others() {
    each_mode(|stack| {
        let mut admin = stack.redis.client();
        for (user, right) in [("nomulti", "-multi"), ("noexec", "-exec")] {
            check!(admin, "ACL", "SETUSER", user, "on", ">pw", "~*", "&*", "+@all", right => "+OK");
            let mut other = stack.client();
            check!(other, "AUTH", user, "pw" => "+OK");
            let mut client = stack.client();
            check!(client, "AUTH", user, "pw" => "+OK");
            let token = cmd!(client, "SESSION.CREATE", "app", "id", "ip").text();
            cmd!(admin, "DEL", "n");
            let replies = client.pipeline(&[
                args!("MULTI"),
                args!("INCR", "n"),
                args!("SESSION.KILL", "app", token),
                args!("SESSION.GET", "app", "x".repeat(64)),
                args!("CLIENT", "ID"),
                args!("EXEC"),
            ]);
            let shown = shown(&replies);
            let id = client.id().to_string();
            if user == "nomulti" {
                assert!(shown[0].starts_with("-NOPERM "), "{shown:?}");
                assert_eq!(shown[1..], ["1", "1", "$nil", &id, "-ERR EXEC without MULTI"]);
            } else {
                assert_eq!(shown[..2], ["+OK", "+QUEUED"]);
                assert!(shown[5].starts_with("-EXECABORT "), "{shown:?}");
            }
            // Whoever shares the connection is in no transaction.
            for client in [&mut client, &mut other] {
                check!(client, "ECHO", "free" => "\"free\"");
            }
            let left = if user == "nomulti" { "\"1\"" } else { "$nil" };
            check!(client, "GET", "n" => left);
        }
    });
}

#[test]
fn sessions_in_a_whole_transaction_look_as_everywhere() {
    each_mode(|stack| {
        let mut client = stack.client().resp3();
        let token = cmd!(client, "SESSION.CREATE", "app", "user", "::1", "NORESAVE").text();
        let replies = client.pipeline(&[
            args!("MULTI"),
            args!("SESSION.GET", "app", token),
            args!("SESSION.GET", "app", token, "JSON"),
            args!("SESSION.SOID", "app", "user"),
            args!("CLIENT", "GETNAME"),
            args!("EXEC"),
        ]);
        let exec = replies[5].items();
        assert_eq!(exec[0].field("r"), Value::Int(2));
        assert_eq!(exec[0].field("no_resave"), Value::Bool(true));
        assert!(exec[1].text().starts_with("{\"id\":\"user\",\"r\":3,"), "{}", exec[1]);
        assert!(matches!(&exec[2].items()[0], Value::Map(_)), "{}", exec[2]);
        assert_eq!(exec[3], Value::Null);
    });
}

#[test]
fn a_transaction_cut_anywhere_is_the_same_transaction() {
    each_mode(|stack| {
        let mut client = stack.client();
        let commands = [
            args!("MULTI"),
            args!("SET", "k", "v"),
            args!("SESSION.ACTIVITY", "app"),
            args!("EXEC"),
        ];
        let bytes: Vec<u8> = commands.iter().flat_map(|command| encode(command)).collect();
        for at in 1..bytes.len() {
            client.send(&bytes[..at]);
            if at % 3 == 0 {
                // The beginning has certainly been read by the time another client was answered.
                check!(stack.client(), "PING" => "+PONG");
            }
            client.send(&bytes[at..]);
            let replies: Vec<String> = (0..4).map(|_| client.reply().to_string()).collect();
            assert_eq!(replies, ["+OK", "+QUEUED", "+QUEUED", "[+OK, 0]"], "cut at {at}");
        }
    });
}

#[test]
fn a_watch_still_guards_a_whole_transaction() {
    each_mode(|stack| {
        let (mut client, mut rival) = (stack.client(), stack.client());
        let block = [args!("MULTI"), args!("SET", "k", "mine"), args!("EXEC")];
        check!(client, "WATCH", "k" => "+OK");
        check!(rival, "SET", "k", "theirs" => "+OK");
        assert_eq!(shown(&client.pipeline(&block)), ["+OK", "+QUEUED", "*nil"]);
        check!(rival, "GET", "k" => "\"theirs\"");
        assert_eq!(shown(&client.pipeline(&block)), ["+OK", "+QUEUED", "[+OK]"]);
    });
}
