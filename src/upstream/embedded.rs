//! A private Redis or Valkey server: started as a child process, watched, restarted, stopped.

mod child;
mod directory;
mod program;
mod tether;

use std::{
    path::{Path, PathBuf},
    process::ExitStatus,
    time::{Duration, Instant},
};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::upstream::{
    address::{Address, Endpoint},
    backoff::Backoff,
};
use child::Child;
use directory::DataDir;

pub use directory::default_data_dir;

/// The first and the longest wait before the server is started again.
const RESTART: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// A server that lived this long was well, so the waits begin anew.
const WELL: Duration = Duration::from_secs(30);

/// The private server's part of the configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it keeps its data; made if missing.
    pub data_dir: PathBuf,
    /// The program to run; `None` looks for one on PATH.
    pub program: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { data_dir: default_data_dir(), program: None }
    }
}

/// Why there is no private server.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No program to run.
    #[error(
        "neither redis-server nor valkey-server is installed; {hint}, name the program with \
         --redis-server, or name a running server with --upstream"
    )]
    NotInstalled {
        /// How to install one, for this machine.
        hint: String,
    },
    /// The program cannot be run.
    #[error("cannot run {}: {why}", program.display())]
    Program {
        /// The program.
        program: PathBuf,
        /// Why, in words.
        why: String,
    },
    /// The data directory, or the one for the socket, cannot be used.
    #[error("cannot use the directory {}: {why}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why, in words.
        why: String,
    },
    /// Another sessiond has the data directory.
    #[error(
        "the data directory {} is in use by another sessiond (pid {pid}); choose another --data-dir",
        path.display()
    )]
    InUse {
        /// The data directory.
        path: PathBuf,
        /// The other process, as it says itself.
        pid: String,
    },
    /// The server ended before it served.
    #[error("the private server ended while starting ({status}); its last words were:\n{words}")]
    Ended {
        /// How it ended.
        status: ExitStatus,
        /// The end of its log, indented.
        words: String,
    },
    /// The shutdown was requested before the server served.
    #[error("stopped while the private server was starting")]
    Interrupted,
}

/// A running private server.
#[derive(Debug)]
pub struct Embedded {
    endpoint: Endpoint,
    stop: CancellationToken,
    supervisor: JoinHandle<()>,
}

impl Embedded {
    /// Starts the server and returns once it answers, however long it loads its data.
    ///
    /// The server dies with the *thread* that started it, so this, and the runtime it is called
    /// on, belong on a thread that lives as long as the process: a current-thread runtime on the
    /// main thread.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Interrupted`] once `shutdown` is cancelled.
    pub async fn start(settings: &Settings, shutdown: CancellationToken) -> Result<Self, Error> {
        let program = program::find(settings.program.as_deref())?;
        let directory = DataDir::open(&settings.data_dir)?;
        let endpoint = Endpoint::new(Address::Unix(directory.socket().to_owned()));
        let mut child = spawn(&program, &directory)?;
        tokio::select! {
            outcome = child.ready(directory.socket()) => outcome?,
            () = shutdown.cancelled() => {
                child.stop().await;
                return Err(Error::Interrupted);
            }
        }
        tracing::debug!(program = %program.display(), pid = child.pid(), "private server started");
        let stop = CancellationToken::new();
        let supervisor = tokio::spawn(supervise(child, program, directory, stop.clone()));
        Ok(Self { endpoint, stop, supervisor })
    }

    /// Where the server listens: the same socket after every restart.
    pub fn address(&self) -> &Address {
        &self.endpoint.address
    }

    /// The server as an upstream: no credentials, database 0.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Stops the server and waits for its end, so that all data is on disk.
    pub async fn stop(self) {
        self.stop.cancel();
        if self.supervisor.await.is_err() {
            tracing::error!("the private server's supervision failed");
        }
    }
}

/// Keeps a server running until `stop`. Owns the directory, whose lock is given up last.
async fn supervise(
    mut child: Child,
    program: PathBuf,
    directory: DataDir,
    stop: CancellationToken,
) {
    let mut backoff = Backoff::new(RESTART.0, RESTART.1);
    loop {
        let started = Instant::now();
        tokio::select! {
            status = child.ended() => tracing::error!(
                "the private server ended ({status}); its last words were:\n{}", child.last_words()
            ),
            () = stop.cancelled() => return child.stop().await,
        }
        if started.elapsed() >= WELL {
            backoff.reset();
        }
        child = tokio::select! {
            child = restart(&program, &directory, &mut backoff) => child,
            // The child of an attempt under way is killed when the attempt is dropped.
            () = stop.cancelled() => return,
        };
        tracing::info!(pid = child.pid(), "the private server runs again");
    }
}

/// Tries until a new server answers.
async fn restart(program: &Path, directory: &DataDir, backoff: &mut Backoff) -> Child {
    loop {
        tokio::time::sleep(backoff.delay()).await;
        let attempt = async {
            let mut child = spawn(program, directory)?;
            child.ready(directory.socket()).await?;
            Ok::<_, Error>(child)
        };
        match attempt.await {
            Ok(child) => return child,
            Err(error) => tracing::error!("{error}"),
        }
    }
}

fn spawn(program: &Path, directory: &DataDir) -> Result<Child, Error> {
    Child::spawn(program, directory).map_err(|error| Error::Program {
        program: program.to_owned(),
        why: crate::net::reason(&error),
    })
}
