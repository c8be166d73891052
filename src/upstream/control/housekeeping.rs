//! Removes expired sessions: every so often, in the configured and the served databases.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use redis_protocol::resp2::{decode::decode_bytes, types::BytesFrame};

use super::{
    Housekeeping,
    link::{Link, LinkError},
};
use crate::{
    resp::Protocol,
    session::{self, Step},
    upstream::{address::Endpoint, backoff::jittered, served::ServedDatabases, topology::Topology},
};

/// What one round needs to know.
pub(super) struct Keeper {
    pub(super) topology: Topology,
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
            for server in self.topology.servers() {
                for database in self.databases() {
                    self.wipe(&server, database).await;
                }
            }
        }
    }

    fn databases(&self) -> BTreeSet<u32> {
        let mut databases = self.served.snapshot();
        databases.extend(&self.settings.databases);
        if self.settings.databases.is_empty() {
            databases.insert(self.topology.database());
        }
        databases
    }

    /// One database on a connection of its own: rounds are rare, and so nothing is left open between
    /// them. What fails now is tried again in the next round.
    async fn wipe(&self, server: &Endpoint, database: u32) {
        if let Err(why) = self.session.agreed() {
            return tracing::debug!("no round: {why}");
        }
        let link = match Link::open(server, database, self.connect_timeout).await {
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
    let mut parts = batch.begin().into_iter();
    while let Some(part) = parts.next() {
        let mut request = BytesMut::new();
        part.write(&mut request);
        let reply = link.call(words(request)).await?;
        match batch.next(part.number(), &reply, Protocol::Resp3) {
            Step::Wait => {}
            Step::Calls(next) => parts = next.into_iter(),
            Step::Done(reply) => return Ok(reply),
        }
    }
    unreachable!("the last reply of a step tells how to go on")
}

/// The words of a request that we have written ourselves, as fred wants them.
fn words(request: BytesMut) -> Vec<Bytes> {
    match decode_bytes(&request.freeze()) {
        Ok(Some((BytesFrame::Array(words), _))) => words.into_iter().filter_map(bulk).collect(),
        _ => unreachable!("a call is written as one array of bulk strings"),
    }
}

fn bulk(frame: BytesFrame) -> Option<Bytes> {
    match frame {
        BytesFrame::BulkString(bytes) => Some(bytes),
        _ => None,
    }
}
