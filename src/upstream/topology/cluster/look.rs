//! One look: all known nodes of a cluster are asked at once, and those that they name.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::BytesMut;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::view::View;
use crate::{
    resp::encode,
    upstream::{
        address::{Address, Endpoint},
        connect::{Talk, within},
        site::Site,
    },
};

/// How long further nodes are waited for when most of those that have answered agree: one that is silent must not hold up the
/// others.
const OTHERS: Duration = Duration::from_millis(100);
/// How long they are waited for when all that have answered were of no help: some of these may be just about to start.
const ALONE: Duration = Duration::from_secs(1);
/// How many nodes are asked. In larger clusters these know of the others.
pub(super) const KNOWN: usize = 64;

/// What a look has found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What the nodes say.
    pub(super) views: Vec<View>,
    /// All that were asked.
    pub(super) asked: Vec<Address>,
    /// Nodes that did not help, and why.
    pub(super) failures: Vec<(Address, String)>,
    /// How many have still to answer: of those asked in this look, and of those in an earlier one.
    awaited: usize,
    late: usize,
    /// How many nodes share one view, for each view that differs: its place among the views, and the number.
    shares: Vec<(usize, usize)>,
}

impl Found {
    /// Adds what a node says.
    pub(super) fn add(&mut self, view: View) {
        let same = |(first, _): &&mut (usize, usize)| self.views[*first].map == view.map;
        match self.shares.iter_mut().find(same) {
            Some((_, share)) => *share += 1,
            None => self.shares.push((self.views.len(), 1)),
        }
        self.views.push(view);
    }

    /// Whether most of those that have answered agree.
    fn is_agreed(&self) -> bool {
        self.shares.iter().any(|(_, share)| 2 * share > self.views.len())
    }
}

/// Who asks the nodes of a cluster.
///
/// Connections stay open between looks, so that most of these take one round trip. Who has not answered when a look ends may
/// do so in the next one: else one that is far away would be cut off each time before it is connected.
pub(super) struct Asker {
    site: Arc<Site>,
    timeout: Duration,
    talks: HashMap<Address, Talk>,
    answers: JoinSet<Answer>,
    /// Who has been asked and has not answered, and whether that was in an earlier look.
    pending: HashMap<Address, bool>,
}

/// What has come of asking a node: what it says, and the connection on which it has said that.
type Answer = (Address, Result<(View, Talk), String>);

impl Asker {
    /// Asks the nodes of `site`. Each may take `timeout`.
    pub(super) fn new(site: Arc<Site>, timeout: Duration) -> Self {
        let (talks, answers, pending) = Default::default();
        Self { site, timeout, talks, answers, pending }
    }

    /// Asks the nodes at `known` and all that they name, up to [`KNOWN`].
    pub(super) async fn look(&mut self, known: &[Address]) -> Found {
        let mut found = Found::default();
        self.ask(&mut found, known);
        let end = sleep(self.timeout);
        tokio::pin!(end);
        loop {
            // As long as others answer nobody is waited for twice.
            let answer = match found.awaited > 0 || found.views.is_empty() && found.late > 0 {
                true => tokio::select! {
                    answer = self.answers.join_next() => answer,
                    () = &mut end => break,
                },
                false => match self.answers.try_join_next() {
                    None => break,
                    answer => answer,
                },
            };
            let Some(Ok((node, said))) = answer else {
                // Who it was that did not end as it should is not known: all are asked anew.
                *self = Self::new(Arc::clone(&self.site), self.timeout);
                break;
            };
            let is_late = self.pending.remove(&node) == Some(true);
            let is_asked = found.asked.contains(&node);
            found.late -= usize::from(is_asked && is_late);
            found.awaited -= usize::from(is_asked && !is_late);
            match said {
                Ok((view, talk)) if is_asked => {
                    self.ask(&mut found, &view.nodes);
                    self.talks.insert(node, talk);
                    found.add(view);
                }
                // It has been asked in the last look, and may be named in this one.
                Ok((_, talk)) => drop(self.talks.insert(node, talk)),
                Err(why) => found.failures.push((node, why)),
            }
            let patience = match found.is_agreed() {
                true => Some(OTHERS),
                false => found.views.is_empty().then_some(ALONE),
            };
            if let Some(soon) = patience.map(|patience| Instant::now() + patience)
                && soon < end.deadline()
            {
                end.as_mut().reset(soon);
            }
        }
        self.pending.values_mut().for_each(|is_late| *is_late = true);
        // Nobody asks those again that are not known any more.
        self.talks.retain(|node, _| found.asked.contains(node));
        found
    }

    /// Asks those of `nodes` that have not been asked in this look.
    fn ask(&mut self, found: &mut Found, nodes: &[Address]) {
        for node in nodes {
            if found.asked.len() == KNOWN || found.asked.contains(node) {
                continue;
            }
            found.asked.push(node.clone());
            if self.pending.contains_key(node) {
                found.late += 1;
            } else {
                found.awaited += 1;
                self.pending.insert(node.clone(), false);
                let (endpoint, kept) = (self.site.at(node.clone()), self.talks.remove(node));
                self.answers.spawn(ask(endpoint, kept, self.timeout));
            }
        }
    }
}

async fn ask(node: Endpoint, kept: Option<Talk>, timeout: Duration) -> Answer {
    let asked = async {
        if let Some(mut talk) = kept
            && let Ok(view) = within(ALONE, question(&node.address, &mut talk)).await
        {
            return Ok((view, talk));
        }
        let mut talk = Talk::open(&node, timeout).await?;
        let view = question(&node.address, &mut talk).await?;
        Ok((view, talk))
    };
    let said = within(timeout, asked).await;
    (node.address, said)
}

/// Everything at once, so that it takes one round trip and the answers belong together.
async fn question(node: &Address, talk: &mut Talk) -> Result<View, String> {
    let mut questions = BytesMut::new();
    encode::command(&mut questions, ["CLUSTER", "SLOTS"]);
    encode::command(&mut questions, ["CLUSTER", "INFO"]);
    encode::command(&mut questions, ["ROLE"]);
    talk.say(&questions).await?;
    let replies = [talk.hear().await?, talk.hear().await?, talk.hear().await?];
    View::read(node.clone(), &replies)
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        sync::watch,
    };

    use super::*;
    use crate::upstream::site::{Place, Seeds};

    /// Bounds what would otherwise hang; nothing waits for it to pass.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// A node that names these ports, and says nothing as long as it may not speak.
    struct Node {
        listener: TcpListener,
        port: u16,
        speaks: watch::Sender<bool>,
        /// How many connections it has had.
        met: watch::Sender<usize>,
    }

    impl Node {
        async fn new(speaks: bool) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            Self { listener, port, speaks: watch::Sender::new(speaks), met: watch::Sender::new(0) }
        }

        fn address(&self) -> Address {
            Address::Tcp { host: "127.0.0.1".into(), port: self.port }
        }

        async fn run(&self, named: [u16; 2]) {
            let node = |port: u16| format!("*2\r\n$0\r\n\r\n:{port}\r\n");
            let [first, second] = named.map(node);
            let slots = format!("*1\r\n*4\r\n:0\r\n:16383\r\n{first}{second}");
            let said = format!("{slots}$0\r\n\r\n*1\r\n$6\r\nmaster\r\n");
            let mut conversations = JoinSet::new();
            loop {
                let (mut stream, _) = self.listener.accept().await.unwrap();
                self.met.send_modify(|met| *met += 1);
                let (said, mut speaks) = (said.clone(), self.speaks.subscribe());
                conversations.spawn(async move {
                    let (mut heard, mut part) = (String::new(), [0; 512]);
                    loop {
                        let len = stream.read(&mut part).await.unwrap_or(0);
                        if len == 0 {
                            return;
                        }
                        heard += std::str::from_utf8(&part[..len]).unwrap();
                        if heard.ends_with("ROLE\r\n") {
                            heard.clear();
                            speaks.wait_for(|speaks| *speaks).await.unwrap();
                            stream.write_all(said.as_bytes()).await.unwrap();
                        }
                    }
                });
            }
        }
    }

    fn asker(seed: Address) -> Asker {
        let place = Place::Cluster(Seeds { nodes: vec![seed] });
        let site = Site { place, credentials: None, database: 0, tls: None };
        Asker::new(Arc::new(site), PATIENCE)
    }

    fn heard(found: &Found) -> Vec<Address> {
        found.views.iter().map(|view| view.of.clone()).collect()
    }

    #[tokio::test]
    async fn who_is_slow_has_time_until_the_next_look() {
        let (quick, slow) = (Node::new(true).await, Node::new(false).await);
        let named = [quick.port, slow.port];
        let looks = async {
            let mut asker = asker(quick.address());
            let first = asker.look(&[quick.address()]).await;
            let both = [quick.address(), slow.address()];
            assert_eq!((heard(&first), &first.asked[..]), (vec![quick.address()], &both[..]));
            // It is waited for once.
            for _ in 0..1000 {
                assert_eq!(heard(&asker.look(&both).await), [quick.address()]);
            }
            slow.speaks.send_replace(true);
            while asker.look(&both).await.views.len() < 2 {}
            for _ in 0..3 {
                let found = asker.look(&[quick.address()]).await;
                assert!(both.iter().all(|node| heard(&found).contains(node)));
            }
            // Connections are kept.
            assert_eq!((*quick.met.borrow(), *slow.met.borrow()), (1, 1));
            asker.pending.clear();
            let alone = asker.look(&[]).await;
            assert!(alone.views.is_empty() && alone.asked.is_empty() && asker.talks.is_empty());
        };
        tokio::select! {
            () = looks => {}
            () = quick.run(named) => {}
            () = slow.run(named) => {}
            () = sleep(PATIENCE) => panic!("a silent node holds up the others"),
        }
    }

    #[tokio::test]
    async fn a_kept_connection_that_is_lost_is_made_anew() {
        let node = Node::new(true).await;
        let (named, known) = ([node.port, node.port], [node.address()]);
        let mut asker = asker(node.address());
        for round in 1..=3 {
            // Its connections end with each round.
            tokio::select! {
                found = asker.look(&known) => {
                    assert_eq!(heard(&found), known);
                    assert_eq!(*node.met.borrow(), round);
                }
                () = node.run(named) => {}
            }
        }
    }

    #[tokio::test]
    async fn why_nobody_answers_is_told() {
        let gone = Node::new(true).await.address();
        let found = asker(gone.clone()).look(std::slice::from_ref(&gone)).await;
        assert_eq!(found.failures, [(gone, "connection refused".to_owned())]);
        assert!(found.views.is_empty());
    }
}
