//! MULTI, EXEC, DISCARD and WATCH through sessiond, with ordinary and with session commands.

use crate::common::*;

#[test]
fn multi_exec_answers_as_redis_does() {
    each_mode(|stack| {
        let mut client = stack.client();
        check!(client, "MULTI" => "+OK");
        check!(client, "SET", "k", "1" => "+QUEUED");
        check!(client, "INCR", "k" => "+QUEUED");
        check!(client, "GET", "missing" => "+QUEUED");
        check!(client, "LPUSH", "k", "x" => "+QUEUED");
        let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value";
        check!(client, "EXEC" => format!("[+OK, 2, $nil, {wrong}]"));
        check!(client, "GET", "k" => "\"2\"");
        check!(client, "MULTI" => "+OK");
        check!(client, "EXEC" => "[]");
        check!(client, "MULTI" => "+OK");
        check!(client, "SET", "k", "3" => "+QUEUED");
        check!(client, "DISCARD" => "+OK");
        check!(client, "GET", "k" => "\"2\"");
    });
}

#[test]
fn misplaced_words_are_refused_and_cost_nothing() {
    each_mode(|stack| {
        let mut client = stack.client();
        check!(client, "EXEC" => "-ERR EXEC without MULTI");
        check!(client, "DISCARD" => "-ERR DISCARD without MULTI");
        check!(client, "MULTI", "x" => "-ERR wrong number of arguments for 'multi' command");
        check!(client, "MULTI" => "+OK");
        check!(client, "MULTI" => "-ERR MULTI calls can not be nested");
        check!(client, "WATCH", "k" => "-ERR WATCH inside MULTI is not allowed");
        check!(client, "SET", "k", "1" => "+QUEUED");
        check!(client, "EXEC" => "[+OK]");
        check!(client, "UNWATCH" => "+OK");
    });
}

#[test]
fn an_error_while_queueing_aborts_the_transaction() {
    each_mode(|stack| {
        let mut client = stack.client();
        let abort = "-EXECABORT Transaction discarded because of previous errors.";
        for broken in [args!("NOSUCH"), args!("GET"), args!("SET", "k"), args!("CONFIG", "NOSUCH")]
        {
            check!(client, "MULTI" => "+OK");
            check!(client, "SET", "k", "1" => "+QUEUED");
            assert!(client.run(&broken).is_error());
            check!(client, "EXEC" => abort);
            check!(client, "EXISTS", "k" => "0");
        }
    });
}

#[test]
fn a_whole_transaction_in_one_write() {
    each_mode(|stack| {
        let mut client = stack.client();
        for round in 0..50 {
            let replies = client.pipeline(&[
                args!("SET", "before", round),
                args!("MULTI"),
                args!("INCR", "n"),
                args!("ECHO", format!("r{round}")),
                args!("EXEC"),
                args!("GET", "n"),
                args!("MULTI"),
                args!("SET", "n", "lost"),
                args!("DISCARD"),
                args!("GET", "before"),
            ]);
            let shown: Vec<String> = replies.iter().map(Value::to_string).collect();
            let n = round + 1;
            let exec = format!("[{n}, \"r{round}\"]");
            let (n, round) = (format!("\"{n}\""), format!("\"{round}\""));
            let queued = "+QUEUED";
            let want = ["+OK", "+OK", queued, queued, &exec, &n, "+OK", queued, "+OK", &round];
            assert_eq!(shown, want);
        }
    });
}

#[test]
fn a_watched_key_changed_by_a_rival_stops_exec() {
    each_mode(|stack| {
        let (mut client, mut rival) = (stack.client(), stack.client());
        check!(client, "SET", "k", "1" => "+OK");
        check!(client, "WATCH", "k" => "+OK");
        check!(client, "GET", "k" => "\"1\"");
        check!(rival, "SET", "k", "2" => "+OK");
        check!(client, "MULTI" => "+OK");
        check!(client, "SET", "k", "3" => "+QUEUED");
        check!(client, "EXEC" => "*nil");
        check!(client, "GET", "k" => "\"2\"");

        check!(client, "WATCH", "k", "other" => "+OK");
        check!(rival, "SET", "unwatched", "1" => "+OK");
        check!(client, "MULTI" => "+OK");
        check!(client, "SET", "k", "4" => "+QUEUED");
        check!(client, "EXEC" => "[+OK]");

        check!(client, "WATCH", "k" => "+OK");
        check!(client, "UNWATCH" => "+OK");
        check!(rival, "SET", "k", "5" => "+OK");
        check!(client, "MULTI" => "+OK");
        check!(client, "GET", "k" => "+QUEUED");
        check!(client, "EXEC" => "[\"5\"]");

        check!(client, "WATCH", "k" => "+OK");
        check!(rival, "SET", "k", "6" => "+OK");
        check!(client, "MULTI" => "+OK");
        check!(client, "DISCARD" => "+OK");
        check!(client, "MULTI" => "+OK");
        check!(client, "GET", "k" => "+QUEUED");
        check!(client, "EXEC" => "[\"6\"]");

        let mut modern = stack.client().resp3();
        check!(modern, "WATCH", "k" => "+OK");
        check!(rival, "SET", "k", "7" => "+OK");
        check!(modern, "MULTI" => "+OK");
        check!(modern, "SET", "k", "8" => "+QUEUED");
        check!(modern, "EXEC" => "_");
    });
}

#[test]
fn a_watch_covers_the_own_earlier_commands_and_other_databases() {
    each_mode(|stack| {
        let (mut client, mut rival) = (stack.client(), stack.client());
        check!(client, "SELECT", "3" => "+OK");
        check!(client, "WATCH", "k" => "+OK");
        check!(rival, "SET", "k", "other database" => "+OK");
        check!(client, "MULTI" => "+OK");
        check!(client, "SET", "k", "1" => "+QUEUED");
        check!(client, "EXEC" => "[+OK]");
        check!(client, "WATCH", "k" => "+OK");
        check!(client, "SET", "k", "2" => "+OK");
        check!(client, "MULTI" => "+OK");
        check!(client, "GET", "k" => "+QUEUED");
        check!(client, "EXEC" => "*nil");
    });
}

#[test]
fn counters_under_watch_lose_nothing() {
    each_mode(|stack| {
        const CLIENTS: usize = 8;
        const ROUNDS: usize = 25;
        std::thread::scope(|scope| {
            for _ in 0..CLIENTS {
                let mut client = stack.client();
                scope.spawn(move || {
                    let mut done = 0;
                    while done < ROUNDS {
                        check!(client, "WATCH", "counter" => "+OK");
                        let now = match cmd!(client, "GET", "counter") {
                            Value::NullBulk => 0,
                            value => value.text().parse::<usize>().unwrap(),
                        };
                        let replies = client.pipeline(&[
                            args!("MULTI"),
                            args!("SET", "counter", now + 1),
                            args!("EXEC"),
                        ]);
                        match &replies[2] {
                            Value::NullArray => {}
                            Value::Array(_) => done += 1,
                            other => panic!("EXEC answered {other}"),
                        }
                    }
                });
            }
        });
        let total = (CLIENTS * ROUNDS).to_string();
        check!(stack.client(), "GET", "counter" => format!("\"{total}\""));
    });
}

#[test]
fn many_open_transactions_do_not_touch_each_other() {
    each_mode(|stack| {
        let mut clients: Vec<Client> = (0..40).map(|_| stack.client()).collect();
        for client in &mut clients {
            check!(client, "MULTI" => "+OK");
        }
        let mut bystander = stack.client();
        check!(bystander, "SET", "free", "1" => "+OK");
        for (number, client) in clients.iter_mut().enumerate() {
            check!(client, "SET", format!("own{number}"), number => "+QUEUED");
            check!(client, "ECHO", number => "+QUEUED");
        }
        check!(bystander, "DBSIZE" => "1");
        for (number, client) in clients.iter_mut().enumerate() {
            if number % 2 == 0 {
                check!(client, "EXEC" => format!("[+OK, \"{number}\"]"));
            } else {
                check!(client, "DISCARD" => "+OK");
            }
        }
        check!(bystander, "DBSIZE" => "21");
    });
}

#[test]
fn a_client_gone_in_the_middle_leaves_no_transaction_behind() {
    each_mode(|stack| {
        for _ in 0..30 {
            let mut client = stack.client();
            check!(client, "WATCH", "w" => "+OK");
            check!(client, "MULTI" => "+OK");
            check!(client, "SET", "leak", "1" => "+QUEUED");
            drop(client);
            let mut next = stack.client();
            check!(next, "EXEC" => "-ERR EXEC without MULTI");
            check!(next, "PING" => "+PONG");
            check!(next, "MULTI" => "+OK");
            check!(next, "PING" => "+QUEUED");
            check!(next, "EXEC" => "[+PONG]");
        }
        check!(stack.client(), "EXISTS", "leak" => "0");
    });
}

#[test]
fn state_changes_inside_a_transaction_stay_afterwards() {
    each_mode(|stack| {
        let mut client = stack.client();
        check!(client, "MULTI" => "+OK");
        check!(client, "SELECT", "4" => "+QUEUED");
        check!(client, "SET", "k", "in 4" => "+QUEUED");
        check!(client, "EXEC" => "[+OK, +OK]");
        check!(client, "GET", "k" => "\"in 4\"");
        check!(stack.client(), "GET", "k" => "$nil");
        let mut other = stack.client();
        check!(other, "SELECT", "4" => "+OK");
        check!(other, "GET", "k" => "\"in 4\"");
        check!(client, "MULTI" => "+OK");
        check!(client, "SELECT", "5" => "+QUEUED");
        check!(client, "DISCARD" => "+OK");
        check!(client, "GET", "k" => "\"in 4\"");
    });
}

#[test]
fn session_commands_queue_and_answer_in_their_slot() {
    each_mode(|stack| {
        let mut client = stack.client();
        check!(client, "MULTI" => "+OK");
        check!(client, "SESSION.CREATE", "app", "user", "::1" => "+QUEUED");
        check!(client, "SET", "k", "v" => "+QUEUED");
        check!(client, "SESSION.ACTIVITY", "app" => "+QUEUED");
        let exec = cmd!(client, "EXEC");
        let token = exec.items()[0].text();
        assert_eq!(exec.to_string(), format!("[\"{token}\", +OK, 1]"));

        let session =
            "\"id\", \"user\", \"r\", 2, \"w\", 1, \"ttl\", 7200, \"idle\", 0, \"ip\", \"::1\"";
        let now = &mut stack.redis.client();
        let read = same_second(now, |now| {
            let la = now.to_string();
            let key = format!("rs:app:{token}");
            cmd!(stack.redis.client(), "HSET", key, "la", la, "r", "1");
            check!(client, "MULTI" => "+OK");
            check!(client, "SESSION.GET", "app", token => "+QUEUED");
            check!(client, "SESSION.GET", "app", "x".repeat(64) => "+QUEUED");
            check!(client, "SESSION.SOID", "app", "user" => "+QUEUED");
            check!(client, "SESSION.SOID", "app", "nobody" => "+QUEUED");
            cmd!(client, "EXEC").to_string()
        });
        assert_eq!(read, format!("[[{session}], $nil, [[{session}]], []]"));
    });
}

#[test]
fn resp3_maps_inside_exec() {
    each_mode(|stack| {
        let mut client = stack.client().resp3();
        let token =
            cmd!(client, "SESSION.CREATE", "app", "user", "::1", "DATA", "{\"a\":1}", "NORESAVE");
        let token = token.text();
        let replies = client.pipeline(&[
            args!("PING"),
            args!("MULTI"),
            args!("HGETALL", "nothing"),
            args!("SESSION.GET", "app", token),
            args!("SESSION.GET", "app", token, "JSON"),
            args!("SESSION.SET", "app", token, "{\"b\":\"x\"}"),
            args!("SESSION.SOAPP", "app"),
            args!("SESSION.KILL", "app", token),
            args!("SESSION.GET", "app", token),
            args!("EXEC"),
            args!("PING"),
        ]);
        let exec = replies[9].items();
        assert_eq!(exec[0], Value::Map(vec![]));
        let get = &exec[1];
        assert!(matches!(get, Value::Map(_)), "{get}");
        let names: Vec<String> = get.fields().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["id", "r", "w", "ttl", "idle", "ip", "d", "no_resave"]);
        assert_eq!(get.field("no_resave"), Value::Bool(true));
        assert!(matches!(&exec[2], Value::Bulk(_)), "{}", exec[2]);
        assert_eq!(exec[3].field("d").text(), "{\"a\":1,\"b\":\"x\"}");
        assert!(matches!(&exec[4].items()[0], Value::Map(_)), "{}", exec[4]);
        assert_eq!(exec[5], Value::Int(1));
        assert_eq!(exec[6], Value::Null);
        assert_eq!(replies[10].to_string(), "+PONG");
    });
}

#[test]
fn session_errors_in_a_transaction() {
    each_mode(|stack| {
        let mut client = stack.client();
        let abort = "-EXECABORT Transaction discarded because of previous errors.";
        let arity = "-ERR wrong number of arguments for 'session.create' command";
        check!(client, "MULTI" => "+OK");
        check!(client, "SET", "k", "1" => "+QUEUED");
        check!(client, "SESSION.CREATE", "app" => arity);
        check!(client, "EXEC" => abort);
        check!(client, "MULTI" => "+OK");
        check!(client, "SESSION.CREATE", "app", "id", "ip" => "+QUEUED");
        assert!(cmd!(client, "SESSION.NOSUCH", "x").is_error());
        check!(client, "EXEC" => abort);
        check!(client, "DBSIZE" => "0");

        check!(client, "MULTI" => "+OK");
        check!(client, "SET", "k", "1" => "+QUEUED");
        check!(client, "SESSION.CREATE", "a!", "id", "ip" => "+QUEUED");
        check!(client, "SESSION.ACTIVITY", "app", "9" => "+QUEUED");
        check!(client, "SESSION.KILL", "app", "" => "+QUEUED");
        check!(client, "INCR", "k" => "+QUEUED");
        let format = "-INVALIDFORMAT Invalid app format";
        let dt = "-INVALIDVALUE dt must be a positive integer >= 10";
        let token = "-MISSINGPARAMETER No token supplied";
        check!(client, "EXEC" => format!("[+OK, {format}, {dt}, {token}, 2]"));
        check!(client, "DBSIZE" => "1");
    });
}

#[test]
fn a_watched_session_is_guarded() {
    each_mode(|stack| {
        let (mut client, mut rival) = (stack.client(), stack.client());
        let token = cmd!(client, "SESSION.CREATE", "app", "user", "ip").text();
        check!(client, "WATCH", format!("rs:app:{token}") => "+OK");
        cmd!(rival, "SESSION.SET", "app", token, "{\"a\":1}");
        check!(client, "MULTI" => "+OK");
        check!(client, "SESSION.KILL", "app", token => "+QUEUED");
        check!(client, "EXEC" => "*nil");
        check!(client, "WATCH", format!("rs:app:{token}") => "+OK");
        check!(client, "MULTI" => "+OK");
        check!(client, "SESSION.KILL", "app", token => "+QUEUED");
        check!(client, "EXEC" => "[1]");
    });
}

#[test]
fn script_flush_does_not_break_a_queued_session_command() {
    each_mode(|stack| {
        let mut client = stack.client();
        for _ in 0..10 {
            check!(client, "MULTI" => "+OK");
            check!(client, "SESSION.CREATE", "app", "user", "ip" => "+QUEUED");
            check!(stack.redis.client(), "SCRIPT", "FLUSH" => "+OK");
            check!(client, "SESSION.KILLSOID", "app", "user" => "+QUEUED");
            check!(client, "SESSION.KILLALL", "app" => "+QUEUED");
            check!(client, "SESSION.WIPE" => "+QUEUED");
            let exec = cmd!(client, "EXEC");
            assert_eq!(exec.items()[1..], [Value::Int(1), Value::Int(0), Value::Int(0)], "{exec}");
        }
    });
}

#[test]
fn what_comes_behind_a_push_in_a_transaction_is_not_lost() {
    each_mode_with(&["--enable-debug-command", "yes"], &[], |stack| {
        let mut client = stack.client().resp3();
        check!(client, "MULTI" => "+OK");
        check!(client, "DEBUG", "PROTOCOL", "push" => "+QUEUED");
        check!(client, "EXEC" => "[>[\"server-cpu-usage\", 42]]");
        assert_eq!(client.reply().text(), "Some real reply following the push reply");
        check!(client, "PING" => "+PONG");
    });
}
