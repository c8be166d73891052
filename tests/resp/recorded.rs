//! What sessiond makes of the replies of other servers: recorded ones of Redis 6.2 to 8, Valkey 8 and 9, and Redict.

use std::fs;
use std::path::PathBuf;

use bytes::BytesMut;
use sessiond::command::catalog::Merge;
use sessiond::command::client::line::Form;
use sessiond::command::client::profile::Profile;
use sessiond::command::own_id::write_hello;
use sessiond::resp::{Protocol, RequestScanner, encode, reply};
use sessiond::session::{Settings, commands};
use sessiond::state::ids::ClientId;

const PROTOCOLS: [(Protocol, &str); 2] = [(Protocol::Resp2, "resp2"), (Protocol::Resp3, "resp3")];

/// Every recorded server, and how to get one of its replies.
fn servers() -> Vec<(String, impl Fn(&str) -> Vec<u8>)> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/resp/recorded");
    let folders = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path());
    let servers: Vec<_> = folders
        .filter(|path| path.is_dir())
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let read = move |file: &str| {
                let path = path.join(file);
                fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
            };
            (name, read)
        })
        .collect();
    assert!(servers.len() >= 7, "recorded replies are missing");
    servers
}

/// What becomes of `frame` as the answer to a `COMMAND` request.
fn merged(words: &str, frame: &[u8], protocol: Protocol) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    encode::command(&mut bytes, words.split(' ').collect::<Vec<_>>());
    let mut scanner = RequestScanner::new();
    scanner.scan(&bytes, true).unwrap();
    let mut out = BytesMut::new();
    let merge = Merge::of(&scanner.request(&bytes), &Settings::default()).unwrap();
    merge.apply(frame, protocol, &mut out);
    out.to_vec()
}

fn elements(frame: &[u8]) -> Vec<&[u8]> {
    reply::elements(frame).unwrap().map(|element| element.unwrap()).collect()
}

#[test]
fn hello_tells_the_clients_id_and_all_else_of_the_server() {
    for (name, read) in servers() {
        for file in ["hello.resp2", "hello-3.resp3"] {
            let frame = read(file);
            let mut out = BytesMut::new();
            write_hello(&frame, ClientId(4242), &mut out);
            let (before, after) = (elements(&frame), elements(&out));
            assert_eq!(before.len(), after.len(), "{name} {file}");
            let mut replaced = 0;
            for (index, (was, is)) in before.iter().zip(&after).enumerate() {
                if index % 2 == 1 && reply::as_bulk(before[index - 1]) == Some(b"id") {
                    assert_eq!(reply::as_integer(is), Some(4242), "{name} {file}");
                    replaced += 1;
                } else {
                    assert_eq!(was, is, "{name} {file}");
                }
            }
            assert_eq!(replaced, 1, "{name} {file}");
        }
    }
}

#[test]
fn lines_of_clients_have_the_properties_that_the_server_shows() {
    let names = |line: &str| -> Vec<String> {
        let properties = line.split(' ').map(|property| property.split_once('=').unwrap());
        properties.map(|(name, _)| name.to_owned()).collect()
    };
    for (name, read) in servers() {
        for file in ["client-info.resp2", "client-info.resp3", "client-list-several.resp2"] {
            let frame = String::from_utf8(read(file)).unwrap();
            let at = frame.find("id=").unwrap_or_else(|| panic!("{name} {file}: {frame}"));
            let text = &frame[at..];
            let mut out = String::new();
            let client = Profile { id: 9, address: "127.0.0.1:5".to_owned(), ..Profile::default() };
            Form::of(text.as_bytes()).write(&client, &mut out);
            let line = text.lines().next().unwrap();
            assert_eq!(names(out.trim_end_matches('\n')), names(line), "{name} {file}");
            assert!(out.starts_with("id=9 addr=127.0.0.1:5 "), "{name} {file}: {out}");
            assert_eq!(out.lines().count(), 1, "{name} {file}: {out}");
        }
    }
}

#[test]
fn command_counts_the_session_commands_as_well() {
    for (name, read) in servers() {
        let frame = read("command-count.resp2");
        let before = reply::as_integer(&frame).unwrap();
        let after = merged("COMMAND COUNT", &frame, Protocol::Resp2);
        let ours = i64::try_from(commands().len()).unwrap();
        assert_eq!(reply::as_integer(&after), Some(before + ours), "{name}");
    }
}

#[test]
fn entries_of_session_commands_look_like_the_servers_own() {
    for (name, read) in servers() {
        for (protocol, suffix) in PROTOCOLS {
            // The server's entry of `client` stands where it was asked about a command of its own in place of ours.
            let frame = read(&format!("command-info-get-client.{suffix}"));
            let answer = merged("COMMAND INFO get session.get", &frame, protocol);
            let (before, after) = (elements(&frame), elements(&answer));
            assert_eq!(after.len(), 2, "{name}");
            assert_eq!(after[0], before[0], "{name}");
            let (theirs, ours) = (elements(before[0]), elements(after[1]));
            assert_eq!(ours.len(), theirs.len(), "{name} {suffix}");
            assert_eq!(reply::as_bulk(ours[0]), Some(&b"session.get"[..]), "{name}");
            assert_eq!(reply::as_integer(ours[1]), Some(-3), "{name}");
            // The last one, the subcommands, is an empty set here and an empty array there.
            for (ours, theirs) in ours.iter().zip(&theirs).take(9) {
                let kinds = (reply::kind(ours), reply::kind(theirs));
                assert_eq!(ours.first(), theirs.first(), "{name} {suffix}: {kinds:?}");
            }
        }
    }
}

#[test]
fn documentation_is_added_where_the_server_has_any() {
    for (name, read) in servers() {
        for (protocol, suffix) in PROTOCOLS {
            let frame = read(&format!("command-docs-get.{suffix}"));
            let answer = merged("COMMAND DOCS get session.get", &frame, protocol);
            if reply::is_error(&frame) {
                // Redis 6.2 has no COMMAND DOCS.
                assert_eq!(answer, frame, "{name}");
                continue;
            }
            let after = elements(&answer);
            assert_eq!(after.len(), 4, "{name} {suffix}");
            assert_eq!(after[..2], elements(&frame)[..], "{name} {suffix}");
            assert_eq!(reply::as_bulk(after[2]), Some(&b"session.get"[..]), "{name} {suffix}");
            assert_eq!(after[3].first(), after[1].first(), "{name} {suffix}");
        }
    }
}
