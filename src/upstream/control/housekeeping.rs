//! Removes expired sessions: every so often, in the configured and the served databases.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::Bytes;

use super::{
    Housekeeping,
    link::{Link, LinkError},
};
use crate::{
    resp::Protocol,
    session::{self, Call, Step},
    upstream::{address::Endpoint, backoff::jittered, served::ServedDatabases},
};

/// What one round needs to know.
pub(super) struct Keeper {
    pub(super) endpoint: Endpoint,
    pub(super) connect_timeout: Duration,
    pub(super) settings: Housekeeping,
    pub(super) session: session::Settings,
    pub(super) served: Arc<ServedDatabases>,
}

impl Keeper {
    /// Makes a round every so often, for ever.
    pub(super) async fn run(self) {
        loop {
            tokio::time::sleep(jittered(self.settings.every)).await;
            for database in self.databases() {
                self.wipe(database).await;
            }
        }
    }

    fn databases(&self) -> BTreeSet<u32> {
        let mut databases = self.served.snapshot();
        databases.extend(&self.settings.databases);
        if self.settings.databases.is_empty() {
            databases.insert(self.endpoint.database);
        }
        databases
    }

    /// One database on a connection of its own: rounds are rare, and so nothing is left open between
    /// them. What fails now is tried again in the next round.
    async fn wipe(&self, database: u32) {
        let link = match Link::open(&self.endpoint, database, self.connect_timeout).await {
            Ok(link) => link,
            // That the upstream is away has been told already.
            Err(error @ LinkError::Away(_)) => return tracing::debug!("no round: {error}"),
            Err(error) => {
                return tracing::warn!(
                    "no expired sessions removed in database {database}: {error}"
                );
            }
        };
        match wipe(&link, &self.session).await {
            Ok(reply) if reply.starts_with(b"-") || reply.starts_with(b"!") => {
                let error = String::from_utf8_lossy(&reply);
                let error = error.trim_start_matches(['-', '!']).trim_end();
                tracing::warn!("expired sessions in database {database} not removed: {error}");
            }
            Ok(reply) => {
                let count = String::from_utf8_lossy(&reply);
                let count = count.trim_start_matches(':').trim_end();
                tracing::debug!("{count} expired sessions removed in database {database}");
            }
            Err(error) => {
                tracing::warn!("expired sessions in database {database} not removed: {error}");
            }
        }
        link.close().await;
    }
}

/// Runs the batches of one `SESSION.WIPE` to their end and gives its reply.
async fn wipe(link: &Link, session: &session::Settings) -> Result<Bytes, LinkError> {
    let mut batch = session::wipe(session);
    let mut call = batch.first();
    loop {
        let script = call.script();
        let mut reply = link.call(words("EVALSHA", script.sha(), &call)).await?;
        if reply.starts_with(b"-NOSCRIPT") {
            reply = link.call(words("EVAL", script.text(), &call)).await?;
        }
        match batch.next(&reply, Protocol::Resp3) {
            Step::Call(next) => call = next,
            Step::Done(reply) => return Ok(reply),
        }
    }
}

/// The words of a script call, as fred wants them.
fn words(command: &'static str, script: &'static str, call: &Call) -> Vec<Bytes> {
    let head = [Bytes::from_static(command.as_bytes()), Bytes::from_static(script.as_bytes())];
    head.into_iter().chain(call.arguments()).collect()
}
