//! STAND-IN
use sessiond::{
    server::{Server, Settings},
    session,
    upstream::{
        address::{Address, Endpoint},
        served::ServedDatabases,
        settings as upstream,
    },
};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut args = std::env::args().skip(1);
    let mut settings = Settings::default();
    let mut up = upstream::Settings::default();
    let mut port = 6379;
    while let Some(a) = args.next() {
        let v = args.next().unwrap();
        match a.as_str() {
            "--listen" => settings.listen = v.parse().unwrap(),
            "--workers" => settings.workers = v.parse().unwrap(),
            "--upstream-mode" => {
                up.mode = if v == "dedicated" {
                    upstream::Mode::Dedicated
                } else {
                    upstream::Mode::Shared
                }
            }
            "--upstream" => {
                port = v.rsplit(':').next().unwrap().trim_end_matches('/').parse().unwrap()
            }
            _ => {}
        }
    }
    let endpoint = Endpoint::new(Address::Tcp { host: "127.0.0.1".into(), port });
    let shutdown = CancellationToken::new();
    let server = Server::bind(
        &settings,
        &up,
        &session::Settings::default(),
        endpoint,
        Arc::new(ServedDatabases::default()),
        shutdown,
    )
    .await
    .unwrap();
    server.run().await.unwrap();
}
