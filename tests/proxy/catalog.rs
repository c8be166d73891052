//! What `COMMAND` says of the session commands, and what redis-cli makes of it on the screen.

use std::{
    fs::File,
    io::{Read, Write},
    process::{Child, Command},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use crate::common::*;
use rustix::{fs::Mode as FileMode, fs::OFlags, pty, termios};

const OURS: usize = 11;

fn in_both_protocols(stack: &Stack, test: impl Fn(&mut Client, &mut Client)) {
    test(&mut stack.client(), &mut stack.redis.client());
    test(&mut stack.client().resp3(), &mut stack.redis.client().resp3());
}

/// The same kinds all the way down, whatever the values.
fn same_form(ours: &Value, theirs: &Value) -> bool {
    std::mem::discriminant(ours) == std::mem::discriminant(theirs)
}

#[test]
fn all_commands_are_the_servers_and_ours() {
    each_mode(|stack| {
        in_both_protocols(&stack, |client, redis| {
            let count = |client: &mut Client| cmd!(client, "COMMAND", "COUNT").int() as usize;
            assert_eq!(count(client), count(redis) + OURS);
            for args in [args!("COMMAND"), args!("COMMAND", "INFO"), args!("COMMAND", "LIST")] {
                let (all, theirs) = (client.run(&args), redis.run(&args));
                let (known, ours) = all.items().split_at(theirs.items().len());
                assert_eq!(Value::Array(known.to_vec()).to_string(), theirs.to_string());
                assert_eq!(ours.len(), OURS);
            }
            let (all, theirs) = (cmd!(client, "COMMAND", "DOCS"), cmd!(redis, "COMMAND", "DOCS"));
            assert!(same_form(&all, &theirs));
            assert_eq!(all.fields().len(), theirs.fields().len() + OURS);
            check!(client, "COMMAND", "LIST", "FILTERBY", "PATTERN", "SESSION.G*" => "[\"session.get\"]");
        });
    });
}

#[test]
fn every_entry_has_the_form_of_the_servers_own() {
    each_mode(|stack| {
        in_both_protocols(&stack, |client, redis| {
            let names: Vec<String> =
                cmd!(client, "COMMAND", "LIST", "FILTERBY", "PATTERN", "session.*")
                    .items()
                    .iter()
                    .map(Value::text)
                    .collect();
            assert_eq!(names.len(), OURS);
            let model = cmd!(redis, "COMMAND", "INFO", "ping").items()[0].clone();
            for name in &names {
                let entry = cmd!(client, "COMMAND", "INFO", name).items()[0].clone();
                assert_eq!(entry.items().len(), model.items().len());
                assert!(
                    entry
                        .items()
                        .iter()
                        .zip(model.items())
                        .all(|(ours, theirs)| same_form(ours, theirs))
                );
                assert_eq!(entry.items()[0].text(), *name);
                let docs = cmd!(client, "COMMAND", "DOCS", name).field(name);
                assert_eq!(docs.field("group").text(), "session");
                assert!(!docs.field("summary").text().is_empty());
            }
            // In the order asked for, and nothing of the additional question is left.
            let mixed = cmd!(client, "COMMAND", "INFO", "session.GET", "nosuch", "get");
            let get = cmd!(redis, "COMMAND", "INFO", "nosuch", "get");
            assert_eq!(mixed.items().len(), 3);
            assert_eq!(mixed.items()[0].items()[0].text(), "session.get");
            assert_eq!(Value::Array(mixed.items()[1..].to_vec()).to_string(), get.to_string());
        });
    });
}

#[test]
fn what_the_server_decides_stays_as_it_is() {
    each_mode(|stack| {
        in_both_protocols(&stack, |client, redis| {
            for args in [
                args!("COMMAND", "HELP"),
                args!("COMMAND", "NOSUCH"),
                args!("COMMAND", "COUNT", "x"),
                args!("COMMAND", "LIST", "FILTERBY"),
                args!("COMMAND", "LIST", "FILTERBY", "MODULE", "x"),
                args!("COMMAND", "INFO", "get", "nosuch", "config|get"),
                args!("COMMAND", "DOCS", "get", "nosuch"),
                args!("COMMAND", "GETKEYS"),
                args!("COMMAND", "GETKEYS", "mset", "a", "1", "b", "2"),
                args!("COMMAND", "GETKEYS", "nosuch", "a", "b"),
                args!("COMMAND", "GETKEYSANDFLAGS", "lmove", "a", "b", "left", "left"),
            ] {
                client.write(&args);
                redis.write(&args);
                let (got, want) = (client.raw_reply(), redis.raw_reply());
                assert_eq!(got.escape_ascii().to_string(), want.escape_ascii().to_string());
            }
        });
    });
}

#[test]
fn keys_are_the_ones_that_the_command_uses() {
    each_mode(|stack| {
        let mut client = stack.client();
        let token = cmd!(client, "SESSION.CREATE", "app", "user", "ip").text();
        check!(client, "COMMAND", "GETKEYS", "SESSION.GET", "app", token =>
            format!("[\"rs:app:{token}\", \"rs:app:_sessions\", \"rs:app:_users\", \"rs:SESSIONS\"]"));
        check!(client, "COMMAND", "GETKEYS", "SESSION.GET", "app", "token" =>
            "-ERR Invalid arguments specified for command");
    });
}

#[test]
fn many_keys_hold_nobody_up() {
    let stack = Stack::laid_out(Redis::start(), modes()[0], Layout::Buckets(4096), &[]);
    let mut client = stack.client();
    let getkeys = vec![args!("COMMAND", "GETKEYS", "SESSION.KILLALL", "app"); 8];
    let begun = Instant::now();
    for reply in client.pipeline(&getkeys) {
        assert_eq!(reply.items().len(), 3 * 4096);
    }
    // Comparing each key with each other takes ten times as long.
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[test]
fn in_a_pipeline_and_in_a_transaction() {
    each_mode(|stack| {
        let mut client = stack.client();
        let count = cmd!(stack.redis.client(), "COMMAND", "COUNT").int() + OURS as i64;
        let getkeys = args!("COMMAND", "GETKEYS", "SESSION.ACTIVITY", "app");
        let commands = [
            args!("SET", "k", "v"),
            args!("COMMAND", "COUNT"),
            args!("GET", "k"),
            getkeys.clone(),
            args!("INCR", "n"),
        ];
        let want = format!("+OK {count} \"v\" [\"rs:app:_users\"] 1");
        let shown =
            |replies: &[Value]| replies.iter().map(Value::to_string).collect::<Vec<_>>().join(" ");
        assert_eq!(shown(&client.pipeline(&commands)), want);
        check!(client, "DEL", "n" => "1");
        check!(client, "MULTI" => "+OK");
        for command in &commands {
            assert_eq!(client.run(command).to_string(), "+QUEUED");
        }
        check!(client, "COMMAND", "INFO", "session.get" => "+QUEUED");
        let replies = cmd!(client, "EXEC");
        let (last, first) = replies.items().split_last().unwrap();
        assert_eq!(shown(first), want);
        assert_eq!(last.items().len(), 1);
        assert_eq!(last.items()[0].items()[0].text(), "session.get");
    });
}

#[test]
fn a_client_that_has_not_authenticated_is_refused_and_stays() {
    each_mode_with(&["--requirepass", "secret"], &[], |mut stack| {
        let mut client = stack.client();
        stack.sessiond().expect_troubles();
        let mut ask = args!("COMMAND", "INFO");
        ask.resize(10, b"session.get".to_vec());
        for _ in 0..2 {
            assert_eq!(client.run(&ask).to_string(), "-NOAUTH Authentication required.");
        }
        check!(client, "AUTH", "secret" => "+OK");
        assert_eq!(client.run(&ask).items().len(), 8);
    });
}

/// redis-cli under a pseudo-terminal.
struct Terminal {
    child: Child,
    keyboard: File,
    screen: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    fn redis_cli(port: u16) -> Terminal {
        let main = pty::openpt(pty::OpenptFlags::RDWR | pty::OpenptFlags::NOCTTY).unwrap();
        pty::grantpt(&main).unwrap();
        pty::unlockpt(&main).unwrap();
        let name = pty::ptsname(&main, Vec::new()).unwrap();
        let line =
            rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY, FileMode::empty()).unwrap();
        let size = termios::Winsize { ws_row: 50, ws_col: 160, ws_xpixel: 0, ws_ypixel: 0 };
        termios::tcsetwinsize(&line, size).unwrap();
        let home = tempfile::tempdir().unwrap();
        let child = Command::new("redis-cli")
            .args(["-p", &port.to_string()])
            .env("TERM", "xterm")
            .env("HOME", home.path())
            .stdin(line.try_clone().unwrap())
            .stdout(line.try_clone().unwrap())
            .stderr(line)
            .spawn()
            .expect("redis-cli is needed: `make test-setup` installs it");
        let keyboard = File::from(main);
        let screen = Arc::new(Mutex::new(Vec::new()));
        let (mut output, shown) = (keyboard.try_clone().unwrap(), screen.clone());
        // The terminal of a program that has ended gives an error.
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut bytes) {
                shown.lock().unwrap().extend_from_slice(&bytes[..read]);
            }
        });
        Terminal { child, keyboard, screen }
    }

    fn type_in(&mut self, keys: &str) {
        self.screen.lock().unwrap().clear();
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// What has been shown since something was last typed, without colours and movements of the cursor.
    fn shown(&self) -> String {
        let screen = self.screen.lock().unwrap();
        let text = String::from_utf8_lossy(&screen);
        let mut parts = text.split("\x1b[");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |shown, part| {
            let end = part.find(|c: char| c.is_ascii_alphabetic()).map_or(part.len(), |at| at + 1);
            shown + &part[end..]
        })
    }

    fn sees(&self, text: &str) {
        eventually(&format!("{text:?} on the screen"), || {
            self.shown().contains(text).then_some(())
        });
    }

    /// Waits for the answer to a line, and for the next prompt: what is typed before that is discarded.
    fn answers(&self, lines: &[&str]) {
        eventually(&format!("{lines:?} and a prompt on the screen"), || {
            let shown = self.shown();
            let complete = lines.iter().all(|line| shown.contains(line));
            (complete && shown.ends_with("> ")).then_some(())
        });
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- the screen:\n{}\n---", self.shown());
        }
    }
}

#[test]
fn redis_cli_completes_hints_and_explains() {
    each_mode(|stack| {
        let mut terminal = Terminal::redis_cli(stack.port());
        let usage = "app id ip [TTL seconds] [DATA json] [NORESAVE]";
        terminal.answers(&[]);
        terminal.type_in("session.create ");
        terminal.sees(usage);
        terminal.type_in("\x15help SESSION.CREATE\r");
        terminal.answers(&[
            &format!("SESSION.CREATE {usage}"),
            "summary: Creates a session and returns its token.",
            "since: 0.1.0",
            "group: session",
        ]);
        terminal.type_in("session.kills\t");
        terminal.sees("SESSION.KILLSOID");
        terminal.type_in(" app user\r");
        terminal.answers(&["(integer) 0"]);
        terminal.type_in("help @session\r");
        terminal.answers(&["SESSION.SOAPP app [dt] [JSON]", "SESSION.HELP"]);
    });
}
