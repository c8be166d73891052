//! What finding a frame costs, per frame, beside the same work of the redis-protocol crate.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use sessiond::resp::{ReplyScanner, RequestScanner, Scanned};

/// Frames per measured buffer.
const FRAMES: usize = 1000;

const REPLIES: [(&str, &str); 5] = [
    ("simple", "+OK\r\n"),
    ("integer", ":1\r\n"),
    ("bulk of 3", "$3\r\nabc\r\n"),
    ("array of 3 bulks", "*3\r\n$3\r\nabc\r\n$3\r\nabc\r\n$3\r\nabc\r\n"),
    ("null", "$-1\r\n"),
];

const REQUESTS: [(&str, &str); 3] = [
    ("get", "*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000001\r\n"),
    ("set", "*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000001\r\n$3\r\nxxx\r\n"),
    ("inline", "GET key:000000000001\r\n"),
];

fn replies(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("reply");
    group.throughput(Throughput::Elements(FRAMES as u64));
    for (name, frame) in REPLIES {
        let buf = frame.repeat(FRAMES).into_bytes();
        group.bench_function(name, |bencher| bencher.iter(|| scan_replies(black_box(&buf))));
    }
    group.finish();
}

fn requests(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("request");
    group.throughput(Throughput::Elements(FRAMES as u64));
    for (name, frame) in REQUESTS {
        let buf = frame.repeat(FRAMES).into_bytes();
        let mut scanner = RequestScanner::new();
        group.bench_function(name, |bencher| {
            bencher.iter(|| scan_requests(&mut scanner, black_box(&buf)));
        });
    }
    group.finish();
}

fn redis_protocol(criterion: &mut Criterion) {
    use redis_protocol::resp2::decode::decode;

    let mut group = criterion.benchmark_group("redis-protocol");
    group.throughput(Throughput::Elements(FRAMES as u64));
    for (name, frame) in [REPLIES[0], REPLIES[2], REPLIES[3], REQUESTS[0]] {
        let buf = frame.repeat(FRAMES).into_bytes();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut rest = black_box(&buf[..]);
                while let Ok(Some((frame, len))) = decode(rest) {
                    black_box(frame);
                    rest = &rest[len..];
                }
                assert!(rest.is_empty());
            });
        });
    }
    group.finish();
}

fn scan_replies(buf: &[u8]) {
    let mut scanner = ReplyScanner::new();
    let mut rest = buf;
    while let Ok(Some(len)) = scanner.scan(rest) {
        rest = &rest[black_box(len)..];
    }
    assert!(rest.is_empty());
}

fn scan_requests(scanner: &mut RequestScanner, buf: &[u8]) {
    let mut rest = buf;
    while let Ok(Scanned::Frame { len }) = scanner.scan(rest, true) {
        black_box(scanner.request(rest).name());
        scanner.next();
        rest = &rest[len..];
    }
    assert!(rest.is_empty());
}

criterion_group! {
    name = scan;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(1));
    targets = replies, requests, redis_protocol
}
criterion_main!(scan);
