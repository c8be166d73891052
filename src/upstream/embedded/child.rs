//! One process of the private server: how it is started, asked whether it serves, heard and ended.

use std::{
    collections::VecDeque,
    io,
    os::unix::process::CommandExt,
    path::Path,
    process::{ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
    process::Command,
    task::JoinHandle,
};

use super::{Error, directory::DataDir, tether::tether};

/// Lines of the server's log that are kept to explain its end.
const LAST_WORDS: usize = 12;

/// How often it is asked whether it serves.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// How long one answer may take, and how often a long start is spoken of.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the server may take to write its files when it is stopped.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// A server process. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Child {
    process: tokio::process::Child,
    log: Arc<Log>,
    listeners: [JoinHandle<()>; 2],
}

/// What the process says.
#[derive(Debug, Default)]
struct Log {
    last: Mutex<VecDeque<String>>,
    /// While it serves, its warnings are ours; what it says at start and end is for debugging.
    serving: AtomicBool,
}

impl Child {
    /// Starts `program` on the directory's socket, with its data in the directory.
    pub(super) fn spawn(program: &Path, directory: &DataDir) -> io::Result<Self> {
        match std::fs::remove_file(directory.socket()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut command = std::process::Command::new(program);
        // No configuration file is named, so none is read.
        command
            .args(["--port", "0", "--unixsocketperm", "700", "--unixsocket"])
            .arg(directory.socket())
            .arg("--dir")
            .arg(directory.path())
            .args(["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""])
            .args(["--daemonize", "no", "--supervised", "no", "--loglevel", "notice"])
            .args(["--logfile", ""])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C reaches every process of the terminal's group. The server has to outlive the
            // answers in flight, so it is not one of them.
            .process_group(0);
        tether(&mut command);
        let mut process = Command::from(command).kill_on_drop(true).spawn()?;
        let log = Arc::new(Log::default());
        let output = process.stdout.take().expect("stdout is piped");
        let errors = process.stderr.take().expect("stderr is piped");
        let listeners = [
            tokio::spawn(listen(output, Arc::clone(&log))),
            tokio::spawn(listen(errors, Arc::clone(&log))),
        ];
        Ok(Self { process, log, listeners })
    }

    /// The process id; 0 once it has ended.
    pub(super) fn pid(&self) -> u32 {
        self.process.id().unwrap_or(0)
    }

    /// Waits until the server answers commands, for as long as it lives.
    pub(super) async fn ready(&mut self, socket: &Path) -> Result<(), Error> {
        tokio::select! {
            () = serves(socket) => {
                self.log.serving.store(true, Ordering::Relaxed);
                Ok(())
            }
            status = ended(&mut self.process, &mut self.listeners) => {
                Err(Error::Ended { status, words: self.log.last_words() })
            }
        }
    }

    /// Waits for the end of the process and of its output.
    pub(super) async fn ended(&mut self) -> ExitStatus {
        ended(&mut self.process, &mut self.listeners).await
    }

    /// The end of its log, indented.
    pub(super) fn last_words(&self) -> String {
        self.log.last_words()
    }

    /// Asks the server to write its files and end; kills it when that takes too long.
    pub(super) async fn stop(mut self) {
        self.log.serving.store(false, Ordering::Relaxed);
        let pid = self.process.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It may have ended by itself, which is what is wanted.
            let _ = kill_process(pid, Signal::TERM);
        }
        let status = tokio::time::timeout(STOP_WITHIN, self.ended()).await;
        match status {
            Ok(status) if status.success() => tracing::debug!("private server stopped"),
            Ok(status) => tracing::warn!("the private server ended badly ({status})"),
            Err(_) => {
                tracing::warn!("the private server did not end in {STOP_WITHIN:?}, killing it");
                if let Err(error) = self.process.kill().await {
                    tracing::error!("the private server cannot be killed: {error}");
                }
            }
        }
    }
}

impl Log {
    fn hear(&self, line: String) {
        let grave = line.split(' ').nth(5) == Some("#");
        if grave && self.serving.load(Ordering::Relaxed) {
            tracing::warn!(target: "sessiond::redis", "{line}");
        } else {
            tracing::debug!(target: "sessiond::redis", "{line}");
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() == LAST_WORDS {
            last.pop_front();
        }
        last.push_back(line);
    }

    fn last_words(&self) -> String {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let lines: Vec<_> = last.iter().map(|line| format!("  {line}")).collect();
        lines.join("\n")
    }
}

async fn ended(
    process: &mut tokio::process::Child,
    listeners: &mut [JoinHandle<()>; 2],
) -> ExitStatus {
    let status = process.wait().await.expect("the child was started and is waited for only here");
    for listener in listeners {
        // A fork of the server may hold its output open, so the end of the output is not awaited for long.
        if !listener.is_finished() {
            let _ = tokio::time::timeout(Duration::from_millis(200), listener).await;
        }
    }
    status
}

async fn listen(output: impl AsyncRead + Unpin, log: Arc<Log>) {
    let mut lines = BufReader::new(output).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        if !line.is_empty() {
            log.hear(line);
        }
    }
}

/// Asks until a command is answered with something else than that data is being loaded.
async fn serves(socket: &Path) {
    let mut told = Instant::now();
    loop {
        let answer = tokio::time::timeout(PATIENCE, ask(socket, "PING\r\n")).await;
        let loading = match answer {
            Ok(Ok(answer)) if answer.starts_with("-LOADING") => true,
            Ok(Ok(answer)) if !answer.is_empty() => return,
            _ => false,
        };
        if told.elapsed() >= PATIENCE {
            told = Instant::now();
            let percent = if loading { progress(socket).await } else { None };
            match percent {
                Some(percent) => tracing::info!("the private server loads its data: {percent} %"),
                None => tracing::info!("the private server does not serve yet, waiting"),
            }
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// How much of the data is loaded, in percent, as the server says.
async fn progress(socket: &Path) -> Option<String> {
    let answer =
        tokio::time::timeout(PATIENCE, ask(socket, "INFO persistence\r\n")).await.ok()?.ok()?;
    let percent = answer.lines().find_map(|line| line.strip_prefix("loading_loaded_perc:"))?;
    Some(percent.to_owned())
}

/// The beginning of the answer to one inline command.
async fn ask(socket: &Path, command: &str) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(command.as_bytes()).await?;
    let mut answer = vec![0; 4096];
    let length = stream.read(&mut answer).await?;
    answer.truncate(length);
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
