//! Upstream connections that are killed, refused, busy or no longer needed.

use crate::common::*;

/// Kills the upstream connection in which one command is queued, on the server itself.
fn kill_the_open_transaction(redis: &Redis) {
    let connections = redis.connections();
    let open: Vec<&String> = connections.iter().filter(|line| line.contains(" multi=1 ")).collect();
    assert_eq!(open.len(), 1, "{connections:#?}");
    let id = open[0].strip_prefix("id=").unwrap().split(' ').next().unwrap();
    check!(redis.client(), "CLIENT", "KILL", "ID", id => "1");
}

#[test]
fn nothing_of_a_transaction_runs_once_its_connection_was_killed() {
    each_mode(|mut stack| {
        stack.sessiond().expect_troubles();
        for size in [1, 1_500_000] {
            let value = vec![b'x'; size];
            for _ in 0..5 {
                let mut client = stack.client();
                check!(client, "MULTI" => "+OK");
                check!(client, "SET", "queued", "1" => "+QUEUED");
                kill_the_open_transaction(&stack.redis);
                let refused = cmd!(client, "SET", "later", value);
                assert!(refused.error().starts_with("UPSTREAM "), "{refused}");
                let exec = cmd!(client, "EXEC");
                assert!(exec.error().starts_with("EXECABORT "), "{exec}");
                check!(client, "EXISTS", "queued", "later" => "0");
                check!(client, "EXEC" => "-ERR EXEC without MULTI");
                check!(client, "MULTI" => "+OK");
                check!(client, "ECHO", "again" => "+QUEUED");
                check!(client, "EXEC" => "[\"again\"]");
            }
        }
    });
}

#[test]
fn a_full_upstream_is_reported_until_it_has_room_again() {
    each_mode(|mut stack| {
        stack.sessiond().expect_troubles();
        let mut admin = stack.redis.client();
        // Fewer than there are: also a connection that closes meanwhile makes no room.
        check!(admin, "CONFIG", "SET", "maxclients", "1" => "+OK");
        let mut clients: Vec<Client> = (0..6).map(|_| stack.client()).collect();
        let full = "-UPSTREAM unavailable: ERR max number of clients reached";
        for _ in 0..3 {
            for client in &mut clients {
                check!(client, "BLPOP", "none", "0.01" => full);
                check!(client, "WATCH", "k" => full);
                check!(client, "SUBSCRIBE", "c" => full);
            }
        }
        let mut elsewhere = stack.client();
        check!(elsewhere, "HELLO", "3" => full);
        // What follows must not run in another state than its client believes.
        assert!(elsewhere.rest_until_closed().is_empty());
        let mut elsewhere = stack.client();
        check!(admin, "CONFIG", "SET", "maxclients", "1000" => "+OK");
        for client in clients.iter_mut().chain([&mut elsewhere]) {
            eventually("the same connection works again", || {
                (cmd!(client, "BLPOP", "none", "0.01").to_string() == "*nil").then_some(())
            });
            check!(client, "WATCH", "k" => "+OK");
            check!(client, "SET", "k", "1" => "+OK");
        }
    });
}

#[test]
fn a_busy_script_is_killed_from_another_database() {
    each_mode_with(&["--busy-reply-threshold", "100"], &[], |mut stack| {
        if !direct() {
            stack.sessiond().expect_troubles();
        }
        let (mut client, mut rescuer) = (stack.client(), stack.client());
        check!(rescuer, "SELECT", "3" => "+OK");
        check!(rescuer, "GET", "k" => "$nil");
        let mut server = stack.redis.client();
        // Once the idle connections into that database are closed, the rescuer needs a new one.
        eventually("one connection into database 3 is left", || {
            let list = cmd!(server, "CLIENT", "LIST").text();
            (list.matches(" db=3 ").count() == 1).then_some(())
        });
        client.write(&["EVAL", "while true do end", "0"]);
        eventually("the script is found to be busy", || {
            let reply = cmd!(server, "PING");
            (reply.is_error() && reply.error().starts_with("BUSY")).then_some(())
        });
        check!(rescuer, "SCRIPT", "KILL" => "+OK");
        let killed = client.reply();
        assert!(killed.error().contains("Script killed by user"), "{killed}");
        check!(rescuer, "SET", "k", "in 3" => "+OK");
        check!(client, "GET", "k" => "$nil");
    });
}

#[test]
fn what_holds_up_the_whole_server_needs_no_connection_of_its_own() {
    each_mode(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        check!(client, "SELECT", "9" => "+OK");
        check!(client, "GET", "k" => "$nil");
        check!(redis, "CONFIG", "SET", "slowlog-log-slower-than", "0" => "+OK");
        check!(client, "SLOWLOG", "RESET" => "+OK");
        check!(client, "MIGRATE", "127.0.0.1", "1", "k", "9", "1000" => "+NOKEY");
        check!(client, "CONFIG", "SET", "slowlog-log-slower-than", "-1" => "+OK");
        let Value::Array(entries) = cmd!(client, "SLOWLOG", "GET") else { panic!() };
        let logged: Vec<String> = entries.iter().map(ToString::to_string).collect();
        assert_eq!(logged.len(), 2, "{logged:#?}");
        assert!(logged[0].contains("MIGRATE") && logged[1].contains("RESET"), "{logged:#?}");
    });
}

#[test]
fn who_comes_back_from_a_connection_of_its_own_is_no_newcomer() {
    each_mode(|stack| {
        let (mut client, mut redis) = (stack.client(), stack.redis.client());
        let dialled = |redis: &mut Client| {
            let info = cmd!(redis, "INFO", "stats").text();
            info.lines()
                .find(|line| line.starts_with("total_connections_received"))
                .map(str::to_owned)
        };
        check!(client, "GET", "k" => "$nil");
        check!(client, "BLPOP", "none", "0.01" => "*nil");
        // From now on the server is asked anew for everybody who comes.
        check!(stack.client(), "CONFIG", "SET", "requirepass", "" => "+OK");
        let before = dialled(&mut redis);
        check!(client, "GET", "k" => "$nil");
        check!(client, "BLPOP", "none", "0.01" => "*nil");
        check!(client, "GET", "k" => "$nil");
        assert_eq!(dialled(&mut redis), before);
    });
}

#[test]
fn connections_that_nobody_needs_are_closed() {
    each_mode(|stack| {
        // sessiond watches the server on one connection; the client that found it up has left.
        let own = eventually("no client has a connection", || {
            let count = stack.redis.connections().len();
            (count <= 1).then_some(count)
        });
        let mut clients: Vec<Client> = (0..30).map(|_| stack.client()).collect();
        for (number, client) in clients.iter_mut().enumerate() {
            check!(client, "SELECT", number % 5 => "+OK");
            check!(client, "GET", "k" => "$nil");
            match number % 3 {
                0 => check!(client, "BLPOP", "none", "0.01" => "*nil"),
                1 => check!(client, "MULTI" => "+OK"),
                _ => check!(client, "SUBSCRIBE", "c" => "[\"subscribe\", \"c\", 1]"),
            }
        }
        let used = stack.redis.connections().len();
        assert!(used > own, "{used} connections with clients, {own} without");
        drop(clients);
        eventually("connections back to what they were without clients", || {
            (stack.redis.connections().len() <= own).then_some(())
        });
    });
}
