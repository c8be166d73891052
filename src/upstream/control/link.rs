//! One connection of the control plane, through fred: no reconnecting, no second attempt, time limits.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use fred::{
    clients::Client,
    error::{Error as FredError, ErrorKind},
    interfaces::ClientLike,
    types::{
        Builder, ClusterHash, ConnectHandle, CustomCommand, Resp3Frame, Value,
        config::{Config, Options, Server, ServerConfig, TlsConnector},
    },
};
use redis_protocol::resp3::encode::complete;

use crate::upstream::address::{Address, Endpoint};

/// How long one command may take. Ours are small, or batches of bounded work.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a command brought no reply. An error *reply* is a reply.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    /// No connection, or it was lost. The text is short and for people.
    #[error("{0}")]
    Away(String),
    /// The server refused to log in or to select the database, in its own words.
    #[error("{0}")]
    Refused(String),
}

/// A connection that is logged in and has selected its database.
pub(super) struct Link {
    client: Client,
    connection: ConnectHandle,
}

impl Link {
    /// Connects to the endpoint within `timeout`, in `database`.
    pub(super) async fn open(
        endpoint: &Endpoint,
        database: u32,
        timeout: Duration,
    ) -> Result<Self, LinkError> {
        // Without a policy fred does not reconnect: a connection that came back by itself would
        // have forgotten the SELECT.
        let client = Builder::from_config(config(endpoint))
            .with_connection_config(|connection| {
                connection.connection_timeout = timeout;
                connection.internal_command_timeout = COMMAND_TIMEOUT;
                connection.max_command_attempts = 1;
                connection.disable_cluster_health_check = true;
                connection.auto_client_setname = false;
                connection.tcp.nodelay = Some(true);
            })
            .build()
            .map_err(away)?;
        let connection = client.init().await.map_err(away)?;
        let link = Self { client, connection };
        if database != 0 {
            let number = Bytes::from(database.to_string());
            match link.command(vec![Bytes::from_static(b"SELECT"), number]).await? {
                Resp3Frame::SimpleError { data, .. } => {
                    link.close().await;
                    return Err(LinkError::Refused(data.to_string()));
                }
                _ => return Ok(link),
            }
        }
        Ok(link)
    }

    /// Sends one command, the name first, and gives its reply as a RESP3 frame in wire form.
    pub(super) async fn call(&self, words: Vec<Bytes>) -> Result<Bytes, LinkError> {
        let frame = self.command(words).await?;
        let mut out = BytesMut::new();
        complete::extend_encode(&mut out, &frame, false)
            .map_err(|error| LinkError::Away(format!("unreadable reply: {error}")))?;
        Ok(out.freeze())
    }

    /// Waits until the connection is lost.
    pub(super) async fn closed(&mut self) {
        // Whether fred calls the end an error or not, it is the end.
        let _ = (&mut self.connection).await;
    }

    /// Says goodbye to the server.
    pub(super) async fn close(self) {
        if self.client.quit().await.is_err() {
            tracing::trace!("the connection had ended before it was closed");
        }
    }

    async fn command(&self, words: Vec<Bytes>) -> Result<Resp3Frame, LinkError> {
        let mut words = words.into_iter();
        let name = words.next().unwrap_or_default();
        let name = String::from_utf8_lossy(&name).into_owned();
        let command = CustomCommand::new(name, ClusterHash::FirstKey, false);
        let options = Options {
            max_attempts: Some(1),
            timeout: Some(COMMAND_TIMEOUT),
            fail_fast: true,
            ..Options::default()
        };
        let arguments = words.map(Value::Bytes).collect();
        self.client.with_options(&options).custom_raw(command, arguments).await.map_err(away)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

fn config(endpoint: &Endpoint) -> Config {
    let server = match &endpoint.address {
        Address::Tcp { host, port } | Address::Tls { host, port } => {
            ServerConfig::Centralized { server: Server::new(host.as_str(), *port) }
        }
        Address::Unix(path) => ServerConfig::Unix { path: path.clone() },
    };
    let credentials = endpoint.credentials.as_ref();
    let password = credentials.map(|c| String::from_utf8_lossy(c.password.expose()).into_owned());
    Config {
        server,
        username: credentials.and_then(|c| c.user.clone()),
        password,
        tls: endpoint.tls.as_ref().map(|tls| TlsConnector::from(tls.connector()).into()),
        fail_fast: true,
        ..Config::default()
    }
}

fn away(error: FredError) -> LinkError {
    // fred gives errors of the system as the programmer sees them.
    let details = error.details();
    let told = details.split_once("message: \"").and_then(|(_, rest)| rest.split_once('"'));
    let text = told.map_or(details, |(message, _)| message);
    let text = text.split(" (os error").next().unwrap_or_default().to_owned();
    match error.kind() {
        ErrorKind::Timeout => LinkError::Away("timed out".into()),
        ErrorKind::Auth => LinkError::Refused(text),
        _ => LinkError::Away(text),
    }
}
