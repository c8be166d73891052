//! What the model promises to those who use it, without a real server to compare with.

use super::{Blocked, Conn, FULL, Reply, Server, Settings};

fn server() -> Server {
    Server::new(Settings::default())
}

fn say(server: &mut Server, conn: Conn, text: &str) -> String {
    server.input(conn, text.as_bytes());
    heard(server, conn)
}

fn heard(server: &mut Server, conn: Conn) -> String {
    String::from_utf8(server.output(conn)).unwrap()
}

#[test]
fn bytes_may_arrive_one_by_one() {
    let mut server = server();
    let conn = server.connect().unwrap();
    for byte in b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\na\r\nb\r\nget k\r\n" {
        server.input(conn, &[*byte]);
    }
    assert_eq!(heard(&mut server, conn), "+OK\r\n$4\r\na\r\nb\r\n");
    assert_eq!(
        server.contents(b"k"),
        [(0, b"k".to_vec(), vec![b"string".to_vec(), b"a\r\nb".to_vec()])]
    );
}

#[test]
fn ids_are_those_of_the_connections_and_can_be_chosen() {
    let mut server = server();
    server.set_next_id(70);
    let first = server.connect().unwrap();
    assert_eq!(first, Conn(70));
    assert_eq!(say(&mut server, first, "CLIENT ID\r\n"), ":70\r\n");
    let second = server.connect().unwrap();
    assert_eq!(server.connections().collect::<Vec<_>>(), [first, second]);
    let killed = say(&mut server, first, "CLIENT KILL ID 71\r\nCLIENT KILL ID 71\r\n");
    assert_eq!(killed, ":1\r\n:0\r\n");
    assert!(server.is_closed(second));
    assert!(!server.state(second).open);
}

#[test]
fn who_comes_when_there_is_no_room_is_refused() {
    let mut server = Server::new(Settings { maxclients: 1, ..Settings::default() });
    let first = server.connect().unwrap();
    assert_eq!(server.connect(), None);
    assert!(FULL.starts_with(b"-ERR max number of clients"));
    server.disconnect(first);
    assert!(server.connect().is_some());
}

#[test]
fn last_words_can_be_read_from_a_closed_connection() {
    let mut server = server();
    let conn = server.connect().unwrap();
    server.input(conn, b"PING\r\nQUIT\r\nPING\r\n");
    assert!(server.is_closed(conn));
    assert_eq!(heard(&mut server, conn), "+PONG\r\n+OK\r\n");
    assert_eq!(heard(&mut server, conn), "");
    let other = server.connect().unwrap();
    server.input(other, b"PING\r\nBLPOP k 0\r\n");
    server.disconnect(other);
    assert_eq!(heard(&mut server, other), "+PONG\r\n");
}

#[test]
fn a_connection_without_a_last_word_stays_deaf() {
    let mut server = server();
    let conn = server.connect().unwrap();
    assert_eq!(say(&mut server, conn, "CLIENT REPLY OFF\r\nQUIT\r\nCLIENT REPLY ON\r\n"), "");
    assert!(!server.is_closed(conn));
    let state = server.state(conn);
    assert!(state.deaf && state.reply == Reply::Off && state.unread > 0);
}

#[test]
fn who_goes_leaves_nothing_behind() {
    let mut server = server();
    let [gone, other] = [(); 2].map(|()| server.connect().unwrap());
    server.input(
        gone,
        b"HELLO 3\r\nSUBSCRIBE c\r\nWATCH k\r\nCLIENT TRACKING ON BCAST\r\nMULTI\r\nSET k 1\r\n",
    );
    let state = server.state(gone);
    assert!(state.in_multi && state.queued == 1 && state.tracking.is_some());
    assert_eq!((state.channels.len(), state.watching.len()), (1, 1));
    server.disconnect(gone);
    assert_eq!(say(&mut server, other, "PUBLISH c x\r\nGET k\r\n"), ":0\r\n$-1\r\n");
    assert!(server.topics_are_empty());
}

#[test]
fn waits_end_by_time_or_by_others() {
    let mut server = server();
    let [waiting, other] = [(); 2].map(|()| server.connect().unwrap());
    server.input(waiting, b"BLPOP k 0.5\r\nBLPOP k 1\r\nPING\r\n");
    let blocked = Blocked::List { keys: vec![b"k".to_vec()], until: Some(500) };
    assert_eq!(server.state(waiting).blocked, Some(blocked));
    assert_eq!(server.next_end(), Some(500));
    server.tick(499);
    assert_eq!(heard(&mut server, waiting), "");
    server.tick(1);
    assert_eq!(heard(&mut server, waiting), "*-1\r\n");
    assert_eq!(say(&mut server, other, "LPUSH k a\r\n"), ":1\r\n");
    assert_eq!(heard(&mut server, waiting), "*2\r\n$1\r\nk\r\n$1\r\na\r\n+PONG\r\n");
    // One step of time holds many ends.
    server.input(waiting, b"BLPOP k 1\r\nBLPOP k 1\r\nWAIT 1 1000\r\n");
    server.tick(3_000);
    assert_eq!(heard(&mut server, waiting), "*-1\r\n*-1\r\n:0\r\n");
}

#[test]
fn a_pause_holds_commands_until_it_ends() {
    let mut server = server();
    let [one, other] = [(); 2].map(|()| server.connect().unwrap());
    assert_eq!(say(&mut server, one, "CLIENT PAUSE 100 WRITE\r\nGET k\r\n"), "+OK\r\n$-1\r\n");
    assert_eq!(say(&mut server, other, "SET k 1\r\nPING\r\n"), "");
    assert_eq!(server.state(other).blocked, Some(Blocked::Pause));
    server.tick(100);
    assert_eq!(heard(&mut server, other), "+OK\r\n+PONG\r\n");
}

#[test]
fn commands_of_the_module_are_told_and_leave_a_mark() {
    let mut server = server();
    let conn = server.connect().unwrap();
    let told = say(&mut server, conn, "COMMAND INFO mod.pure mod.stateful mod.none\r\n");
    assert!(told.starts_with(
        "*3\r\n*10\r\n$8\r\nmod.pure\r\n:2\r\n*3\r\n+readonly\r\n+module\r\n+fast\r\n"
    ));
    assert!(told.contains("$12\r\nmod.stateful\r\n:2\r\n*2\r\n+module\r\n+noscript\r\n"));
    assert!(told.ends_with("$-1\r\n"));
    let marked = say(&mut server, conn, "MOD.STATEFUL x\r\nRESET\r\nMOD.SHOW\r\nMOD.PURE k\r\n");
    assert_eq!(marked, "+OK\r\n+RESET\r\n$1\r\nx\r\n$-1\r\n");
    assert_eq!(server.state(conn).mark, Some(b"x".to_vec()));
}

#[test]
fn a_newer_server_knows_more() {
    let settings = Settings { version: (7, 2, 4), debug: true, ..Settings::default() };
    let mut server = Server::new(settings);
    let conn = server.connect().unwrap();
    let request = "CLIENT SETINFO LIB-NAME x\r\nCLIENT NO-TOUCH ON\r\nDEBUG SLEEP 1\r\n";
    assert_eq!(say(&mut server, conn, request), "+OK\r\n+OK\r\n+OK\r\n");
    assert!(server.state(conn).no_touch);
    assert!(say(&mut server, conn, "HELLO 3\r\n").contains("$5\r\n7.2.4\r\n"));
    assert!(say(&mut server, conn, "CLIENT INFO\r\n").contains(" lib-name=x "));
}

#[test]
fn a_copy_goes_its_own_way() {
    let mut server = server();
    let conn = server.connect().unwrap();
    server.input(conn, b"MULTI\r\nINCR k\r\n");
    let mut copy = server.clone();
    assert_eq!(say(&mut copy, conn, "EXEC\r\n"), "+OK\r\n+QUEUED\r\n*1\r\n:1\r\n");
    assert_eq!(say(&mut server, conn, "DISCARD\r\nGET k\r\n"), "+OK\r\n+QUEUED\r\n+OK\r\n$-1\r\n");
}
