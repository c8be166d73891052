//! `CLIENT LIST`, `INFO`, `KILL`, `UNBLOCK` and the others speak of sessiond's clients, whichever worker they are on.

use std::collections::BTreeMap;

use crate::common::*;

type Line = BTreeMap<String, String>;

/// The lines of `CLIENT LIST` with these filters, by id.
fn list(client: &mut Client, filters: &[&str]) -> BTreeMap<i64, Line> {
    let words: Vec<&str> = ["CLIENT", "LIST"].iter().chain(filters).copied().collect();
    let text = client.run(&words).text();
    text.lines().map(line_of).map(|line| (line["id"].parse().unwrap(), line)).collect()
}

fn line_of(line: &str) -> Line {
    let pair = |property: &str| {
        let (name, value) = property.split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    };
    line.split(' ').map(pair).collect()
}

fn ids(client: &mut Client, filters: &[&str]) -> Vec<i64> {
    list(client, filters).into_keys().collect()
}

#[test]
fn lines_tell_of_every_client_and_of_nobody_else() {
    each_mode(|stack| {
        let mut asker = stack.client();
        let mut clients: Vec<Client> = (0..8).map(|_| stack.client()).collect();
        for (number, client) in clients.iter_mut().enumerate() {
            check!(client, "CLIENT", "SETNAME", format!("name{number}") => "+OK");
            check!(client, "SELECT", number => "+OK");
            check!(client, "GET", "k" => "$nil");
        }
        let listed = list(&mut asker, &[]);
        assert_eq!(listed.len(), 9, "{listed:#?}");
        let own = asker.id();
        assert_eq!(listed[&own]["addr"], asker.address());
        assert_eq!(listed[&own]["cmd"], "client|list");
        for (number, client) in clients.iter_mut().enumerate() {
            let line = &listed[&client.id()];
            assert_eq!(line["addr"], client.address());
            assert_eq!(line["laddr"], format!("127.0.0.1:{}", stack.port()));
            assert_eq!(line["name"], format!("name{number}"));
            assert_eq!(line["db"], number.to_string());
            assert_eq!(line["cmd"], "get");
            assert_eq!(line["user"], "default");
            assert_eq!(line["flags"], "N");
            assert_eq!(line["resp"], "2");
            let info = cmd!(client, "CLIENT", "INFO").text();
            let info = line_of(info.trim_end());
            assert_eq!((&info["id"], &info["name"]), (&line["id"], &line["name"]));
        }
        drop(clients);
        eventually("those who have left are not listed", || {
            (ids(&mut asker, &[]) == [own]).then_some(())
        });
    });
}

#[test]
fn lines_look_like_those_of_the_server() {
    each_mode(|stack| {
        let names = |text: String| -> Vec<String> {
            let line = text.lines().next().unwrap().to_owned();
            line.split(' ').map(|property| property.split('=').next().unwrap().to_owned()).collect()
        };
        let want = names(cmd!(stack.redis.client(), "CLIENT", "LIST").text());
        assert_eq!(names(cmd!(stack.client(), "CLIENT", "LIST").text()), want);
        assert_eq!(names(cmd!(stack.client(), "CLIENT", "INFO").text()), want);
        let mut modern = stack.client().resp3();
        modern.write(&["CLIENT", "LIST"]);
        assert_eq!(modern.raw_reply()[0], b'=');
    });
}

#[test]
fn what_clients_are_doing_is_shown_and_filtered() {
    each_mode(|stack| {
        let mut admin = stack.redis.client();
        check!(admin, "ACL", "SETUSER", "joe", "on", ">pw", "~*", "&*", "+@all" => "+OK");
        let mut asker = stack.client();
        let own = asker.id();
        let mut subscriber = stack.client();
        let subscriber_id = subscriber.id();
        cmd!(subscriber, "SUBSCRIBE", "a");
        subscriber.write(&["PSUBSCRIBE", "p*"]);
        subscriber.reply();
        let mut queueing = stack.client();
        let queueing_id = queueing.id();
        check!(queueing, "MULTI" => "+OK");
        check!(queueing, "PING" => "+QUEUED");
        check!(queueing, "PING" => "+QUEUED");
        let mut joe = stack.client().resp3();
        check!(joe, "AUTH", "joe", "pw" => "+OK");
        let joe_id = joe.id();
        let mut blocked = stack.client();
        let blocked_id = blocked.id();
        blocked.write(&["BLPOP", "nothing", "0"]);
        stack.redis.wait_blocked(1);
        let mut tracking = stack.client().resp3();
        let tracking_id = tracking.id();
        check!(tracking, "CLIENT", "TRACKING", "ON", "BCAST" => "+OK");

        let listed = list(&mut asker, &[]);
        let of = |id: i64, name: &str| listed[&id][name].clone();
        assert_eq!(of(subscriber_id, "flags"), "P");
        assert_eq!((of(subscriber_id, "sub"), of(subscriber_id, "psub")), ("1".into(), "1".into()));
        assert_eq!((of(queueing_id, "flags"), of(queueing_id, "multi")), ("x".into(), "2".into()));
        assert_eq!((of(own, "multi"), of(own, "sub")), ("-1".into(), "0".into()));
        assert_eq!((of(joe_id, "user"), of(joe_id, "resp")), ("joe".into(), "3".into()));
        assert_eq!((of(blocked_id, "flags"), of(blocked_id, "cmd")), ("b".into(), "blpop".into()));
        assert_eq!((of(tracking_id, "flags"), of(tracking_id, "redir")), ("tB".into(), "0".into()));

        assert_eq!(ids(&mut asker, &["TYPE", "pubsub"]), [subscriber_id]);
        let two = [queueing_id.to_string(), own.to_string()];
        assert_eq!(ids(&mut asker, &["ID", &two[0], &two[1], "999999"]), [own, queueing_id]);
        assert_eq!(ids(&mut asker, &["TYPE", "replica"]), [] as [i64; 0]);
        check!(asker, "CLIENT", "LIST", "TYPE", "x" => "-ERR Unknown client type 'x'");
        check!(asker, "CLIENT", "LIST", "ID", "x" => "-ERR Invalid client ID");
        check!(asker, "CLIENT", "LIST", "NOSUCH" => "-ERR syntax error");
    });
}

#[test]
fn killing_ends_clients_and_never_an_upstream_connection_of_others() {
    each_mode(|stack| {
        let mut asker = stack.client();
        let mut bystanders: Vec<Client> = (0..6).map(|_| stack.client()).collect();
        let mut admin = stack.redis.client();
        // So that the ids of clients and of upstream connections overlap.
        for _ in 0..5 {
            cmd!(stack.redis.client(), "PING");
        }
        let known: Vec<i64> =
            bystanders.iter_mut().chain([&mut asker]).map(|client| client.id()).collect();
        for bystander in &mut bystanders {
            check!(bystander, "MULTI" => "+OK");
            check!(bystander, "ECHO", "alive" => "+QUEUED");
        }
        // Whatever number a client has, nothing happens but to it.
        for id in 1..40 {
            if !known.contains(&id) {
                check!(asker, "CLIENT", "KILL", "ID", id => "0");
            }
        }
        check!(asker, "CLIENT", "KILL", "127.0.0.1:1" => "-ERR No such client");
        let upstream: Vec<String> = stack.redis.connections();
        let address = line_of(&upstream[0])["addr"].clone();
        check!(asker, "CLIENT", "KILL", address => "-ERR No such client");
        for bystander in &mut bystanders {
            check!(bystander, "EXEC" => "[\"alive\"]");
        }
        check!(admin, "PING" => "+PONG");
    });
}

#[test]
fn clients_are_killed_by_id_address_user_and_type() {
    each_mode(|stack| {
        let mut admin = stack.redis.client();
        check!(admin, "ACL", "SETUSER", "joe", "on", ">pw", "~*", "&*", "+@all" => "+OK");
        let mut asker = stack.client();
        let mut victim = stack.client();
        let id = victim.id();
        check!(asker, "CLIENT", "KILL", "ID", id => "1");
        assert_eq!(victim.rest_until_closed(), b"");
        check!(asker, "CLIENT", "KILL", "ID", id => "0");

        let mut victim = stack.client();
        check!(victim, "PING" => "+PONG");
        check!(asker, "CLIENT", "KILL", victim.address() => "+OK");
        assert_eq!(victim.rest_until_closed(), b"");

        let mut victims: Vec<Client> = (0..5).map(|_| stack.client()).collect();
        for victim in &mut victims {
            check!(victim, "AUTH", "joe", "pw" => "+OK");
        }
        check!(asker, "CLIENT", "KILL", "USER", "nobody" => "-ERR No such user 'nobody'");
        check!(asker, "CLIENT", "KILL", "USER", "joe" => "5");
        for victim in &mut victims {
            assert_eq!(victim.rest_until_closed(), b"");
        }

        let mut victim = stack.client();
        cmd!(victim, "SUBSCRIBE", "a");
        check!(asker, "CLIENT", "KILL", "TYPE", "pubsub" => "1");
        assert_eq!(victim.rest_until_closed(), b"");

        let mut victim = stack.client();
        victim.write(&["BLPOP", "queue", "0"]);
        stack.redis.wait_blocked(1);
        let blocked = victim_id(&mut asker, &victim);
        check!(asker, "CLIENT", "KILL", "ID", blocked => "1");
        assert_eq!(victim.rest_until_closed(), b"");
        stack.redis.wait_blocked(0);
        check!(asker, "RPUSH", "queue", "kept" => "1");

        // Oneself is spared, unless one says otherwise; then one is still told.
        let own = asker.id();
        check!(asker, "CLIENT", "KILL", "ID", own => "0");
        check!(asker, "CLIENT", "KILL", "ID", own, "SKIPME", "no" => "1");
        assert_eq!(asker.rest_until_closed(), b"");
        let mut asker = stack.client();
        let address = asker.address();
        check!(asker, "CLIENT", "KILL", address => "+OK");
        assert_eq!(asker.rest_until_closed(), b"");
    });
}

fn victim_id(asker: &mut Client, victim: &Client) -> i64 {
    let address = victim.address();
    let listed = list(asker, &[]);
    *listed.iter().find(|(_, line)| line["addr"] == address).unwrap().0
}

#[test]
fn who_may_not_kill_kills_nobody() {
    each_mode(|stack| {
        let mut admin = stack.redis.client();
        let rules = ["on", ">pw", "~*", "&*", "+@all", "-client|kill", "-client|list"];
        let words: Vec<&str> = ["ACL", "SETUSER", "joe"].iter().chain(&rules).copied().collect();
        assert_eq!(admin.run(&words).to_string(), "+OK");
        let mut victim = stack.client();
        let id = victim.id();
        let mut joe = stack.client();
        check!(joe, "AUTH", "joe", "pw" => "+OK");
        for words in [args!("CLIENT", "KILL", "ID", id), args!("CLIENT", "LIST")] {
            let refused = joe.run(&words);
            assert!(refused.error().starts_with("NOPERM "), "{refused}");
        }
        // Not even where nobody hears of it.
        joe.write(&["CLIENT", "REPLY", "OFF"]);
        joe.write(&["CLIENT", "KILL", "ID", &id.to_string()]);
        check!(joe, "CLIENT", "REPLY", "ON" => "+OK");
        check!(joe, "MULTI" => "+OK");
        assert!(joe.run(&args!("CLIENT", "KILL", "ID", id)).is_error());
        assert!(cmd!(joe, "EXEC").is_error());
        check!(victim, "PING" => "+PONG");
    });
}

#[test]
fn kills_in_transactions_and_without_replies() {
    each_mode(|stack| {
        let mut asker = stack.client();
        let (mut one, mut other) = (stack.client(), stack.client());
        let (one_id, other_id) = (one.id(), other.id());
        check!(asker, "MULTI" => "+OK");
        check!(asker, "CLIENT", "KILL", "ID", one_id => "+QUEUED");
        check!(asker, "CLIENT", "LIST", "ID", other_id => "+QUEUED");
        check!(asker, "CLIENT", "KILL", "127.0.0.1:1" => "+QUEUED");
        check!(one, "PING" => "+PONG");
        let exec = cmd!(asker, "EXEC");
        assert_eq!(exec.items()[0], Value::Int(1));
        assert!(exec.items()[1].text().starts_with(&format!("id={other_id} ")), "{exec}");
        assert_eq!(exec.items()[2].error(), "ERR No such client");
        assert_eq!(one.rest_until_closed(), b"");

        asker.write(&["CLIENT", "REPLY", "SKIP"]);
        asker.write(&["CLIENT", "KILL", "ID", &other_id.to_string()]);
        check!(asker, "ECHO", "first reply" => "\"first reply\"");
        assert_eq!(other.rest_until_closed(), b"");
        let mut other = stack.client();
        let other_id = other.id();
        asker.write(&["CLIENT", "REPLY", "OFF"]);
        asker.write(&["CLIENT", "KILL", "ID", &other_id.to_string()]);
        asker.write(&["ECHO", "not heard"]);
        check!(asker, "CLIENT", "REPLY", "ON" => "+OK");
        assert_eq!(other.rest_until_closed(), b"");
    });
}

#[test]
fn unblocking_wakes_the_client_that_was_meant() {
    each_mode(|stack| {
        let mut asker = stack.client();
        let mut blocked: Vec<Client> = (0..4).map(|_| stack.client()).collect();
        let ids: Vec<i64> = blocked.iter_mut().map(Client::id).collect();
        for client in &mut blocked {
            client.write(&["BLPOP", "queue", "0"]);
        }
        stack.redis.wait_blocked(4);
        check!(asker, "CLIENT", "UNBLOCK", ids[2] => "1");
        assert_eq!(blocked[2].reply().to_string(), "*nil");
        check!(asker, "CLIENT", "UNBLOCK", ids[0], "ERROR" => "1");
        let unblocked = "-UNBLOCKED client unblocked via CLIENT UNBLOCK";
        assert_eq!(blocked[0].reply().to_string(), unblocked);
        stack.redis.wait_blocked(2);
        check!(asker, "CLIENT", "UNBLOCK", ids[0] => "0");
        let own = asker.id();
        check!(asker, "CLIENT", "UNBLOCK", own => "0");
        check!(asker, "CLIENT", "UNBLOCK", "999999" => "0");
        check!(asker, "CLIENT", "UNBLOCK", "x" => "-ERR value is not an integer or out of range");
        check!(asker, "CLIENT", "UNBLOCK", ids[1], "x" => "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
        check!(asker, "RPUSH", "queue", "a", "b" => "2");
        for client in [1, 3] {
            assert!(matches!(blocked[client].reply(), Value::Array(_)));
        }
        check!(blocked[2], "PING" => "+PONG");
    });
}

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

#[test]
fn names_are_known_upstream_where_a_client_has_a_connection() {
    each_mode(|stack| {
        let upstream_name = |name: &str| {
            let wanted = format!(" name={name} ");
            stack.redis.connections().iter().any(|line| line.contains(&wanted))
        };
        let mut client = stack.client();
        check!(client, "CLIENT", "SETNAME", "first" => "+OK");
        check!(client, "MULTI" => "+OK");
        assert!(upstream_name("first"));
        check!(client, "CLIENT", "SETNAME", "second" => "+QUEUED");
        check!(client, "CLIENT", "GETNAME" => "+QUEUED");
        check!(client, "EXEC" => "[+OK, \"second\"]");
        check!(client, "WATCH", "k" => "+OK");
        assert!(upstream_name("second"));
        check!(client, "UNWATCH" => "+OK");
        // Who gets the connection next is not called like that.
        let mut next = stack.client();
        check!(next, "MULTI" => "+OK");
        let connections = stack.redis.connections();
        let open: Vec<&String> =
            connections.iter().filter(|line| line.contains(" multi=0 ")).collect();
        assert_eq!(open.len(), 1, "{connections:#?}");
        assert!(open[0].contains(" name= "), "{open:?}");
        check!(next, "EXEC" => "[]");
        check!(next, "CLIENT", "GETNAME" => "$nil");
        check!(client, "CLIENT", "GETNAME" => "\"second\"");
        check!(client, "CLIENT", "SETNAME", "a b" =>
            "-ERR Client names cannot contain spaces, newlines or special characters.");
    });
}

#[test]
fn ids_stay_whatever_a_client_does() {
    each_mode(|stack| {
        let mut client = stack.client();
        let id = client.id();
        check!(client, "SELECT", "3" => "+OK");
        assert_eq!(client.id(), id);
        check!(client, "WATCH", "k" => "+OK");
        assert_eq!(client.id(), id);
        check!(client, "MULTI" => "+OK");
        check!(client, "CLIENT", "ID" => "+QUEUED");
        check!(client, "EXEC" => format!("[{id}]"));
        let hello = cmd!(client, "HELLO", "3");
        assert_eq!(hello.field("id"), Value::Int(id));
        check!(client, "RESET" => "+RESET");
        assert_eq!(client.id(), id);
    });
}

#[test]
fn what_is_switched_on_for_a_connection_stays_with_its_client() {
    each_mode(|stack| {
        let mut client = stack.client();
        check!(client, "CLIENT", "NO-EVICT", "ON" => "+OK");
        let id = client.id();
        assert_eq!(list(&mut client, &[])[&id]["flags"], "e");
        let upstream = || {
            let connections = stack.redis.connections();
            connections.iter().filter(|line| line.contains(" flags=e ")).count()
        };
        assert_eq!(upstream(), 1);
        check!(stack.client(), "WATCH", "k" => "+OK");
        check!(client, "CLIENT", "NO-EVICT", "OFF" => "+OK");
        assert_eq!(list(&mut client, &[])[&id]["flags"], "N");
        assert_eq!(upstream(), 0);
        check!(client, "CLIENT", "NO-EVICT", "x" => "-ERR syntax error");
    });
}

#[test]
fn info_has_a_section_of_our_own() {
    each_mode(|stack| {
        let mut client = stack.client();
        let mut others: Vec<Client> = (0..3).map(|_| stack.client()).collect();
        for other in &mut others {
            check!(other, "PING" => "+PONG");
        }
        check!(others[0], "WATCH", "k" => "+OK");
        let section = cmd!(client, "INFO", "sessiond").text();
        let value = |name: &str| {
            let line = section.lines().find(|line| line.starts_with(&format!("{name}:")));
            line.unwrap_or_else(|| panic!("{name} in {section}"))
                .split(':')
                .nth(1)
                .unwrap()
                .to_owned()
        };
        assert!(section.starts_with("# Sessiond\r\n"), "{section}");
        assert_eq!(value("sessiond_connected_clients"), "4");
        assert_eq!(value("sessiond_tcp_port"), stack.port().to_string());
        let pinned = if stack.mode.dedicated() { "4" } else { "1" };
        assert_eq!(value("sessiond_pinned_clients"), pinned);
        let all = cmd!(client, "INFO").text();
        assert!(all.starts_with("# Server\r\n"), "{all}");
        assert!(all.contains("\r\n\r\n# Sessiond\r\nsessiond_version:"), "{all}");
        assert!(!cmd!(client, "INFO", "server").text().contains("# Sessiond"));
        let both = cmd!(client, "INFO", "server", "sessiond").text();
        assert!(both.starts_with("# Server\r\n") && both.contains("\r\n\r\n# Sessiond\r\n"));
        check!(client, "MULTI" => "+OK");
        check!(client, "INFO", "sessiond" => "+QUEUED");
        assert!(cmd!(client, "EXEC").items()[0].text().starts_with("# Sessiond\r\n"));
        let mut modern = stack.client().resp3();
        modern.write(&["INFO", "sessiond"]);
        let raw = modern.raw_reply();
        assert!(raw.starts_with(b"=") && raw.windows(14).any(|part| part == b"txt:# Sessiond"));
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

#[test]
fn a_question_about_a_million_ids_keeps_nobody_waiting() {
    each_mode(|stack| {
        let mut clients: Vec<Client> = (0..50).map(|_| stack.client()).collect();
        for client in &mut clients {
            check!(client, "PING" => "+PONG");
        }
        let id = clients[0].id().to_string();
        let mut words = vec!["CLIENT".to_owned(), "LIST".to_owned(), "ID".to_owned()];
        words.extend((0..200_000).map(|number| (1_000_000 + number).to_string()));
        words.push(id.clone());
        let text = clients[1].run(&words).text();
        assert_eq!(text.lines().count(), 1);
        assert!(text.starts_with(&format!("id={id} ")), "{text}");
    });
}
