//! One look: all Sentinels are asked at once which server is the primary, and those servers whether they are.

use std::time::Duration;

use bytes::Bytes;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    resp::reply,
    upstream::{
        address::{Address, Endpoint},
        connect::{Talk, is_replica, within},
        doubt::Doubt,
        site::{Group, Site},
    },
};

/// How long further Sentinels are waited for when one has named a server that is a primary, when most have answered, or when
/// there is news: one that is silent must not hold up the others.
const OTHERS: Duration = Duration::from_millis(100);

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// It is a primary, or does not tell who may not ask.
    Primary,
    /// It is a replica.
    Replica,
    /// It does not answer, or does not let us ask; the reason.
    Nothing(String),
}

/// What a look has found.
#[derive(Debug, Default)]
pub(super) struct Found {
    candidates: Vec<Candidate>,
    /// How many Sentinels were asked.
    asked: usize,
    /// Not all of them have answered.
    incomplete: bool,
    /// Sentinels that others know of.
    pub(super) sentinels: Vec<Address>,
    /// Why a Sentinel that was asked did not help.
    why: Option<String>,
}

/// A server that Sentinels name as the primary.
#[derive(Debug)]
struct Candidate {
    address: Address,
    votes: usize,
    /// What it says itself, once that is known.
    says: Option<Says>,
}

impl Found {
    /// The primary: of the servers that say so themselves the one that most Sentinels name. One that is the primary at present
    /// and says so gives way only to one that more than half of all Sentinels name: some may be cut off from the others, or
    /// late, or wrong.
    pub(super) fn primary(&self, present: Option<&Address>) -> Option<&Address> {
        let proven = self.candidates.iter().filter(|one| one.says == Some(Says::Primary));
        let still = proven.clone().find(|one| Some(&one.address) == present);
        let best = proven.max_by_key(|one| (one.votes, Some(&one.address) == present))?;
        let found = match still {
            Some(still) if 2 * best.votes <= self.asked => still,
            _ if best.votes > 0 || still.is_some() => best,
            _ => return None,
        };
        Some(&found.address)
    }

    /// Whether a Sentinel that has not answered could have made another server than `found` the primary.
    pub(super) fn is_disputed(&self, found: &Address) -> bool {
        self.incomplete && self.candidates.iter().any(|one| one.votes > 0 && one.address != *found)
    }

    /// What the present primary says of itself.
    pub(super) fn says(&self, present: &Address) -> Option<&Says> {
        self.candidates.iter().find(|one| one.address == *present)?.says.as_ref()
    }

    /// Why there is none.
    pub(super) fn why(&self) -> String {
        let named = || self.candidates.iter().filter(|one| one.votes > 0);
        let told = named().find_map(|one| match one.says.as_ref()? {
            Says::Primary => None,
            Says::Replica => Some(format!("{} is named, and is a replica", one.address)),
            Says::Nothing(why) => Some(format!("{} is named, but {why}", one.address)),
        });
        let told = told.or_else(|| {
            named().next().map(|one| format!("{} is named, and does not answer", one.address))
        });
        told.or_else(|| self.why.clone()).unwrap_or_else(|| "no Sentinel answers".to_owned())
    }

    /// Counts a vote; true for a server that is new.
    fn vote(&mut self, address: &Address) -> bool {
        let is_new = self.know(address);
        let one = self.candidates.iter_mut().find(|one| one.address == *address);
        one.into_iter().for_each(|one| one.votes += 1);
        is_new
    }

    fn know(&mut self, address: &Address) -> bool {
        let is_new = self.candidates.iter().all(|one| one.address != *address);
        if is_new {
            self.candidates.push(Candidate { address: address.clone(), votes: 0, says: None });
        }
        is_new
    }

    fn prove(&mut self, address: &Address, says: Says) {
        if let Some(one) = self.candidates.iter_mut().find(|one| one.address == *address) {
            one.says = Some(says);
        }
    }

    /// Whether a server that is named says that it is a primary.
    fn is_named(&self) -> bool {
        self.candidates.iter().any(|one| one.votes > 0 && one.says == Some(Says::Primary))
    }

    /// Whether every server that was named has said what it is.
    fn is_settled(&self) -> bool {
        self.candidates.iter().all(|one| one.says.is_some())
    }
}

/// Asks all of `sentinels`, and the servers that they name; those that do not answer in `timeout` are not waited for.
pub(super) async fn look(
    site: &Site,
    group: &Group,
    sentinels: &[Address],
    timeout: Duration,
    present: Option<&Endpoint>,
    doubt: &Doubt,
) -> Found {
    let (mut asked, mut proofs) = (JoinSet::new(), JoinSet::new());
    for sentinel in sentinels {
        asked.spawn(ask(site.clone(), group.clone(), sentinel.clone(), timeout));
    }
    let mut found = Found { asked: sentinels.len(), ..Found::default() };
    let prove = |proofs: &mut JoinSet<_>, endpoint: Endpoint| {
        proofs.spawn(async move {
            let says = says(&endpoint, timeout).await;
            (endpoint.address, says)
        });
    };
    if let Some(present) = present {
        found.know(&present.address);
        prove(&mut proofs, present.clone());
    }
    let (mut answers, mut doubted) = (0, false);
    let end = sleep(timeout);
    tokio::pin!(end);
    while !asked.is_empty() || !proofs.is_empty() {
        tokio::select! {
            Some(heard) = asked.join_next() => {
                answers += 1;
                match heard.unwrap_or_else(|error| Err(error.to_string())) {
                    Ok((named, others)) => {
                        found.sentinels.extend(others);
                        if found.vote(&named) {
                            prove(&mut proofs, site.at(named));
                        }
                    }
                    Err(why) => found.why = Some(why),
                }
            }
            Some(Ok((address, says))) = proofs.join_next() => found.prove(&address, says),
            () = doubt.raised(), if answers > 0 && !doubted => doubted = true,
            () = &mut end => break,
        }
        let most = 2 * answers >= sentinels.len() && found.is_settled();
        if doubted || most || found.is_named() {
            let soon = Instant::now() + OTHERS;
            if soon < end.deadline() {
                end.as_mut().reset(soon);
            }
        }
    }
    found.incomplete = !asked.is_empty();
    if doubted {
        // What was asked before the news has to be asked again.
        doubt.raise();
    }
    found
}

/// The server that a Sentinel names, and the other Sentinels that it knows.
async fn ask(
    site: Site,
    group: Group,
    sentinel: Address,
    timeout: Duration,
) -> Result<(Address, Vec<Address>), String> {
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
    let others = sentinels_in(&others).into_iter().map(|(host, port)| like(host, port));
    Ok((named, others.collect()))
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
        Err(why) => Says::Nothing(why),
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
        assert!(found.vote(&tcp(1)) && found.vote(&tcp(2)) && found.vote(&tcp(3)));
        assert!(!found.is_settled());
        found.prove(&tcp(1), Says::Primary);
        found.prove(&tcp(2), Says::Primary);
        found.prove(&tcp(3), Says::Replica);
        assert!(found.is_settled());
        assert_eq!(found.primary(Some(&tcp(2))), Some(&tcp(2)));
        assert_eq!(found.primary(Some(&tcp(1))), Some(&tcp(1)));
        assert!(!found.vote(&tcp(2)));
        assert_eq!(found.primary(Some(&tcp(9))), Some(&tcp(2)));
        assert!(!found.vote(&tcp(3)) && !found.vote(&tcp(3)));
        assert_eq!(found.primary(Some(&tcp(9))), Some(&tcp(2)));
        // Two of three outvote one that says that it still is the primary, one of three does not.
        found.asked = 3;
        assert_eq!(found.primary(Some(&tcp(1))), Some(&tcp(2)));
        found.asked = 4;
        assert_eq!(found.primary(Some(&tcp(1))), Some(&tcp(1)));
    }

    #[test]
    fn the_last_primary_stays_when_nobody_names_one() {
        let mut found = Found { asked: 3, ..Found::default() };
        assert!(found.know(&tcp(1)) && !found.know(&tcp(1)));
        assert_eq!(found.primary(Some(&tcp(1))), None);
        found.prove(&tcp(1), Says::Primary);
        assert_eq!(found.primary(Some(&tcp(1))), Some(&tcp(1)));
        assert_eq!(found.primary(None), None);
        found.prove(&tcp(1), Says::Replica);
        assert_eq!(found.primary(Some(&tcp(1))), None);
        assert_eq!(found.says(&tcp(1)), Some(&Says::Replica));
    }

    #[test]
    fn it_is_said_why_there_is_no_primary() {
        let mut found = Found::default();
        assert_eq!(found.why(), "no Sentinel answers");
        found.why = Some("Sentinel x: connection refused".to_owned());
        assert_eq!(found.why(), "Sentinel x: connection refused");
        found.vote(&tcp(1));
        assert_eq!(found.why(), "redis://h:1 is named, and does not answer");
        found.prove(&tcp(1), Says::Nothing("WRONGPASS x".to_owned()));
        assert_eq!(found.why(), "redis://h:1 is named, but WRONGPASS x");
        found.prove(&tcp(1), Says::Replica);
        assert_eq!(found.why(), "redis://h:1 is named, and is a replica");
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
