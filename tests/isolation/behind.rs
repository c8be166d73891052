//! sessiond with a relay between it and its server, and what clients of a broken server may be told.

use std::io::ErrorKind;
use std::time::Duration;

use crate::common::*;
use crate::relay::Relay;

pub(crate) const LOST: &str = "UPSTREAM connection lost, the command may or may not have run";
pub(crate) const UNAVAILABLE: &str = "UPSTREAM unavailable: ";

/// Both upstream modes.
pub(crate) const MODES: [&str; 2] = ["shared", "dedicated"];

/// A Redis, a relay to it, and a sessiond that knows only the relay. Fields are dropped in this order.
pub(crate) struct Behind {
    pub(crate) sessiond: Sessiond,
    pub(crate) relay: Relay,
    pub(crate) redis: Redis,
}

impl Behind {
    /// One worker in this mode, with further options; housekeeping is off.
    pub(crate) fn start(mode: &str, options: &[&str]) -> Behind {
        Behind::over(Redis::start(), mode, options)
    }

    /// The same in front of this Redis.
    pub(crate) fn over(redis: Redis, mode: &str, options: &[&str]) -> Behind {
        let relay = Relay::to(redis.port());
        let url = format!("redis://127.0.0.1:{}", relay.port());
        let mut all = vec!["--upstream", &url, "--upstream-mode", mode];
        all.extend(["--workers", "1", "--wipe", "0"]);
        all.extend_from_slice(options);
        let mut sessiond = Sessiond::start(&all);
        // Breaking the server's connections is what these tests are about.
        sessiond.expect_troubles();
        Behind { sessiond, relay, redis }
    }

    /// A client through sessiond.
    pub(crate) fn client(&self) -> Client {
        self.sessiond.client()
    }
}

/// Gives up on a reply of this client after so many seconds instead of the usual 30.
pub(crate) fn hurry(client: &Client, seconds: u64) {
    client.duplicate().set_read_timeout(Some(Duration::from_secs(seconds))).unwrap();
}

/// Reads one reply; `None` when the connection was closed instead. Silence is a failure.
pub(crate) fn reply_or_end(client: &mut Client) -> Option<Value> {
    match client.try_reply() {
        Ok(reply) => Some(reply),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
            ) =>
        {
            None
        }
        Err(error) => panic!("neither a reply nor the end: {error}"),
    }
}

/// Reads so many replies, or those that come before the connection is closed.
pub(crate) fn replies_or_end(client: &mut Client, count: usize) -> Vec<Value> {
    (0..count).map_while(|_| reply_or_end(client)).collect()
}

/// Whether a reply says that the server's word is missing, or that a transaction is lost for that reason.
pub(crate) fn is_lost(reply: &Value) -> bool {
    let Value::Error(text) = reply else { return false };
    text == LOST || text.starts_with(UNAVAILABLE) || text.starts_with("EXECABORT")
}

/// Commands in one piece.
pub(crate) fn piece(commands: &[Vec<Vec<u8>>]) -> Vec<u8> {
    commands.iter().flat_map(|command| encode(command)).collect()
}

/// Replies as text, for failures and comparisons.
pub(crate) fn texts(replies: &[Value]) -> Vec<String> {
    replies.iter().map(Value::to_string).collect()
}
