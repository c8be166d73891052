//! What a session command costs the proxy: planning `SESSION.GET`, and adapting its reply.

#![allow(missing_docs, reason = "the macros of criterion define public functions")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]

use std::hint::black_box;

use bytes::BytesMut;
use criterion::{Criterion, criterion_group, criterion_main};
use sessiond::resp::Protocol;
use sessiond::session::{Adapt, Form, Plan, Settings, lookup};

fn plan_get(criterion: &mut Criterion) {
    let settings = Settings::default();
    let token = [b'T'; 64];
    let mut out = BytesMut::with_capacity(4096);
    criterion.bench_function("plan and write SESSION.GET", |bencher| {
        bencher.iter(|| {
            let command = lookup(black_box(b"SESSION.GET")).unwrap();
            let plan = command.plan(&settings, black_box(&[b"forum", &token]));
            let Ok(Plan::Script(call)) = plan else { panic!("GET is one call") };
            out.clear();
            call.write_evalsha(&mut out);
            black_box(out.len())
        });
    });
}

fn adapt_session(criterion: &mut Criterion) {
    let frame = b"*8\r\n$5\r\nuser1\r\n$1\r\n1\r\n:7200\r\n:3\r\n$9\r\n127.0.0.1\r\n\
        $15\r\n{\"a\":1,\"b\":\"x\"}\r\n$-1\r\n:5\r\n";
    let mut out = BytesMut::with_capacity(4096);
    for (name, form) in [("map", Form::Map), ("JSON", Form::Json)] {
        criterion.bench_function(&format!("adapt a session to {name}"), |bencher| {
            bencher.iter(|| {
                out.clear();
                Adapt::Session(form).apply(black_box(frame), Protocol::Resp3, &mut out);
                black_box(out.len())
            });
        });
    }
}

criterion_group!(benches, plan_get, adapt_session);
criterion_main!(benches);
