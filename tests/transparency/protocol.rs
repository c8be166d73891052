//! Protocol errors, and what arrives before the connection is closed.

use crate::runner::{MODES, Made, compare, compare_made, compare_with};

/// What a client may send that is no request, each with what follows from it.
fn malformed() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = [
        // Multibulk counts.
        "*abc\r\n",
        "*\r\n",
        "*-2\r\n",
        "*1048577\r\n",
        "*2147483648\r\n",
        "*99999999999999999999\r\n",
        "*1 \r\n",
        "* 1\r\n",
        "*+1\r\n",
        "*01\r\n$4\r\nPING\r\n",
        "*1a\r\n",
        "*--1\r\n",
        "*1024*1024\r\n",
        "*-0\r\n",
        "*9223372036854775807\r\n",
        "*-9223372036854775808\r\n",
        "*-9223372036854775809\r\n",
        // Bulk lengths.
        "*1\r\n$abc\r\n",
        "*1\r\n$\r\n",
        "*1\r\n$-1\r\n",
        "*1\r\n$-2\r\n",
        "*1\r\n$536870913\r\n",
        "*1\r\n$ 4\r\nPING\r\n",
        "*1\r\n$4 \r\nPING\r\n",
        "*1\r\n$+4\r\nPING\r\n",
        "*1\r\n$04\r\nPING\r\n",
        "*1\r\n$99999999999999999999\r\n",
        "*1\r\n$9223372036854775807\r\n",
        "*2\r\n$3\r\nGET\r\n$-1\r\n",
        "*2\r\n$3\r\nGET\r\n$x\r\n",
        "*1\r\n$4294967300\r\n",
        // Something other than a bulk string.
        "*1\r\nPING\r\n",
        "*1\r\n:4\r\n",
        "*1\r\n+PING\r\n",
        "*1\r\n*1\r\n$4\r\nPING\r\n",
        "*2\r\n$4\r\nECHO\r\n#t\r\n",
        "*1\r\n\r\n",
        "*1\r\n\0",
        "*1\r\n\x7f",
        "*1\r\n\n$4\r\nPING\r\n",
        // Inline requests with quotes that do not match.
        "SET a \"b\r\n",
        "SET a 'b\r\n",
        "\"\r\n",
        "'\r\n",
        "\"PING\"x\r\n",
        "'PING'x\r\n",
        "SET a \"b\"c\r\n",
        "SET a 'b'c\r\n",
        "SET a \"b\\\r\n",
        "SET a 'b\\'\r\n",
        "\"a\\\"\r\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    // A count or length without an end, and an inline request that is too long.
    for first in ["*", "*1\r\n$", "x", "*1", "*2\r\n$4\r\nECHO\r\n$1", "GET \0"] {
        let mut endless = first.as_bytes().to_vec();
        endless.resize(70_000, b'1');
        all.push(endless);
    }
    all
}

fn shown(bytes: &[u8]) -> String {
    bytes[..bytes.len().min(40)].escape_ascii().to_string()
}

#[test]
fn every_protocol_error_closes_after_the_replies_before_it() {
    let malformed = malformed();
    let mut scenarios: Vec<Made<'_>> = Vec::new();
    for bytes in &malformed {
        for (kind, before) in [
            ("alone", &b""[..]),
            (
                "after commands",
                b"*1\r\n$4\r\nPING\r\nECHO hello\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n",
            ),
            ("in MULTI", b"MULTI\r\nSET k v\r\n"),
            ("subscribed", b"SUBSCRIBE c\r\nPING\r\n"),
            ("after HELLO", b"HELLO 9\r\nSELECT 3\r\nGET k\r\n"),
        ] {
            let bytes = [before, bytes].concat();
            let name = format!("{kind}: {}", shown(&bytes[before.len()..]));
            scenarios.push((
                name,
                Box::new(move |side| {
                    side.send("a", &bytes);
                    side.finish("a");
                }),
            ));
        }
    }
    compare_made(&scenarios);
}

#[test]
fn what_is_no_error_is_none() {
    compare(&[
        ("empty requests", &|side| {
            side.send("a", b"\r\n\n*0\r\n*-1\r\n  \r\n\t\r\n*0\r\nPING\r\n*-1\r\nECHO x\r\n\r\n");
            side.read("a", 2);
        }),
        ("line ends", &|side| {
            side.send("a", b"PING\nECHO a\r\nECHO b\n*1\n$4\nPING\r\n");
            side.finish("a");
        }),
        ("an unknown command", &|side| {
            for bytes in [
                &b"NOSUCH\r\n"[..],
                b"NOSUCH a b c\r\n",
                b"*1\r\n$0\r\n\r\n",
                b"*2\r\n$0\r\n\r\n$1\r\na\r\n",
                b"*1\r\n$3\r\na\0b\r\n",
                b"*2\r\n$6\r\nno\r\nsu\r\n$4\r\n\xff\r\n\0\r\n",
                b"\"no such\" 'b c'\r\n",
                b"\"\" x\r\n",
                b"GET|x\r\n",
                b"config|get x\r\n",
                b"client|list\r\n",
                b"CLIENT NOSUCH\r\n",
                b"CONFIG \"no\\r\\nsuch\"\r\n",
                b"*2\r\n$6\r\nCLIENT\r\n$4\r\nX\r\nY\r\n",
            ] {
                side.send("a", bytes);
                side.read("a", 1);
            }
            let long = "x".repeat(200);
            side.run("a", &format!("{long} {long} {long}"));
            side.run("a", &format!("NOSUCH {long} {long} {long}"));
            side.run("a", &format!("NOSUCH {}", "abc ".repeat(60)));
            side.run("a", &format!("CLIENT {long} {long}"));
            side.run("a", &format!("SESSION.{long} {long}"));
            side.run("a", "SESSION.NOSUCH a b");
            side.run("a", "SESSION");
            side.run("a", "SESSIONX.GET");
        }),
        ("quotes of inline requests", &|side| {
            for line in [
                r#"ECHO "a b""#,
                r#"ECHO 'a b'"#,
                r#"ECHO "\x41\x4a\xfF""#,
                r#"ECHO "\n\r\t\b\a\\\"\q""#,
                r#"ECHO 'a\'b\n'"#,
                r#"ECHO """#,
                r#"ECHO ''"#,
                r#"   ECHO    x   "#,
                r#"ECHO a"b"#,
                r#"ECHO a"b""#,
                r#"ECHO a'b'"#,
                r#"ECHO "\xg1""#,
                r#"ECHO "\x4""#,
                r#"'ECHO' "x""#,
                "ECHO\tx",
                "ECHO \x0b x",
                "ECHO \u{e9}",
                "PING\r",
                "ECHO x\ry",
            ] {
                side.send("a", format!("{line}\r\n").as_bytes());
                side.send("a", b"PING\r\n");
                side.read("a", 2);
                side.close("a");
            }
        }),
        ("nul bytes in inline requests", &|side| {
            side.send("a", b"ECHO a\0b\r\nPING\r\n");
            side.finish("a");
            side.send("b", b"\0PING\r\nPING\r\n");
            side.finish("b");
        }),
        ("the longest inline request", &|side| {
            for length in [65_000, 65_535, 81_920, 100_000] {
                let mut line = b"ECHO ".to_vec();
                line.resize(length, b'x');
                line.extend_from_slice(b"\r\n");
                side.send("a", &line);
                side.finish("a");
            }
        }),
        ("many arguments", &|side| {
            let mut keys = vec![b"DEL".to_vec()];
            keys.extend((0..100_000).map(|index| format!("k{index}").into_bytes()));
            let bytes = crate::common::encode(&keys);
            side.send("a", &bytes);
            side.read("a", 1);
        }),
        ("unfinished requests", &|side| {
            for bytes in [
                &b"*1\r\n$4\r\nPI"[..],
                b"*1",
                b"PING",
                b"*2\r\n$4\r\nECHO\r\n",
                b"*1\r\n$4\r\nPING",
                b"*1\r\n$4\r\nPING\r",
            ] {
                side.send("a", b"PING\r\n");
                side.send("a", bytes);
                side.read("a", 1);
                side.finish("a");
            }
        }),
        ("ends of bulk strings are not looked at", &|side| {
            side.send("a", b"*2\r\n$4\r\nECHOxx$1\r\nayy*1\r\n$4\r\nPINGzz");
            side.read("a", 2);
        }),
        ("browsers are cut off", &|side| {
            side.run("a", "PING");
            side.send("a", b"POST / HTTP/1.1\r\nHost: x\r\n\r\nPING\r\n");
            side.closed("a");
            side.send("b", b"GET / HTTP/1.1\r\nHost: x\r\n\r\nPING\r\n");
            side.closed("b");
            side.send("c", b"*1\r\n$5\r\nhost:\r\n");
            side.closed("c");
            side.send("d", b"*1\r\n$4\r\npost\r\n");
            side.closed("d");
        }),
        ("quit", &|side| {
            side.write("a", "PING\nQUIT\nPING");
            side.closed("a");
            side.write("b", "QUIT x y z\nPING");
            side.closed("b");
            side.write("c", "MULTI\nSET k v\nQUIT\nPING");
            side.closed("c");
            side.write("d", "SUBSCRIBE c\nQUIT\nPING");
            side.closed("d");
            side.write("e", "HELLO 9\nCLIENT REPLY OFF\nQUIT\nPING");
            side.closed("e");
        }),
    ]);
}

/// Before it has authenticated, a client may send 10 arguments of 16 KiB each.
#[test]
fn limits_before_authentication() {
    let options = ["--requirepass", "secret"];
    compare_with(
        &options,
        MODES,
        &[
            ("ten arguments", &|side| {
                for count in [9, 10, 11, 12] {
                    side.send("a", format!("*{count}\r\n").as_bytes());
                    for _ in 0..count {
                        side.send("a", b"$1\r\nx\r\n");
                    }
                    side.finish("a");
                }
            }),
            ("only a count", &|side| {
                side.send("a", b"PING\r\n*11\r\n");
                side.closed("a");
                side.send("b", b"AUTH secret\r\n*11\r\n");
                side.finish("b");
            }),
            ("sixteen kilobytes", &|side| {
                for length in [16_383, 16_384, 16_385] {
                    side.send("a", format!("*2\r\n$4\r\nPING\r\n${length}\r\n").as_bytes());
                    side.send("a", &vec![b'x'; length]);
                    side.send("a", b"\r\n");
                    side.finish("a");
                }
            }),
            ("inline", &|side| {
                side.send("a", b"GET 1 2 3 4 5 6 7 8 9 10 11 12\r\nPING\r\n");
                side.finish("a");
                let mut long = b"ECHO ".to_vec();
                long.resize(20_000, b'x');
                long.extend_from_slice(b"\r\n");
                side.send("b", &long);
                side.finish("b");
            }),
            ("authenticated in the same write", &|side| {
                let mut bytes = b"AUTH secret\r\n".to_vec();
                bytes.extend(crate::common::encode(&["MGET"; 40]));
                bytes.extend(crate::common::encode(&["SET", "k", &"v".repeat(40_000)]));
                side.send("a", &bytes);
                side.read("a", 3);
            }),
            ("wrong password, then too much", &|side| {
                let mut bytes = b"AUTH wrong\r\n".to_vec();
                bytes.extend(crate::common::encode(&["MGET"; 40]));
                side.send("a", &bytes);
                side.closed("a");
            }),
            ("what is refused", &|side| {
                side.pipeline("a", "PING\nGET k\nNOSUCH x\nSET\nMULTI\nEXEC\nDISCARD\nSUBSCRIBE c\nCLIENT ID\nCLIENT\nCLIENT NOSUCH\nCOMMAND COUNT\nHELLO 3\nHELLO\nHELLO 9\nAUTH\nAUTH wrong\nAUTH a b c\nRESET\nSELECT 1\nWATCH k\nSESSION.NOSUCH\nBLPOP k 0\nWAIT 0 0\nMONITOR\nSYNC\nPUBLISH a b\nCLIENT REPLY OFF\nCLIENT TRACKING ON\nQUIT");
                side.closed("a");
                side.pipeline("b", "HELLO 3 AUTH default wrong\nHELLO 3 AUTH default secret SETNAME n\nCLIENT GETNAME\nRESET\nGET k\nAUTH default secret\nGET k");
            }),
        ],
    );
}
