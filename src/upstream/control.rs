//! The control plane: our own commands to the upstream, beside and apart from those of the clients.

mod agreement;
mod health;
mod housekeeping;
mod link;

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    session,
    upstream::{
        served::ServedDatabases,
        topology::{Finder, Topology},
    },
};
use health::State;

pub use health::ServerInfo;

/// The removal of expired sessions, as configured.
#[derive(Clone, Debug)]
pub struct Housekeeping {
    /// How often; zero is never.
    pub every: Duration,
    /// In which databases beside the served ones; none is the endpoint's.
    pub databases: Vec<u32>,
}

impl Default for Housekeeping {
    fn default() -> Self {
        Self { every: Duration::from_secs(600), databases: Vec::new() }
    }
}

/// The tasks that watch the upstream and keep it tidy.
#[derive(Debug)]
pub struct Control {
    state: watch::Receiver<State>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Control {
    /// Starts the tasks, `finder` among them where the topology needs one, and waits, at most `connect_timeout`, for the first
    /// contact. An upstream that is away is logged, looked for until [`Control::stop`], and is no error.
    pub async fn start(
        topology: &Topology,
        finder: Option<Finder>,
        connect_timeout: Duration,
        housekeeping: &Housekeeping,
        session: &session::Settings,
        served: Arc<ServedDatabases>,
    ) -> Self {
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let (sender, mut state) = watch::channel(State::Unknown);
        let watched = health::watch(
            topology.clone(),
            connect_timeout,
            agreement::Inquiry::new(session.clone()),
            sender,
        );
        tasks.spawn(stop.clone().run_until_cancelled_owned(watched));
        if let Some(finder) = finder {
            tasks.spawn(stop.clone().run_until_cancelled_owned(finder.run()));
        }
        if !housekeeping.every.is_zero() {
            let keeper = housekeeping::Keeper {
                topology: topology.clone(),
                connect_timeout,
                settings: housekeeping.clone(),
                session: session.clone(),
                served,
            };
            tasks.spawn(stop.clone().run_until_cancelled_owned(keeper.run()));
        }
        tasks.close();
        let known = state.wait_for(|state| !matches!(state, State::Unknown));
        // Name resolution is not bounded by the time-out of a connection.
        let _ = tokio::time::timeout(connect_timeout, known).await;
        Self { state, stop, tasks }
    }

    /// What the upstream is, `None` while it is away.
    pub fn server(&self) -> Option<ServerInfo> {
        match &*self.state.borrow() {
            State::Up(server) => Some(server.clone()),
            State::Unknown | State::Away => None,
        }
    }

    /// Ends the tasks. A batch under way is left to the server; the next round takes up the rest.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{link::Link, *};
    use crate::{
        secret::Secret,
        upstream::{
            address::{Address, Credentials, Endpoint},
            embedded::{self, Embedded},
        },
    };

    /// Bounds what would otherwise hang; nothing waits for it to pass.
    const PATIENCE: Duration = Duration::from_secs(30);

    fn settings(folder: &tempfile::TempDir) -> embedded::Settings {
        embedded::Settings { data_dir: folder.path().to_owned(), program: None }
    }

    async fn redis(folder: &tempfile::TempDir) -> Embedded {
        Embedded::start(&settings(folder), CancellationToken::new()).await.unwrap()
    }

    async fn call(link: &Link, words: &[&'static str]) -> Bytes {
        link.call(words.iter().map(|word| Bytes::from_static(word.as_bytes())).collect())
            .await
            .unwrap()
    }

    async fn control(endpoint: &Endpoint, housekeeping: &Housekeeping) -> Control {
        let served = Arc::new(ServedDatabases::default());
        let session = session::Settings::default();
        let (topology, _) = Topology::of(&endpoint.clone().into(), PATIENCE);
        Control::start(&topology, None, PATIENCE, housekeeping, &session, served).await
    }

    fn never() -> Housekeeping {
        Housekeeping { every: Duration::ZERO, databases: Vec::new() }
    }

    #[tokio::test]
    async fn a_link_gives_raw_replies_in_its_database() {
        let folder = tempfile::tempdir().unwrap();
        let redis = redis(&folder).await;
        let link = Link::open(redis.endpoint(), 7, PATIENCE).await.unwrap();
        assert_eq!(call(&link, &["SET", "k", "v"]).await, "+OK\r\n");
        assert_eq!(call(&link, &["GET", "none"]).await, "_\r\n");
        assert_eq!(
            call(&link, &["EVAL", "return {1,'a',false}", "0"]).await,
            "*3\r\n:1\r\n$1\r\na\r\n_\r\n"
        );
        assert_eq!(call(&link, &["NO-SUCH"]).await.first(), Some(&b'-'));
        let reply =
            call(&link, &["EVALSHA", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "0"]).await;
        assert!(reply.starts_with(b"-NOSCRIPT "), "{reply:?}");
        link.close().await;

        let other = Link::open(redis.endpoint(), 0, PATIENCE).await.unwrap();
        assert_eq!(call(&other, &["EXISTS", "k"]).await, ":0\r\n");
        let beyond = Link::open(redis.endpoint(), 16, PATIENCE).await.map(|_| ());
        assert_eq!(beyond.unwrap_err().to_string(), "ERR DB index is out of range");
        drop(other);
        redis.stop().await;
    }

    #[tokio::test]
    async fn a_link_logs_in_as_the_configured_user() {
        let folder = tempfile::tempdir().unwrap();
        let redis = redis(&folder).await;
        let link = Link::open(redis.endpoint(), 0, PATIENCE).await.unwrap();
        call(&link, &["ACL", "SETUSER", "app", "on", ">right", "~*", "+@all"]).await;
        let mut endpoint = redis.endpoint().clone();
        let credentials = |password| {
            Some(Credentials { user: Some("app".into()), password: Secret::new(password) })
        };
        endpoint.credentials = credentials("right");
        let user = Link::open(&endpoint, 0, PATIENCE).await.unwrap();
        assert_eq!(call(&user, &["ACL", "WHOAMI"]).await, "$3\r\napp\r\n");
        endpoint.credentials = credentials("wrong");
        let refused = Link::open(&endpoint, 0, PATIENCE).await.map(|_| ()).unwrap_err();
        assert!(refused.to_string().contains("WRONGPASS"), "{refused}");
        drop((link, user));
        redis.stop().await;
    }

    #[tokio::test]
    async fn it_knows_when_the_upstream_goes_and_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let server = redis(&folder).await;
        let mut control = control(server.endpoint(), &never()).await;
        assert_eq!(control.server().unwrap().role, "master");
        server.stop().await;
        let away = control.state.wait_for(|state| *state == State::Away);
        tokio::time::timeout(PATIENCE, away).await.unwrap().unwrap();
        assert_eq!(control.server(), None);
        let server = redis(&folder).await;
        let up = control.state.wait_for(|state| matches!(state, State::Up(_)));
        tokio::time::timeout(PATIENCE, up).await.unwrap().unwrap();
        control.stop().await;
        server.stop().await;
    }

    #[tokio::test]
    async fn an_upstream_that_is_away_holds_nothing_up() {
        let folder = tempfile::tempdir().unwrap();
        let endpoint = Endpoint::new(Address::Unix(folder.path().join("none")));
        let control =
            tokio::time::timeout(PATIENCE / 2, control(&endpoint, &never())).await.unwrap();
        assert_eq!(control.server(), None);
        tokio::time::timeout(PATIENCE, control.stop()).await.unwrap();
    }

    #[tokio::test]
    async fn expired_sessions_go_where_sessions_were_served_and_where_it_is_configured() {
        let folder = tempfile::tempdir().unwrap();
        let redis = redis(&folder).await;
        let mut links = Vec::new();
        for database in [0, 3, 9] {
            let link = Link::open(redis.endpoint(), database, PATIENCE).await.unwrap();
            let hash = ["id", "u", "r", "1", "w", "1", "ip", "i", "la", "1000", "ttl", "10"];
            call(&link, &[&["HSET", "rs:app:t"][..], &hash].concat()).await;
            call(&link, &["ZADD", "rs:SESSIONS", "1010", "app:t:u"]).await;
            links.push(link);
        }
        let served = Arc::new(ServedDatabases::default());
        served.insert(3);
        let often = Housekeeping { every: Duration::from_millis(5), databases: vec![9] };
        let session = session::Settings::default();
        let (topology, _) = Topology::of(&redis.endpoint().clone().into(), PATIENCE);
        let control =
            Control::start(&topology, None, PATIENCE, &often, &session, Arc::clone(&served)).await;
        let gone = async |link| while call(link, &["EXISTS", "rs:app:t"]).await != ":0\r\n" {};
        let both = async { (gone(&links[1]).await, gone(&links[2]).await) };
        tokio::time::timeout(PATIENCE, both).await.unwrap();
        // Neither named nor served: a configured list replaces the endpoint's own database.
        assert_eq!(call(&links[0], &["EXISTS", "rs:app:t"]).await, ":1\r\n");
        served.insert(0);
        tokio::time::timeout(PATIENCE, gone(&links[0])).await.unwrap();
        assert_eq!(call(&links[0], &["ZCARD", "rs:SESSIONS"]).await, ":0\r\n");
        control.stop().await;
        drop(links);
        redis.stop().await;
    }
}
