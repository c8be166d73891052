//! Tests of what the replies of several nodes become.

use bytes::BytesMut;
use proptest::prelude::*;

use super::{Age, Fold, Join, Places, UNEXPECTED};
use crate::resp::ReplyScanner;

fn joined(join: &Join, parts: &[&str]) -> String {
    let mut out = BytesMut::from("before");
    join.join(parts, &mut out);
    let text = String::from_utf8_lossy(&out).into_owned();
    text.strip_prefix("before").unwrap().to_owned()
}

fn check(join: &Join, cases: &[(&[&str], &str)]) {
    for (parts, whole) in cases {
        assert_eq!(joined(join, parts), *whole, "{join:?} {parts:?}");
    }
}

fn unexpected() -> String {
    format!("-{UNEXPECTED}\r\n")
}

#[test]
fn integers_fold() {
    let cases: &[(Fold, &str)] =
        &[(Fold::Sum, "5"), (Fold::Min, "0"), (Fold::Max, "3"), (Fold::And, "0"), (Fold::Or, "1")];
    for (fold, whole) in cases {
        check(&Join::Fold(*fold), &[(&[":2\r\n", ":0\r\n", ":3\r\n"], &format!(":{whole}\r\n"))]);
    }
    check(
        &Join::Fold(Fold::And),
        &[(&["*3\r\n:1\r\n:0\r\n:1\r\n", "*3\r\n:1\r\n:1\r\n:0\r\n"], "*3\r\n:1\r\n:0\r\n:0\r\n")],
    );
    check(
        &Join::Fold(Fold::Sum),
        &[
            (&[":9223372036854775807\r\n", ":1\r\n"], ":9223372036854775807\r\n"),
            (&[":1\r\n", "-ERR a\r\n", "-ERR b\r\n"], "-ERR a\r\n"),
            (&[":1\r\n", "+OK\r\n"], &unexpected()),
            (&["*1\r\n:1\r\n", "*2\r\n:1\r\n:1\r\n"], &unexpected()),
            (&["*1\r\n:1\r\n", ":1\r\n"], &unexpected()),
            (&[], &unexpected()),
        ],
    );
}

#[test]
fn what_all_or_one_have_to_do() {
    check(
        &Join::AllSucceeded,
        &[
            (&["+OK\r\n", "+OK\r\n"], "+OK\r\n"),
            (&["+OK\r\n", "!5\r\nERR a\r\n", "-ERR b\r\n"], "!5\r\nERR a\r\n"),
            (&["x"], &unexpected()),
        ],
    );
    let idle = "-NOTBUSY No scripts in execution right now.\r\n";
    check(
        &Join::OneSucceeded,
        &[
            (&[idle, "+OK\r\n", idle], "+OK\r\n"),
            (&[idle, idle], idle),
            (&[idle, "-UNKILLABLE x\r\n", idle], "-UNKILLABLE x\r\n"),
            (&[], &unexpected()),
        ],
    );
}

#[test]
fn lists_are_put_together() {
    check(
        &Join::Concat,
        &[
            (
                &["*1\r\n$1\r\na\r\n", "*0\r\n", "*2\r\n$1\r\nb\r\n:1\r\n"],
                "*3\r\n$1\r\na\r\n$1\r\nb\r\n:1\r\n",
            ),
            (&["%1\r\n+a\r\n+b\r\n", "%1\r\n+c\r\n+d\r\n"], "%2\r\n+a\r\n+b\r\n+c\r\n+d\r\n"),
            (&["+PONG\r\n", "+PONG\r\n"], "+PONG\r\n"),
            (&["*0\r\n", "%0\r\n"], &unexpected()),
        ],
    );
    check(
        &Join::Union,
        &[(
            &["*2\r\n$1\r\na\r\n$1\r\nb\r\n", "*2\r\n$1\r\nb\r\n$1\r\nc\r\n"],
            "*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n",
        )],
    );
    check(
        &Join::Union,
        &[(&["%1\r\n:1\r\n:1\r\n"], &unexpected()), (&["%0\r\n", "*1\r\n:1\r\n"], &unexpected())],
    );
    let event = "__keyspace@0__:k";
    let counts = |one, other| format!("*4\r\n$1\r\na\r\n:{one}\r\n$16\r\n{event}\r\n:{other}\r\n");
    check(&Join::Subscribers, &[(&[&counts(2, 2), &counts(3, 1)], &counts(5, 2))]);
    check(&Join::Subscribers, &[(&[&counts(2, 2), "*2\r\n$1\r\na\r\n:1\r\n"], &unexpected())]);
}

#[test]
fn random_keys_are_of_any_node_that_has_some() {
    check(
        &Join::Random,
        &[
            (&["$-1\r\n", "$-1\r\n"], "$-1\r\n"),
            (&["_\r\n", "$1\r\na\r\n", "_\r\n"], "$1\r\na\r\n"),
        ],
    );
    let mut seen = [0; 3];
    for round in 0..300 {
        let parts: Vec<_> = (0..3).map(|node| format!("$5\r\n{node}-{round:03}\r\n")).collect();
        let parts: Vec<_> = parts.iter().map(String::as_str).collect();
        let key = joined(&Join::Random, &parts);
        seen[usize::from(key.as_bytes()[4] - b'0')] += 1;
    }
    assert!(seen.iter().all(|times| *times > 50), "{seen:?}");
}

#[test]
fn the_newest_entries_come_first() {
    let entry = |id: i64, time: i64| format!("*3\r\n:{id}\r\n:{time}\r\n:9\r\n");
    let log = |entries: &[String]| format!("*{}\r\n{}", entries.len(), entries.concat());
    let parts = [log(&[entry(2, 30), entry(1, 10)]), log(&[entry(7, 40), entry(6, 30)])];
    let parts: Vec<_> = parts.iter().map(String::as_str).collect();
    let all = [entry(7, 40), entry(2, 30), entry(6, 30), entry(1, 10)];
    check(&Join::Newest(Age::Time, None), &[(&parts, &log(&all))]);
    check(&Join::Newest(Age::Time, Some(2)), &[(&parts, &log(&all[..2]))]);
    check(&Join::Newest(Age::Time, None), &[(&["*1\r\n+x\r\n"], &unexpected())]);
    let two = |age: &str| {
        format!("*1\r\n*4\r\n$5\r\ncount\r\n:1\r\n$11\r\nage-seconds\r\n$5\r\n{age}\r\n")
    };
    let three = "*1\r\n%1\r\n$11\r\nage-seconds\r\n,2.5\r\n";
    let expected = format!("*3\r\n{}{}{}", &two("1.500")[4..], &three[4..], &two("9.000")[4..]);
    let parts = [two("9.000"), three.to_owned(), two("1.500")];
    let parts: Vec<_> = parts.iter().map(String::as_str).collect();
    check(&Join::Newest(Age::Seconds, Some(10)), &[(&parts, &expected)]);
}

#[test]
fn keys_find_their_places() {
    let mut places = Places::new();
    [0, 1, 0, 2].into_iter().for_each(|part| places.push(part));
    let join = Join::Places(places);
    let (first, second) = ("*2\r\n$1\r\na\r\n$-1\r\n", "*1\r\n$1\r\nb\r\n");
    check(
        &join,
        &[
            (&[first, second, "*1\r\n_\r\n"], "*4\r\n$1\r\na\r\n$1\r\nb\r\n$-1\r\n_\r\n"),
            (&[first, "-LOADING x\r\n", "-ERR\r\n"], "-LOADING x\r\n"),
            (&[first, second], &unexpected()),
            (&[second, first, second], &unexpected()),
            (&[first, "$1\r\nb\r\n", second], &unexpected()),
        ],
    );
}

fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

#[test]
fn information_adds_up() {
    let first = "# Server\r\nredis_mode:cluster\r\nuptime_in_seconds:5\r\n\r\n# Memory\r\nused_memory:1024\r\n\
        used_memory_human:1.00K\r\nused_memory_peak_perc:99.00%\r\nmaxmemory:0\r\nmaxmemory_human:0B\r\n\
        maxmemory_policy:noeviction\r\n\r\n# Stats\r\nkeyspace_hits:1\r\ninstantaneous_input_kbps:0.75\r\n\r\n\
        # Cluster\r\ncluster_enabled:1\r\n\r\n# Keyspace\r\n";
    let second = "# Server\r\nredis_mode:cluster\r\nuptime_in_seconds:9\r\n\r\n# Memory\r\nused_memory:1048576\r\n\
        used_memory_human:1.00M\r\nmaxmemory:100\r\n\r\n# Stats\r\nkeyspace_hits:x\r\n\
        instantaneous_input_kbps:1.50\r\n\r\n# Keyspace\r\ndb0:keys=3,expires=1,avg_ttl=100,subexpiry=2\r\n";
    let third = "# Stats\r\nkeyspace_hits:4\r\n# Keyspace\r\ndb0:keys=4,expires=3,avg_ttl=200\r\ndb2:keys=1,expires=0,avg_ttl=0\r\n";
    let whole = "# Server\r\nredis_mode:standalone\r\nuptime_in_seconds:5\r\n\r\n# Memory\r\nused_memory:1049600\r\n\
        used_memory_human:1.00M\r\nused_memory_peak_perc:99.00%\r\nmaxmemory:0\r\nmaxmemory_human:0B\r\n\
        maxmemory_policy:noeviction\r\n\r\n# Stats\r\nkeyspace_hits:5\r\ninstantaneous_input_kbps:2.25\r\n\r\n\
        # Cluster\r\ncluster_enabled:0\r\n\r\n# Keyspace\r\ndb0:keys=7,expires=4,avg_ttl=175,subexpiry=2\r\n\
        db2:keys=1,expires=0,avg_ttl=0\r\n";
    let parts = [bulk(first), bulk(second), bulk(third)];
    let parts: Vec<_> = parts.iter().map(String::as_str).collect();
    check(&Join::Info, &[(&parts, &bulk(whole))]);
    let verbatim = |text: &str| format!("={}\r\ntxt:{text}\r\n", text.len() + 4);
    let one = verbatim("maxmemory:5\r\nmaxmemory_human:5B\r\n");
    let other = verbatim("maxmemory:2043\r\nmaxmemory_human:2.00K\r\n");
    let sum = verbatim("maxmemory:2048\r\nmaxmemory_human:2.00K\r\n");
    check(
        &Join::Info,
        &[
            (&[&one, &other], &sum),
            (&[&one, ":1\r\n"], &unexpected()),
            (&[&one, "-NOAUTH x\r\n"], "-NOAUTH x\r\n"),
        ],
    );
}

fn joins() -> Vec<Join> {
    let mut places = Places::new();
    [0, 1, 0].into_iter().for_each(|part| places.push(part));
    vec![
        Join::Places(places),
        Join::Fold(Fold::Sum),
        Join::Fold(Fold::And),
        Join::AllSucceeded,
        Join::OneSucceeded,
        Join::Concat,
        Join::Union,
        Join::Random,
        Join::Newest(Age::Time, Some(1)),
        Join::Newest(Age::Seconds, None),
        Join::Subscribers,
        Join::Info,
    ]
}

fn frame() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(|number| format!(":{number}\r\n")),
        Just("$11\r\nage-seconds\r\n".to_owned()),
        Just("$26\r\ndb0:keys=1,avg_ttl=-9,x=\r\n\r\n".to_owned()),
        Just("=18\r\ntxt:used_memory:-7\r\n".to_owned()),
        Just("-ERR x\r\n".to_owned()),
        Just("_\r\n".to_owned()),
        Just(",nan\r\n".to_owned()),
        Just("*-1\r\n".to_owned()),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        (0..3usize, prop::collection::vec(inner, 0..5)).prop_map(|(kind, elements)| match kind {
            0 => format!("*{}\r\n{}", elements.len(), elements.concat()),
            1 => format!("%{}\r\n{}", elements.len() / 2, elements[elements.len() % 2..].concat()),
            _ => format!("|1\r\n+a\r\n:1\r\n~{}\r\n{}", elements.len(), elements.concat()),
        })
    })
}

proptest! {
    #[test]
    fn frames_of_any_kind_are_survived(parts in prop::collection::vec(frame(), 0..4)) {
        for join in joins() {
            let mut out = BytesMut::new();
            join.join(&parts, &mut out);
            let longest = parts.iter().map(String::len).sum::<usize>() + 512;
            prop_assert!((3..longest).contains(&out.len()));
            // What is not one frame would put all later replies of the client out of place.
            prop_assert_eq!(ReplyScanner::new().scan(&out), Ok(Some(out.len())), "{:?}", join);
        }
    }

    #[test]
    fn bytes_of_any_kind_are_survived(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..4)) {
        for join in joins() {
            join.join(&parts, &mut BytesMut::new());
        }
    }
}
