//! Reads in a row, which one script call carries out: each reply is what it would be if the command had come alone.

use crate::common::*;

fn words(line: &str) -> Vec<Vec<u8>> {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

/// How many script calls the server has run.
fn calls(redis: &mut Client) -> u64 {
    let stats = redis.run(&["INFO", "commandstats"]).text();
    let count = |name: &str| {
        let line = stats.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.split(',').next().unwrap_or_default().parse().unwrap_or(0)
    };
    count("cmdstat_evalsha:calls=") + count("cmdstat_eval:calls=")
}

#[test]
fn reads_in_a_row_answer_as_they_would_alone() {
    each_mode(|stack| {
        for resp3 in [false, true] {
            let mut client = if resp3 { stack.client().resp3() } else { stack.client() };
            let mut redis = stack.redis.client();
            let create = |client: &mut Client, app: &str| {
                client.run(&["SESSION.CREATE", app, "id", "ip"]).text()
            };
            let (one, two, ended) = (
                create(&mut client, "app"),
                create(&mut client, "app"),
                create(&mut client, "app"),
            );
            let (other, nobody) = (create(&mut client, "other"), "n".repeat(64));
            redis.run(&["DEL", format!("rs:app:{ended}").as_str()]);
            redis.run(&["SET", format!("rs:app:{ended}").as_str(), "foreign"]);
            // Reads of more than one second ago are refreshed.
            redis.run(&["HINCRBY", format!("rs:app:{two}").as_str(), "la", "-100"]);
            let lines = [
                format!("SESSION.GET app {one}"),
                format!("session.get app {one} JSON"),
                format!("SESSION.GET app {nobody}"),
                format!("SESSION.GET app {two}"),
                format!("SESSION.GET app {two}"),
                format!("SESSION.GET app {ended}"),
                format!("SESSION.GET other {other}"),
                format!("SESSION.GET app {one} PEEK"),
                "SESSION.GET app malformed".to_owned(),
                format!("SESSION.GET app {one}"),
                "PING".to_owned(),
                format!("SESSION.GET app {one}"),
                format!("SESSION.KILL app {one}"),
                format!("SESSION.GET app {one}"),
            ];
            let before = calls(&mut redis);
            let replies =
                client.pipeline(&lines.iter().map(|line| words(line)).collect::<Vec<_>>());
            if !direct() {
                assert!(calls(&mut redis) - before < 12, "reads in a row have been one call");
            }
            let r = |place: usize| replies[place].field("r").int();
            let idle = |place: usize| replies[place].field("idle").int();
            assert_eq!(r(0), 2);
            assert!(replies[1].text().starts_with("{\"id\":\"id\",\"r\":3,"), "{}", replies[1]);
            let null = if resp3 { Value::Null } else { Value::NullBulk };
            assert_eq!(replies[2], null);
            assert!(r(3) == 2 && idle(3) >= 100 && r(4) == 3 && idle(4) < 100);
            assert!(replies[5].error().starts_with("WRONGTYPE"), "{}", replies[5]);
            assert_eq!((r(6), r(7)), (2, 3));
            assert_eq!(replies[8].error(), "INVALIDFORMAT Invalid token format");
            assert_eq!((r(9), replies[10].text(), r(11)), (4, "PONG".to_owned(), 5));
            assert_eq!((replies[12].int(), &replies[13]), (1, &null));
            let score = redis.run(&["ZSCORE", "rs:app:_sessions", format!("{two}:id").as_str()]);
            let la = redis.run(&["HGET", format!("rs:app:{two}").as_str(), "la"]);
            assert_eq!(score.text(), la.text());
            redis.run(&["DEL", format!("rs:app:{ended}").as_str()]);
        }
    });
}

#[test]
fn reads_in_a_row_after_the_scripts_are_flushed() {
    each_layout(|stack| {
        let mut client = stack.client();
        let token = client.run(&["SESSION.CREATE", "app", "id", "ip"]).text();
        for round in 0..3 {
            stack.redis.client().run(&["SCRIPT", "FLUSH"]);
            let line = format!("SESSION.GET app {token}");
            let replies = client.pipeline(&vec![words(&line); 40]);
            let counts: Vec<_> = replies.iter().map(|reply| reply.field("r").int()).collect();
            let first = 2 + 40 * round;
            assert_eq!(counts, (first..first + 40).collect::<Vec<_>>());
        }
    });
}

#[test]
fn rights_to_some_of_the_sessions_count_for_those() {
    each_mode(|stack| {
        let mut redis = stack.redis.client();
        let mut client = stack.client();
        let create =
            |client: &mut Client| client.run(&["SESSION.CREATE", "app", "id", "ip"]).text();
        let (allowed, forbidden) = (create(&mut client), create(&mut client));
        let key = format!("~rs:app:{allowed}");
        let rights =
            ["ACL", "SETUSER", "some", "on", ">p", "+@all", &key, "~rs:app:_*", "~rs:SESSIONS"];
        assert_eq!(redis.run(&rights).text(), "OK");
        client.run(&["AUTH", "some", "p"]);
        let lines =
            [&allowed, &forbidden, &allowed].map(|token| format!("SESSION.GET app {token}"));
        let commands: Vec<_> = lines.iter().map(|line| words(line)).collect();
        for round in 0..2 {
            let replies = client.pipeline(&commands);
            let alone = client.run(&["SESSION.GET", "app", &forbidden]);
            assert!(alone.error().starts_with("NOPERM"), "{alone}");
            assert_eq!(replies[1], alone);
            let r = |place: usize| replies[place].field("r").int();
            assert_eq!((r(0), r(2)), (2 + 2 * round, 3 + 2 * round));
        }
        let untouched = redis.run(&["HGET", format!("rs:app:{forbidden}").as_str(), "r"]);
        assert_eq!(untouched.text(), "1");
    });
}
