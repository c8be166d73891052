//! One look: all Sentinels are asked at once which server is the primary, and those servers whether they are.

use std::time::Duration;

use bytes::Bytes;
use tokio::{
    task::JoinSet,
    time::{Instant, timeout_at},
};

use crate::{
    resp::reply,
    upstream::{
        address::{Address, Endpoint},
        connect::{Talk, is_replica, within},
        site::{Group, Site},
    },
};

/// How long the answers of further Sentinels are waited for when one has named a server that is a primary.
const OTHERS: Duration = Duration::from_millis(100);

/// What a server says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// It is a primary, or does not tell who may not ask.
    Primary,
    /// It is a replica.
    Replica,
    /// It does not answer.
    Nothing,
}

/// What a look has found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The servers that say of themselves that they are primaries, with the number of Sentinels that name them.
    votes: Vec<(Address, usize)>,
    /// Sentinels that others know of.
    pub(super) sentinels: Vec<Address>,
    /// Why no other server was named, for the log.
    pub(super) why: String,
}

impl Found {
    /// The primary: the server that most Sentinels name; among equals the present one.
    pub(super) fn primary(&self, present: Option<&Address>) -> Option<&Address> {
        let most = self.votes.iter().map(|(_, votes)| *votes).max()?;
        let mut first = self.votes.iter().filter(|(_, votes)| *votes == most).map(|(at, _)| at);
        let is_present = |at: &&Address| Some(*at) == present;
        first.clone().find(is_present).or_else(|| first.next())
    }

    fn vote(&mut self, address: Address) {
        match self.votes.iter_mut().find(|(known, _)| *known == address) {
            Some((_, votes)) => *votes += 1,
            None => self.votes.push((address, 1)),
        }
    }
}

/// What one Sentinel says, and the server that it names.
struct Heard {
    named: Address,
    says: Says,
    sentinels: Vec<Address>,
}

/// Asks all of `sentinels`; those that do not answer in `timeout` are not waited for.
pub(super) async fn look(
    site: &Site,
    group: &Group,
    sentinels: &[Address],
    timeout: Duration,
) -> Found {
    let mut asked = JoinSet::new();
    for sentinel in sentinels {
        asked.spawn(ask(site.clone(), group.clone(), sentinel.clone(), timeout));
    }
    let mut found = Found { why: "no Sentinel answers".to_owned(), ..Found::default() };
    let mut end = Instant::now() + timeout;
    while let Ok(Some(heard)) = timeout_at(end, asked.join_next()).await {
        match heard {
            Ok(Ok(Heard { named, says, sentinels })) => {
                found.sentinels.extend(sentinels);
                match says {
                    Says::Primary => {
                        found.vote(named);
                        end = end.min(Instant::now() + OTHERS);
                    }
                    Says::Replica => found.why = format!("{named} is named, and is a replica"),
                    Says::Nothing => found.why = format!("{named} is named, and does not answer"),
                }
            }
            Ok(Err(why)) => found.why = why,
            Err(error) => tracing::error!(%error, "a Sentinel could not be asked"),
        }
    }
    found
}

async fn ask(
    site: Site,
    group: Group,
    sentinel: Address,
    timeout: Duration,
) -> Result<Heard, String> {
    let endpoint = at_sentinel(&site, &group, sentinel.clone());
    let asked = async {
        let mut talk = Talk::open(&endpoint, timeout).await?;
        let service = group.service.as_bytes();
        let named = talk.ask(&[b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", service]).await?;
        let others = talk.ask(&[b"SENTINEL", b"SENTINELS", service]).await?;
        Ok((named, others))
    };
    let (named, others) =
        within(timeout, asked).await.map_err(|why| format!("Sentinel {sentinel}: {why}"))?;
    let like = |host, port| match sentinel {
        Address::Tls { .. } => Address::Tls { host, port },
        Address::Tcp { .. } | Address::Unix(_) => Address::Tcp { host, port },
    };
    let Some(named) = named_in(&named).map(|(host, port)| like(host, port)) else {
        let words =
            reply::error_text(&named).map(|text| String::from_utf8_lossy(text).into_owned());
        let words = words.unwrap_or_else(|| format!("it does not know {}", group.service));
        return Err(format!("Sentinel {sentinel}: {words}"));
    };
    let says = says(&site.at(named.clone()), timeout).await;
    let sentinels = sentinels_in(&others).into_iter().map(|(host, port)| like(host, port));
    Ok(Heard { named, says, sentinels: sentinels.collect() })
}

/// A Sentinel as a server to speak to.
pub(super) fn at_sentinel(site: &Site, group: &Group, address: Address) -> Endpoint {
    let (credentials, tls) = (group.credentials.clone(), site.tls.clone());
    Endpoint { address, credentials, database: 0, tls }
}

/// Asks a server whether it is a primary.
pub(super) async fn says(endpoint: &Endpoint, timeout: Duration) -> Says {
    let asked = async { Talk::open(endpoint, timeout).await?.ask(&[b"ROLE"]).await };
    match within(timeout, asked).await {
        Ok(frame) if is_replica(&frame) => Says::Replica,
        Ok(_) => Says::Primary,
        Err(_) => Says::Nothing,
    }
}

/// Host and port in the answer to `SENTINEL GET-MASTER-ADDR-BY-NAME`.
fn named_in(frame: &Bytes) -> Option<(String, u16)> {
    let mut words = reply::elements(frame)?.flatten().filter_map(reply::as_bulk);
    place(words.next()?, words.next()?)
}

/// The places in the answer to `SENTINEL SENTINELS`: for each an array of names and values.
fn sentinels_in(frame: &Bytes) -> Vec<(String, u16)> {
    let of_one = |one: &[u8]| {
        let mut words = reply::elements(one)?.flatten().filter_map(reply::as_bulk);
        let (mut ip, mut port) = (None, None);
        while let (Some(name), Some(value)) = (words.next(), words.next()) {
            match name {
                b"ip" => ip = Some(value),
                b"port" => port = Some(value),
                _ => {}
            }
        }
        place(ip?, port?)
    };
    reply::elements(frame).into_iter().flatten().flatten().filter_map(of_one).collect()
}

fn place(host: &[u8], port: &[u8]) -> Option<(String, u16)> {
    let host = std::str::from_utf8(host).ok().filter(|host| !host.is_empty())?;
    let port = std::str::from_utf8(port).ok()?.parse().ok().filter(|port| *port != 0)?;
    Some((host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(port: u16) -> Address {
        Address::Tcp { host: "h".into(), port }
    }

    #[test]
    fn most_sentinels_decide_and_among_equals_nothing_changes() {
        let mut found = Found::default();
        assert_eq!(found.primary(Some(&tcp(1))), None);
        found.vote(tcp(1));
        found.vote(tcp(2));
        assert_eq!(found.primary(Some(&tcp(2))), Some(&tcp(2)));
        assert_eq!(found.primary(Some(&tcp(1))), Some(&tcp(1)));
        assert_eq!(found.primary(None), Some(&tcp(1)));
        found.vote(tcp(2));
        assert_eq!(found.primary(Some(&tcp(1))), Some(&tcp(2)));
    }

    #[test]
    fn answers_of_sentinels_are_read() {
        let named = Bytes::from_static(b"*2\r\n$9\r\n127.0.0.1\r\n$4\r\n7000\r\n");
        assert_eq!(named_in(&named), Some(("127.0.0.1".to_owned(), 7000)));
        for none in [&b"*-1\r\n"[..], b"-ERR x\r\n", b"*2\r\n$1\r\nh\r\n$1\r\n0\r\n"] {
            assert_eq!(named_in(&Bytes::from_static(none)), None);
        }
        let others = b"*2\r\n*4\r\n$2\r\nip\r\n$1\r\nh\r\n$4\r\nport\r\n$1\r\n7\r\n*2\r\n$2\r\nip\r\n$1\r\ng\r\n";
        assert_eq!(sentinels_in(&Bytes::from_static(others)), [("h".to_owned(), 7)]);
    }
}
