//! Tests of where keys are found.

use proptest::prelude::*;

use super::{Ask, Combine, Specs, sample};
use crate::{command::sample::with_request, resp::Protocol};

fn check(specs: &Specs, cases: &[(&str, &[usize])]) {
    for (words, places) in cases {
        with_request(words, |request| {
            assert_eq!(specs.keys(request), *places, "{words}");
            assert_eq!(specs.first_key(request), places.first().copied(), "{words}");
        });
    }
}

const CASES: &[(&str, &[usize])] = &[
    ("GET k", &[1]),
    ("get", &[]),
    ("MSET a 1 b 2", &[1, 3]),
    ("BLPOP a b 0", &[1, 2]),
    ("BLPOP a", &[]),
    ("EVAL s 2 a b c", &[3, 4]),
    ("EVAL s 0 a", &[]),
    ("EVAL s 3 a b", &[]),
    ("EVAL s x a b", &[]),
    ("EVAL s -1 a b", &[]),
    ("EVAL s 9223372036854775807 a b", &[]),
    ("ZUNIONSTORE d 2 a b WEIGHTS 1 2", &[1, 3, 4]),
    ("XREAD COUNT 1 STREAMS a b 0 0", &[4, 5]),
    ("XREAD streams a b 0", &[2]),
    ("XREAD COUNT 1", &[]),
    ("XREADGROUP GROUP streams c STREAMS a >", &[5]),
    ("SORT k", &[1]),
    ("SORT k BY store GET store STORE d", &[1, 7]),
    ("SORT k STORE a STORE b", &[1, 5]),
    ("SORT k LIMIT store 2 STORE", &[1]),
    ("GEORADIUS k 0 0 1 m STORE d", &[1, 7]),
    ("GEORADIUS k 0 0 1 m ASC", &[1]),
    ("MIGRATE h 1 k 0 5", &[3]),
    ("MIGRATE h 1  0 5 AUTH keys KEYS a b", &[9, 10]),
    ("MIGRATE h 1 k 0 5 KEYS a b", &[3]),
    ("MEMORY USAGE k SAMPLES 0", &[2]),
    ("MEMORY STATS", &[]),
    ("OBJECT ENCODING k", &[2]),
    ("NOSUCH a b", &[]),
];

#[test]
fn keys_are_where_the_specifications_say() {
    let specs = sample::specs();
    check(&specs, CASES);
    let more: &[(&str, &[usize])] = &[
        ("SORT_RO k STORE d", &[1]),
        ("LMPOP 1 a LEFT", &[2]),
        ("BITOP AND d a b", &[2, 3, 4]),
        ("XGROUP CREATE k g $", &[2]),
        ("XGROUP NOSUCH k", &[]),
        ("OBJECT HELP", &[]),
        ("SSUBSCRIBE a b", &[1, 2]),
        ("PUBLISH a b", &[]),
        ("LAST.TOLD at a at b c", &[4, 5]),
    ];
    check(&specs, more);
}

#[test]
fn keys_are_found_where_the_server_knows_no_specifications() {
    let specs = sample::old_specs();
    check(&specs, CASES);
    let more: &[(&str, &[usize])] = &[
        ("ZUNION 2 a b", &[2, 3]),
        ("STRALGO LCS KEYS a b", &[3, 4]),
        ("STRALGO LCS STRINGS a b", &[]),
        ("GEORADIUSBYMEMBER k m 1 km STOREDIST d", &[1, 6]),
    ];
    check(&specs, more);
}

#[test]
fn some_keys_only_the_server_finds() {
    let hidden = |specs: &Specs, words: &str| {
        with_request(words, |request| specs.of(request).unwrap().has_hidden_keys())
    };
    for words in ["HALF.TOLD a", "NOT.TOLD a"] {
        assert!(hidden(&sample::specs(), words), "{words}");
    }
    assert!(hidden(&sample::old_specs(), "HALF.TOLD a"));
    for words in ["SORT a", "MIGRATE", "EVAL", "GET a", "PING", "MEMORY USAGE a"] {
        assert!(!hidden(&sample::specs(), words), "{words}");
    }
}

#[test]
fn both_protocols_say_the_same() {
    let (two, three) = (sample::frame(Protocol::Resp2), sample::frame(Protocol::Resp3));
    assert_ne!(two, three);
    let [two, three] = [two, three].map(|frame| format!("{:?}", sorted(&frame)));
    assert_eq!(two, three);
}

fn sorted(frame: &[u8]) -> Vec<(Box<[u8]>, String)> {
    let table = Specs::read(frame).unwrap().0;
    let mut entries: Vec<_> = table
        .into_iter()
        .map(|(name, mut spec)| {
            let mut subcommands: Vec<_> = spec.subcommands.drain().collect();
            subcommands.sort_by(|one, other| one.0.cmp(&other.0));
            (name, format!("{spec:?} {subcommands:?}"))
        })
        .collect();
    entries.sort();
    entries
}

#[test]
fn flags_and_tips_are_told() {
    let specs = sample::specs();
    with_request("dbSize", |request| {
        let spec = specs.of(request).unwrap();
        assert_eq!((spec.ask(), spec.combine()), (Some(Ask::AllShards), Some(Combine::Sum)));
        assert!(spec.flags().readonly && !spec.flags().write);
    });
    assert!(specs.has_subcommand(b"CLUSTER", b"Novel") && !specs.has_subcommand(b"CLUSTER", b"x"));
}

#[test]
fn what_is_no_such_reply_gives_nothing() {
    for frame in [&b""[..], b"-ERR\r\n", b"$-1\r\n", b"*", b"*1", b"%1\r\n"] {
        assert!(Specs::read(frame).is_none_or(|specs| specs.is_empty()));
    }
    assert!(Specs::read(b"*2\r\n*-1\r\n:1\r\n").unwrap().is_empty());
}

proptest! {
    #[test]
    fn frames_of_any_kind_are_survived(at in 0..4000usize, with in any::<u8>(), words in "[A-Z]{2,5}( [a-z0-9]{0,3}){0,6}") {
        let mut frame = sample::frame(Protocol::Resp3);
        let at = at * frame.len() / 4000;
        frame[at] = with;
        if let Some(specs) = Specs::read(&frame) {
            with_request(&words, |request| {
                assert!(specs.keys(request).iter().all(|place| (1..request.len()).contains(place)));
            });
        }
    }

    #[test]
    fn numbers_of_any_size_are_survived(
        numbers in prop::collection::vec(prop_oneof![-4..4i64, any::<i64>()], 8),
        keyword in any::<bool>(),
        counted in any::<bool>(),
    ) {
        use super::find::{Begin, Find, KeySpec, in_all};
        let begin = if keyword {
            Begin::Keyword { word: b"b".to_vec().into(), from: numbers[0] }
        } else {
            Begin::Index(numbers[0])
        };
        let keys = if counted {
            Find::Count { count: numbers[1], first: numbers[2], step: numbers[3] }
        } else {
            Find::Range { last: numbers[1], step: numbers[2], limit: numbers[3] }
        };
        let legacy = KeySpec::of_range(numbers[4], numbers[5], numbers[6]);
        let specs: Vec<_> = legacy.into_iter().chain([KeySpec { begin, keys }]).collect();
        with_request(&format!("a b {} b 2 c", numbers[7]), |request| {
            let _ = in_all::<()>(&specs, request, &mut |place| {
                assert!((1..request.len()).contains(&place));
                std::ops::ControlFlow::Continue(())
            });
        });
    }
}
