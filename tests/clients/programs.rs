//! Programs in Node and Python: client libraries of these languages, and what is built on them.

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
