//! Knows what the commands of a cluster are.

use std::{future::pending, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    command::specs::Specs,
    resp::reply,
    upstream::{
        address::{Address, Endpoint},
        backoff::{Backoff, jittered},
        connect::{Talk, within},
        doubt::Doubt,
        topology::Current,
    },
};

/// How often the commands are read though nobody asks for that: a module may bring others, and so may another version.
const EVERY: Duration = Duration::from_secs(600);
/// How often they are read at most, however many ask for it: the answer is long.
const SELDOM: Duration = Duration::from_secs(5);
/// The first and the longest wait between attempts.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Reads the commands from a server that is there, as soon as there is one, every so often and when `asked`. For ever.
pub(super) async fn keep(current: watch::Sender<Current>, timeout: Duration, asked: Doubt) {
    let mut known = current.subscribe();
    let mut backoff = Backoff::new(RETRY.0, RETRY.1);
    let mut refusal = None;
    loop {
        let server = answering(&mut known, None).await;
        let read = tokio::select! {
            read = read(&server, timeout) => read,
            _ = answering(&mut known, Some(&server.address)) => continue,
        };
        let next = match read {
            Ok(specs) => {
                current.send_if_modified(|current| {
                    let is_new = current.specs.as_deref() != Some(&specs);
                    if is_new {
                        current.specs = Some(Arc::new(specs));
                    }
                    is_new
                });
                backoff.reset();
                refusal = None;
                jittered(EVERY)
            }
            Err(why) => {
                if refusal.as_ref() != Some(&why) {
                    tracing::warn!("cannot read the commands of {}: {why}", server.address);
                }
                refusal = Some(why);
                backoff.delay()
            }
        };
        let read = Instant::now();
        tokio::select! {
            () = sleep(next) => {}
            () = asked.raised() => sleep_until(read + SELDOM.min(next)).await,
        }
    }
}

/// A server that answers, and another one than `but`.
async fn answering(known: &mut watch::Receiver<Current>, but: Option<&Address>) -> Endpoint {
    let fits = |current: &Current| {
        current.server.as_ref().is_ok_and(|server| Some(&server.address) != but)
    };
    let found = known.wait_for(fits).await.map(|current| current.server.clone());
    match found {
        Ok(Ok(server)) => server,
        // Nobody is left who could tell.
        _ => pending().await,
    }
}

async fn read(server: &Endpoint, timeout: Duration) -> Result<Specs, String> {
    let asked = async { Talk::open(server, timeout).await?.ask(&[b"COMMAND"]).await };
    let frame = within(timeout, asked).await?;
    if let Some(text) = reply::error_text(&frame) {
        return Err(String::from_utf8_lossy(text).into_owned());
    }
    Specs::read(&frame)
        .filter(|specs| !specs.is_empty())
        .ok_or_else(|| "its answer is not understood".to_owned())
}
