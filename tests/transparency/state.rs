//! SELECT, AUTH, HELLO and RESET, one by one and mixed into pipelines.

use crate::runner::{MODES, Made, compare, compare_made, compare_with};
use crate::side::Side;

const USERS: &[&str] = &[
    "ACL SETUSER bob on >pw ~b* +@all",
    "ACL SETUSER eve on >pw ~* +@read +auth +hello -select",
    "ACL SETUSER off off >pw ~* +@all",
    "ACL SETUSER open on nopass ~* +@all",
];

fn users(side: &mut Side) {
    for line in USERS {
        side.admin(line);
    }
}

/// Lines that run one by one as well as in one write.
const LINES: &[(&str, &str)] = &[
    (
        "select",
        "SET k 0\nSELECT 1\nGET k\nSET k 1\nSELECT 15\nSET k 15\nSELECT 1\nGET k\nSELECT 16\nGET k\nSELECT -1\nSELECT x\nSELECT\nSELECT 1 2\nSELECT 99999999999999999999\nGET k\nSELECT 00\nGET k\nSELECT +1\nSELECT \"\"\nselect 15\nGET k",
    ),
    (
        "auth",
        "AUTH\nAUTH x\nAUTH default x\nAUTH nobody x\nAUTH bob wrong\nGET k\nAUTH bob pw\nACL WHOAMI\nGET k\nGET b\nSET b 1\nAUTH bob wrong\nACL WHOAMI\nAUTH eve pw\nACL WHOAMI\nSET k 1\nGET k\nSELECT 1\nGET k\nAUTH off pw\nACL WHOAMI\nAUTH open anything\nACL WHOAMI\nAUTH open \"\"\nAUTH a b c\nAUTH default \"\"\nACL WHOAMI\nAUTH \"\" \"\"",
    ),
    (
        "hello",
        "HELLO\nHELLO 2\nHELLO 3\nHGETALL k\nHELLO 2\nHGETALL k\nHELLO 1\nHELLO 4\nHELLO x\nHELLO \"\"\nHELLO -1\nHELLO 99999999999999999999\nHELLO 3 AUTH\nHELLO 3 AUTH bob\nHELLO 3 AUTH bob wrong\nHGETALL k\nHELLO 3 AUTH bob pw\nACL WHOAMI\nHGETALL b\nHELLO 2 SETNAME me\nCLIENT GETNAME\nHELLO 3 SETNAME\nHELLO 3 SETNAME \"a b\"\nHELLO 3 NOSUCH\nHELLO 3 AUTH default x SETNAME you\nCLIENT GETNAME\nACL WHOAMI\nHELLO 2 SETNAME them AUTH bob pw\nCLIENT GETNAME\nACL WHOAMI\nHELLO AUTH bob pw\nHELLO 3.0\nHELLO 03\nhello 2 setname \"\" auth default x\nCLIENT GETNAME",
    ),
    (
        "hello with an option refused later",
        "HELLO 3 SETNAME kept AUTH bob wrong\nCLIENT GETNAME\nHGETALL k\nHELLO 3 SETNAME kept2 NOSUCH\nCLIENT GETNAME\nHELLO 3 AUTH bob pw NOSUCH\nACL WHOAMI\nHGETALL b\nHELLO 3 AUTH bob pw SETNAME \"a b\"\nACL WHOAMI",
    ),
    (
        "reset",
        "SELECT 1\nHELLO 3 AUTH bob pw SETNAME me\nRESET\nHGETALL k\nACL WHOAMI\nCLIENT GETNAME\nSET k 0\nSELECT 1\nGET k\nRESET\nGET k\nRESET x\nMULTI\nSET k 9\nRESET\nGET k\nWATCH k\nRESET\nMULTI\nGET k\nEXEC\nCLIENT TRACKING on\nRESET\nCLIENT TRACKINGINFO\nCLIENT NO-EVICT on\nRESET\nSUBSCRIBE c\nRESET\nGET k",
    ),
    (
        "mixed",
        "SET k 0\nSELECT 2\nSET k 2\nHELLO 3\nGET k\nAUTH bob pw\nGET k\nGET b\nSELECT 3\nSET b 3\nAUTH default x\nGET k\nHELLO 2\nGET b\nSELECT 0\nGET k\nRESET\nGET k\nCLIENT SETNAME n\nSELECT 2\nCLIENT GETNAME\nGET k\nHELLO 3\nCLIENT GETNAME\nMULTI\nGET k\nEXEC\nAUTH bob pw\nMULTI\nGET b\nEXEC\nSELECT 3\nGET b",
    ),
    (
        "rights",
        "AUTH eve pw\nGET k\nSET k 1\nSELECT 1\nMULTI\nGET k\nEXEC\nWATCH k\nSUBSCRIBE c\nPUBLISH c x\nCLIENT ID x\nCLIENT SETNAME n\nCLIENT LIST\nCOMMAND COUNT x\nHELLO 3\nRESET\nAUTH eve pw\nBLPOP k 0\nEVAL \"return 1\" 0\nACL WHOAMI\nWAIT 0 0\nPING\nCONFIG GET x\nMONITOR\nSYNC\nQUIT x",
    ),
    (
        "many selects",
        "SELECT 1\nSELECT 2\nSELECT 3\nINCR n\nSELECT 4\nSELECT 5\nINCR n\nSELECT 3\nINCR n\nSELECT 5\nINCR n\nSELECT 99\nINCR n\nSELECT 6\nSELECT 5\nINCR n",
    ),
];

#[test]
fn one_by_one_and_in_pipelines() {
    let mut all: Vec<Made<'_>> = Vec::new();
    for (name, lines) in LINES {
        all.push((
            format!("one by one: {name}"),
            Box::new(move |side| {
                users(side);
                side.run_all("a", lines);
            }),
        ));
        all.push((
            format!("in a pipeline: {name}"),
            Box::new(move |side| {
                users(side);
                side.pipeline("a", lines);
                side.run("a", "ECHO end");
            }),
        ));
        all.push((
            format!("in a pipeline that is left: {name}"),
            Box::new(move |side| {
                users(side);
                side.write("a", lines);
                side.finish("a");
                side.run_all("b", "ACL WHOAMI\nGET k\nDBSIZE");
            }),
        ));
    }
    compare_made(&all);
}

#[test]
fn users_come_and_go() {
    compare(&[
        ("a deleted user is cut off", &|side| {
            users(side);
            side.run_all("a", "AUTH bob pw\nGET b");
            side.run_all("b", "GET k\nACL DELUSER bob");
            side.closed("a");
            side.run_all("c", "AUTH bob pw\nGET b");
        }),
        ("a user deletes itself", &|side| {
            users(side);
            side.run_all("a", "AUTH bob pw\nGET b");
            side.write("a", "ACL DELUSER bob\nGET b");
            side.closed("a");
        }),
        ("a user that is switched off goes on", &|side| {
            users(side);
            side.run_all("a", "AUTH bob pw\nGET b");
            side.run_all("b", "ACL SETUSER bob off");
            side.run_all(
                "a",
                "GET b\nSELECT 1\nGET b\nAUTH bob pw\nGET b\nHELLO 3\nGET b\nMULTI\nGET b\nEXEC",
            );
            side.run_all("c", "AUTH bob pw\nGET b");
        }),
        ("another password", &|side| {
            users(side);
            side.run_all("a", "AUTH bob pw\nGET b");
            side.run_all("b", "ACL SETUSER bob resetpass >new");
            side.run_all("a", "GET b\nSELECT 1\nGET b\nMULTI\nGET b\nEXEC\nHELLO 3\nGET b");
            side.run_all("c", "AUTH bob pw\nAUTH bob new\nGET b\nAUTH bob pw\nGET b");
        }),
        ("other rights, at once", &|side| {
            users(side);
            side.run_all("a", "AUTH bob pw\nGET b\nGET k");
            side.run_all("b", "ACL SETUSER bob resetkeys ~k* -get");
            side.run_all("a", "GET b\nSET b 1\nSET k 1\nGET k");
        }),
        ("two passwords of one user", &|side| {
            side.admin("ACL SETUSER two on >one >other ~* +@all");
            side.run_all("a", "AUTH two one\nGET k");
            side.run_all("b", "AUTH two other\nGET k");
            side.admin("ACL SETUSER two <one");
            side.run_all(
                "a",
                "GET k\nSELECT 1\nGET k\nHELLO 3\nMULTI\nGET k\nEXEC\nAUTH two one\nGET k",
            );
            side.run_all("b", "GET k\nSELECT 1\nGET k");
        }),
        ("the default user", &|side| {
            side.run_all("a", "GET k");
            side.run_all(
                "b",
                "ACL SETUSER default off\nGET k\nSELECT 1\nGET k\nACL SETUSER default on nopass",
            );
            side.run_all("a", "GET k");
            side.run_all("b", "CONFIG SET requirepass secret\nGET k\nSELECT 1\nGET k");
            side.run_all("a", "GET k\nSELECT 1\nGET k");
            side.run_all(
                "a",
                "AUTH wrong\nGET k\nAUTH secret\nGET k\nCONFIG SET requirepass \"\"\nGET k",
            );
        }),
        ("acl log", &|side| {
            users(side);
            side.run_all("a", "AUTH bob wrong\nAUTH bob pw\nGET k\nAUTH default x");
            side.run_as("a", crate::normal::Normal::Shape, "ACL LOG");
        }),
    ]);
}

#[test]
fn with_a_password() {
    compare_with(
        &["--requirepass", "secret"],
        MODES,
        &[
            ("one by one", &|side| {
                side.run_all("a", "GET k\nAUTH wrong\nGET k\nAUTH secret\nGET k\nSELECT 1\nSET k 1\nAUTH wrong\nGET k\nHELLO 3\nGET k\nRESET\nGET k\nHELLO 3\nHELLO 3 AUTH default secret\nGET k\nAUTH default wrong\nGET k");
            }),
            ("in a pipeline", &|side| {
                side.pipeline("a", "GET k\nAUTH wrong\nGET k\nAUTH secret\nGET k\nSELECT 1\nSET k 1\nAUTH wrong\nGET k\nHELLO 3\nGET k\nRESET\nGET k\nHELLO 3\nHELLO 3 AUTH default secret\nGET k\nAUTH default wrong\nGET k");
            }),
            ("transactions before authentication", &|side| {
                side.pipeline("a", "MULTI\nGET k\nEXEC\nAUTH secret\nMULTI\nGET k\nEXEC\nRESET\nMULTI\nAUTH secret\nEXEC");
                side.pipeline("b", "MULTI\nAUTH secret\nGET k\nEXEC\nGET k");
            }),
            ("the name before authentication", &|side| {
                side.run_all("a", "CLIENT SETNAME n\nCLIENT GETNAME\nHELLO 2 SETNAME n\nAUTH secret\nCLIENT GETNAME");
            }),
        ],
    );
}
