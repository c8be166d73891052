//! Subscriptions of all forms in both protocols, and what may be said in between.

use crate::runner::compare;
use crate::side::Side;

fn hello(side: &mut Side, resp3: bool) {
    side.run("a", if resp3 { "HELLO 3" } else { "HELLO 2" });
}

fn all_forms(side: &mut Side, resp3: bool) {
    hello(side, resp3);
    side.write("a", "SUBSCRIBE c d c\nPSUBSCRIBE p* *y\nSSUBSCRIBE s");
    side.read("a", 6);
    side.run_all("b", "PUBLISH c 1\nPUBLISH px 2\nPUBLISH none 3\nSPUBLISH s 4\nPUBLISH s 5\nPUBLISH c \"\"\nPUBLISH \"\" x\nPUBSUB CHANNELS c\nPUBSUB NUMSUB c d e\nPUBSUB NUMPAT\nPUBSUB SHARDCHANNELS\nPUBSUB SHARDNUMSUB s t");
    // Of two patterns that match it is random which is told first, so only one does.
    side.read("a", 4);
    side.write(
        "a",
        "UNSUBSCRIBE c\nUNSUBSCRIBE nosuch\nUNSUBSCRIBE\nPUNSUBSCRIBE p*\nSUNSUBSCRIBE",
    );
    side.read("a", 5);
    side.run_all("b", "PUBLISH c 1\nPUBLISH px 2\nPUBLISH xy 2\nSPUBLISH s 4");
    side.read("a", 1);
    side.write("a", "PUNSUBSCRIBE\nGET k\nSELECT 1\nPING");
    side.read("a", 4);
    side.run_all("b", "PUBLISH px 2");
}

fn refused(side: &mut Side, resp3: bool) {
    hello(side, resp3);
    side.run("a", "SUBSCRIBE c");
    side.run_all("a", "GET k\nSET k 1\nMULTI\nEXEC\nSELECT 1\nAUTH default x\nHELLO 2\nHELLO 9\nCLIENT ID x\nCLIENT SETNAME n\nCLIENT GETNAME\nCLIENT\nNOSUCH\nPUBLISH d x\nBLPOP l 0.01\nWATCH k\nGET\nPING\nPING hello\nPING a b\nECHO x\nCOMMAND COUNT x\nSESSION.NOSUCH\nSUBSCRIBE\nUNSUBSCRIBE x\nWAIT 0 0\nCONFIG GET nosuch\nEVAL \"return 1\" 0\nDISCARD\nCLIENT TRACKING off");
    side.run("a", "UNSUBSCRIBE");
    side.run_all("a", "GET k\nMULTI\nGET k\nEXEC\nPING\nPING x");
}

fn unsubscribe_from_nothing(side: &mut Side, resp3: bool) {
    hello(side, resp3);
    side.run_all("a", "UNSUBSCRIBE\nPUNSUBSCRIBE\nSUNSUBSCRIBE\nUNSUBSCRIBE c\nPUNSUBSCRIBE p*\nSUNSUBSCRIBE s\nGET k\nSUBSCRIBE\nPSUBSCRIBE\nSSUBSCRIBE");
    side.write("a", "UNSUBSCRIBE a b c\nPING\nSET k 1\nGET k\nUNSUBSCRIBE a b");
    side.read("a", 8);
}

fn between_replies(side: &mut Side, resp3: bool) {
    hello(side, resp3);
    side.run("a", "SUBSCRIBE c");
    for round in 0..20 {
        side.write("b", &format!("PUBLISH c {round}a\nPUBLISH c {round}b"));
        side.read("b", 2);
        side.read("a", 2);
        side.write("a", "PING x\nSUBSCRIBE d\nUNSUBSCRIBE d");
        side.read("a", 3);
    }
}

fn pipelined(side: &mut Side, resp3: bool) {
    hello(side, resp3);
    side.write("a", "GET k\nSUBSCRIBE c\nPING\nUNSUBSCRIBE c\nGET k\nPSUBSCRIBE p*\nSUBSCRIBE c\nPUNSUBSCRIBE\nUNSUBSCRIBE\nSET k 1\nSSUBSCRIBE s\nSUNSUBSCRIBE s\nSELECT 1\nGET k\nSUBSCRIBE x\nRESET\nGET k\nSELECT 1\nGET k");
    side.read("a", 19);
}

#[test]
fn subscriptions() {
    compare(&[
        ("all forms, RESP2", &|side| all_forms(side, false)),
        ("all forms, RESP3", &|side| all_forms(side, true)),
        ("refused commands, RESP2", &|side| refused(side, false)),
        ("refused commands, RESP3", &|side| refused(side, true)),
        ("from nothing, RESP2", &|side| unsubscribe_from_nothing(side, false)),
        ("from nothing, RESP3", &|side| unsubscribe_from_nothing(side, true)),
        ("messages between replies, RESP2", &|side| between_replies(side, false)),
        ("messages between replies, RESP3", &|side| between_replies(side, true)),
        ("in a pipeline, RESP2", &|side| pipelined(side, false)),
        ("in a pipeline, RESP3", &|side| pipelined(side, true)),
        ("to oneself, RESP3", &|side| {
            hello(side, true);
            side.write("a", "SUBSCRIBE c\nPUBLISH c mine\nMULTI\nPUBLISH c inside\nGET k\nEXEC\nEVAL \"redis.call('PUBLISH', 'c', 'script') return 5\" 0\nGET k");
            side.read("a", 11);
        }),
        ("all commands while subscribed, RESP3", &|side| {
            hello(side, true);
            side.run("a", "SUBSCRIBE c");
            side.run_all("a", "SET k 1\nGET k\nSELECT 1\nGET k\nSELECT 0\nMULTI\nINCR k\nEXEC\nWATCH k\nUNWATCH\nBLPOP l 0.01\nHELLO 3\nCLIENT SETNAME n\nCLIENT GETNAME\nEVAL \"return {1,2}\" 0\nNOSUCH\nGET\nAUTH default x\nXREAD BLOCK 10 STREAMS s $\nSCRIPT EXISTS x\nPUBSUB NUMSUB c");
            side.run("b", "PUBLISH c still");
            side.read("a", 1);
            side.write("a", "BLPOP l 0");
            side.blocked(1);
            side.run("b", "PUBLISH c while-blocked");
            side.read("a", 1);
            side.run("b", "RPUSH l x");
            side.read("a", 1);
        }),
        ("HELLO while subscribed", &|side| {
            side.run_all(
                "a",
                "SUBSCRIBE c\nHELLO 3\nGET k\nPING\nHELLO 2\nGET k\nPING\nUNSUBSCRIBE\nGET k",
            );
        }),
        ("RESET and QUIT while subscribed", &|side| {
            side.run_all("a", "SELECT 2\nSUBSCRIBE c\nRESET\nGET k\nPSUBSCRIBE p*");
            side.run("b", "PUBLISH c x");
            side.run("a", "PING");
            side.write("a", "QUIT");
            side.closed("a");
            side.run("b", "PUBSUB NUMPAT");
        }),
        ("names that look like replies", &|side| {
            side.write("a", "SUBSCRIBE \"\\r\\n\" \"+OK\\r\\n\" message \"\\xff\\x00\"\nPSUBSCRIBE message subscribe");
            side.read("a", 6);
            side.run_all("b", "PUBLISH message subscribe\nPUBLISH \"\\r\\n\" \"-ERR\\r\\n\"\nPUBLISH \"\\xff\\x00\" \"\\x00\"\nPUBLISH subscribe unsubscribe");
            side.read("a", 5);
            side.run_all("a", "UNSUBSCRIBE message\nPING");
        }),
        ("large messages", &|side| {
            side.run("a", "SUBSCRIBE c");
            let large = "m".repeat(2_000_000);
            side.run_all("b", &format!("PUBLISH c {large}\nPUBLISH c small\nPUBLISH c {large}"));
            side.read("a", 3);
            side.run("a", "PING");
        }),
        ("many messages", &|side| {
            side.run("a", "PSUBSCRIBE *");
            let lines: Vec<String> =
                (0..5_000).map(|index| format!("PUBLISH c{} {index}", index % 7)).collect();
            side.pipeline("b", &lines.join("\n"));
            side.read("a", 5_000);
            side.run("a", "PUNSUBSCRIBE *");
        }),
        ("many channels", &|side| {
            let names: Vec<String> = (0..2_000).map(|index| format!("c{index}")).collect();
            side.write("a", &format!("SUBSCRIBE {}\nPING", names.join(" ")));
            side.read("a", 2_001);
            side.run("b", "PUBLISH c1999 x");
            side.read("a", 1);
            side.write("a", &format!("UNSUBSCRIBE {}\nGET k", names.join(" ")));
            side.read("a", 2_001);
        }),
        ("many subscribers", &|side| {
            for index in 0..40 {
                side.run(&format!("s{index:02}"), "SUBSCRIBE c");
            }
            side.run_all("b", "PUBLISH c x\nPUBSUB NUMSUB c");
            for index in 0..40 {
                side.read(&format!("s{index:02}"), 1);
                if index % 2 == 0 {
                    side.run(&format!("s{index:02}"), "UNSUBSCRIBE");
                }
            }
            side.run_all("b", "PUBLISH c x\nPUBSUB NUMSUB c");
        }),
        ("a subscriber leaves", &|side| {
            side.run("a", "SUBSCRIBE c");
            side.run("b", "PUBLISH c x");
            side.finish("a");
            side.numsub("c", 0);
            side.run("b", "PUBLISH c x");
        }),
        ("rights to channels", &|side| {
            side.admin("ACL SETUSER bob on >pw ~* +@all resetchannels &ok*");
            side.run_all("a", "AUTH bob pw\nSUBSCRIBE no\nPSUBSCRIBE *\nSSUBSCRIBE no\nPUBLISH no x\nSPUBLISH no x\nPUBLISH ok x\nSUBSCRIBE ok1");
            side.run("b", "PUBLISH ok1 x");
            side.read("a", 1);
            side.run_all("a", "SUBSCRIBE no\nPING\nSUBSCRIBE ok2 no\nPING");
            side.run("b", "ACL SETUSER bob resetchannels");
            side.closed("a");
        }),
        ("keyspace notifications", &|side| {
            side.admin("CONFIG SET notify-keyspace-events KEA");
            side.run("a", "PSUBSCRIBE __key*__:*");
            side.run_all(
                "b",
                "SET k 1\nEXPIRE k 100\nDEL k\nSELECT 1\nLPUSH l 1\nMULTI\nSET k 1\nINCR k\nEXEC",
            );
            side.read("a", 12);
            side.run("a", "PUNSUBSCRIBE");
            side.admin("CONFIG SET notify-keyspace-events \"\"");
        }),
        ("a slow start: subscribe and half-close", &|side| {
            side.write("a", "SUBSCRIBE c\nPING\nUNSUBSCRIBE\nGET k");
            side.finish("a");
            side.write("b", "SUBSCRIBE c\nPING");
            side.finish("b");
        }),
    ]);
}
