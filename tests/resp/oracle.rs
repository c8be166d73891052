//! A real redis-server takes the same bytes for the same requests and refuses them alike.

use bytes::BytesMut;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sessiond::resp::{ReplyScanner, RequestScanner, Scanned, reply};

use crate::common::Redis;

/// All that the server answers to `bytes` and their end.
fn answer_to(redis: &Redis, bytes: &[u8]) -> Vec<u8> {
    let mut client = redis.unix_client();
    // It may close while it is still being written to; what it answered counts.
    let _ = client.try_send(bytes);
    client.finish_writing();
    client.rest_until_closed()
}

/// The number of requests in `bytes` and the reply to what is refused behind them.
fn scan(bytes: &[u8], authenticated: bool) -> (usize, Option<Vec<u8>>) {
    let mut scanner = RequestScanner::new();
    let mut frames = 0;
    let mut rest = bytes;
    loop {
        let len = match scanner.scan(rest, authenticated) {
            Ok(Scanned::Partial) => return (frames, None),
            Ok(Scanned::Nothing { len }) => len,
            Ok(Scanned::Frame { len }) => {
                frames += 1;
                len
            }
            Err(error) => {
                let mut out = BytesMut::new();
                error.encode(&mut out);
                return (frames, Some(out.to_vec()));
            }
        };
        scanner.next();
        rest = &rest[len..];
    }
}

/// Splits what the server answered into its frames, and with that shows that it is nothing else.
fn frames(mut answer: &[u8]) -> Vec<&[u8]> {
    let mut scanner = ReplyScanner::new();
    let mut frames = Vec::new();
    while let Some(len) = scanner.scan(answer).unwrap() {
        let (frame, rest) = answer.split_at(len);
        frames.push(frame);
        answer = rest;
    }
    assert!(answer.is_empty(), "left over: {}", answer.escape_ascii());
    frames
}

/// Fails unless the server sees the same requests in `bytes` and refuses the rest alike.
fn assert_agrees(redis: &Redis, bytes: &[u8], authenticated: bool) {
    let shown = bytes[..bytes.len().min(200)].escape_ascii().to_string();
    let answer = answer_to(redis, bytes);
    let (requests, refusal) = scan(bytes, authenticated);
    let mut replies = frames(&answer);
    if let Some(refusal) = refusal {
        let last = replies.pop().unwrap_or_default();
        assert_eq!(last.escape_ascii().to_string(), refusal.escape_ascii().to_string(), "{shown}");
    }
    assert!(
        !replies.iter().any(|reply| reply.starts_with(b"-ERR Protocol error")),
        "{shown}: {}",
        answer.escape_ascii()
    );
    assert_eq!(replies.len(), requests, "{shown}: {}", answer.escape_ascii());
}

#[test]
fn refusals_are_worded_as_by_redis() {
    let redis = Redis::start();
    let long = |start: &str, length: usize| format!("{start}{}", "1".repeat(length - start.len()));
    let mut cases: Vec<Vec<u8>> = [
        "*x\r\n",
        "*\r\n",
        "*01\r\n",
        "*+1\r\n",
        "* 1\r\n",
        "*-0\r\n",
        "*2147483648\r\n",
        "*-1\r\nPING\r\n",
        "*0\r\nPING\r\n",
        "*99999999999999999999\r\n",
        "*-9223372036854775808\r\n",
        "*1\r\nx\r\n",
        "*1\r\n$\r\n",
        "*1\r\n$x\r\n",
        "*1\r\n$-1\r\n",
        "*1\r\n$01\r\n",
        "*1\r\n$536870913\r\n",
        "*1\r\n\r\n",
        "*1\r\n\n\r\n",
        "*1\r\n*1\r\n",
        "*1\r\n+OK\r\n",
        "*1\rx$4\ryPINGzzPING\r\n",
        "*1\r\n$0\r\n\r\n",
        "PING\n",
        "  PING  \r\n",
        "\r\n\n \t\r\nPING\r\n",
        "ECHO \"a\r\n",
        "ECHO 'a'b\r\n",
        "PI\0NG\r\nPING\r\n",
        "*1\0\r\n",
        "*1\r\n$4\0\r\n",
        "*1\r\n$4\r",
        "*1\r\n$4\r\nPING",
        "*11\r\n",
        "$4\r\n",
        "*1\r\n$4\n\r\n",
    ]
    .map(|case| case.as_bytes().to_vec())
    .to_vec();
    for start in ["x", "\0", "*"] {
        cases.push(long(start, 65_536).into_bytes());
        cases.push(long(start, 65_537).into_bytes());
    }
    for length in [65_536, 65_537] {
        cases.push(format!("*1\r\n{}", long("$", length)).into_bytes());
    }
    for byte in 0..=255 {
        cases.push([b"*1\r\n", &[byte][..], b"1\r\n"].concat());
    }
    for case in cases {
        assert_agrees(&redis, &case, true);
    }
}

#[test]
fn limits_before_authentication_are_those_of_redis() {
    let redis = Redis::with(&["--requirepass", "secret"]);
    let echo =
        |length: usize| format!("*2\r\n$4\r\nECHO\r\n${length}\r\n{}\r\n", "x".repeat(length));
    let many = |count: usize| format!("*{count}\r\n{}", "$4\r\nECHO\r\n".repeat(count));
    for case in
        [many(10), many(11), echo(16_000), echo(16_384), echo(16_385), "a ".repeat(20) + "\r\n"]
    {
        assert_agrees(&redis, case.as_bytes(), false);
        let auth = b"*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n";
        assert_agrees(&redis, &[auth, case.as_bytes()].concat(), true);
    }
}

#[test]
fn bytes_close_to_resp_are_the_same_requests_to_redis() {
    let redis = Redis::start();
    let piece = proptest::sample::select(
        &[
            "*",
            "$",
            "1",
            "2",
            "0",
            "-",
            "\r\n",
            "\r\n",
            "\r\n",
            "\r",
            "\n",
            "a",
            " ",
            "\0",
            "\"",
            "'",
            "\\",
            "\\x4",
            "*1\r\n",
            "*2\r\n",
            "$1\r\na\r\n",
            "$1\r\na\r\n",
            "$3\r\n",
            "$0\r\n\r\n",
            "*0\r\n",
            "a b\r\n",
            "\x0b",
        ][..],
    );
    let bytes = proptest::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat());
    TestRunner::new(Config { cases: 3000, failure_persistence: None, ..Config::default() })
        .run(&bytes, |bytes| {
            assert_agrees(&redis, bytes.as_bytes(), true);
            Ok(())
        })
        .unwrap();
}

#[test]
fn words_of_an_inline_request_are_the_same_to_redis() {
    let redis = Redis::start();
    let piece = proptest::sample::select(
        &[
            "a",
            "b",
            " ",
            " ",
            "\t",
            "\x0b",
            "\x0c",
            "\r",
            "\"",
            "\"",
            "'",
            "'",
            "\\",
            "\\x41",
            "\\xfF",
            "\\xg",
            "\\n",
            "\\\"",
            "\\'",
            "\\\\",
            "\\r\\t\\b\\a",
            "\" ",
            "' ",
            " \"",
            " '",
            "\u{e9}",
        ][..],
    );
    let words = proptest::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat());
    TestRunner::new(Config { cases: 3000, failure_persistence: None, ..Config::default() })
        .run(&words, |words| {
            let line = format!("EVAL \"return ARGV\" 0 {words}\r\n");
            let answer = answer_to(&redis, line.as_bytes());
            let mut scanner = RequestScanner::new();
            if scanner.scan(line.as_bytes(), true).is_err() {
                assert_agrees(&redis, line.as_bytes(), true);
                return Ok(());
            }
            let request = scanner.request(line.as_bytes());
            let expected: Vec<_> = request.args().skip(3).collect();
            let elements: Vec<_> =
                reply::elements(&answer).unwrap().collect::<Result<_, _>>().unwrap();
            let found: Vec<_> = elements.iter().map(|word| reply::as_bulk(word).unwrap()).collect();
            prop_assert_eq!(&found, &expected, "{}", line);
            // The multibulk form says the same.
            prop_assert_eq!(answer_to(&redis, request.bytes()), answer);
            Ok(())
        })
        .unwrap();
}
