//! Malformed and hostile input: Redis' own words, a closed connection, bounded memory, no harm to others.

use std::thread;

use crate::common::*;

const MIB: u64 = 1 << 20;

#[test]
fn protocol_errors_have_redis_own_bytes() {
    each_mode(|stack| {
        let mut bystander = stack.client();
        check!(bystander, "SET", "k", "1" => "+OK");
        let long = |start: &str| [start.as_bytes(), &vec![b'1'; 70_000]].concat();
        let malformed: Vec<Vec<u8>> = [
            "*abc\r\n",
            "*2147483648\r\n",
            "*99999999999999999999\r\n",
            "*1\r\nPING\r\n",
            "*1\r\n:1\r\n",
            "*1\r\n*1\r\n",
            "*1\r\n\r\n",
            "*1\r\n$abc\r\n",
            "*1\r\n$\r\n",
            "*1\r\n$-1\r\n",
            "*1\r\n$-2\r\n",
            "*1\r\n$536870913\r\n",
            "*1\r\n$99999999999999999999\r\n",
            "*2\r\n$3\r\nGET\r\n+k\r\n",
            "*2\r\n$3\r\nGET\r\n$1x\r\nk\r\n",
            "*1 \r\n$4\r\nPING\r\n",
            "*+1\r\n$4\r\nPING\r\n",
            "*1\r\n$04\r\nPING\r\n",
            "*1\r\n$+4\r\nPING\r\n",
            "SET k \"unbalanced\r\n",
            "SET k 'unbalanced\r\n",
            "SET k \"a\"b\r\n",
            "GET k\r\n*1\r\nx\r\n",
            "*1\r\n$4\r\nPING\r\n*1\r\n$-9\r\nGET k\r\n",
        ]
        .iter()
        .map(|text| text.as_bytes().to_vec())
        .chain([long("PING "), long("*"), long("*1\r\n$"), long("GET k\r\n*1\r\n$")])
        .collect();
        for bytes in malformed {
            let (mut reference, mut client) = (stack.redis.client(), stack.client());
            reference.send(&bytes);
            client.send(&bytes);
            let want = reference.rest_until_closed().escape_ascii().to_string();
            let got = client.rest_until_closed().escape_ascii().to_string();
            let shown = bytes[..bytes.len().min(60)].escape_ascii().to_string();
            assert_eq!(got, want, "{shown}");
            assert!(want.contains("Protocol error"), "{shown}: {want}");
            check!(bystander, "GET", "k" => "\"1\"");
        }
    });
}

#[test]
fn empty_requests_are_passed_over() {
    each_mode(|stack| {
        let mut client = stack.client();
        client.send(b"*0\r\n*-1\r\n\r\n\n*-10\r\nPING\r\n");
        assert_eq!(client.reply().to_string(), "+PONG");
        client.send(b"*2\r\n$4\r\nECHO\r\n$3\r\nabcXX*1\r\n$4\r\nPING\r\n");
        let mut reference = stack.redis.client();
        reference.send(b"*2\r\n$4\r\nECHO\r\n$3\r\nabcXX*1\r\n$4\r\nPING\r\n");
        assert_eq!(
            client.raw_reply(),
            reference.raw_reply(),
            "the two bytes after a bulk are skipped"
        );
        assert_eq!(client.raw_reply(), reference.raw_reply());
    });
}

#[test]
fn an_empty_line_behind_a_pipeline_swallows_nothing() {
    each_mode(|stack| {
        let mut client = stack.client();
        for empty in ["\r\n", "\n", "*0\r\n", "*-1\r\n", "\r\n\r\n*0\r\n"] {
            let mut bytes: Vec<u8> = (0..100)
                .flat_map(|n| encode(&["SET".to_owned(), format!("k{n}"), n.to_string()]))
                .collect();
            bytes.extend_from_slice(empty.as_bytes());
            bytes.extend(encode(&["ECHO", "end"]));
            client.send(&bytes);
            for number in 0..100 {
                assert_eq!(client.reply().to_string(), "+OK", "SET {number}");
            }
            assert_eq!(client.reply().to_string(), "\"end\"", "after {}", empty.escape_debug());
            check!(client, "PING" => "+PONG");
        }
    });
}

#[test]
fn arrays_nested_a_million_deep() {
    each_mode(|mut stack| {
        let mut bystander = stack.client();
        check!(bystander, "SET", "k", "1" => "+OK");
        let before = stack.sessiond().resident_bytes();
        let deep = b"*1\r\n".repeat(1_000_000);
        for _ in 0..5 {
            let mut client = stack.client();
            // The other side closes early: a write that fails is as good as one that arrives.
            let _ = client.try_send(&deep);
            let first = client.rest_until_closed();
            let error = b"-ERR Protocol error: expected '$', got '*'\r\n";
            assert!(first.is_empty() || first == error, "{}", first.escape_ascii());
        }
        check!(bystander, "GET", "k" => "\"1\"");
        let grown = stack.sessiond().resident_bytes().saturating_sub(before);
        assert!(grown < 32 * MIB, "{grown} bytes more");
    });
}

#[test]
fn declared_values_that_never_come_take_no_memory() {
    each_mode(|mut stack| {
        let before = stack.sessiond().resident_bytes();
        let mut waiting: Vec<Client> = (0..50).map(|_| stack.client()).collect();
        for (number, client) in waiting.iter_mut().enumerate() {
            client.send(b"*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$536870912\r\n");
            if number % 2 == 0 {
                client.send(&[b'x'; 1000]);
            }
        }
        let mut arrays: Vec<Client> = (0..20).map(|_| stack.client()).collect();
        for client in &mut arrays {
            client.send(b"*1048576\r\n$1\r\na\r\n");
        }
        let mut bystander = stack.client();
        for number in 0..100 {
            check!(bystander, "SET", "k", number => "+OK");
        }
        let grown = stack.sessiond().resident_bytes().saturating_sub(before);
        assert!(grown < 100 * MIB, "{grown} bytes more for 70 clients that sent almost nothing");
        drop(waiting);
        drop(arrays);
        check!(bystander, "EXISTS", "big" => "0");
        check!(bystander, "GET", "k" => "\"99\"");
    });
}

#[test]
fn a_line_without_end_is_cut() {
    each_mode(|mut stack| {
        let before = stack.sessiond().resident_bytes();
        let mut bystander = stack.client();
        for start in ["", "*", "*1\r\n$"] {
            let mut client = stack.client();
            let _ = client.try_send(start.as_bytes());
            let block = vec![b'1'; 1 << 20];
            let refused = (0..10).any(|_| client.try_send(&block).is_err());
            let rest = client.rest_until_closed();
            assert!(refused || !rest.is_empty() || start.is_empty(), "the end comes from sessiond");
            let text = String::from_utf8_lossy(&rest).into_owned();
            assert!(rest.is_empty() || text.contains("Protocol error: too big"), "{text}");
            check!(bystander, "PING" => "+PONG");
        }
        let grown = stack.sessiond().resident_bytes().saturating_sub(before);
        assert!(grown < 32 * MIB, "{grown} bytes more");
    });
}

#[test]
fn a_client_that_does_not_read_blocks_nobody() {
    each_mode(|mut stack| {
        let mut setup = stack.client();
        let value = vec![b'v'; 100_000];
        assert_eq!(setup.run(&args!("SET", "big", value)).to_string(), "+OK");
        let before = stack.sessiond().resident_bytes();
        let slow: Vec<Client> = (0..4).map(|_| stack.client()).collect();
        // 2,000 requests ask for 200 MB each; nobody reads them. The writers end when the test closes.
        let requests = b"GET big\r\n".repeat(2_000);
        let writers: Vec<_> = slow
            .iter()
            .map(|client| {
                let mut client = client.duplicate();
                let requests = requests.clone();
                thread::spawn(move || {
                    let _ = std::io::Write::write_all(&mut client, &requests);
                })
            })
            .collect();
        for number in 0..300 {
            check!(setup, "SET", "k", number => "+OK");
            check!(setup, "GET", "k" => format!("\"{number}\""));
        }
        let mut fresh = stack.client();
        check!(fresh, "STRLEN", "big" => "100000");
        let grown = stack.sessiond().resident_bytes().saturating_sub(before);
        assert!(grown < 400 * MIB, "{grown} bytes more for four clients that do not read");
        drop(slow);
        for writer in writers {
            writer.join().unwrap();
        }
        check!(setup, "PING" => "+PONG");
    });
}

#[test]
fn a_slow_reader_gets_everything_in_the_end() {
    each_mode(|stack| {
        let mut client = stack.client();
        let value = vec![b'v'; 50_000];
        assert_eq!(client.run(&args!("SET", "big", value)).to_string(), "+OK");
        let writer = client.send_aside(vec![b"GET big\r\nINCR n\r\n".repeat(400)]);
        let mut other = stack.client();
        for _ in 0..200 {
            check!(other, "PING" => "+PONG");
        }
        for number in 1..=400 {
            assert!(client.reply() == Value::Bulk(vec![b'v'; 50_000]), "value {number}");
            assert_eq!(client.reply(), Value::Int(number));
        }
        writer.join().unwrap();
    });
}

#[test]
fn a_protocol_error_behind_a_pipeline_comes_after_its_replies() {
    each_mode(|stack| {
        let mut client = stack.client();
        client
            .send(b"SET k 1\r\nINCR k\r\nMULTI\r\nINCR k\r\nEXEC\r\n*1\r\n$bad\r\nSET k never\r\n");
        let want = "+OK\\r\\n:2\\r\\n+OK\\r\\n+QUEUED\\r\\n*1\\r\\n:3\\r\\n\
                    -ERR Protocol error: invalid bulk length\\r\\n";
        assert_eq!(client.rest_until_closed().escape_ascii().to_string(), want);
        check!(stack.client(), "GET", "k" => "\"3\"");
    });
}

#[test]
fn seeded_noise_never_hurts_the_others() {
    each_mode(|stack| {
        let mut bystander = stack.client();
        check!(bystander, "SET", "k", "safe" => "+OK");
        let mut random = Random::seeded(4711);
        let pieces: [&[u8]; 14] = [
            b"*1\r\n",
            b"*2\r\n",
            b"*3\r\n",
            b"$3\r\n",
            b"$4\r\n",
            b"GET\r\n",
            b"PING\r\n",
            b"k\r\n",
            b"$1\r\n",
            b"\r\n",
            b"\"",
            b"$-1\r\n",
            b"\0\xff",
            b"+OK\r\n",
        ];
        for _ in 0..200 {
            let mut client = stack.client();
            let mut noise = Vec::new();
            for _ in 0..random.below(30) {
                noise.extend_from_slice(pieces[random.below(pieces.len())]);
            }
            let _ = client.try_send(&noise);
            if random.below(2) == 0 {
                client.finish_writing();
                client.rest_until_closed();
            }
        }
        check!(bystander, "GET", "k" => "\"safe\"");
        check!(bystander, "DBSIZE" => "1");
    });
}

#[test]
fn a_browser_is_cut_off_and_nobody_else() {
    each_mode(|mut stack| {
        stack.sessiond().expect_troubles();
        let mut other = stack.client();
        check!(other, "PING" => "+PONG");
        for request in [
            &b"POST / HTTP/1.1\r\nContent-Length: 20\r\n\r\nSET k 1\r\n"[..],
            b"Host: localhost\r\nSET k 1\r\n",
            b"*1\r\n$5\r\nhost:\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\n1\r\n",
        ] {
            let mut browser = stack.client();
            browser.send(request);
            assert_eq!(browser.rest_until_closed(), b"");
            check!(other, "EXISTS", "k" => "0");
        }
    });
}

#[test]
fn inline_requests_of_clients_that_have_not_authenticated_have_no_small_limit() {
    each_mode_with(&["--requirepass", "secret"], &[], |mut stack| {
        stack.sessiond().expect_troubles();
        let mut client = stack.client();
        let wants = "-NOAUTH Authentication required.";
        client.send(b"GET 1 2 3 4 5 6 7 8 9 10 11 12\r\n");
        assert_eq!(client.reply().to_string(), "-ERR wrong number of arguments for 'get' command");
        client.send(format!("ECHO {}\r\n", "x".repeat(20_000)).as_bytes());
        assert_eq!(client.reply().to_string(), wants);
        client.send(b"MSET \"a b\" 'c d' e \xff\\xff 1 2 3 4 5 6 7 8 9 0\r\nPING\r\n");
        assert_eq!(client.reply().to_string(), wants);
        assert_eq!(client.reply().to_string(), wants);
        check!(client, "AUTH", "secret" => "+OK");
        check!(client, "PING" => "+PONG");
    });
}

#[test]
fn arguments_that_end_in_other_bytes_are_not_sent_where_others_are() {
    each_mode(|stack| {
        let mut client = stack.client();
        // What a server that looks at these bytes does is the client's own business.
        client.send(b"*2\r\n$4\r\nECHOxx$2\r\nhi\r\n*2\r\n$4\r\nECHO\r\n$2\r\nhoyy");
        assert_eq!(client.reply().text(), "hi");
        assert_eq!(client.reply().text(), "ho");
        let own = stack.redis.connections();
        let echoing = own.iter().filter(|line| line.contains(" cmd=echo ")).count();
        assert_eq!(echoing, 1, "{own:#?}");
        let mut other = stack.client();
        check!(other, "ECHO", "elsewhere" => "\"elsewhere\"");
        let echoing = || {
            let connections = stack.redis.connections();
            connections.iter().filter(|line| line.contains(" cmd=echo ")).count()
        };
        assert_eq!(echoing(), 2, "the other client's connection is another one");
        check!(other, "PING" => "+PONG");
    });
}
