//! What merging the data of `SESSION.SET` costs the server: the time of a call, round trip included, for small and large data.

#![allow(missing_docs, reason = "the macros of criterion define public functions")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]

use std::{
    os::unix::net::UnixStream,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use bytes::BytesMut;
use criterion::{Criterion, criterion_group, criterion_main};
use redis::ConnectionLike;
use sessiond::session::{Call, Plan, Settings, lookup};

/// A server on a socket of its own, ended with the benchmark.
struct Server(Child);

impl Server {
    fn start(socket: &Path) -> Self {
        let mut command = Command::new("redis-server");
        command.args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"]);
        let child = command.arg(socket).stdout(Stdio::null()).spawn().unwrap();
        while UnixStream::connect(socket).is_err() {
            thread::sleep(Duration::from_millis(10));
        }
        Self(child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn merge(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s");
    let _server = Server::start(&socket);
    let client = redis::Client::open(format!("unix://{}", socket.display())).unwrap();
    let mut server = client.get_connection().unwrap();
    for (name, keys) in [("small", 4), ("large", 1000)] {
        let members: Vec<_> =
            (0..keys).map(|key| format!("\"key{key}\":\"value {key}\"")).collect();
        let data = format!("{{{}}}", members.join(","));
        let token: String = run(&mut server, "create", &["forum", name, "::1", "DATA", &data]);
        let call = call("set", &["forum", &token, "{\"key1\":1,\"key2\":true}"]);
        let mut request = BytesMut::new();
        call.write_eval(&mut request);
        criterion.bench_function(&format!("merge into {name} data"), |bencher| {
            bencher.iter(|| {
                let reply = server.req_packed_command(&request).unwrap();
                assert!(matches!(reply, redis::Value::Array(_)), "{reply:?}");
            });
        });
    }
}

fn call(name: &str, args: &[&str]) -> Call {
    let args: Vec<_> = args.iter().map(|arg| arg.as_bytes()).collect();
    let command = lookup(format!("session.{name}").as_bytes()).unwrap();
    match command.plan(&Settings::default(), &args) {
        Ok(Plan::Script(call)) => call,
        other => panic!("{name} is one call, not {other:?}"),
    }
}

fn run<T: redis::FromRedisValue>(server: &mut redis::Connection, name: &str, args: &[&str]) -> T {
    let mut request = BytesMut::new();
    call(name, args).write_eval(&mut request);
    T::from_redis_value(server.req_packed_command(&request).unwrap()).unwrap()
}

criterion_group!(benches, merge);
criterion_main!(benches);
