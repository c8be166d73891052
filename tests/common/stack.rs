//! The matrix: the same test behind every combination of upstream mode and number of workers.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{PoisonError, RwLock};
use std::thread;

use super::client::Client;
use super::layout::Layout;
use super::redis::Redis;
use super::sessiond::Sessiond;

/// One way to run sessiond.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mode {
    upstream: &'static str,
    workers: &'static str,
}

const MODES: [Mode; 4] = [
    Mode { upstream: "shared", workers: "1" },
    Mode { upstream: "shared", workers: "4" },
    Mode { upstream: "dedicated", workers: "1" },
    Mode { upstream: "dedicated", workers: "4" },
];

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--upstream-mode {} --workers {}", self.upstream, self.workers)
    }
}

impl Mode {
    /// The mode's options, with more behind them.
    pub(crate) fn options<'a>(&self, more: &[&'a str]) -> Vec<&'a str> {
        let mut options = vec!["--upstream-mode", self.upstream, "--workers", self.workers];
        options.extend_from_slice(more);
        options
    }

    /// Whether clients have upstream connections of their own.
    pub(crate) fn dedicated(&self) -> bool {
        self.upstream == "dedicated"
    }
}

/// Whether the tests are told to talk to redis-server itself (see the module's documentation).
pub(crate) fn direct() -> bool {
    std::env::var_os("SESSIOND_TESTS_DIRECT").is_some()
}

/// A Redis with a sessiond in front of it. Fields are dropped in this order.
pub(crate) struct Stack {
    proxy: Option<Sessiond>,
    pub(crate) redis: Redis,
    pub(crate) mode: Mode,
    pub(crate) layout: Layout,
}

impl Stack {
    /// sessiond in front of this Redis, with options beside the mode's. Housekeeping is off unless told.
    pub(crate) fn over(redis: Redis, mode: Mode, options: &[&str]) -> Stack {
        let url = redis.url();
        let mut all = vec!["--upstream", url.as_str()];
        if !options.contains(&"--wipe") {
            all.extend(["--wipe", "0"]);
        }
        all.extend_from_slice(options);
        let proxy = (!direct()).then(|| Sessiond::start(&mode.options(&all)));
        Stack { proxy, redis, mode, layout: Layout::Libraries }
    }

    /// The same with session keys in this layout.
    pub(crate) fn laid_out(redis: Redis, mode: Mode, layout: Layout, options: &[&str]) -> Stack {
        let laid_out = layout.options();
        let all: Vec<&str> =
            laid_out.iter().map(String::as_str).chain(options.iter().copied()).collect();
        Stack { layout, ..Stack::over(redis, mode, &all) }
    }

    /// The key of a session.
    pub(crate) fn key(&self, app: &str, token: &str) -> String {
        self.layout.key(app, token)
    }

    /// The key of this last part that belongs to an id, see [`Layout::named`].
    pub(crate) fn named(&self, app: &str, id: &str, last: &str) -> String {
        self.layout.named(app, id, last)
    }

    /// A client through sessiond.
    pub(crate) fn client(&self) -> Client {
        Client::connect(self.port())
    }

    /// The port that clients connect to.
    pub(crate) fn port(&self) -> u16 {
        self.proxy.as_ref().map_or(self.redis.port(), Sessiond::port)
    }

    /// The sessiond of this stack.
    pub(crate) fn sessiond(&mut self) -> &mut Sessiond {
        self.proxy.as_mut().expect("this test is about sessiond itself, not about Redis")
    }
}

/// Runs a test in every mode, at the same time, each with servers of its own.
pub(crate) fn each_mode(test: impl Fn(Stack) + Sync) {
    each_mode_with(&[], &[], test);
}

/// The same, with options for Redis and for sessiond.
pub(crate) fn each_mode_with(redis: &[&str], sessiond: &[&str], test: impl Fn(Stack) + Sync) {
    let _others_may_run = TURN.read().unwrap_or_else(PoisonError::into_inner);
    all_modes(redis, sessiond, &test);
}

/// Runs a test in every mode, and with session keys in buckets too.
pub(crate) fn each_layout(test: impl Fn(Stack) + Sync) {
    each_layout_with(&[], &[], test);
}

/// The same, with options for Redis and for sessiond.
pub(crate) fn each_layout_with(redis: &[&str], sessiond: &[&str], test: impl Fn(Stack) + Sync) {
    let _others_may_run = TURN.read().unwrap_or_else(PoisonError::into_inner);
    // What upstream mode and workers do to steps is the same in both.
    let buckets = [MODES[1], MODES[2]].map(|mode| (mode, Layout::Buckets(32)));
    let libraries = modes().iter().map(|mode| (*mode, Layout::Libraries));
    let test = &test;
    thread::scope(|scope| {
        for (mode, layout) in libraries.chain(buckets) {
            scope.spawn(move || {
                let redis = Redis::with(redis);
                let run = || test(Stack::laid_out(redis, mode, layout, sessiond));
                if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
                    eprintln!("*** failed with {mode} and {layout:?}");
                    resume_unwind(panic);
                }
            });
        }
    });
}

/// Runs a test in every mode while no other one runs: for those that leave others no time to keep their time limits.
pub(crate) fn each_mode_alone(test: impl Fn(Stack) + Sync) {
    let _nobody_else_runs = TURN.write().unwrap_or_else(PoisonError::into_inner);
    all_modes(&[], &[], &test);
}

/// Runs a test in every mode, one after the other: for those that need much memory.
pub(crate) fn each_mode_in_turn(test: impl Fn(Stack)) {
    let _others_may_run = TURN.read().unwrap_or_else(PoisonError::into_inner);
    for mode in modes() {
        one_mode(*mode, &[], &[], &test);
    }
}

/// Held for writing by a test that must be the only one.
static TURN: RwLock<()> = RwLock::new(());

fn all_modes(redis: &[&str], sessiond: &[&str], test: &(impl Fn(Stack) + Sync)) {
    thread::scope(|scope| {
        for mode in modes() {
            scope.spawn(move || one_mode(*mode, redis, sessiond, test));
        }
    });
}

/// Every way to run sessiond that is tested.
pub(crate) fn modes() -> &'static [Mode] {
    if direct() { &MODES[..1] } else { &MODES }
}

fn one_mode(mode: Mode, redis: &[&str], sessiond: &[&str], test: &impl Fn(Stack)) {
    let run = || test(Stack::over(Redis::with(redis), mode, sessiond));
    if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
        eprintln!("*** failed with {mode}");
        resume_unwind(panic);
    }
}
