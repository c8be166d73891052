//! Redis' own tools: redis-cli and redis-benchmark.

use std::process::Command;

use crate::common::*;

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
