//! Runs scenarios on both sides and compares what each connection received.

use std::collections::BTreeMap;
use std::thread;

use crate::allowed::allowed;
use crate::side::Side;
use crate::transcript::{Entry, shown};

/// How many differences of one scenario are shown: later ones mostly follow from the first.
const SHOWN: usize = 12;

/// A named scenario.
pub(crate) type Scenario<'a> = (&'a str, &'a (dyn Fn(&mut Side) + Sync));

/// A scenario that was made for a test, with what it needs inside.
pub(crate) type Made<'a> = (String, Box<dyn Fn(&mut Side) + Sync + 'a>);

/// The ways sessiond is run.
pub(crate) const MODES: &[&[&str]] = &[
    &["--upstream-mode", "shared", "--workers", "1"],
    &["--upstream-mode", "shared", "--workers", "2"],
    &["--upstream-mode", "dedicated", "--workers", "1"],
];

/// Only shared mode with one worker, for what costs much.
pub(crate) const ONE_MODE: &[&[&str]] = &[MODES[0]];

/// Runs the scenarios on a plain server and in every mode of sessiond, and fails with all differences.
pub(crate) fn compare(scenarios: &[Scenario<'_>]) {
    compare_with(&[], MODES, scenarios);
}

/// The same with scenarios that were made for the test.
pub(crate) fn compare_made(scenarios: &[Made<'_>]) {
    let scenarios: Vec<Scenario<'_>> =
        scenarios.iter().map(|(name, run)| (name.as_str(), &**run)).collect();
    compare(&scenarios);
}

/// The same with options for both servers, in the given modes.
pub(crate) fn compare_with(redis: &[&str], modes: &[&[&str]], scenarios: &[Scenario<'_>]) {
    let wanted = std::env::var("TRANSPARENCY_SCENARIO").unwrap_or_default();
    let scenarios: Vec<_> = scenarios.iter().filter(|(name, _)| name.contains(&wanted)).collect();
    if scenarios.is_empty() {
        return;
    }
    let run = |mode: Option<&[&str]>| {
        let mut side = Side::start(redis, mode);
        let run = |(name, scenario): &&Scenario<'_>| side.transcript_of(name, scenario);
        let transcripts = scenarios.iter().map(run).collect::<Vec<_>>();
        (transcripts, side.troubles())
    };
    let mut plain = Vec::new();
    let mut through = Vec::new();
    thread::scope(|scope| {
        let reference = scope.spawn(|| run(None));
        let others: Vec<_> =
            modes.iter().map(|mode| scope.spawn(move || run(Some(mode)))).collect();
        plain = reference.join().unwrap().0;
        through = others.into_iter().map(|side| side.join().unwrap()).collect();
    });
    let found: usize = scenarios
        .iter()
        .enumerate()
        .map(|(index, (name, _))| {
            let sides = modes.iter().zip(&through);
            let got = sides.map(|(mode, (all, _))| (*mode, all[index].as_slice()));
            report(name, &plain[index], &got.collect::<Vec<_>>())
        })
        .sum();
    for (mode, (_, troubles)) in modes.iter().zip(&through) {
        assert!(troubles.is_empty(), "log with {}: {troubles:#?}", mode.join(" "));
    }
    assert_eq!(found, 0, "differences between Redis and sessiond, see above");
}

/// Prints how the transcripts of one scenario differ; the number of differences.
fn report(scenario: &str, want: &[Entry], sides: &[(&[&str], &[Entry])]) -> usize {
    let mut found = 0;
    for (index, want) in want.iter().enumerate() {
        let mut answers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (mode, got) in sides {
            let Some(got) = got.get(index) else { continue };
            if want.got == got.got || allowed(scenario, &want.sent).is_some() {
                continue;
            }
            let answer = shown(&got.got, &want.got);
            answers.entry(answer).or_default().push(mode.join(" "));
        }
        if answers.is_empty() {
            continue;
        }
        found += 1;
        if found > SHOWN {
            continue;
        }
        eprintln!("=== {scenario}, step {index}, connection {}", want.connection);
        eprintln!("  sent:     {}", want.sent);
        for (answer, modes) in &answers {
            let redis =
                sides.iter().filter_map(|(_, got)| got.get(index)).find(|got| got.got != want.got);
            let redis = shown(&want.got, redis.map_or(&[], |got| &got.got));
            eprintln!("  redis:    {redis}\n  sessiond: {answer}   ({})", modes.join(", "));
        }
    }
    for (mode, got) in sides.iter().filter(|(_, got)| got.len() != want.len()) {
        found += 1;
        let mode = mode.join(" ");
        eprintln!("=== {scenario}: {} steps on redis, {} with {mode}", want.len(), got.len());
    }
    found
}
