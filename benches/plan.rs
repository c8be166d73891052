//! What a session command costs the proxy: planning it, and adapting its reply.

#![allow(missing_docs, reason = "the macros of criterion define public functions")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]

use std::hint::black_box;

use bytes::BytesMut;
use criterion::{Criterion, criterion_group, criterion_main};
use sessiond::resp::Protocol;
use sessiond::session::{Adapt, Form, Plan, Reads, Settings, lookup};

/// Commands that one call carries out.
const READS: usize = 16;
const SESSION: &str = "*8\r\n$5\r\nuser1\r\n$1\r\n1\r\n:7200\r\n:3\r\n$9\r\n127.0.0.1\r\n\
    $15\r\n{\"a\":1,\"b\":\"x\"}\r\n$-1\r\n:5\r\n";

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

/// Reads in a row: per group, not per command.
fn plan_reads(criterion: &mut Criterion) {
    let settings = Settings::default();
    let command = lookup(b"SESSION.GET").unwrap();
    let (mut out, mut buffer) = (BytesMut::with_capacity(4096), BytesMut::with_capacity(4096));
    criterion.bench_function("plan and write 16 SESSION.GET", |bencher| {
        bencher.iter(|| {
            let mut reads = Reads::new(std::mem::take(&mut buffer));
            for letter in b'A'..b'A' + READS as u8 {
                assert!(reads.add(command, &settings, black_box(&[b"forum", &[letter; 64]])));
            }
            let call = reads.take(&settings).unwrap();
            out.clear();
            call.write_evalsha(&mut out);
            buffer = call.into_buffer();
            black_box(out.len())
        });
    });
}

/// Taking the data of `SESSION.SET` apart, which the server then merges.
fn plan_set(criterion: &mut Criterion) {
    let settings = Settings::default();
    let command = lookup(b"SESSION.SET").unwrap();
    let mut buffer = BytesMut::with_capacity(16 << 10);
    for keys in [2, 100] {
        let members: Vec<_> = (0..keys).map(|key| format!("\"key{key}\":{key}")).collect();
        let data = format!("{{{}}}", members.join(","));
        criterion.bench_function(&format!("plan SESSION.SET of {keys} keys"), |bencher| {
            bencher.iter(|| {
                let args: &[&[u8]] = &[b"forum", &[b'T'; 64], data.as_bytes()];
                let plan =
                    command.plan_into(&settings, black_box(args), std::mem::take(&mut buffer));
                let Ok(Plan::Script(call)) = plan else { panic!("SET is one call") };
                buffer = call.into_buffer();
            });
        });
    }
}

fn adapt_session(criterion: &mut Criterion) {
    let mut out = BytesMut::with_capacity(8192);
    for (name, form) in [("map", Form::Map), ("JSON", Form::Json)] {
        criterion.bench_function(&format!("adapt a session to {name}"), |bencher| {
            bencher.iter(|| {
                out.clear();
                let frame = black_box(SESSION.as_bytes());
                Adapt::Session(form).apply(frame, Protocol::Resp3, &mut out);
                black_box(out.len())
            });
        });
    }
    let settings = Settings::default();
    let mut reads = Reads::new(BytesMut::new());
    for _ in 0..READS {
        assert!(reads.add(lookup(b"SESSION.GET").unwrap(), &settings, &[b"forum", &[b'T'; 64]]));
    }
    let adapt = reads.take(&settings).unwrap().adapt();
    let frame = format!("*{READS}\r\n{}", SESSION.repeat(READS));
    criterion.bench_function("adapt 16 sessions to maps", |bencher| {
        bencher.iter(|| {
            out.clear();
            adapt.apply(black_box(frame.as_bytes()), Protocol::Resp3, &mut out);
            black_box(out.len())
        });
    });
}

criterion_group!(benches, plan_get, plan_reads, plan_set, adapt_session);
criterion_main!(benches);
