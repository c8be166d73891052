//! Addresses of Sentinel groups that are none, and those that are.

use std::process::{Command, Output};

use crate::common::*;

fn check_config(flags: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sessiond"));
    command.arg("--check-config").args(flags).output().unwrap()
}

fn assert_refused(flags: &[&str], key: &str) {
    let output = check_config(flags);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64), "{flags:?}: {told}");
    assert_eq!(told.lines().count(), 1, "{flags:?}: {told}");
    assert!(told.contains(key), "{flags:?}: {told}");
    assert!(!told.contains("hunter2"), "{flags:?}: {told}");
}

#[test]
fn addresses_of_groups_that_are_none_are_refused() {
    for rest in [
        // No service.
        "h1:26379",
        "h1:26379,h2:26379",
        "h1:26379/",
        "app:hunter2@h1:26379",
        // No host.
        "/main",
        "app:hunter2@/main",
        ":26379/main",
        "h1:26379,/main",
        "h1:26379,,h2:26379/main",
        // No port.
        "h1:port/main",
        "h1:65536/main",
        "h1:26379,h2:port/main",
        "app:hunter2@h1:26379,h2:-1/main",
        // No database.
        "h1:26379/main/x",
        "h1:26379/main/-1",
        "h1:26379/main/0/1",
        // Nobody.
        "app@h1:26379/main",
    ] {
        for scheme in ["redis+sentinel", "rediss+sentinel"] {
            assert_refused(&["--upstream", &format!("{scheme}://{rest}")], "upstream");
        }
    }
}

#[test]
fn addresses_of_groups_are_taken() {
    for rest in [
        "h1/main",
        "h1:26379/main",
        "h1:26379,h2:26380,h3/main",
        "h1:26379/main/3",
        "h1:26379/my%20group/3",
        "app:hunter2@h1:26379,h2:26379/main/3",
        ":hunter2@h1:26379/main",
        "[::1]:26379,127.0.0.1:26379/main",
    ] {
        for scheme in ["redis+sentinel", "rediss+sentinel"] {
            let url = format!("{scheme}://{rest}");
            let output = check_config(&["--upstream", &url, "--hold", "0"]);
            assert!(output.status.success(), "{url}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

#[test]
fn times_to_hold_that_are_none_are_refused() {
    for time in ["-1", "x", "1e99"] {
        assert_refused(&["--upstream", "redis+sentinel://h1/main", "--hold", time], "hold");
    }
}

#[test]
fn the_password_for_the_sentinels_is_never_shown() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sessiond"));
    let url = "redis+sentinel://app:hunter2@h1:26379,h2:26379/main/3";
    let flags = ["--upstream", url, "--sentinel-user", "watcher", "--sentinel-password", "hunter3"];
    let shown = run_checked(command.arg("--print-config").args(flags));
    assert!(shown.contains("redis+sentinel://h1:26379,h2:26379/main/3"), "{shown}");
    assert!(shown.contains("sentinel_user = \"watcher\""), "{shown}");
    assert!(!shown.contains("hunter"), "{shown}");
}
