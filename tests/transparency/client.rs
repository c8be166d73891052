//! CLIENT and its subcommands, which have to speak of the clients that a user sees.

use crate::normal::Normal;
use crate::runner::compare;

#[test]
fn identity() {
    compare(&[
        ("ids are stable", &|side| {
            side.id("a");
            side.id("b");
            for line in ["CLIENT ID", "CLIENT ID"] {
                side.run_id("a", line);
                side.run_id("b", line);
            }
            side.run_all("a", "SELECT 1\nWATCH k\nMULTI\nGET k\nEXEC");
            side.run_id("a", "CLIENT ID");
            side.run_all("a", "HELLO 3\nSUBSCRIBE c");
            side.run_id("a", "CLIENT ID");
            side.run_all("a", "UNSUBSCRIBE\nRESET");
            side.run_id("a", "CLIENT ID");
            side.run_all(
                "a",
                "CLIENT ID x\nCLIENT\nCLIENT NOSUCH\nCLIENT HELP\nCLIENT HELP x\nclient help",
            );
        }),
        ("ids grow", &|side| {
            let (a, b): (u64, u64) = (side.id("a").parse().unwrap(), side.id("b").parse().unwrap());
            side.note("a", format!("{}", a < b).into_bytes());
        }),
        ("names", &|side| {
            side.run_all("a", "CLIENT GETNAME\nCLIENT SETNAME me\nCLIENT GETNAME\nSELECT 1\nCLIENT GETNAME\nMULTI\nCLIENT GETNAME\nEXEC\nCLIENT GETNAME\nWATCH k\nCLIENT GETNAME\nHELLO 3\nCLIENT GETNAME\nSUBSCRIBE c\nCLIENT GETNAME\nUNSUBSCRIBE\nCLIENT GETNAME\nBLPOP l 0.01\nCLIENT GETNAME");
            side.run("b", "CLIENT GETNAME");
            side.run_all("a", "CLIENT SETNAME \"a b\"\nCLIENT SETNAME \"\\n\"\nCLIENT SETNAME \"\\xff\"\nCLIENT SETNAME \"!~\"\nCLIENT GETNAME\nCLIENT SETNAME \"\"\nCLIENT GETNAME\nCLIENT SETNAME\nCLIENT SETNAME a b\nCLIENT GETNAME x\nCLIENT SETNAME last\nRESET\nCLIENT GETNAME\nHELLO 2 SETNAME hi\nCLIENT GETNAME");
            side.pipeline("a", "CLIENT SETNAME one\nCLIENT GETNAME\nGET k\nCLIENT SETNAME two\nCLIENT GETNAME\nCLIENT SETNAME \"\"\nCLIENT GETNAME");
        }),
        ("SETINFO, as this server knows it or not", &|side| {
            side.run_all("a", "CLIENT SETINFO lib-name x\nCLIENT SETINFO LIB-VER 1\nCLIENT SETINFO nosuch x\nCLIENT SETINFO\nCLIENT SETINFO lib-name \"a b\"\nCLIENT NO-TOUCH on\nCLIENT NO-TOUCH off\nCLIENT NO-TOUCH\nCLIENT NO-EVICT on\nCLIENT NO-EVICT off\nCLIENT NO-EVICT maybe\nCLIENT NO-EVICT\nCLIENT CAPA redirect\nCLIENT IMPORT-SOURCE on");
        }),
    ]);
}

#[test]
fn lists() {
    compare(&[
        ("INFO of oneself", &|side| {
            side.id("a");
            side.run_as("a", Normal::Clients, "CLIENT INFO");
            side.run_all("a", "CLIENT SETNAME me\nSELECT 3");
            side.run_as("a", Normal::Clients, "CLIENT INFO");
            side.run_all("a", "HELLO 3 SETNAME you");
            side.run_as("a", Normal::Clients, "CLIENT INFO");
            side.run_all("a", "SUBSCRIBE c\nPSUBSCRIBE p*\nSSUBSCRIBE s");
            side.run_as("a", Normal::Clients, "CLIENT INFO");
            side.run_all("a", "RESET\nMULTI\nGET k");
            side.run("a", "CLIENT INFO");
            side.run_as("a", Normal::Shape, "EXEC");
            side.run_as("a", Normal::Clients, "CLIENT INFO");
            side.run("a", "CLIENT INFO x");
        }),
        ("INFO in other states", &|side| {
            side.id("a");
            side.run_all("a", "WATCH k");
            side.run_as("a", Normal::Clients, "CLIENT INFO");
            side.run_all("a", "UNWATCH\nHELLO 3\nCLIENT TRACKING on");
            side.run_as("a", Normal::Clients, "CLIENT INFO");
            side.run_all("a", "CLIENT TRACKING off\nCLIENT NO-EVICT on");
            side.run_as("a", Normal::Clients, "CLIENT INFO");
            side.admin("ACL SETUSER bob on >pw ~* +@all");
            side.run_all("a", "AUTH bob pw");
            side.run_as("a", Normal::Clients, "CLIENT INFO");
        }),
        ("LIST of all", &|side| {
            for name in ["a", "b", "c", "d", "e"] {
                side.id(name);
            }
            side.run("a", "CLIENT SETNAME first");
            side.run_all("b", "SELECT 7\nGET k");
            side.run("c", "SUBSCRIBE x y");
            side.run_all("d", "MULTI\nSET k 1\nGET k");
            side.write("e", "BLPOP l 0");
            side.blocked(1);
            side.run_as("a", Normal::Clients, "CLIENT LIST");
            side.run_as("a", Normal::Clients, "CLIENT LIST TYPE normal");
            side.run_as("a", Normal::Clients, "CLIENT LIST TYPE pubsub");
            side.run_as("a", Normal::Clients, "CLIENT LIST type PubSub");
            side.run_as("a", Normal::Clients, "CLIENT LIST TYPE master");
            side.run_as("a", Normal::Clients, "CLIENT LIST TYPE replica");
            side.run_as("a", Normal::Clients, "CLIENT LIST TYPE slave");
            side.run_all("a", "CLIENT LIST TYPE nosuch\nCLIENT LIST TYPE\nCLIENT LIST x\nCLIENT LIST ID\nCLIENT LIST ID x\nCLIENT LIST ID -1\nCLIENT LIST ID 0\nCLIENT LIST TYPE normal x\nCLIENT LIST ID 999999 888888");
            side.run("a", "HELLO 3");
            side.run_as("a", Normal::Clients, "CLIENT LIST");
        }),
        ("LIST by id", &|side| {
            let ids: Vec<String> = ["a", "b", "c"].iter().map(|name| side.id(name)).collect();
            side.run_as("a", Normal::Clients, &format!("CLIENT LIST ID {}", ids[1]));
            side.run_as(
                "a",
                Normal::Clients,
                &format!("CLIENT LIST ID {} {} 999999 {}", ids[2], ids[0], ids[2]),
            );
            side.run_all("c", "SUBSCRIBE x");
            side.run_as("a", Normal::Clients, &format!("CLIENT LIST ID {}", ids[2]));
            side.close("b");
            side.gone(&ids[1]);
            side.run_as("a", Normal::Clients, &format!("CLIENT LIST ID {} {}", ids[0], ids[1]));
            side.run("a", &format!("CLIENT LIST ID {} x", ids[0]));
        }),
        ("the last command of others", &|side| {
            side.id("a");
            side.id("b");
            for line in [
                "GET k",
                "SET k v",
                "CONFIG GET nosuch",
                "XINFO HELP",
                "CLIENT GETNAME",
                "SELECT 2",
                "PING",
            ] {
                side.run("b", line);
                side.run_as("a", Normal::Clients, "CLIENT LIST");
            }
        }),
    ]);
}

#[test]
fn kills_and_unblocks() {
    compare(&[
        ("KILL by address, old form", &|side| {
            side.id("b");
            let address = side.address("b");
            side.run("a", &format!("CLIENT KILL {address}"));
            side.closed("b");
            side.run("a", "PING");
            side.run_all(
                "a",
                "CLIENT KILL 1.2.3.4:5\nCLIENT KILL x\nCLIENT KILL\nCLIENT KILL \"\"",
            );
        }),
        ("KILL oneself, old form", &|side| {
            let address = side.address("a");
            side.write("a", &format!("PING\nCLIENT KILL {address}\nPING"));
            side.closed("a");
        }),
        ("KILL by id", &|side| {
            let id = side.id("b");
            side.id("c");
            side.run("a", &format!("CLIENT KILL ID {id}"));
            side.closed("b");
            side.run("a", &format!("CLIENT KILL ID {id}"));
            side.run("c", "PING");
            side.run_all("a", "CLIENT KILL ID\nCLIENT KILL ID x\nCLIENT KILL ID 0\nCLIENT KILL ID -1\nCLIENT KILL NOSUCH x\nCLIENT KILL TYPE nosuch\nCLIENT KILL USER nosuch\nCLIENT KILL SKIPME\nCLIENT KILL SKIPME maybe\nCLIENT KILL ADDR 1.2.3.4:5 LADDR 1.2.3.4:5\nCLIENT KILL ID 999999 SKIPME no\nCLIENT KILL ADDR\nCLIENT KILL MAXAGE 1");
        }),
        ("KILL oneself by id", &|side| {
            let id = side.id("a");
            side.run("a", &format!("CLIENT KILL ID {id}"));
            side.run("a", "PING");
            side.write("a", &format!("CLIENT KILL ID {id} SKIPME no\nPING"));
            side.closed("a");
        }),
        ("KILL by address and more", &|side| {
            side.id("b");
            side.id("c");
            let (b, c) = (side.address("b"), side.address("c"));
            side.run("a", &format!("CLIENT KILL ADDR {b} TYPE pubsub"));
            side.run("b", "PING");
            side.run("a", &format!("CLIENT KILL ADDR {b} TYPE normal USER default"));
            side.closed("b");
            side.run("c", "SUBSCRIBE x");
            side.run("a", &format!("CLIENT KILL TYPE pubsub ADDR {c}"));
            side.closed("c");
            side.run("a", "PING");
        }),
        ("KILL by type", &|side| {
            side.run("b", "SUBSCRIBE x");
            side.run("c", "PSUBSCRIBE x");
            side.run("d", "GET k");
            side.run("a", "CLIENT KILL TYPE pubsub");
            side.closed("b");
            side.closed("c");
            side.run_all("d", "GET k");
            side.run_all(
                "a",
                "CLIENT KILL TYPE pubsub\nCLIENT KILL TYPE replica\nCLIENT KILL TYPE master",
            );
        }),
        ("KILL by user", &|side| {
            side.admin("ACL SETUSER bob on >pw ~* +@all");
            side.run("b", "AUTH bob pw");
            side.run("c", "AUTH bob pw");
            side.run_all("d", "GET k");
            side.run("a", "CLIENT KILL USER bob");
            side.closed("b");
            side.closed("c");
            side.run("d", "GET k");
            side.run("a", "CLIENT KILL USER bob");
        }),
        ("KILL in the middle of something", &|side| {
            let ids: Vec<String> = ["b", "c", "d"].iter().map(|name| side.id(name)).collect();
            side.run_all("b", "MULTI\nSET k b");
            side.run_all("c", "HELLO 3\nCLIENT TRACKING on");
            side.run_all("d", "WATCH k");
            for (id, name) in ids.iter().zip(["b", "c", "d"]) {
                side.run("a", &format!("CLIENT KILL ID {id}"));
                side.closed(name);
            }
            side.run_all("a", "GET k\nMULTI\nPING\nEXEC");
        }),
        ("KILL inside MULTI", &|side| {
            let id = side.id("b");
            side.run_all("a", "MULTI\nPING");
            side.run("a", &format!("CLIENT KILL ID {id}"));
            side.run_all("a", "GET k\nEXEC");
            side.closed("b");
        }),
        ("UNBLOCK", &|side| {
            let (a, b) = (side.id("a"), side.id("b"));
            side.write("b", "BLPOP l 0\nPING");
            side.blocked(1);
            side.run_all("a", &format!("CLIENT UNBLOCK {a}\nCLIENT UNBLOCK {b}"));
            side.read("b", 2);
            side.run("a", &format!("CLIENT UNBLOCK {b}"));
            side.write("b", "BZPOPMIN z 0\nPING");
            side.blocked(1);
            side.run("a", &format!("CLIENT UNBLOCK {b} error"));
            side.read("b", 2);
            side.run_all("a", "CLIENT UNBLOCK\nCLIENT UNBLOCK x\nCLIENT UNBLOCK 1 x\nCLIENT UNBLOCK 999999 TIMEOUT x\nCLIENT UNBLOCK -1");
            side.write("b", "WAIT 1 0\nPING");
            side.blocked(1);
            side.run("a", &format!("CLIENT UNBLOCK {b}"));
            side.read("b", 2);
        }),
        ("UNBLOCK inside MULTI", &|side| {
            let b = side.id("b");
            side.write("b", "BLPOP l 0\nPING");
            side.blocked(1);
            side.run_all("a", "MULTI\nPING");
            side.run("a", &format!("CLIENT UNBLOCK {b} ERROR"));
            side.run("a", "EXEC");
            side.read("b", 2);
        }),
        ("PAUSE", &|side| {
            side.run_all("a", "CLIENT PAUSE\nCLIENT PAUSE x\nCLIENT PAUSE -1\nCLIENT PAUSE 100 NOSUCH\nCLIENT PAUSE 99999999999999999999\nCLIENT UNPAUSE x\nCLIENT UNPAUSE");
            side.run("a", "CLIENT PAUSE 100000 WRITE");
            side.run_all("a", "GET k\nPING");
            side.write("b", "SET k 1\nGET k");
            side.blocked(1);
            side.run_all("a", "CLIENT UNPAUSE");
            side.read("b", 2);
            side.run("a", "CLIENT PAUSE 100000 WRITE");
            // Already the write that would only be queued has to wait.
            side.write("b", "MULTI\nSET k 2\nGET k\nEXEC");
            side.read("b", 1);
            side.blocked(1);
            side.write("c", "PUBLISH x y");
            side.run("a", "CLIENT UNPAUSE");
            side.read("b", 3);
            side.read("c", 1);
            side.run("a", "CLIENT PAUSE 30");
            side.run("b", "GET k");
            side.run("a", "CLIENT PAUSE 30 ALL");
            side.run("b", "SET k 3");
        }),
    ]);
}

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
            side.write("a", "PING\nCLIENT REPLY OFF\nPING");
            side.send("a", b"*1\r\n:3\r\n");
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
