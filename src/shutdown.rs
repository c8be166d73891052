//! Turns SIGINT and SIGTERM into a cancelled token, and a second one into an end at once.

use std::{io, process};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Listens for the signals from now on and cancels `shutdown` at the first of them. At the second the
/// process exits with 128 plus the signal's number, as a shell would report it.
///
/// # Errors
/// The signals cannot be listened for.
pub fn on_signals(shutdown: CancellationToken) -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        let (name, _) = next(&mut interrupt, &mut terminate).await;
        tracing::info!("{name} received, stopping; a second one ends at once");
        shutdown.cancel();
        let (name, number) = next(&mut interrupt, &mut terminate).await;
        tracing::warn!("{name} received again, ending at once");
        process::exit(128 + number);
    });
    Ok(())
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal) -> (&'static str, i32) {
    tokio::select! {
        _ = interrupt.recv() => ("SIGINT", SignalKind::interrupt().as_raw_value()),
        _ = terminate.recv() => ("SIGTERM", SignalKind::terminate().as_raw_value()),
    }
}
