//! Blocking commands: woken, timed out, abandoned, in MULTI, in scripts, and with commands behind them.

use crate::runner::{Made, compare, compare_made};
use crate::side::Side;

/// A blocking command without an end, what wakes it, and the command that shows what it took.
const COMMANDS: &[(&str, &str, &str)] = &[
    ("BLPOP l 0", "RPUSH l a b", "LRANGE l 0 -1"),
    ("BRPOP x l 0", "RPUSH l a b", "LRANGE l 0 -1"),
    ("BLPOP l x l 0", "RPUSH x a b", "LRANGE x 0 -1"),
    ("BRPOPLPUSH l m 0", "RPUSH l a b", "LRANGE m 0 -1"),
    ("BLMOVE l m LEFT RIGHT 0", "RPUSH l a b", "LRANGE m 0 -1"),
    ("BLMPOP 0 2 x l LEFT COUNT 2", "RPUSH l a b", "LRANGE l 0 -1"),
    ("BZPOPMIN z 0", "ZADD z 1 a 2 b", "ZRANGE z 0 -1"),
    ("BZPOPMAX y z 0", "ZADD z 1 a 2 b", "ZRANGE z 0 -1"),
    ("BZMPOP 0 1 z MIN COUNT 5", "ZADD z 1 a 2 b", "ZRANGE z 0 -1"),
    ("XREAD BLOCK 0 STREAMS s $", "XADD s 9-1 f v", "XLEN s"),
    ("XREAD COUNT 1 BLOCK 0 STREAMS x s 0 0", "XADD s 9-1 f v", "XLEN s"),
    ("xread block 0 streams s 5-0", "XADD s 9-1 f v", "XLEN s"),
];

/// The same with a timeout, and one that is woken at once.
const SHORT: &[(&str, &str)] = &[
    ("BLPOP l 0.02", "RPUSH l a"),
    ("BRPOP l 0.02", "RPUSH l a"),
    ("BRPOPLPUSH l m 0.02", "RPUSH l a"),
    ("BLMOVE l m LEFT RIGHT 0.02", "RPUSH l a"),
    ("BLMPOP 0.02 1 l LEFT", "RPUSH l a"),
    ("BZPOPMIN z 0.02", "ZADD z 1 a"),
    ("BZPOPMAX z 0.02", "ZADD z 1 a"),
    ("BZMPOP 0.02 1 z MIN", "ZADD z 1 a"),
    ("XREAD BLOCK 20 STREAMS s 0", "XADD s 1-1 f v"),
    ("XREADGROUP GROUP g c BLOCK 20 STREAMS s2 >", "XADD s2 1-1 f v"),
    ("WAIT 1 20", "PING"),
];

fn resp(side: &mut Side, name: &str, resp3: bool) {
    if resp3 {
        side.run(name, "HELLO 3");
    }
}

#[test]
fn woken_and_timed_out() {
    let mut all: Vec<Made<'_>> = Vec::new();
    for resp3 in [false, true] {
        let version = if resp3 { "RESP3" } else { "RESP2" };
        for (command, wake, look) in COMMANDS {
            all.push((
                format!("woken, {version}: {command}"),
                Box::new(move |side| {
                    resp(side, "a", resp3);
                    side.write("a", command);
                    side.blocked(1);
                    side.run("b", wake);
                    side.read("a", 1);
                    side.run("b", look);
                    side.run("a", look);
                }),
            ));
            all.push((
                format!("woken with commands behind, {version}: {command}"),
                Box::new(move |side| {
                    resp(side, "a", resp3);
                    side.write("a", &format!("PING\n{command}\nGET k\nSET k 1\n{look}\nSELECT 1\nGET k\nSELECT 0\nMULTI\nGET k\nEXEC"));
                    side.read("a", 1);
                    side.blocked(1);
                    side.write("a", "ECHO later");
                    side.run("b", "GET k");
                    side.run("b", wake);
                    side.read("a", 11);
                }),
            ));
            all.push((
                format!("woken by a transaction, {version}: {command}"),
                Box::new(move |side| {
                    resp(side, "a", resp3);
                    side.write("a", command);
                    side.blocked(1);
                    side.run_all("b", &format!("MULTI\n{wake}\n{look}\nEXEC"));
                    side.read("a", 1);
                }),
            ));
            if !resp3 {
                all.push((
                    format!("abandoned: {command}"),
                    Box::new(move |side| {
                        side.write("a", command);
                        side.blocked(1);
                        side.close("a");
                        side.blocked(0);
                        side.run("b", wake);
                        side.run("b", look);
                    }),
                ));
                all.push((
                    format!("half-closed: {command}"),
                    Box::new(move |side| {
                        side.write("a", command);
                        side.blocked(1);
                        side.finish("a");
                        side.blocked(0);
                        side.run_all("b", &format!("{wake}\n{look}"));
                    }),
                ));
                all.push((
                    format!("two wait, the first is served: {command}"),
                    Box::new(move |side| {
                        side.write("a", command);
                        side.blocked(1);
                        side.write("c", command);
                        side.blocked(2);
                        side.run("b", wake);
                        side.read("a", 1);
                        side.run_all("b", look);
                    }),
                ));
                all.push((
                    format!("in MULTI and in a script: {command}"),
                    Box::new(move |side| {
                        side.run_all(
                            "a",
                            &format!("MULTI\n{command}\n{wake}\n{command}\nEXEC\n{look}"),
                        );
                        let call: Vec<String> =
                            command.split(' ').map(|word| format!("'{word}'")).collect();
                        side.run(
                            "a",
                            &format!("EVAL \"return redis.pcall({})\" 0", call.join(",")),
                        );
                    }),
                ));
            }
        }
        for (command, wake) in SHORT {
            all.push((
                format!("timed out, {version}: {command}"),
                Box::new(move |side| {
                    side.run("b", "XGROUP CREATE s2 g $ MKSTREAM");
                    resp(side, "a", resp3);
                    side.run("a", command);
                    side.pipeline("a", &format!("{command}\nPING\n{command}\nGET k"));
                    side.run("b", wake);
                    side.pipeline("a", &format!("{command}\nPING"));
                }),
            ));
        }
    }
    compare_made(&all);
}

#[test]
fn what_else_ends_a_wait() {
    compare(&[
        ("unblocked", &|side| {
            let id = side.id("a");
            for how in ["", " TIMEOUT", " ERROR"] {
                side.write("a", "BLPOP l 0\nPING");
                side.blocked(1);
                side.run("b", &format!("CLIENT UNBLOCK {id}{how}"));
                side.read("a", 2);
            }
            side.write("a", "XREAD BLOCK 0 STREAMS s $\nPING");
            side.blocked(1);
            side.run("b", &format!("CLIENT UNBLOCK {id} ERROR"));
            side.read("a", 2);
            side.run("b", &format!("CLIENT UNBLOCK {id}"));
            side.run("b", &format!("CLIENT UNBLOCK {id} NOSUCH"));
        }),
        ("killed", &|side| {
            let id = side.id("a");
            side.write("a", "BLPOP l 0\nPING");
            side.blocked(1);
            side.run("b", &format!("CLIENT KILL ID {id}"));
            side.closed("a");
            side.run_all("b", "RPUSH l x\nLLEN l");
        }),
        ("the stream's group is destroyed", &|side| {
            side.run("b", "XGROUP CREATE s g $ MKSTREAM");
            side.write("a", "XREADGROUP GROUP g c BLOCK 0 STREAMS s >\nPING");
            side.blocked(1);
            side.run("b", "XGROUP DESTROY s g");
            side.read("a", 2);
        }),
        ("the stream is deleted, or becomes something else", &|side| {
            side.run("b", "XGROUP CREATE s g $ MKSTREAM");
            side.write("a", "XREADGROUP GROUP g c BLOCK 0 STREAMS s >\nPING");
            side.blocked(1);
            side.run_all("b", "DEL s");
            side.read("a", 2);
            side.run("b", "XGROUP CREATE s g $ MKSTREAM");
            side.write("a", "XREADGROUP GROUP g c BLOCK 0 STREAMS s >\nPING");
            side.blocked(1);
            side.run_all("b", "SET s string");
            side.read("a", 2);
        }),
        ("woken by a value of another type", &|side| {
            side.write("a", "BLPOP l 0");
            side.blocked(1);
            side.run_all("b", "SET l x\nDEL l\nSADD l y\nDEL l\nRPUSH l z");
            side.read("a", 1);
        }),
        ("woken by RENAME, SORT STORE, RESTORE, SWAPDB", &|side| {
            side.write("a", "BLPOP l 0\nBLPOP l 0\nBLPOP l 0");
            side.blocked(1);
            side.run_all("b", "RPUSH x 1\nRENAME x l");
            side.read("a", 1);
            side.run_all("b", "RPUSH y 2\nSORT y STORE l");
            side.read("a", 1);
            side.blocked(1);
            side.run_all("b", "SELECT 1\nRPUSH l other\nSWAPDB 0 1");
            side.read("a", 1);
        }),
        ("woken by a script and a function", &|side| {
            side.write("a", "BLPOP l 0\nBZPOPMIN z 0");
            side.blocked(1);
            side.run(
                "b",
                "EVAL \"redis.call('RPUSH', 'l', 'x', 'y') return redis.call('LLEN', 'l')\" 0",
            );
            side.read("a", 1);
            side.blocked(1);
            side.run("b", "EVAL \"return redis.call('ZADD', 'z', 1, 'x')\" 0");
            side.read("a", 1);
        }),
        ("chains of moves", &|side| {
            side.write("a", "BLMOVE l m LEFT LEFT 0");
            side.blocked(1);
            side.write("c", "BLPOP m 0");
            side.blocked(2);
            side.run("b", "RPUSH l through");
            side.read("a", 1);
            side.read("c", 1);
        }),
        ("in another database, as another user", &|side| {
            side.admin("ACL SETUSER bob on >pw ~* +@all");
            side.run_all("a", "AUTH bob pw\nSELECT 2");
            side.write("a", "BLPOP l 0\nACL WHOAMI\nGET k");
            side.blocked(1);
            side.run_all("b", "RPUSH l wrong\nSET k zero\nSELECT 2\nSET k two\nRPUSH l right");
            side.read("a", 3);
        }),
        ("a user that is deleted", &|side| {
            side.admin("ACL SETUSER bob on >pw ~* +@all");
            side.run_all("a", "AUTH bob pw");
            side.write("a", "BLPOP l 0");
            side.blocked(1);
            side.run("b", "ACL DELUSER bob");
            side.closed("a");
            side.run_all("b", "RPUSH l x\nLLEN l");
        }),
        ("many at once", &|side| {
            for index in 0..30 {
                side.write(&format!("w{index:02}"), "BLPOP l 0\nGET k");
                side.blocked(index + 1);
            }
            let values: Vec<String> = (0..30).map(|index| index.to_string()).collect();
            side.run("b", &format!("RPUSH l {}", values.join(" ")));
            for index in 0..30 {
                side.read(&format!("w{index:02}"), 2);
            }
        }),
        ("errors", &|side| {
            side.run_all("a", "BLPOP l\nBLPOP l x\nBLPOP l -1\nBLPOP l 1e400\nBLPOP l nan\nBLPOP l inf\nBLPOP l 99999999999999999999\nBLMPOP 0 0 l LEFT\nBLMPOP 0 1 l UP\nXREAD BLOCK\nXREAD BLOCK x STREAMS s 0\nXREAD BLOCK -1 STREAMS s 0\nXREAD BLOCK 0 STREAMS s\nXREAD BLOCK 0 STREAMS s x\nXREADGROUP GROUP g c BLOCK 0 STREAMS nosuch >\nXREAD BLOCK 0 STREAMS s >\nWAIT x 0\nWAIT 0 -1\nWAIT 0\nWAIT 0 0\nWAIT -1 1\nSET l string\nBLPOP l 0\nBZPOPMIN l 0\nXREAD BLOCK 0 STREAMS l 0\nBLMOVE l m LEFT LEFT 0");
        }),
        ("large values", &|side| {
            side.write("a", "BLPOP l 0\nPING");
            side.blocked(1);
            let value = "v".repeat(3_000_000);
            side.run("b", &format!("RPUSH l {value}"));
            side.read("a", 2);
        }),
    ]);
}
