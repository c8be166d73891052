//! What the integration tests stand on: a real Redis, a real sessiond, and a wire client that trusts neither.
//!
//! Every promise is tested in a matrix of modes (see [`each_mode`]). With `SESSIOND_TESTS_DIRECT=1` the
//! same tests talk to redis-server itself: what sessiond passes through has to hold there too, so this shows
//! that an expectation is Redis' own. Tests of session commands fail in that setting, as they should.
#![allow(dead_code, unused_imports, unused_macros, reason = "every test program uses a part")]

mod arg;
mod client;
mod cluster;
mod keyspace;
mod layout;
mod log;
mod member;
mod node;
mod redis;
mod sentinel;
mod sessiond;
mod socket;
mod stack;
mod value;
mod wait;
mod words;

pub(crate) use arg::{Arg, encode};
pub(crate) use client::Client;
pub(crate) use cluster::Cluster;
pub(crate) use keyspace::{
    Dump, Now, age, assert_consistent, assert_consistent_within, hash, same_second,
};
pub(crate) use layout::{Layout, crc16};
pub(crate) use member::{Kind, Login, Member};
pub(crate) use node::{LibrarySessions, node_dir, python, run_checked};
pub(crate) use redis::Redis;
pub(crate) use sentinel::{FakeSentinel, Group, Plan, SERVICE, Says};
pub(crate) use sessiond::Sessiond;
pub(crate) use stack::{
    Mode, Stack, direct, each_layout, each_layout_with, each_mode, each_mode_alone,
    each_mode_in_turn, each_mode_with, modes,
};
pub(crate) use value::Value;
pub(crate) use wait::{PATIENCE, Random, eventually};
pub(crate) use words::{wire, words};

/// Sends one command and gives its reply.
macro_rules! cmd {
    ($client:expr, $($arg:expr),+ $(,)?) => {
        $client.run(&[$($crate::common::Arg::to_arg(&$arg)),+])
    };
}

/// Sends one command and compares its reply, as [`common::Value`] writes it.
macro_rules! check {
    ($client:expr, $($arg:expr),+ => $want:expr) => {{
        let args = [$($crate::common::Arg::to_arg(&$arg)),+];
        let got = $client.run(&args).to_string();
        assert_eq!(got, $want, "reply to {}", $crate::common::args_text(&args));
    }};
}

/// A command as its arguments, for a pipeline.
macro_rules! args {
    ($($arg:expr),+ $(,)?) => {
        vec![$($crate::common::Arg::to_arg(&$arg)),+]
    };
}

pub(crate) use args;
pub(crate) use check;
pub(crate) use cmd;

/// The arguments of a command, readable in a failure.
pub(crate) fn args_text(args: &[Vec<u8>]) -> String {
    let shown: Vec<String> =
        args.iter().map(|arg| arg[..arg.len().min(80)].escape_ascii().to_string()).collect();
    shown.join(" ")
}
