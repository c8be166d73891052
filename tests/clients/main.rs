//! Client libraries of several languages, what is built on them, redis-cli and redis-benchmark work through sessiond
//! as on Redis.
#![cfg(test)] // What clippy.toml allows in tests is then allowed in helpers as well.

#[path = "../common/mod.rs"]
mod common;

mod fred;
mod redis_rs;

use std::process::Command;

use crate::common::*;

/// Runs a program of another language with the port as its argument.
fn program(mut command: Command, stack: &Stack) {
    command.arg(stack.port().to_string());
    if direct() {
        command.arg("direct");
    }
    run_checked(&mut command);
}

/// Runs a program of `clients/node` in every mode.
fn node_program(name: &str) {
    each_mode(|stack| {
        let mut command = Command::new("node");
        command.arg(node_dir().join(name));
        program(command, &stack);
    });
}

/// Runs a program of `clients/python` in every mode.
fn python_program(name: &str) {
    each_mode(|stack| {
        let mut command = Command::new(python());
        // No compiled modules beside the sources.
        command.arg("-B").arg(node_dir().with_file_name("python").join(name));
        program(command, &stack);
    });
}

#[test]
fn redis_py() {
    python_program("features.py");
}

#[test]
fn django_with_django_redis() {
    python_program("django_cache.py");
}

#[test]
fn celery() {
    python_program("celery_jobs.py");
}

#[test]
fn rq() {
    python_program("rq_jobs.py");
}

#[test]
fn ioredis() {
    node_program("ioredis.js");
}

#[test]
fn node_redis() {
    node_program("node-redis.js");
}

#[test]
fn bullmq() {
    node_program("bullmq.js");
}

#[test]
fn express_session_with_connect_redis() {
    node_program("express-session.js");
}

#[test]
fn rate_limiter_flexible() {
    node_program("rate-limiter.js");
}

#[test]
fn redis_benchmark_runs_without_an_error() {
    const TESTS: &str = "get,set,incr,lpush,rpop,sadd,hset,spop,zadd,zpopmin,lrange,mset";
    each_mode(|stack| {
        for options in [&["-P", "1"][..], &["-P", "16"], &["--threads", "2", "-c", "200"]] {
            let port = stack.port().to_string();
            let output = run_checked(
                Command::new("redis-benchmark")
                    .args(["-p", &port, "-t", TESTS, "-n", "2000", "-q"])
                    .args(options),
            );
            let lower = output.to_lowercase();
            assert!(
                !lower.contains("error") && !lower.contains("warning"),
                "{options:?}: {output}"
            );
            for name in ["GET", "SET", "INCR", "LRANGE_600", "MSET (10 keys)", "ZPOPMIN"] {
                assert!(output.contains(name), "{options:?}: no {name} in {output}");
            }
        }
    });
}

#[test]
fn redis_cli_with_piped_commands() {
    each_mode(|stack| {
        let input = "SET a \"x y\"\nGET a\nMULTI\nINCR n\nLPUSH l 1 2\nEXEC\nEVAL \"return {1,{2}}\" 0\nNOSUCH\nSELECT 3\nDBSIZE\n";
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), input).unwrap();
        let port = stack.port().to_string();
        let run = |port: &str, options: &[&str]| {
            let output = Command::new("redis-cli")
                .args(["-p", port])
                .args(options)
                .stdin(std::fs::File::open(file.path()).unwrap())
                .output()
                .expect("redis-cli is needed: `make test-setup` installs it");
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        let plain = Redis::start();
        for options in [&[][..], &["-3"], &["--no-raw"], &["-3", "--json"]] {
            check!(stack.client(), "FLUSHALL" => "+OK");
            check!(plain.client(), "FLUSHALL" => "+OK");
            let want = run(&plain.port().to_string(), options);
            assert_eq!(run(&port, options), want, "redis-cli {options:?}");
        }
        let rdb = tempfile::NamedTempFile::new().unwrap();
        let dumped =
            run_checked(Command::new("redis-cli").args(["-p", &port, "--rdb"]).arg(rdb.path()));
        assert!(std::fs::metadata(rdb.path()).unwrap().len() > 50, "{dumped}");
    });
}
