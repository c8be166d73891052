//! What others may know of a client's connection.

use super::Text;
use super::blocking::For;
use super::client::Client;

/// The state of a connection, for those who check it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ConnState {
    /// False when the server has closed it; then nothing else here counts.
    pub(crate) open: bool,
    pub(crate) user: Text,
    pub(crate) authenticated: bool,
    pub(crate) database: usize,
    pub(crate) protocol: u8,
    pub(crate) name: Option<Text>,
    pub(crate) in_multi: bool,
    /// Commands that are queued.
    pub(crate) queued: usize,
    /// Whether `EXEC` would refuse: a watched key was changed, or a command could not be queued.
    pub(crate) dirty: bool,
    pub(crate) watching: Vec<(usize, Text)>,
    pub(crate) channels: Vec<Text>,
    pub(crate) patterns: Vec<Text>,
    pub(crate) shard_channels: Vec<Text>,
    pub(crate) reply: Reply,
    pub(crate) tracking: Option<Tracking>,
    pub(crate) blocked: Option<Blocked>,
    pub(crate) monitor: bool,
    pub(crate) no_evict: bool,
    pub(crate) no_touch: bool,
    /// What `MOD.STATEFUL` has left.
    pub(crate) mark: Option<Text>,
    /// It has said its last reply, and there was none to write: it stays open and deaf, as in Redis.
    pub(crate) deaf: bool,
    /// Bytes that have arrived and are not executed: a part of a request, or requests behind one that waits.
    pub(crate) unread: usize,
}

/// Which replies the client receives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Reply {
    #[default]
    On,
    /// Not the next one.
    Skip,
    Off,
}

/// How keys are tracked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tracking {
    pub(crate) broadcast: bool,
    pub(crate) opt_in: bool,
    pub(crate) opt_out: bool,
    pub(crate) no_loop: bool,
    pub(crate) redirect: u64,
    pub(crate) prefixes: Vec<Text>,
}

/// What a client waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Blocked {
    /// An element, until this many milliseconds since the server's start.
    List { keys: Vec<Text>, until: Option<u64> },
    /// Acknowledgements of replicas.
    Replicas { until: Option<u64> },
    /// The end of `CLIENT PAUSE`.
    Pause,
}

impl Blocked {
    /// When the wait ends by itself. That of a pause is the server's affair.
    pub(crate) fn until(&self) -> Option<u64> {
        match self {
            Self::List { until, .. } | Self::Replicas { until } => *until,
            Self::Pause => None,
        }
    }
}

pub(super) fn of(client: &Client) -> ConnState {
    let tracking = &client.tracking;
    ConnState {
        open: true,
        user: client.user.clone(),
        authenticated: client.authenticated,
        database: client.database,
        protocol: client.protocol,
        name: client.name.clone(),
        in_multi: client.multi,
        queued: client.queue.len(),
        dirty: client.dirty_keys || client.dirty_queue,
        watching: client.watched.iter().cloned().collect(),
        channels: client.channels.iter().cloned().collect(),
        patterns: client.patterns.iter().cloned().collect(),
        shard_channels: client.shards.iter().cloned().collect(),
        reply: match (client.replies_off, client.skip) {
            (true, _) => Reply::Off,
            (false, true) => Reply::Skip,
            (false, false) => Reply::On,
        },
        tracking: tracking.on.then(|| Tracking {
            broadcast: tracking.broadcast,
            opt_in: tracking.opt_in,
            opt_out: tracking.opt_out,
            no_loop: tracking.no_loop,
            redirect: tracking.redirect,
            prefixes: tracking.prefixes.iter().cloned().collect(),
        }),
        blocked: client.wait.as_ref().map(|wait| match &wait.reason {
            For::List { keys, .. } => Blocked::List { keys: keys.clone(), until: wait.until },
            For::Replicas => Blocked::Replicas { until: wait.until },
            For::Pause => Blocked::Pause,
        }),
        monitor: client.monitor,
        no_evict: client.no_evict,
        no_touch: client.no_touch,
        mark: client.mark.clone(),
        deaf: client.close_after_reply,
        unread: client.requests.unread(),
    }
}
