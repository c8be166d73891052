//! Pipelines, bytes one by one, and values of every size, whatever the reads make of them.

use crate::common::*;

#[test]
fn a_pipeline_of_ten_thousand_split_anywhere() {
    each_mode(|stack| {
        let mut random = Random::seeded(20_240);
        let mut bytes = Vec::new();
        let mut expected = Vec::new();
        for number in 0..10_000 {
            match random.below(6) {
                0 => {
                    let length = random.below(300);
                    let value = random.bytes(length);
                    bytes.extend(encode(&["SET".to_arg(), format!("k{number}").to_arg(), value]));
                    expected.push(b"+OK\r\n".to_vec());
                }
                1 => {
                    let length = random.below(2000);
                    let value = random.bytes(length);
                    bytes.extend(encode(&["ECHO".to_arg(), value.clone()]));
                    let mut reply = format!("${}\r\n", value.len()).into_bytes();
                    reply.extend(value);
                    reply.extend(b"\r\n");
                    expected.push(reply);
                }
                2 => {
                    bytes.extend(encode(&["INCR", "counter"]));
                    expected.push(b"counter".to_vec());
                }
                3 => {
                    bytes.extend(format!("PING n{number}\r\n").as_bytes());
                    let text = format!("n{number}");
                    expected.push(format!("${}\r\n{text}\r\n", text.len()).into_bytes());
                }
                4 => {
                    bytes.extend(encode(&["GET"]));
                    let error = "-ERR wrong number of arguments for 'get' command\r\n";
                    expected.push(error.as_bytes().to_vec());
                }
                _ => {
                    let number = number.to_string();
                    bytes.extend(encode(&["EVAL", "return {KEYS[1],{1}}", "1", &number]));
                    let reply = format!("*2\r\n${}\r\n{number}\r\n*1\r\n:1\r\n", number.len());
                    expected.push(reply.into_bytes());
                }
            }
        }
        let mut client = stack.client();
        let writer = client.send_aside(random.split(&bytes, 6000));
        let mut counter = 0;
        for (index, want) in expected.into_iter().enumerate() {
            let want = if want == b"counter" {
                counter += 1;
                format!(":{counter}\r\n").into_bytes()
            } else {
                want
            };
            assert!(client.raw_reply() == want, "reply {index} is another's or damaged");
        }
        writer.join().unwrap();
    });
}

#[test]
fn every_byte_may_arrive_alone() {
    each_mode(|stack| {
        let mut client = stack.client();
        let mut bytes = encode(&["SET", "key", "va\r\nlue"]);
        bytes.extend(b"GET key\r\n");
        bytes.extend(encode(&["GET", "key"]));
        for byte in &bytes {
            client.send(&[*byte]);
        }
        let replies: Vec<String> = (0..3).map(|_| client.reply().to_string()).collect();
        assert_eq!(replies, ["+OK", "\"va\r\nlue\"", "\"va\r\nlue\""]);
    });
}

#[test]
fn values_from_nothing_to_many_megabytes() {
    each_mode_in_turn(|stack| {
        let mut client = stack.client();
        let mut random = Random::seeded(7);
        let block = random.bytes(65_537);
        let mib = 1 << 20;
        let sizes = [0, 1, 16_383, 16_384, 16_385, 65_536, mib - 1, mib, mib + 1, 5 * mib + 3];
        for size in sizes.into_iter().chain([64 * mib]) {
            let value: Vec<u8> = block.iter().copied().cycle().take(size).collect();
            let mut bytes = encode(&["SET".to_arg(), "big".to_arg(), value.clone()]);
            bytes.extend(encode(&["GET", "big"]));
            bytes.extend(encode(&["STRLEN", "big"]));
            let writer = client.send_aside(vec![bytes]);
            assert_eq!(client.reply().to_string(), "+OK", "{size} bytes");
            assert!(client.reply() == Value::Bulk(value), "{size} bytes come back otherwise");
            assert_eq!(client.reply(), Value::Int(size as i64));
            writer.join().unwrap();
        }
        // The connection is an ordinary one afterwards, and so is everyone else's.
        check!(client, "PING" => "+PONG");
        check!(stack.client(), "STRLEN", "big" => "67108864");
    });
}

#[test]
fn big_and_small_replies_of_many_clients_do_not_mix() {
    each_mode(|stack| {
        let mut setup = stack.client();
        for size in [10, 100_000, 3_000_000] {
            let value = vec![b'a' + (size % 7) as u8; size];
            assert_eq!(setup.run(&["SET".to_arg(), size.to_arg(), value]).to_string(), "+OK");
        }
        std::thread::scope(|scope| {
            for number in 0..8_u64 {
                let mut client = stack.client();
                scope.spawn(move || {
                    let mut random = Random::seeded(number + 1);
                    for _ in 0..30 {
                        let size = [10, 100_000, 3_000_000][random.below(3)];
                        client.write(&["ECHO".to_arg(), format!("{number}").to_arg()]);
                        client.write(&["GET".to_arg(), size.to_arg()]);
                        assert_eq!(client.reply().text(), number.to_string());
                        let value = client.reply();
                        let want = vec![b'a' + (size % 7) as u8; size];
                        assert!(value == Value::Bulk(want), "client {number}, {size} bytes");
                    }
                });
            }
        });
    });
}

#[test]
fn a_closed_writing_side_still_gets_its_replies() {
    each_mode(|stack| {
        let mut client = stack.client();
        client.send(b"SET half 1\r\nINCR half\r\nGET half\r\n");
        client.finish_writing();
        assert_eq!(client.rest_until_closed(), b"+OK\r\n:2\r\n$1\r\n2\r\n");
    });
}

#[test]
fn redis_cli_pipe_mode_loads_a_mass_of_commands() {
    each_mode(|stack| {
        let bytes: Vec<u8> = (0..20_000)
            .flat_map(|n| encode(&["SET".to_owned(), format!("p{n}"), n.to_string()]))
            .collect();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let output = std::process::Command::new("redis-cli")
            .args(["-p", &stack.port().to_string(), "--pipe"])
            .stdin(std::fs::File::open(file.path()).unwrap())
            .output()
            .expect("redis-cli is needed: `make test-setup` installs it");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("errors: 0, replies: 20000"), "{text}");
        check!(stack.client(), "DBSIZE" => "20000");
    });
}
