//! Ordinary commands through sessiond answer byte for byte as they do on Redis.

use crate::common::*;

/// The command lists are written as redis-cli would take them: words, or quoted strings with escapes.
fn words(line: &str) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut chars = line.trim().chars().peekable();
    while chars.peek().is_some() {
        while chars.peek() == Some(&' ') {
            chars.next();
        }
        let mut word = Vec::new();
        if chars.peek() == Some(&'"') {
            chars.next();
            while let Some(c) = chars.next().filter(|c| *c != '"') {
                match c {
                    '\\' => match chars.next().unwrap() {
                        'r' => word.push(b'\r'),
                        'n' => word.push(b'\n'),
                        '0' => word.push(0),
                        'x' => {
                            let hex: String = chars.by_ref().take(2).collect();
                            word.push(u8::from_str_radix(&hex, 16).unwrap());
                        }
                        other => word.push(other as u8),
                    },
                    c => word.extend_from_slice(c.to_string().as_bytes()),
                }
            }
        } else {
            while let Some(c) = chars.peek().copied().filter(|c| *c != ' ') {
                word.extend_from_slice(c.to_string().as_bytes());
                chars.next();
            }
        }
        words.push(word);
    }
    words
}

/// Runs lines on a plain Redis and through sessiond, and compares the bytes of every reply.
fn compare(stack: &Stack, protocol: u8, lines: &str) {
    let plain = Redis::start();
    let mut expected = plain.client();
    let mut actual = stack.client();
    if protocol == 3 {
        expected = expected.resp3();
        actual = actual.resp3();
    }
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let command = words(line);
        expected.write(&command);
        actual.write(&command);
        let want = expected.raw_reply().escape_ascii().to_string();
        assert_eq!(actual.raw_reply().escape_ascii().to_string(), want, "RESP{protocol}: {line}");
    }
}

const STRINGS: &str = r#"
    PING
    PING hello
    ECHO "\r\n*1\r\n"
    SET k v
    GET k
    set k w GET
    SET n 1 EX 1000
    INCR n
    INCRBY n 41
    INCRBYFLOAT n 0.5
    INCR n
    DECR k
    APPEND k "\0\xff\r\n"
    GET k
    STRLEN k
    SETRANGE k 2 zz
    GETRANGE k 0 -1
    MSET a 1 b 2 c ""
    MGET a b nothing c
    MSETNX a 1 z 2
    GETDEL a
    GETEX b EX 100
    SETBIT bits 7 1
    BITCOUNT bits
    BITPOS bits 1
    BITFIELD bits GET u8 0 INCRBY u2 100 1
    BITOP NOT notbits bits
    LCS k b
    GET missing
    EXISTS k b missing
    DEL k b missing
    TYPE n
    OBJECT ENCODING n
    OBJECT HELP
    RENAME n m
    COPY m m2
    PERSIST m
    TTL m
    EXPIRE m 100 NX
    DBSIZE
    PFADD hll a b c
    PFCOUNT hll
    SETEX k 0 v
    SET k v BAD
    SUBSTR m 0 1
    TOUCH m missing
    UNLINK m missing
    RANDOMKEY2
    FLUSHDB
    RANDOMKEY
"#;

const COLLECTIONS: &str = r#"
    RPUSH l a b c "" "\0"
    LRANGE l 0 -1
    LPOS l c
    LINSERT l BEFORE b x
    LMOVE l l2 LEFT RIGHT
    LPOP l 2
    LPOP missing
    LPOP missing 2
    RPOPLPUSH l missing2
    LMPOP 2 missing l LEFT COUNT 2
    HSET h f 1 g "2\r\n" e ""
    HGETALL h
    HMGET h f missing
    HINCRBYFLOAT h f 1.25
    HRANDFIELD missing
    HLEN h
    HGETALL missing
    HDEL h f g e
    SADD s one
    SMEMBERS s
    SISMEMBER s one
    SMISMEMBER s one two
    SINTERCARD 1 s
    SPOP s
    SPOP s 3
    SRANDMEMBER s
    ZADD z 1 a 2.5 b inf c -inf d
    ZRANGE z 0 -1 WITHSCORES
    ZSCORE z b
    ZSCORE z c
    ZSCORE z nothing
    ZMSCORE z a nothing
    ZINCRBY z 0.25 b
    ZADD z INCR 3 a
    ZRANK z b
    ZPOPMIN z
    ZPOPMAX z 2
    ZPOPMIN missing
    ZRANGEBYSCORE z -inf +inf
    ZUNION 2 z z WITHSCORES
    GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
    GEODIST g Palermo Catania km
    GEOPOS g Palermo missing
    GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km ASC WITHCOORD WITHDIST
    XADD x 1-1 f v g w
    XADD x 2-* f v
    XRANGE x - +
    XREAD COUNT 10 STREAMS x 0
    XREAD STREAMS x $
    XGROUP CREATE x grp 0
    XREADGROUP GROUP grp me COUNT 1 STREAMS x >
    XPENDING x grp
    XACK x grp 1-1
    XADD x 1-1 f v
    XLEN x
    SORT l ALPHA
    DUMP missing
    SCAN 0 COUNT 1000 TYPE stream
    HSCAN h 0
    SSCAN s 0
    ZSCAN z 0
"#;

const ERRORS: &str = r#"
    NOSUCHCOMMAND
    NOSUCHCOMMAND a "b\r\nc" d
    SESSION a b
    SESSION.NOSUCH app "an id" "\xff"
    session.nosuch
    GET
    GET a b
    SET k
    CONFIG NOSUCH a
    CONFIG
    LPUSH l a
    GET l
    INCR l
    ZADD z nan a
    ZADD z abc a
    SET k v EX abc
    EXPIRE k abc
    SELECT abc
    SELECT 99
    EVAL "return redis.error_reply('MOVED 1 x:1')" 0
    EVAL "return redis.error_reply('ASK 1 x:1')" 0
    EVAL "return redis.error_reply('MY own')" 0
    EVAL "error('boom')" 0
    EVAL "redis.call('nosuch')" 0
    EVAL "not lua" 0
    EVAL "return 1" -1
    EVAL "return 1" 5 a
    EVALSHA 0000000000000000000000000000000000000000 0
    EVALSHA short 0
    SCRIPT NOSUCH
    XADD x 0-0 a b
    OBJECT FREQ k
    RESTORE r 0 garbage
    EXEC
    DISCARD
    ACL GETUSER nobody
    CLUSTER INFO
    DEBUG NOSUCH
    FCALL nosuch 0
    MIGRATE
    "" a
    "\r\n" a
    "GET\0" a
"#;

const SCRIPTS: &str = r##"
    EVAL "return 1" 0
    EVAL "return {1,'two',{3,{4,{}}},false,'message','subscribe'}" 0
    EVAL "return {'message','channel','text'}" 0
    EVAL "return {'subscribe','channel',1}" 0
    EVAL "return {'pmessage','p','c','t'}" 0
    EVAL "return {'invalidate',{'a'}}" 0
    EVAL "return 'MOVED 1 x:1'" 0
    EVAL "return 'ASK 1 x:1'" 0
    EVAL "return {'MOVED 1 127.0.0.1:1', {err='MOVED 2 x:2'}, {ok='QUEUED'}}" 0
    EVAL "return {ok='QUEUED'}" 0
    EVAL "return {ok=''}" 0
    EVAL "return ''" 0
    EVAL "return {}" 0
    EVAL "return false" 0
    EVAL "return true" 0
    EVAL "return 3.99" 0
    EVAL "return {KEYS[1],ARGV[1],ARGV[2]}" 1 key "" "\0\r\n"
    EVAL "return {1,nil,3}" 0
    EVAL "redis.setresp(3); return {double=3.5}" 0
    EVAL "redis.setresp(3); return {map={a=1}}" 0
    EVAL "redis.setresp(3); return {set={a=true}}" 0
    EVAL "redis.setresp(3); return {big_number='123456789012345678901234567890'}" 0
    EVAL "redis.setresp(3); return {verbatim_string={format='txt',string='hello'}}" 0
    EVAL "redis.setresp(3); return {redis.call('HGETALL','nothing'), nil, true}" 0
    EVAL "local t={} for i=1,500 do t={t} end return t" 0
    EVAL "local t={} for i=1,3000 do t[i]=i..'' end return t" 0
    EVAL_RO "return redis.call('GET','a')" 1 a
    SCRIPT LOAD "return ARGV[1]"
    EVALSHA 098e0f0d1448c0a81dafe820f66d460eb09263da 0 x
    SCRIPT EXISTS 098e0f0d1448c0a81dafe820f66d460eb09263da 0000000000000000000000000000000000000000
    FUNCTION LOAD "#!lua name=mylib\nredis.register_function('twice', function(k,a) return a[1]*2 end)"
    FCALL twice 0 21
    FUNCTION LIST
    FUNCTION DELETE mylib
    SCRIPT FLUSH
"##;

const SERVER: &str = r#"
    CONFIG GET maxmemory-policy
    CONFIG SET maxmemory-policy noeviction
    COMMAND DOCS get
    COMMAND INFO get set nosuch
    COMMAND GETKEYS SET k v
    COMMAND GETKEYSANDFLAGS SET k v
    COMMAND LIST FILTERBY PATTERN xrev*
    COMMAND HELP
    CLUSTER KEYSLOT abc
    MEMORY USAGE nothing
    LATENCY RESET
    SLOWLOG RESET
    ACL WHOAMI
    ACL SETUSER u on >p ~* +@all
    ACL LIST2
    ACL DELUSER u
    PUBSUB CHANNELS
    PUBSUB NUMSUB a
    PUBLISH c hello
    OBJECT HELP
    WAIT 0 10
    LASTSAVE2
    SWAPDB 0 1
    SELECT 1
    SET in1 x
    SELECT 0
    MOVE in1 1
    DEBUG JMAP
    DEBUG STRINGMATCH-LEN 100 a
    DEBUG PROTOCOL string
    DEBUG PROTOCOL integer
    DEBUG PROTOCOL double
    DEBUG PROTOCOL null
    DEBUG PROTOCOL array
    DEBUG PROTOCOL set
    DEBUG PROTOCOL map
    DEBUG PROTOCOL bignum
    DEBUG PROTOCOL true
    DEBUG PROTOCOL verbatim
    SUBSCRIBE c
    PING
    UNSUBSCRIBE c
    FLUSHALL
"#;

#[test]
fn replies_are_byte_for_byte_those_of_redis() {
    each_mode(|stack| {
        for protocol in [2, 3] {
            for lines in [STRINGS, COLLECTIONS, ERRORS, SCRIPTS, SERVER] {
                compare(&stack, protocol, lines);
                check!(stack.redis.client(), "FLUSHALL" => "+OK");
            }
        }
    });
}

#[test]
fn resp3_attributes_and_pushes_keep_their_place() {
    each_mode(|stack| {
        let mut client = stack.client().resp3();
        client.send(b"DEBUG PROTOCOL attrib\r\nPING\r\nDEBUG PROTOCOL push\r\nPING\r\n");
        let text: Vec<String> = (0..4).map(|_| client.reply().to_string()).collect();
        let mut plain = stack.redis.client().resp3();
        plain.send(b"DEBUG PROTOCOL attrib\r\nPING\r\nDEBUG PROTOCOL push\r\nPING\r\n");
        let want: Vec<String> = (0..4).map(|_| plain.reply().to_string()).collect();
        assert_eq!(text, want);
    });
}

#[test]
fn inline_commands_with_redis_quoting() {
    each_mode(|stack| {
        let lines: [&[u8]; 12] = [
            b"PING\r\n",
            b"PING\n",
            b"   SET   k   v  \r\n",
            b"\r\n\r\nGET k\r\n",
            b"SET \"a b\" \"\\x41\\n\\t\\\"\"\r\n",
            b"GET \"a b\"\r\n",
            b"SET 'it' 'don\\'t\\n'\r\n",
            b"GET it\r\n",
            b"ECHO \"\"\r\n",
            b"LPUSH l a b c\nLLEN l\n",
            b"GET\r\n",
            b"NOSUCH 'x y' z\r\n",
        ];
        let plain = Redis::start();
        let (mut expected, mut actual) = (plain.client(), stack.client());
        for line in lines {
            expected.send(line);
            actual.send(line);
            let commands = if line.starts_with(b"LPUSH") { 2 } else { 1 };
            for _ in 0..commands {
                let want = expected.raw_reply().escape_ascii().to_string();
                let got = actual.raw_reply().escape_ascii().to_string();
                assert_eq!(got, want, "{}", line.escape_ascii());
            }
        }
        // Inline and RESP commands mix in one stream.
        actual.send(b"SET m 1\r\n*2\r\n$4\r\nINCR\r\n$1\r\nm\r\nINCR m\r\n");
        let replies: Vec<String> = (0..3).map(|_| actual.reply().to_string()).collect();
        assert_eq!(replies, ["+OK", "2", "3"]);
    });
}

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
fn hello_tells_what_redis_tells() {
    each_mode(|stack| {
        let plain = Redis::start();
        let (mut expected, mut actual) = (plain.client(), stack.client());
        let lines = [
            "HELLO",
            "HELLO 2",
            "HELLO 3",
            "HELLO",
            "HELLO 3 SETNAME me",
            "HELLO 2",
            "HELLO 4",
            "HELLO abc",
            "HELLO 3 AUTH default",
            "HELLO 3 NOSUCH",
            "HELLO 3 SETNAME \"bad name\"",
            "HELLO 3 AUTH nobody wrong",
            "GET missing",
        ];
        for line in lines {
            let want = normalised(expected.run(&words(line)));
            let got = normalised(actual.run(&words(line)));
            assert_eq!(got, want, "{line}");
        }
    });
}

/// `HELLO`'s connection number differs by nature.
fn normalised(reply: Value) -> String {
    let id = match &reply {
        Value::Map(_) | Value::Array(_) => reply.field("id").to_string(),
        _ => return reply.to_string(),
    };
    let (map, flat) = (format!("\"id\": {id},"), format!("\"id\", {id},"));
    reply.to_string().replace(&map, "\"id\": N,").replace(&flat, "\"id\", N,")
}

/// What a reply says, in no order: each server process lists subcommands in an order of its own.
fn words_of(value: &Value) -> String {
    let text = value.to_string();
    let mut words: Vec<&str> = text.split([' ', ',', '[', ']', '{', '}', '(', ')']).collect();
    words.sort_unstable();
    words.join(" ")
}

#[test]
fn command_docs_of_redis_are_all_there() {
    each_mode(|stack| {
        for protocol in [2, 3] {
            let (mut plain, mut client) = (stack.redis.client(), stack.client());
            if protocol == 3 {
                plain = plain.resp3();
                client = client.resp3();
            }
            for subcommand in ["DOCS", "INFO"] {
                let name = |value: &Value| match value {
                    Value::Array(items) => items[0].text(),
                    other => other.text(),
                };
                let entries = |client: &mut Client| -> Vec<(String, String)> {
                    match cmd!(client, "COMMAND", subcommand) {
                        Value::Array(items) if subcommand == "INFO" => {
                            items.iter().map(|item| (name(item), words_of(item))).collect()
                        }
                        reply => {
                            let fields = reply.fields();
                            fields.into_iter().map(|(n, v)| (n, words_of(&v))).collect()
                        }
                    }
                };
                let ours: std::collections::BTreeMap<_, _> =
                    entries(&mut client).into_iter().collect();
                for (name, entry) in entries(&mut plain) {
                    assert_eq!(ours.get(&name), Some(&entry), "COMMAND {subcommand} of {name}");
                }
            }
        }
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
