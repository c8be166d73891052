//! MULTI, EXEC, DISCARD and WATCH, alone and with rivals on other connections.

use crate::common::{Random, encode, wire};
use crate::normal::Normal;
use crate::runner::{MODES, Made, ONE_MODE, compare, compare_made, compare_with};
use crate::side::Side;
use crate::table::{Call, calls};

#[test]
fn watched_keys() {
    compare(&[
        ("watch, nobody interferes", &|side| {
            side.run_all("a", "SET k 1\nWATCH k\nMULTI\nINCR k\nEXEC\nGET k");
        }),
        ("watch, a rival writes before MULTI", &|side| {
            side.run_all("a", "SET k 1\nWATCH k j");
            side.run("b", "INCR k");
            side.run_all(
                "a",
                "GET k\nMULTI\nSET k lost\nEXEC\nGET k\nMULTI\nSET k kept\nEXEC\nGET k",
            );
        }),
        ("watch, a rival writes inside MULTI", &|side| {
            side.run_all("a", "SET k 1\nWATCH k\nMULTI\nINCR k");
            side.run("b", "SET k 100");
            side.run_all("a", "EXEC\nGET k");
        }),
        ("watch, the rival's write is none", &|side| {
            side.run_all("a", "SET k 1\nWATCH k");
            side.run_all("b", "DEL nosuch\nSETNX k 2\nGET k\nEXPIRE nosuch 1");
            side.run_all("a", "MULTI\nINCR k\nEXEC");
        }),
        ("watch, own write before MULTI", &|side| {
            side.run_all("a", "WATCH k\nSET k 1\nMULTI\nINCR k\nEXEC\nGET k");
        }),
        ("watch, expiry and FLUSHALL", &|side| {
            side.run_all("a", "SET k 1 PX 100000\nWATCH k");
            side.run_all("b", "FLUSHALL");
            side.run_all("a", "MULTI\nPING\nEXEC\nWATCH nosuch");
            side.run_all("b", "FLUSHALL\nSELECT 1\nSWAPDB 0 1");
            side.run_all("a", "MULTI\nPING\nEXEC");
        }),
        ("watch in another database", &|side| {
            side.run_all("a", "SELECT 1\nWATCH k\nSELECT 0");
            side.run_all("b", "SET k 1\nSELECT 1");
            side.run_all("a", "MULTI\nPING\nEXEC\nSELECT 1\nWATCH k\nSELECT 0");
            side.run_all("b", "SET k 1");
            side.run_all("a", "MULTI\nPING\nEXEC\nGET k\nSELECT 1\nGET k");
        }),
        ("unwatch and discard forget", &|side| {
            side.run_all("a", "WATCH k\nUNWATCH");
            side.run("b", "SET k 1");
            side.run_all("a", "MULTI\nPING\nEXEC\nWATCH k\nMULTI\nPING\nDISCARD");
            side.run("b", "SET k 2");
            side.run_all("a", "MULTI\nPING\nEXEC\nWATCH k\nRESET");
            side.run("b", "SET k 3");
            side.run_all("a", "MULTI\nPING\nEXEC\nUNWATCH\nUNWATCH");
        }),
        ("watch does not hear of a refused EXEC", &|side| {
            side.run_all("a", "WATCH k");
            side.run("b", "SET k 1");
            side.run_all("a", "MULTI\nNOSUCH\nPING\nEXEC\nMULTI\nPING\nEXEC");
        }),
        ("watch by two, both try", &|side| {
            side.run_all("a", "SET k 1\nWATCH k\nGET k");
            side.run_all("b", "WATCH k\nGET k");
            side.run_all("a", "MULTI\nSET k a\nEXEC");
            side.run_all("b", "MULTI\nSET k b\nEXEC\nGET k");
        }),
        ("a watcher leaves", &|side| {
            side.run_all("a", "WATCH k\nMULTI\nSET k a");
            side.close("a");
            side.run_all("b", "SET k b\nGET k\nWATCH k\nMULTI\nGET k\nEXEC");
        }),
        ("watch, errors", &|side| {
            side.run_all("a", "WATCH\nUNWATCH x\nMULTI x\nEXEC x\nDISCARD x\nWATCH k k\nWATCH \"\"\nEXEC\nDISCARD");
            side.run_all("a", "HELLO 3\nWATCH k");
            side.run("b", "SET k 1");
            side.run_all("a", "MULTI\nGET k\nEXEC");
        }),
    ]);
}

#[test]
fn errors_in_transactions() {
    compare(&[
        ("outside", &|side| {
            side.run_all("a", "EXEC\nDISCARD\nUNWATCH\nMULTI\nDISCARD\nDISCARD\nEXEC")
        }),
        ("nested", &|side| {
            side.run_all("a", "MULTI\nSET k 1\nMULTI\nGET k\nEXEC\nMULTI\nMULTI\nMULTI\nDISCARD")
        }),
        ("watch inside", &|side| {
            side.run_all("a", "MULTI\nWATCH k\nSET k 1\nEXEC\nMULTI\nUNWATCH\nEXEC\nGET k")
        }),
        ("unknown command", &|side| {
            side.run_all("a", "MULTI\nSET k 1\nNOSUCH x\nGET k\nEXEC\nGET k\nMULTI\nGET k\nEXEC")
        }),
        ("wrong number of arguments", &|side| {
            side.run_all("a", "MULTI\nSET k\nEXEC\nMULTI\nCLIENT\nEXEC\nMULTI\nCLIENT NOSUCH\nEXEC\nMULTI\nEXEC x\nDISCARD x\nEXEC\nEXEC")
        }),
        ("errors at EXEC", &|side| {
            side.run_all("a", "SET k abc\nMULTI\nINCR k\nLPUSH k x\nSET k 1\nINCR k\nEVAL \"return redis.error_reply('MY odd error')\" 0\nSET k 1 EX 0\nEXEC\nGET k")
        }),
        ("discard", &|side| {
            side.run_all(
                "a",
                "MULTI\nSET k 1\nDISCARD\nGET k\nMULTI\nNOSUCH\nDISCARD\nMULTI\nGET k\nEXEC",
            )
        }),
        ("empty", &|side| side.run_all("a", "MULTI\nEXEC\nHELLO 3\nMULTI\nEXEC")),
        ("quit inside", &|side| {
            side.run_all("a", "MULTI\nSET k 1\nQUIT");
            side.closed("a");
            side.run("b", "GET k");
        }),
        ("reset inside", &|side| {
            side.run_all("a", "SELECT 2\nMULTI\nSET k 1\nRESET\nEXEC\nGET k\nSELECT 2\nGET k\nMULTI\nRESET x\nEXEC\nMULTI\nNOSUCH\nRESET\nPING");
        }),
        ("rights and OOM inside", &|side| {
            side.admin("ACL SETUSER bob on >pw ~b* +@all -set");
            side.run_all("a", "AUTH bob pw\nMULTI\nGET b\nSET b 1\nEXEC\nMULTI\nGET a\nGET b\nEXEC\nMULTI\nGET b\nEXEC");
            side.admin("CONFIG SET maxmemory 1");
            side.run_all("b", "MULTI\nSET k 1\nEXEC\nMULTI\nGET k\nEXEC\nSET k 1\nEVAL \"return redis.call('SET', 'k', 1)\" 0");
            side.admin("CONFIG SET maxmemory 0");
            side.run_all("b", "SET k 1");
        }),
        ("a read-only replica", &|side| {
            side.run("a", "SET k 1");
            side.admin("REPLICAOF 127.0.0.1 1");
            side.run_all("a", "GET k\nSET k 2\nMULTI\nGET k\nEXEC\nMULTI\nSET k 2\nEXEC\nEVAL \"return redis.call('SET', 'k', 3)\" 0");
            side.admin("REPLICAOF NO ONE");
            side.run_all("a", "SET k 4\nGET k");
        }),
    ]);
}

#[test]
fn state_changes_in_transactions() {
    compare(&[
        ("select inside", &|side| {
            side.run_all(
                "a",
                "SET k zero\nMULTI\nSELECT 3\nSET k three\nGET k\nEXEC\nGET k\nSELECT 0\nGET k",
            );
            side.run_all(
                "a",
                "MULTI\nSELECT 99\nGET k\nSELECT x\nEXEC\nGET k\nMULTI\nSELECT 3\nDISCARD\nGET k",
            );
            side.run_all("a", "MULTI\nSELECT 3\nSELECT 0\nSELECT 3\nEXEC\nGET k");
        }),
        ("select inside, watched", &|side| {
            side.run_all("a", "WATCH w");
            side.run("b", "SET w 1");
            side.run_all("a", "MULTI\nSELECT 3\nEXEC\nSET k v\nSELECT 3\nGET k");
        }),
        ("auth inside", &|side| {
            side.admin("ACL SETUSER bob on >pw ~b* +@all");
            side.run_all(
                "a",
                "MULTI\nAUTH bob pw\nGET b\nGET a\nACL WHOAMI\nEXEC\nGET a\nGET b\nACL WHOAMI",
            );
            side.run_all("a", "MULTI\nAUTH default x\nGET a\nACL WHOAMI\nEXEC\nGET a\nACL WHOAMI");
            side.run_all("a", "MULTI\nAUTH bob wrong\nAUTH\nAUTH a b c\nEXEC\nMULTI\nAUTH bob wrong\nEXEC\nACL WHOAMI");
        }),
        ("hello inside", &|side| {
            side.run_all("a", "MULTI\nHELLO 3\nHGETALL h\nEXEC\nHGETALL h\nMULTI\nHELLO 2\nHGETALL h\nEXEC\nHGETALL h");
            side.run_all("a", "MULTI\nHELLO 9\nHELLO 3 SETNAME inside\nHELLO 3 AUTH no one\nHELLO 3 NOSUCH\nEXEC\nHGETALL h\nCLIENT GETNAME");
        }),
        ("subscribe inside", &|side| {
            side.write("a", "MULTI\nSUBSCRIBE c d\nEXEC");
            side.read("a", 2);
            // One reply in the array, but two messages.
            side.read("a", 2);
            side.run("b", "PUBLISH c hello");
            side.read("a", 1);
            side.run_all("a", "PING\nUNSUBSCRIBE c\nUNSUBSCRIBE d\nGET k");
        }),
        ("subscribe inside, then EXEC and more in one write", &|side| {
            side.write("a", "MULTI\nSUBSCRIBE c\nEXEC\nPING\nGET k\nUNSUBSCRIBE\nGET k");
            side.read("a", 7);
        }),
        ("unsubscribe inside", &|side| {
            side.run_all(
                "a",
                "MULTI\nUNSUBSCRIBE\nPUNSUBSCRIBE x\nSUNSUBSCRIBE\nEXEC\nGET k\nSET k 1",
            );
        }),
        ("subscribe inside, RESP3", &|side| {
            side.run_all(
                "a",
                "HELLO 3\nMULTI\nSUBSCRIBE c\nGET k\nPSUBSCRIBE p*\nSSUBSCRIBE s\nEXEC",
            );
            side.run_all("b", "PUBLISH c hello\nPUBLISH px hello");
            side.read("a", 2);
            side.run_all("a", "GET k\nMULTI\nUNSUBSCRIBE\nPUNSUBSCRIBE\nEXEC\nGET k");
        }),
        ("client reply inside", &|side| {
            side.run_all("a", "MULTI\nCLIENT REPLY ON\nGET k\nEXEC\nGET k");
            side.write(
                "a",
                "MULTI\nCLIENT REPLY OFF\nGET k\nEXEC\nGET k\nPING\nCLIENT REPLY ON\nPING",
            );
            side.read("a", 4);
            side.finish("a");
            side.write("b", "MULTI\nSET k 1\nCLIENT REPLY SKIP\nGET k\nEXEC\nGET k\nPING\nCLIENT REPLY ON\nPING");
            side.finish("b");
        }),
        ("names inside", &|side| {
            side.run_all("a", "MULTI\nCLIENT SETNAME in\nCLIENT GETNAME\nEXEC\nCLIENT GETNAME\nMULTI\nCLIENT SETNAME x\nDISCARD\nCLIENT GETNAME");
            side.run_all("a", "MULTI\nCLIENT SETNAME \"a b\"\nEXEC\nCLIENT GETNAME");
        }),
        ("ids inside", &|side| {
            side.id("a");
            side.run_all("a", "MULTI");
            side.run_all("a", "CLIENT ID");
            side.run_id("a", "EXEC");
        }),
        ("tracking inside", &|side| {
            side.run_all(
                "a",
                "HELLO 3\nMULTI\nCLIENT TRACKING on\nGET k\nEXEC\nGET j\nCLIENT TRACKINGINFO",
            );
            side.run_all("b", "SET k 1\nSET j 1");
            side.read("a", 2);
            side.run_all("a", "MULTI\nCLIENT TRACKING off\nEXEC\nCLIENT TRACKINGINFO\nPING");
        }),
        ("blocking commands inside", &|side| {
            side.run_all("a", "RPUSH l 1\nMULTI\nBLPOP l 0\nBLPOP l 0\nBRPOPLPUSH l m 0\nBLMOVE l m LEFT LEFT 0\nBLMPOP 0 1 l LEFT\nBZPOPMIN z 0\nBZMPOP 0 1 z MIN\nXREAD BLOCK 0 STREAMS x $\nWAIT 1 0\nEXEC\nPING");
        }),
        ("scripts and functions inside", &|side| {
            side.run_all("a", "MULTI\nSCRIPT LOAD \"return 1\"\nEVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0\nEVAL \"return redis.call('SELECT', 3)\" 0\nSET k where\nEXEC\nGET k");
        }),
        ("FLUSHALL, CONFIG and others inside", &|side| {
            side.run_all("a", "MULTI\nFLUSHALL\nCONFIG SET maxmemory-samples 5\nCONFIG GET maxmemory-samples\nSWAPDB 0 1\nDBSIZE\nEXEC\nMULTI\nMONITOR\nEXEC\nPING");
        }),
    ]);
}

/// Whole blocks as client libraries send them.
#[test]
fn blocks_in_one_write() {
    let blocks: &[(&str, &str)] = &[
        ("plain", "MULTI\nSET k 1\nINCR k\nGET k\nEXEC"),
        ("with commands around", "GET k\nMULTI\nSET k 1\nEXEC\nGET k\nPING"),
        ("two", "MULTI\nSET k 1\nEXEC\nMULTI\nINCR k\nEXEC\nGET k"),
        ("error at queue time", "MULTI\nSET k 1\nNOSUCH\nGET k\nEXEC\nGET k"),
        ("wrong arity", "MULTI\nGET\nEXEC\nGET k"),
        ("error at EXEC", "MULTI\nSET k x\nINCR k\nGET k\nEXEC\nGET k"),
        ("DISCARD", "MULTI\nSET k 1\nDISCARD\nGET k"),
        ("nested", "MULTI\nMULTI\nSET k 1\nEXEC\nGET k"),
        ("EXEC twice", "MULTI\nSET k 1\nEXEC\nEXEC\nGET k"),
        ("EXEC with an argument", "MULTI\nSET k 1\nEXEC x\nEXEC\nGET k"),
        ("MULTI with an argument", "MULTI x\nSET k 1\nEXEC\nGET k"),
        ("WATCH before", "WATCH k\nMULTI\nSET k 1\nEXEC\nGET k"),
        ("WATCH inside", "MULTI\nWATCH k\nSET k 1\nEXEC\nGET k"),
        ("empty", "MULTI\nEXEC\nPING"),
        ("SELECT inside", "MULTI\nSELECT 1\nSET k one\nEXEC\nGET k\nSELECT 0\nGET k"),
        ("SELECT before", "SELECT 1\nMULTI\nSET k 1\nEXEC\nSELECT 0\nGET k"),
        ("HELLO inside", "MULTI\nHELLO 3\nHGETALL k\nEXEC\nHGETALL k"),
        ("HELLO before", "HELLO 3\nMULTI\nHGETALL k\nEXEC\nHGETALL k"),
        ("RESET inside", "MULTI\nSET k 1\nRESET\nGET k\nEXEC"),
        ("CLIENT inside", "MULTI\nCLIENT SETNAME n\nCLIENT GETNAME\nEXEC\nCLIENT GETNAME"),
        ("blocking inside", "MULTI\nBLPOP nosuch 0\nEXEC\nPING"),
        ("script inside", "MULTI\nEVAL \"return redis.call('INCR', 'k')\" 0\nEXEC\nGET k"),
        ("EVALSHA inside", "MULTI\nEVALSHA ffffffffffffffffffffffffffffffffffffffff 0\nEXEC"),
        ("unknown inside", "MULTI\nPFSELFTEST x\nDEBUG SLEEP 0\nEXEC\nGET k"),
        (
            "many",
            "MULTI\nINCR k\nINCR k\nINCR k\nINCR k\nINCR k\nINCR k\nINCR k\nINCR k\nINCR k\nINCR k\nEXEC",
        ),
    ];
    let count = |lines: &str| lines.lines().count();
    let mut all: Vec<Made<'_>> = Vec::new();
    for (name, lines) in blocks {
        let bytes = wire(lines);
        all.push((
            format!("block in one write: {name}"),
            Box::new(move |side| {
                side.pipeline("a", lines);
                side.run("a", "ECHO end");
            }),
        ));
        let whole = bytes.clone();
        all.push((
            format!("block cut in the middle: {name}"),
            Box::new(move |side| {
                for cut in [1, whole.len() / 3, whole.len() / 2, whole.len() - 1] {
                    side.send("a", &whole[..cut]);
                    // The answer on another connection shows that time has passed.
                    side.run("b", "PING");
                    side.send("a", &whole[cut..]);
                    side.read("a", count(lines));
                    side.close("a");
                    side.run("b", "FLUSHALL");
                }
            }),
        ));
        let bytes = bytes.clone();
        all.push((
            format!("block and half-close: {name}"),
            Box::new(move |side| {
                side.send("a", &bytes);
                side.finish("a");
            }),
        ));
    }
    all.push((
        "blocks without EXEC".to_owned(),
        Box::new(|side| {
            side.pipeline("a", "MULTI\nSET k 1");
            side.close("a");
            side.pipeline("b", "GET k\nMULTI\nSET k 2\nGET k");
            side.finish("b");
            side.pipeline("c", "GET k\nMULTI\nSET k 3");
            side.run_all("c", "GET k\nEXEC\nGET k");
        }),
    ));
    all.push((
        "blocks of two clients take turns".to_owned(),
        Box::new(|side| {
            for _ in 0..20 {
                side.write("a", "MULTI\nINCR k\nGET k\nEXEC");
                side.write("a", "GET k\nMULTI\nINCR k");
                side.read("a", 7);
                side.pipeline("b", "GET k\nMULTI\nINCR k\nNOSUCH\nEXEC\nINCR k");
                side.pipeline("a", "EXEC\nGET k");
            }
        }),
    ));
    compare_made(&all);
}

/// The whole table inside one transaction, and a large block cut at random.
#[test]
fn large_transactions() {
    let inside: Vec<Call> =
        calls().into_iter().filter(|call| !call.once && !call.own && !call.outside).collect();
    let all = |side: &mut Side, resp3: bool| {
        if resp3 {
            side.run("a", "HELLO 3");
        }
        // One block of about 20 calls each, so that a difference can be found.
        for (index, calls) in inside.chunks(20).enumerate() {
            let mut bytes = b"MULTI\r\n".to_vec();
            calls.iter().for_each(|call| bytes.extend(encode(&call.args)));
            bytes.extend_from_slice(b"EXEC\r\n");
            let normal = if calls.iter().all(|call| call.normal == Normal::Exact) {
                Normal::Exact
            } else {
                Normal::Elements
            };
            let mut random = Random::seeded(index as u64 + 1);
            random.split(&bytes, 400).iter().for_each(|piece| side.send("a", piece));
            side.read_as("a", normal, calls.len() + 2);
        }
    };
    compare_with(
        &[],
        ONE_MODE,
        &[
            ("transactions of twenty, RESP2", &|side| all(side, false)),
            ("transactions of twenty, RESP3", &|side| all(side, true)),
        ],
    );
    compare_with(
        &[],
        MODES,
        &[("a transaction of 10,000", &|side| {
            let mut bytes = b"MULTI\r\n".to_vec();
            (0..10_000).for_each(|_| bytes.extend(encode(&["INCR", "k"])));
            bytes.extend_from_slice(b"EXEC\r\nGET k\r\n");
            side.send_aside("a", Random::seeded(7).split(&bytes, 5_000));
            side.read("a", 10_003);
        })],
    );
}
