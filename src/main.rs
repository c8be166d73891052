//! The `sessiond` program: arguments, configuration, log, upstream, server, and the exit code.

use std::{
    env,
    io::{self, Write},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, anyhow};
use sessiond::{
    cli::{self, Action, Ending},
    config::Config,
    net,
    server::Server,
    session, shutdown, telemetry,
    upstream::{
        control::Control,
        embedded::{self, Embedded},
        served::ServedDatabases,
        site::Site,
        topology::Topology,
    },
};
use tokio_util::sync::CancellationToken;

/// The system's allocator takes half as much again for the blocks of 128 bytes and more that a runtime keeps for every client.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `EX_USAGE` of sysexits.h: the command line or the configuration is wrong.
const WRONG_CONFIGURATION: u8 = 64;

fn main() -> ExitCode {
    let arguments = match cli::parse(env::args_os()) {
        Ok(arguments) => arguments,
        Err(Ending::Shown(text)) => return show(&text),
        Err(Ending::Refused(line)) => return complain(&line, WRONG_CONFIGURATION),
    };
    let file = arguments.file.as_deref();
    let config = match Config::load(file, env::vars_os(), arguments.flags) {
        Ok(config) => config,
        Err(error) => return complain(&error.to_string(), WRONG_CONFIGURATION),
    };
    match arguments.action {
        Action::CheckConfig => show("the configuration is valid\n"),
        Action::PrintConfig => show(&config.to_toml()),
        Action::Serve => match serve(&config) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => complain(&format!("{error:#}"), 1),
        },
    }
}

/// Serves on this thread's own runtime until a signal ends it. The main thread it must be: the
/// private server's life is tied to the thread that started it.
fn serve(config: &Config) -> anyhow::Result<()> {
    telemetry::init(&config.log);
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().context("cannot start the runtime")?;
    runtime.block_on(run(config))
}

async fn run(config: &Config) -> anyhow::Result<()> {
    let shutdown = CancellationToken::new();
    shutdown::on_signals(shutdown.clone()).context("cannot listen for signals")?;

    let Some((site, embedded)) = upstream(config, &shutdown).await? else {
        return Ok(());
    };
    let outcome = in_front_of(config, &site, embedded.is_some(), shutdown).await;
    if let Some(embedded) = embedded {
        embedded.stop().await;
    }
    outcome
}

/// The configured upstream, or a private one that is started now; `None` if stopped meanwhile.
async fn upstream(
    config: &Config,
    shutdown: &CancellationToken,
) -> anyhow::Result<Option<(Site, Option<Embedded>)>> {
    if let Some(site) = &config.upstream.site {
        return Ok(Some((site.clone(), None)));
    }
    match Embedded::start(&config.embedded, shutdown.clone()).await {
        Ok(embedded) => Ok(Some((embedded.endpoint().clone().into(), Some(embedded)))),
        Err(embedded::Error::Interrupted) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Serves clients in front of `site` until the shutdown, and until they are drained.
async fn in_front_of(
    config: &Config,
    site: &Site,
    private: bool,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let served = Arc::new(ServedDatabases::default());
    let listen = &config.server.listen;
    let (topology, finder) = Topology::of(site, config.upstream.connect_timeout);
    let server = Server::bind(
        &config.server,
        &config.upstream,
        &config.session,
        topology.clone(),
        config.upstream.hold(site),
        Arc::clone(&served),
        shutdown,
    )
    .await
    .map_err(|error| anyhow!("cannot listen on {listen}: {}", net::reason(&error)))?;
    let control = Control::start(
        &topology,
        finder,
        config.upstream.connect_timeout,
        &config.housekeeping,
        &config.session,
        served,
    )
    .await;

    if let Err(session::Error::OtherBuckets { stored, configured }) = config.session.agreed() {
        control.stop().await;
        return Err(anyhow!(
            "cluster_buckets is {configured}, but {site} keeps its sessions in {stored} buckets"
        ));
    }

    let kind = if private { "private server " } else { "" };
    let version = control.server().map_or("not reachable yet".into(), |server| server.to_string());
    tracing::info!(
        "listening on {}, in front of {kind}{site} ({version}), {} mode, workers: {}",
        server.local_addr().context("cannot tell the listening address")?,
        config.upstream.mode.as_str(),
        config.server.workers,
    );
    let outcome = server.run().await.context("cannot serve");
    control.stop().await;
    tracing::info!("stopped");
    outcome
}

/// Writes to standard output. A reader that has gone away is no error of ours.
fn show(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

/// Writes one message to standard error and gives the exit code.
fn complain(message: &str, code: u8) -> ExitCode {
    // There is no one left to tell when standard error is closed.
    let _ = writeln!(io::stderr(), "sessiond: {message}");
    ExitCode::from(code)
}
