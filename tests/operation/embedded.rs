//! The private server: started with sessiond, kept running, stopped with it, and never left behind.

use std::{
    fs,
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use sessiond::upstream::{
    address::Address,
    embedded::{Embedded, Error, Settings},
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::common::*;

fn settings(folder: &TempDir) -> Settings {
    Settings { data_dir: folder.path().join("data"), program: None }
}

async fn started(settings: &Settings) -> Embedded {
    Embedded::start(settings, CancellationToken::new()).await.unwrap()
}

fn socket(embedded: &Embedded) -> PathBuf {
    match embedded.address() {
        Address::Unix(path) => path.clone(),
        other => panic!("{other}"),
    }
}

fn dial(socket: &Path) -> Client {
    Client::try_connect_unix(socket).unwrap()
}

/// The server's process id, as it says itself.
fn pid_of(socket: &Path) -> i32 {
    let text = cmd!(dial(socket), "INFO", "server").text();
    text.lines().find_map(|line| line.strip_prefix("process_id:")).unwrap().parse().unwrap()
}

#[tokio::test]
async fn data_survives_a_stop_and_a_start() {
    let folder = tempfile::tempdir().unwrap();
    let embedded = started(&settings(&folder)).await;
    let path = socket(&embedded);
    check!(dial(&path), "SET", "kept", "yes" => "+OK");
    embedded.stop().await;
    assert!(!path.exists());

    let embedded = started(&settings(&folder)).await;
    let mut stream = dial(&socket(&embedded));
    check!(stream, "EXISTS", "kept" => "1");
    embedded.stop().await;
}

#[tokio::test]
async fn only_our_user_can_reach_the_server_and_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let embedded = started(&settings(&folder)).await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let path = socket(&embedded);
    assert!(fs::metadata(&path).unwrap().file_type().is_socket());
    assert_eq!(mode(&path) & 0o077, 0);
    let data = folder.path().join("data");
    assert_eq!(mode(&data), 0o700);
    assert_eq!(mode(&data.join("appendonlydir")) & 0o077, 0);
    let mut stream = dial(&path);
    check!(stream, "CONFIG", "GET", "port" => "[\"port\", \"0\"]");
    embedded.stop().await;
}

#[tokio::test]
async fn a_killed_server_runs_again_with_its_data() {
    let folder = tempfile::tempdir().unwrap();
    let embedded = started(&settings(&folder)).await;
    let path = socket(&embedded);
    let first = pid_of(&path);
    let mut stream = dial(&path);
    check!(stream, "SET", "kept", "yes" => "+OK");
    kill_process(Pid::from_raw(first).unwrap(), Signal::KILL).unwrap();
    stream.rest_until_closed();

    let again = async {
        loop {
            let answer = Client::try_connect_unix(&path).and_then(|mut client| {
                client.try_send(b"EXISTS kept\r\n")?;
                client.try_reply()
            });
            if answer.is_ok_and(|answer| answer == Value::Int(1)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, again).await.unwrap();
    assert_ne!(pid_of(&path), first);
    embedded.stop().await;
}

#[tokio::test]
async fn a_second_one_on_the_same_data_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let embedded = started(&settings(&folder)).await;
    let error = Embedded::start(&settings(&folder), CancellationToken::new()).await.unwrap_err();
    assert!(matches!(error, Error::InUse { .. }), "{error}");
    let message = error.to_string();
    assert!(message.contains(&format!("(pid {})", std::process::id())), "{message}");
    assert!(message.contains(folder.path().join("data").to_str().unwrap()), "{message}");
    check!(dial(&socket(&embedded)), "PING" => "+PONG");
    embedded.stop().await;
}

#[tokio::test]
async fn a_long_data_path_is_no_obstacle() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("d".repeat(100)).join("e".repeat(100));
    let embedded = started(&Settings { data_dir, program: None }).await;
    let path = socket(&embedded);
    check!(dial(&path), "PING" => "+PONG");
    embedded.stop().await;
    assert!(!path.parent().unwrap().exists());
}

#[tokio::test]
async fn damaged_data_is_explained_in_the_servers_words() {
    let folder = tempfile::tempdir().unwrap();
    started(&settings(&folder)).await.stop().await;
    let files = folder.path().join("data/appendonlydir");
    fs::write(files.join("appendonly.aof.1.incr.aof"), "*1\r\nnonsense that is no command\r\n")
        .unwrap();
    let error = Embedded::start(&settings(&folder), CancellationToken::new()).await.unwrap_err();
    let message = error.to_string();
    assert!(message.contains("Bad file format reading the append only file"), "{message}");
    // The lock was given up, so that a second attempt is told the same.
    let error = Embedded::start(&settings(&folder), CancellationToken::new()).await.unwrap_err();
    assert!(matches!(error, Error::Ended { .. }), "{error}");
}

#[tokio::test]
async fn a_program_that_cannot_run_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("redis-server");
    let settings = Settings { program: Some(program.clone()), ..settings(&folder) };
    let start = || Embedded::start(&settings, CancellationToken::new());
    let error = start().await.unwrap_err().to_string();
    assert_eq!(error, format!("cannot run {}: no such file or socket", program.display()));
}

#[tokio::test]
async fn a_shutdown_ends_the_wait_for_a_server_that_never_serves() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("silent");
    fs::write(&program, "#!/bin/sh\nexec sleep 600\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    let settings = Settings { program: Some(program), ..settings(&folder) };
    let shutdown = CancellationToken::new();
    let start = Embedded::start(&settings, shutdown.clone());
    let stop = async { shutdown.cancel() };
    let (outcome, ()) =
        tokio::time::timeout(PATIENCE, async { tokio::join!(start, stop) }).await.unwrap();
    assert!(matches!(outcome, Err(Error::Interrupted)));
}

/// sessiond with a private server of its own, and where that listens.
fn program(folder: &TempDir) -> (Sessiond, PathBuf) {
    let data = folder.path().canonicalize().unwrap().join("data");
    let sessiond = Sessiond::start(&["--data-dir", data.to_str().unwrap()]);
    let log = sessiond.log();
    let line = log.lines().find(|line| line.contains("listening on 127.0.0.1:")).unwrap();
    assert!(line.contains("in front of private server unix://"), "{line}");
    assert!(line.contains("(Redis ") || line.contains("(Valkey "), "{line}");
    assert!(line.contains(" shared mode, workers: "), "{line}");
    (sessiond, data.join("redis.sock"))
}

#[test]
fn sigkill_of_sessiond_leaves_no_server_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (mut sessiond, path) = program(&folder);
    let mut stream = dial(&path);
    check!(stream, "SET", "kept", "yes" => "+OK");
    sessiond.kill();
    stream.rest_until_closed();
    // The system closes a dead process' connections and its listening socket one after the other.
    eventually("no server listens any more", || {
        Client::try_connect_unix(&path).is_err().then_some(())
    });

    // What it left on disk does not hinder the next one.
    let (_sessiond, path) = program(&folder);
    check!(dial(&path), "EXISTS", "kept" => "1");
}

#[test]
fn sigterm_of_sessiond_stops_the_server_and_ends_with_0() {
    let folder = tempfile::tempdir().unwrap();
    let (mut sessiond, path) = program(&folder);
    let mut stream = dial(&path);
    sessiond.terminate();
    assert_eq!(sessiond.wait_exit().code(), Some(0));
    stream.rest_until_closed();
    assert!(!path.exists());
    let log = sessiond.kill();
    assert!(log.contains("SIGTERM received"), "{log}");
    assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
}

#[test]
fn a_second_sessiond_on_the_same_data_ends_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let (sessiond, _) = program(&folder);
    let second = Command::new(env!("CARGO_BIN_EXE_sessiond"))
        .args(["--listen", "127.0.0.1:0", "--data-dir"])
        .arg(folder.path().join("data"))
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    let told = String::from_utf8(second.stderr).unwrap();
    let expected = format!("is in use by another sessiond (pid {})", sessiond.id());
    assert!(told.contains(&expected), "{told}");
}

#[test]
fn an_address_in_use_is_named_and_the_private_server_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_sessiond"))
        .args(["--listen", &address, "--data-dir"])
        .arg(folder.path().join("data"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    let expected = format!("sessiond: cannot listen on {address}: address already in use\n");
    assert!(told.ends_with(&expected), "{told}");
    assert!(!folder.path().join("data/redis.sock").exists());
}

#[test]
fn without_any_server_installed_the_way_to_get_one_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_sessiond"))
        .args(["--listen", "127.0.0.1:0", "--data-dir"])
        .arg(folder.path().join("data"))
        .env("PATH", folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("neither redis-server nor valkey-server is installed; install"),
        "{told}"
    );
}
