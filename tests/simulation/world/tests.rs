//! Worlds that are played by every run of the tests, and for as long as one likes.

use std::sync::Once;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::{PANICS, Plan, play};

/// Worlds of each kind.
const WORLDS: u64 = 500;

/// How long one of them may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Notes panics of tasks, which keep them to themselves.
fn watch_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.set(PANICS.get() + 1);
            before(info);
        }));
    });
}

/// Plays a world, and gives up when it does not come to its end: a task that never waits keeps all others from going on.
fn play_guarded(seed: u64, plan: Plan) -> u64 {
    let (done, end) = mpsc::channel::<()>();
    let guard = thread::spawn(move || {
        if end.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            eprintln!("SIMULATION_SEED={seed} ({plan:?}) comes to no end");
            std::process::abort();
        }
    });
    let steps = play(seed, plan).steps;
    drop(done);
    guard.join().expect("the guard only waits");
    steps
}

/// Tells what has been played in the end, be it a failure.
struct Tally {
    kind: &'static str,
    steps: u64,
    started: Instant,
}

impl Drop for Tally {
    fn drop(&mut self) {
        let Self { kind, steps, started } = self;
        let before = if thread::panicking() { " before the failure" } else { "" };
        eprintln!("{kind}: {steps} steps{before} in {:.1} s", started.elapsed().as_secs_f64());
    }
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().expect("a number"))
}

/// Plays the seeds of a kind, or the one that is asked for.
fn play_all(kind: &'static str, from: u64, plan: fn(u64) -> Plan) {
    watch_panics();
    let (seeds, started) = match number("SIMULATION_SEED") {
        Some(seed) => (seed..seed + 1, Instant::now()),
        None => {
            let worlds = number("SIMULATION_WORLDS").unwrap_or(WORLDS);
            (from..from + worlds, Instant::now())
        }
    };
    let mut tally = Tally { kind, steps: 0, started };
    for seed in seeds {
        tally.steps += play_guarded(seed, plan(seed));
    }
}

#[test]
fn clients_of_a_server_that_works_notice_nothing() {
    play_all("calm", 0, Plan::calm);
}

#[test]
fn clients_of_a_server_that_fails_are_told() {
    play_all("rough", 1_000_000, Plan::rough);
}

#[test]
fn nothing_runs_where_its_client_does_not_believe_to_be() {
    play_all("tagged", 2_000_000, Plan::tagged);
}

#[test]
fn a_seed_gives_the_same_world_again() {
    watch_panics();
    for seed in 0..10 {
        assert_eq!(play(seed, Plan::calm(seed)), play(seed, Plan::calm(seed)));
        assert_eq!(play(seed, Plan::rough(seed)), play(seed, Plan::rough(seed)));
    }
}

/// Random worlds for so many seconds: `make soak SECONDS=3600`.
#[test]
#[ignore = "it takes as long as one likes"]
fn soak() {
    watch_panics();
    let time = Duration::from_secs(number("SIMULATION_SECONDS").unwrap_or(60));
    let started = Instant::now();
    let mut tally = Tally { kind: "soak", steps: 0, started };
    while started.elapsed() < time {
        let seed = getrandom::u64().unwrap();
        tally.steps += play_guarded(seed, Plan::calm(seed));
        tally.steps += play_guarded(seed, Plan::rough(seed));
        tally.steps += play_guarded(seed, Plan::tagged(seed));
    }
}
