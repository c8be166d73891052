//! Clients that do not read hold those who do up for a bounded time in total, not for one such time each.

use std::time::{Duration, Instant};

use crate::behind::*;
use crate::common::*;
use crate::relayed::Flow;

/// Far more than the sockets on the way to a client hold.
const LARGE: usize = 8 << 20;

/// How long a small read takes behind so many large ones whose clients do not read.
fn delay_behind(slow: usize) -> Duration {
    let stack = Behind::start("shared", &[]);
    let mut redis = stack.redis.client();
    check!(redis, "SET", "large", vec![b'x'; LARGE] => "+OK");
    let mut good = stack.client();
    check!(good, "SET", "small", "v" => "+OK");
    let mut readers: Vec<Client> = (0..slow).map(|_| stack.client()).collect();
    for reader in &mut readers {
        check!(reader, "GET", "small" => "\"v\"");
    }
    // Requests reach the server, and its replies come all at once: no reader is known to be slow before.
    stack.relay.record();
    stack.relay.present(Flow::Pass, Flow::Hold);
    for reader in &mut readers {
        reader.write(&args!("GET", "large"));
    }
    eventually("all large reads are on their way", || {
        (stack.relay.recorded(b"large") == slow).then_some(())
    });
    good.write(&args!("GET", "small"));
    eventually("the small read is on its way", || {
        (stack.relay.recorded(b"small") > 0).then_some(())
    });
    let begun = Instant::now();
    stack.relay.present(Flow::Pass, Flow::Pass);
    assert_eq!(good.reply().text(), "v");
    let waited = begun.elapsed();
    check!(good, "GET", "small" => "\"v\"");
    waited
}

#[test]
fn twenty_slow_readers_cost_about_as_much_as_one() {
    let one = delay_behind(1);
    let twenty = delay_behind(20);
    let bound = (4 * one).max(Duration::from_secs(2));
    assert!(twenty < bound, "one costs {one:?}, twenty cost {twenty:?}");
}
