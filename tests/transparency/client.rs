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
