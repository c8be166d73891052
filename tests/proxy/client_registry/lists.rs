//! `CLIENT LIST`, `INFO`, `ID` and the names tell of every client and of nobody else.

use super::{ids, line_of, list};
use crate::common::*;

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

#[test]
fn a_list_in_a_transaction_shows_the_transaction() {
    each_mode(|stack| {
        let twin = Redis::start();
        let told = |mut client: Client| {
            let id = client.id();
            check!(client, "MULTI" => "+OK");
            check!(client, "CLIENT", "LIST", "ID", id => "+QUEUED");
            check!(client, "CLIENT", "INFO" => "+QUEUED");
            let Value::Array(lines) = cmd!(client, "EXEC") else { panic!("no array") };
            let own: Vec<String> = lines.iter().map(|line| line.text()).collect();
            own.iter().map(|line| visible(line)).collect::<Vec<_>>()
        };
        assert_eq!(told(stack.client()), told(twin.client()));
    });
}

/// What a line has, and what it says of the transaction.
fn visible(line: &str) -> Vec<String> {
    let properties = line.split_whitespace().filter_map(|property| property.split_once('='));
    let shown = ["flags", "multi", "cmd", "argv-mem"];
    properties
        .map(|(name, value)| match shown.contains(&name) {
            true => format!("{name}={value}"),
            false => name.to_owned(),
        })
        .collect()
}

#[test]
fn the_server_refuses_a_name_in_the_clients_own_spelling() {
    each_mode(|stack| {
        let twin = Redis::start();
        for words in
            [["CLIENT", "sETINFo", "lIB-naMe", "Zz"], ["client", "SetInfo", "LIB-ver", "1"]]
        {
            let want = twin.client().run(&words).to_string();
            assert_eq!(stack.client().run(&words).to_string(), want);
        }
    });
}
