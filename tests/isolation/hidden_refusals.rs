//! Since version 7.2 a server leaves out the reply to a refused login while others wait to be written: nobody may take the
//! next reply for it. A server in this file does so always.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::common::{Client, Sessiond};

const REFUSED: &str = "-WRONGPASS invalid username-password pair or user is disabled.";

/// A server that knows one user, joe, and lets him in as long as it is told so.
struct Server {
    port: u16,
    admits: Arc<AtomicBool>,
}

impl Server {
    fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let admits = Arc::new(AtomicBool::new(true));
        let admitting = admits.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let admits = admitting.clone();
                thread::spawn(move || serve(stream, &admits));
            }
        });
        Server { port, admits }
    }

    fn sessiond(&self, mode: &str) -> Sessiond {
        let upstream = format!("redis://127.0.0.1:{}", self.port);
        Sessiond::start(&["--upstream", &upstream, "--upstream-mode", mode, "--workers", "1"])
    }
}

fn serve(mut stream: TcpStream, admits: &AtomicBool) {
    let mut input = BufReader::new(stream.try_clone().unwrap());
    let (mut user, mut transaction, mut monitors) = ("default", None, false);
    while let Some(words) = request(&mut input) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let name = words[0].to_uppercase();
        let login = name == "AUTH" || words.contains(&"AUTH");
        let reply = if login && (words.contains(&"bad") || !admits.load(Ordering::SeqCst)) {
            String::new()
        } else {
            if login {
                user = "joe";
            }
            match name.as_str() {
                "HELLO" => "*6\r\n$6\r\nserver\r\n$6\r\nvalkey\r\n$7\r\nversion\r\n$5\r\n8.0.1\r\n$2\r\nid\r\n:7\r\n".into(),
                "ECHO" => format!("${}\r\n{}\r\n", words[1].len(), words[1]),
                "ACL" => format!("${}\r\n{user}\r\n", user.len()),
                "MULTI" => {
                    transaction = Some(true);
                    "+OK\r\n".into()
                }
                "EXEC" if transaction.take() == Some(false) => "-EXECABORT x\r\n".into(),
                "EXEC" => "*0\r\n".into(),
                "GET" if transaction.is_some() => {
                    transaction = Some(false);
                    "-ERR refused\r\n".into()
                }
                _ => "+OK\r\n".into(),
            }
        };
        let seen =
            if monitors { format!("+1.5 [0 127.0.0.1:1] \"{name}\"\r\n") } else { String::new() };
        monitors |= name == "MONITOR";
        if stream.write_all((seen + &reply).as_bytes()).is_err() {
            return;
        }
    }
}

fn request(input: &mut impl BufRead) -> Option<Vec<String>> {
    let mut number = |mark: char| -> Option<usize> {
        let mut line = String::new();
        input.read_line(&mut line).ok()?;
        line.strip_prefix(mark)?.trim_end().parse().ok()
    };
    let count = number('*')?;
    let mut words = Vec::new();
    for _ in 0..count {
        let mut line = String::new();
        input.read_line(&mut line).ok()?;
        let mut word = vec![0; line.strip_prefix('$')?.trim_end().parse::<usize>().ok()? + 2];
        input.read_exact(&mut word).ok()?;
        word.truncate(word.len() - 2);
        words.push(String::from_utf8(word).unwrap());
    }
    Some(words)
}

fn line(client: &mut Client, words: &[&str]) -> String {
    client.write(words);
    next(client)
}

fn next(client: &mut Client) -> String {
    client.line().trim_end().to_owned()
}

#[test]
fn who_is_refused_on_a_shared_connection_is_told_and_gets_nobodys_reply() {
    let server = Server::start();
    let sessiond = server.sessiond("shared");
    let mut joe = sessiond.client();
    assert_eq!(line(&mut joe, &["AUTH", "joe", "right"]), "+OK");
    server.admits.store(false, Ordering::SeqCst);
    for login in [&["AUTH", "joe", "right"][..], &["HELLO", "2", "AUTH", "joe", "right"]] {
        let mut late = sessiond.client();
        late.write(login);
        // The next reply on the connection, which is due to somebody else.
        joe.write(&["ECHO", "secret"]);
        assert_eq!(next(&mut late), REFUSED, "{login:?}");
        assert_eq!((next(&mut joe), next(&mut joe)), ("$6".to_owned(), "secret".to_owned()));
        late.write(&["ACL", "WHOAMI"]);
        assert_eq!((next(&mut late), next(&mut late)), ("$7".to_owned(), "default".to_owned()));
    }
    joe.write(&["ACL", "WHOAMI"]);
    assert_eq!((next(&mut joe), next(&mut joe)), ("$3".to_owned(), "joe".to_owned()));
}

#[test]
fn who_is_refused_on_a_connection_of_its_own_is_told() {
    let server = Server::start();
    for mode in ["shared", "dedicated"] {
        let sessiond = server.sessiond(mode);
        let mut client = sessiond.client();
        assert_eq!(line(&mut client, &["WATCH", "k"]), "+OK");
        for login in [&["AUTH", "joe", "bad"][..], &["HELLO", "2", "AUTH", "joe", "bad"]] {
            client.write(login);
            client.write(&["ECHO", "next"]);
            assert_eq!(next(&mut client), REFUSED, "{mode}");
            assert_eq!(
                (next(&mut client), next(&mut client)),
                ("$4".to_owned(), "next".to_owned())
            );
        }
    }
}

/// Who monitors sees the requests, also those that show whether its login is answered; but not their replies.
#[test]
fn what_is_monitored_answers_no_login() {
    let server = Server::start();
    for mode in ["shared", "dedicated"] {
        let sessiond = server.sessiond(mode);
        let mut client = sessiond.client();
        assert_eq!(line(&mut client, &["MONITOR"]), "+OK");
        for (login, answer) in
            [(["AUTH", "joe", "right"], "+OK"), (["AUTH", "joe", "bad"], REFUSED)]
        {
            client.write(&login);
            client.write(&["PING"]);
            let mut replies = Vec::new();
            while replies.len() < 2 {
                let line = next(&mut client);
                if !line.starts_with("+1.5 ") {
                    replies.push(line);
                }
            }
            assert_eq!(replies, [answer, "+OK"], "{mode}");
        }
    }
}

#[test]
fn in_a_transaction_there_is_no_login_whose_refusal_nobody_would_see() {
    let server = Server::start();
    let sessiond = server.sessiond("shared");
    let mut client = sessiond.client();
    assert_eq!(line(&mut client, &["MULTI"]), "+OK");
    let refused = line(&mut client, &["AUTH", "joe", "bad"]);
    assert!(refused.starts_with("-ERR a login is not possible in a transaction"), "{refused}");
    assert_eq!(line(&mut client, &["EXEC"]), "-EXECABORT x");
}
