//! Values of all types and sizes both ways, and requests in all forms and pieces.

use crate::common::{Random, encode, words};
use crate::normal::Normal;
use crate::runner::{MODES, ONE_MODE, compare, compare_with};
use crate::side::Side;

const MIB: usize = 1 << 20;

/// Sizes around the limits of buffers.
const SIZES: &[usize] = &[
    0,
    1,
    2,
    63,
    64,
    1_023,
    1_024,
    16_383,
    16_384,
    16_385,
    32_767,
    32_768,
    65_535,
    65_536,
    65_537,
    262_144,
    MIB - 40,
    MIB - 1,
    MIB,
    MIB + 1,
    3 * MIB + 17,
];

/// Bytes of all values without a pattern, cheap to make.
fn bytes(size: usize, seed: u64) -> Vec<u8> {
    let block = Random::seeded(seed).bytes(size.min(4_099));
    let mut bytes = Vec::with_capacity(size + block.len());
    while bytes.len() < size {
        bytes.extend_from_slice(&block);
    }
    bytes.truncate(size);
    bytes
}

fn values(side: &mut Side) {
    for size in SIZES {
        let value = bytes(*size, *size as u64 + 1);
        side.send("a", &encode(&[b"SET".to_vec(), b"k".to_vec(), value.clone()]));
        side.read("a", 1);
        side.run_all("a", "STRLEN k\nGET k\nGETRANGE k 0 10\nGETRANGE k -10 -1");
        side.pipeline("a", "GET k\nPING\nGET k\nGET k\nSTRLEN k");
        side.send("a", &encode(&[b"ECHO".to_vec(), value.clone()]));
        side.read("a", 1);
        // As a key, as a field, and as an element.
        side.send("a", &encode(&[b"SET".to_vec(), value.clone(), b"v".to_vec()]));
        side.send("a", &encode(&[b"HSET".to_vec(), b"h".to_vec(), value.clone(), value.clone()]));
        side.send("a", &encode(&[b"HGETALL".to_vec(), b"h".to_vec()]));
        side.send("a", &encode(&[b"RPUSH".to_vec(), b"l".to_vec(), value.clone()]));
        side.read("a", 4);
        side.run_all("a", "DBSIZE\nLRANGE l 0 -1\nFLUSHALL");
    }
}

/// Sends a large request in pieces and reads its reply as one; what is compared is the reply, not a copy of it for each side.
fn large(side: &mut Side, size: usize) {
    let value = bytes(size, 3);
    let set = encode(&[b"SET".to_vec(), b"k".to_vec(), value.clone()]);
    side.send_aside("a", vec![b"PING\r\n".to_vec(), set, b"GET k\r\nSTRLEN k\r\n".to_vec()]);
    side.read("a", 2);
    let want = [format!("${size}\r\n").as_bytes(), &value, b"\r\n"].concat();
    side.read_expected("a", &want);
    side.read("a", 1);
    // In a transaction, in a script, and in MGET.
    side.write("a", "MULTI\nGET k\nEXEC");
    side.read("a", 2);
    side.read_expected("a", &[b"*1\r\n", &want[..]].concat());
    side.write("a", "EVAL \"return redis.call('GET', 'k')\" 0");
    side.read_expected("a", &want);
    side.write("a", "MGET k nosuch");
    side.read_expected("a", &[b"*2\r\n", &want[..], b"$-1\r\n"].concat());
    side.run_all("a", "PING\nDEL k");
}

#[test]
fn values_of_all_sizes() {
    compare(&[
        ("values, RESP2", &values),
        ("values over the limit", &|side| {
            side.admin("CONFIG SET proto-max-bulk-len 1mb");
            side.run("a", "SETRANGE k 2000000 x");
            side.run("a", "APPEND k x");
            side.admin("CONFIG SET proto-max-bulk-len 512mb");
            side.run("a", "SETRANGE k 536870912 x");
        }),
        ("a request over the server's own limit", &|side| {
            side.admin("CONFIG SET proto-max-bulk-len 1mb");
            side.send("a", &encode(&["SET", "k", &"x".repeat(2 * MIB)]));
            side.closed("a");
            side.admin("CONFIG SET proto-max-bulk-len 512mb");
        }),
        ("many elements", &|side| {
            let mut rpush = vec!["RPUSH".to_owned(), "l".to_owned()];
            rpush.extend((0..60_000).map(|index| format!("element {index}")));
            side.send_aside("a", vec![encode(&rpush)]);
            side.read("a", 1);
            side.pipeline(
                "a",
                "LRANGE l 0 -1\nPING\nLLEN l\nLRANGE l 100 200\nLPOP l 50000\nLRANGE l 0 -1",
            );
            let mut zadd = vec!["ZADD".to_owned(), "z".to_owned()];
            zadd.extend(
                (0..20_000).flat_map(|index| [format!("{}.25", index), format!("m{index}")]),
            );
            side.send_aside("a", vec![encode(&zadd)]);
            side.read("a", 1);
            side.run("a", "ZRANGE z 0 -1 WITHSCORES");
            side.run_all("a", "HELLO 3\nZRANGE z 0 -1 WITHSCORES\nLRANGE l 0 -1");
        }),
    ]);
}

#[test]
fn values_of_all_sizes_in_resp3() {
    compare_with(
        &[],
        ONE_MODE,
        &[("values, RESP3", &|side| {
            side.run("a", "HELLO 3");
            values(side);
        })],
    );
}

#[test]
fn large_values() {
    compare_with(&[], MODES, &[("16 MiB", &|side| large(side, 16 * MIB))]);
    compare_with(&[], ONE_MODE, &[("64 MB", &|side| large(side, 64_000_000))]);
}

/// Commands whose replies depend on nothing but what they wrote.
const PIPELINE: &str = r#"
SET s1 "a\r\nb\x00\xff"
GET s1
SET s2 10
INCR s2
APPEND s1 xyz
GETRANGE s1 1 -2
STRLEN s1
SETBIT b 77 1
BITCOUNT b
MGET s1 nosuch s2
DEL s1
EXISTS s1 s2
TYPE l
RPUSH l a b c
LPUSH l 1
LRANGE l 0 -1
LPOP l
LLEN l
LTRIM l 0 20
HSET h f v g w
HGET h f
HGETALL h
HDEL h g
HINCRBY h n 3
SADD i 1 2 3
SMEMBERS i
SISMEMBER i 2
SREM i 2
ZADD z 1 a 2 b 3.5 c
ZINCRBY z 0.25 a
ZRANGE z 0 -1 WITHSCORES
ZPOPMIN z
PFADD p a b
PFCOUNT p
LPUSH s2 wrong
INCR s1
GET l
NOSUCH a b
GET
PING
PING hello
ECHO "\x00\x01"
EVAL "return {1, {ok='x'}, ARGV[1]}" 0 arg
EVAL "return redis.call('INCR', KEYS[1])" 1 n
MULTI
EXEC
DISCARD
SELECT 1
SELECT 0
HELLO 2
CLIENT GETNAME
CLIENT SETNAME n
WATCH k
UNWATCH
PUBLISH c x
SUBSCRIBE
OBJECT ENCODING s2
SETRANGE s1 5 xx
GEOADD g 13.3 38.1 m
GEOPOS g m
"#;

fn pipeline(side: &mut Side, seed: u64, longest: usize) {
    let mut random = Random::seeded(seed);
    let lines: Vec<&str> = PIPELINE.lines().filter(|line| !line.is_empty()).collect();
    let calls: Vec<Vec<Vec<u8>>> = lines.iter().map(|line| words(line)).collect();
    let mut bytes = Vec::new();
    for _ in 0..10_000 {
        let call = &calls[random.below(calls.len())];
        // Some as inline requests, where they can be written so.
        let plain = |arg: &Vec<u8>| !arg.is_empty() && arg.iter().all(u8::is_ascii_alphanumeric);
        if random.below(8) == 0 && call.iter().all(plain) {
            bytes.extend(call.join(&b' '));
            bytes.extend_from_slice(b"\r\n");
        } else {
            bytes.extend(encode(call));
        }
    }
    side.send_aside("a", random.split(&bytes, longest));
    for _ in 0..100 {
        side.read("a", 100);
    }
}

#[test]
fn pipelines_of_ten_thousand() {
    compare(&[
        ("pipeline in pieces of up to 20 kB", &|side| pipeline(side, 11, 20_000)),
        ("pipeline in pieces of up to 300 bytes", &|side| pipeline(side, 12, 300)),
        ("pipeline in one piece", &|side| pipeline(side, 13, usize::MAX / 2)),
    ]);
}

#[test]
fn in_pieces() {
    compare(&[
        ("byte by byte", &|side| {
            let mut requests: Vec<u8> = Vec::new();
            for line in [
                "SET k \"\\x00\\r\\n\\xff\"",
                "GET k",
                "MULTI",
                "GET k",
                "EXEC",
                "SELECT 1",
                "GET k",
                "HELLO 3",
                "HGETALL k",
                "EVAL \"return 'x'\" 0",
                "SUBSCRIBE c",
                "UNSUBSCRIBE c",
                "BLPOP l 0.01",
            ] {
                requests.extend(crate::common::wire(line));
            }
            requests.extend_from_slice(b"  ECHO \"a b\"\r\n\r\nPING\n*0\r\n");
            let pieces: Vec<Vec<u8>> = requests.chunks(1).map(<[u8]>::to_vec).collect();
            side.send_aside("a", pieces);
            side.read("a", 15);
        }),
        ("cut at every place", &|side| {
            let request = crate::common::wire(
                "SET k value\nGET k\nMULTI\nINCR n\nEXEC\nSELECT 1\nSET k one\nSELECT 0\nGET k",
            );
            for cut in 1..request.len() {
                side.send("a", &request[..cut]);
                if cut % 7 == 0 {
                    // The answer on another connection shows that time has passed.
                    side.run("b", "PING");
                }
                side.send("a", &request[cut..]);
                side.read("a", 9);
            }
        }),
        ("all types in one pipeline", &|side| {
            side.pipeline("a", "SET s v\nRPUSH l 1 2\nSADD set 1\nZADD z 1 m\nHSET h f v\nXADD x 1-1 f v\nPFADD p 1\nSETBIT b 1 1\nGEOADD g 1 1 m\nTYPE s\nTYPE l\nTYPE set\nTYPE z\nTYPE h\nTYPE x\nTYPE p\nTYPE b\nTYPE g\nGET s\nLRANGE l 0 -1\nSMEMBERS set\nZRANGE z 0 -1 WITHSCORES\nHGETALL h\nXRANGE x - +\nPFCOUNT p\nGETBIT b 1\nGEOPOS g m\nGET l\nLPUSH s x\nDUMP s\nDUMP l\nDUMP z\nDUMP h\nDUMP x\nHELLO 3\nZRANGE z 0 -1 WITHSCORES\nHGETALL h\nXRANGE x - +\nGEOPOS g m\nZSCORE z m\nSMEMBERS set\nXREAD STREAMS x 0");
        }),
        ("dump and restore", &|side| {
            side.run_all("a", "RPUSH l a b c\nZADD z 1 a 2 b\nHSET h f v g w\nXADD x 1-1 f v\nXGROUP CREATE x g 0");
            for key in ["l", "z", "h", "x"] {
                let dump = side.run_as("a", Normal::Exact, &format!("DUMP {key}"));
                let start = dump.iter().position(|byte| *byte == b'\n').unwrap() + 1;
                let payload = dump[start..dump.len() - 2].to_vec();
                side.send(
                    "a",
                    &encode(&[
                        b"RESTORE".to_vec(),
                        b"copy".to_vec(),
                        b"0".to_vec(),
                        payload,
                        b"REPLACE".to_vec(),
                    ]),
                );
                side.read("a", 1);
                side.run_all("a", "TYPE copy\nDUMP copy");
            }
        }),
        ("scans", &|side| {
            let lines: Vec<String> =
                (0..500).map(|index| format!("SET k{index} {index}")).collect();
            side.pipeline("a", &lines.join("\n"));
            side.run_as("a", Normal::Unordered, "SCAN 0 COUNT 1000");
            side.run_as("a", Normal::Unordered, "KEYS *");
            side.run_as("a", Normal::Unordered, "KEYS k1?");
        }),
    ]);
}
