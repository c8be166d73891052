//! `CLIENT REPLY` and `CLIENT TRACKING` on both sides.

use crate::normal::Normal;
use crate::runner::compare;

#[test]
fn replies_switched_off() {
    compare(&[
        ("OFF and ON", &|side| {
            side.write(
                "a",
                "PING\nCLIENT REPLY OFF\nSET k 1\nGET k\nNOSUCH\nCLIENT REPLY ON\nGET k",
            );
            side.read("a", 3);
            side.write("a", "CLIENT REPLY OFF\nMULTI\nSET k 2\nEXEC\nSELECT 1\nSET k one\nSUBSCRIBE c\nUNSUBSCRIBE c\nCLIENT REPLY ON\nGET k\nSELECT 0\nGET k");
            side.read("a", 4);
            side.run_all(
                "a",
                "CLIENT REPLY ON\nCLIENT REPLY\nCLIENT REPLY x\nCLIENT REPLY ON x\nGET k",
            );
        }),
        ("SKIP", &|side| {
            side.write("a", "CLIENT REPLY SKIP\nSET k 1\nGET k\nCLIENT REPLY SKIP\nCLIENT REPLY SKIP\nGET k\nPING\nCLIENT REPLY SKIP\nNOSUCH\nPING\nCLIENT REPLY SKIP\nCLIENT REPLY ON\nPING\nCLIENT REPLY SKIP\nMULTI\nSET k 2\nEXEC\nCLIENT REPLY SKIP\nBLPOP l 0.01\nPING");
            side.write("a", "ECHO end");
            side.read("a", 9);
        }),
        ("SKIP without a successor", &|side| {
            side.write("a", "SET k 1\nCLIENT REPLY SKIP");
            side.read("a", 1);
            side.write("a", "GET k\nGET k");
            side.read("a", 1);
            side.write("a", "CLIENT REPLY SKIP");
            side.finish("a");
        }),
        ("OFF, then what would change the connection", &|side| {
            side.admin("ACL SETUSER bob on >pw ~* +@all");
            side.write("a", "CLIENT REPLY OFF\nAUTH bob pw\nSELECT 3\nHELLO 3\nCLIENT SETNAME me\nCLIENT REPLY ON\nACL WHOAMI\nCLIENT GETNAME\nHGETALL h");
            side.read("a", 4);
            side.write("a", "CLIENT REPLY OFF\nRESET\nGET k");
            side.read("a", 2);
        }),
        ("OFF, then RESET", &|side| {
            side.write("a", "CLIENT REPLY OFF\nPING\nRESET\nPING");
            side.write("a", "ECHO end");
            side.read("a", 3);
        }),
        ("OFF and pushed messages", &|side| {
            side.write("a", "HELLO 3\nSUBSCRIBE c\nCLIENT REPLY OFF\nGET k\nCLIENT REPLY ON");
            side.read("a", 3);
            side.run("b", "PUBLISH c x");
            side.read("a", 1);
        }),
        ("OFF with errors of the protocol", &|side| {
            // In one piece: the server closes behind the reply that is to be written, and not if that has been.
            side.send("a", b"PING\r\nCLIENT REPLY OFF\r\nPING\r\n*1\r\n:3\r\n");
            side.closed("a");
        }),
        ("OFF with a pipeline", &|side| {
            let lines: Vec<String> =
                (0..1_000).map(|index| format!("SET k{index} {index}")).collect();
            side.write(
                "a",
                &format!(
                    "CLIENT REPLY OFF\n{}\nCLIENT REPLY ON\nGET k999\nDBSIZE",
                    lines.join("\n")
                ),
            );
            side.read("a", 3);
        }),
    ]);
}

#[test]
fn tracking() {
    compare(&[
        ("plain", &|side| {
            side.run_all("a", "CLIENT TRACKINGINFO\nCLIENT GETREDIR\nHELLO 3\nCLIENT TRACKING on\nCLIENT TRACKINGINFO\nCLIENT GETREDIR\nGET k\nMGET x y z");
            side.run_all("b", "SET k 1\nSET k 2\nSET y 1\nSET other 1");
            side.read("a", 2);
            side.run_all("a", "GET k");
            side.run_all("a", "SET k own");
            side.read("a", 1);
            side.run_all("a", "PING\nGET k");
            side.run("b", "EVAL \"return redis.call('INCR', 'n')\" 0");
            side.run("b", "DEL k");
            side.read("a", 1);
            side.run_all("a", "GET k");
            side.run("b", "FLUSHALL");
            side.read("a", 1);
            side.run_all("a", "CLIENT TRACKING off\nCLIENT TRACKINGINFO\nGET k\nPING");
        }),
        ("NOLOOP", &|side| {
            side.run_all(
                "a",
                "HELLO 3\nCLIENT TRACKING on NOLOOP\nCLIENT TRACKINGINFO\nGET k\nSET k own\nGET k",
            );
            side.run("b", "SET k other");
            side.read("a", 1);
            side.run("a", "PING");
        }),
        ("BCAST and PREFIX", &|side| {
            side.run_all(
                "a",
                "HELLO 3\nCLIENT TRACKING on BCAST PREFIX user: PREFIX item:\nCLIENT TRACKINGINFO",
            );
            side.run_all("b", "SET user:1 x\nSET other x\nSET item:2 y");
            side.read("a", 2);
            side.run_all("a", "CLIENT TRACKING on BCAST PREFIX more:\nCLIENT TRACKING on BCAST PREFIX user:1\nCLIENT TRACKINGINFO\nCLIENT TRACKING off\nCLIENT TRACKING on BCAST");
            side.run_all("b", "SET anything 1");
            side.read("a", 1);
            side.run_all("a", "CLIENT TRACKING on\nCLIENT TRACKINGINFO");
        }),
        ("OPTIN and OPTOUT with CACHING", &|side| {
            side.run_all("a", "HELLO 3\nCLIENT CACHING yes\nCLIENT TRACKING on OPTIN\nCLIENT TRACKINGINFO\nGET no\nCLIENT CACHING yes\nGET yes\nCLIENT CACHING no\nCLIENT CACHING maybe\nCLIENT CACHING");
            side.run_all("b", "SET no 1\nSET yes 1");
            side.read("a", 1);
            side.pipeline("a", "CLIENT CACHING yes\nMULTI\nGET a\nGET b\nEXEC\nGET c");
            side.run_all("b", "SET a 1\nSET b 1\nSET c 1");
            side.read("a", 2);
            side.run_all("a", "CLIENT TRACKINGINFO\nCLIENT TRACKING on OPTOUT\nCLIENT TRACKING off\nCLIENT TRACKING on OPTOUT\nCLIENT CACHING yes\nCLIENT CACHING no\nGET no\nGET yes");
            side.run_all("b", "SET no 2\nSET yes 2");
            side.read("a", 1);
            side.run_all("a", "CLIENT TRACKINGINFO\nPING");
        }),
        ("REDIRECT", &|side| {
            let id = side.id("r");
            side.run("r", "SUBSCRIBE __redis__:invalidate");
            side.run("a", &format!("CLIENT TRACKING on REDIRECT {id}"));
            side.run_as("a", Normal::Numbers, "CLIENT TRACKINGINFO");
            side.run_id("a", "CLIENT GETREDIR");
            side.run_all("a", "GET k\nGET j");
            side.run_all("b", "SET k 1\nSET j 1");
            side.read("r", 2);
            side.run_all("a", "CLIENT TRACKING off\nCLIENT GETREDIR");
        }),
        ("REDIRECT, BCAST, in RESP3", &|side| {
            side.run("r", "HELLO 3");
            let id = side.id("r");
            side.run("a", &format!("CLIENT TRACKING on BCAST PREFIX p: REDIRECT {id}"));
            side.run_id("a", "CLIENT GETREDIR");
            side.run_all("b", "SET p:1 1\nSET q:1 1\nSET p:2 1");
            side.read("r", 2);
            side.run_all("r", "PING");
        }),
        ("REDIRECT to a client that leaves", &|side| {
            let id = side.id("r");
            side.run("r", "SUBSCRIBE __redis__:invalidate");
            side.run_all("a", &format!("HELLO 3\nCLIENT TRACKING on REDIRECT {id}\nGET k"));
            side.close("r");
            side.numsub("__redis__:invalidate", 0);
            side.run("b", "SET k 1");
            side.read_ids("a", 1);
            side.run_as("a", Normal::Numbers, "CLIENT TRACKINGINFO");
        }),
        ("REDIRECT to oneself", &|side| {
            let id = side.id("a");
            side.run_all("a", &format!("SUBSCRIBE __redis__:invalidate\nUNSUBSCRIBE\nCLIENT TRACKING on REDIRECT {id}\nGET k"));
            side.run("b", "SET k 1");
            side.run("a", "PING");
        }),
        ("several trackers", &|side| {
            for name in ["t1", "t2", "t3"] {
                side.run_all(name, "HELLO 3\nCLIENT TRACKING on\nGET k");
            }
            side.run_all("b", "SET k 1");
            for name in ["t1", "t2", "t3"] {
                side.read(name, 1);
                side.run(name, "GET k");
            }
            side.close("t2");
            side.run_all("b", "SET k 2");
            side.read("t1", 1);
            side.read("t3", 1);
        }),
        ("tracking and databases", &|side| {
            side.run_all("a", "HELLO 3\nCLIENT TRACKING on\nSELECT 1\nGET k");
            side.run_all("b", "SELECT 1\nSET k 1");
            side.read("a", 1);
            side.run_all("a", "SELECT 0\nGET k\nAUTH default x\nGET k\nRESET\nCLIENT TRACKINGINFO");
        }),
        ("invalidation inside EXEC and expiry", &|side| {
            side.run_all(
                "a",
                "HELLO 3\nCLIENT TRACKING on\nGET k\nMULTI\nSET k 1\nGET k\nINCR n\nEXEC",
            );
            side.read("a", 1);
            side.run_all("a", "GET short");
            side.run_all("b", "SET short x PX 20");
            side.read("a", 1);
            side.run_all("a", "GET short");
            side.read("a", 1);
        }),
        ("errors", &|side| {
            side.run_all("a", "CLIENT TRACKING\nCLIENT TRACKING x\nCLIENT TRACKING on NOSUCH\nCLIENT TRACKING on REDIRECT\nCLIENT TRACKING on REDIRECT x\nCLIENT TRACKING on REDIRECT 999999\nCLIENT TRACKING on REDIRECT -1\nCLIENT TRACKING on PREFIX x\nCLIENT TRACKING on BCAST OPTIN\nCLIENT TRACKING on OPTIN OPTOUT\nCLIENT TRACKING on BCAST PREFIX a PREFIX ab\nCLIENT TRACKING off BCAST\nCLIENT CACHING yes\nCLIENT TRACKINGINFO x\nCLIENT GETREDIR x\nCLIENT TRACKING on\nGET k\nCLIENT TRACKINGINFO\nCLIENT TRACKING off");
        }),
    ]);
}
