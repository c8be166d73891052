//! Which server is spoken to, or which servers of a cluster, and how that becomes known.

mod cluster;
mod listen;
mod look;
pub mod map;
mod sentinel;

use std::{future::pending, io, rc::Rc, sync::Arc, time::Duration};

use tokio::sync::watch;

use super::{
    address::{Address, Endpoint},
    connect::{Connect, Connecting, dial},
    doubt::Doubt,
    site::{Place, Site},
};
use crate::{command::specs::Specs, state::slot::Slot};

use map::Map;

/// What everybody who speaks to the server goes by. Clones follow the same changes.
#[derive(Clone, Debug)]
pub struct Topology {
    current: watch::Receiver<Current>,
    site: Arc<Site>,
    /// Where another server may come, who is told to look for it.
    doubt: Option<Doubt>,
    /// Who is told to read the commands of a cluster again.
    commands: Doubt,
}

/// Who is to run for it to be known which server it is.
#[derive(Debug)]
pub struct Finder(Kind);

#[derive(Debug)]
enum Kind {
    Sentinel(sentinel::Finder),
    Cluster(cluster::Finder),
}

/// What is known at a time.
#[derive(Clone, Debug)]
struct Current {
    /// The server; why there is none, if none is known. Of a cluster a primary that answers.
    server: Result<Endpoint, String>,
    /// The last server that was known, where there is one at a time.
    last: Option<Address>,
    /// How many times another server has taken the place of one.
    failovers: u64,
    /// Who has which slots, in a cluster.
    map: Option<Arc<Map>>,
    /// The commands of a cluster, once they are known.
    specs: Option<Arc<Specs>>,
}

impl Current {
    fn new(server: Result<Endpoint, String>) -> Self {
        let last = server.as_ref().ok().map(|server| server.address.clone());
        Self { server, last, failovers: 0, map: None, specs: None }
    }

    fn set(&mut self, server: Result<Endpoint, String>) {
        if let Ok(server) = &server {
            let before = self.last.replace(server.address.clone());
            self.failovers += u64::from(before.is_some_and(|before| before != server.address));
        }
        self.server = server;
    }
}

impl Finder {
    /// Looks, whenever there is reason to and every so often, for ever.
    pub async fn run(self) {
        match self.0 {
            Kind::Sentinel(finder) => finder.run().await,
            Kind::Cluster(finder) => finder.run().await,
        }
    }
}

impl Topology {
    /// The topology of a site, and who is to run for it to be known where the site does not tell by itself. One attempt to
    /// connect may take `timeout`.
    pub fn of(site: &Site, timeout: Duration) -> (Self, Option<Finder>) {
        let shared = Arc::new(site.clone());
        let (doubt, commands) = (Doubt::default(), Doubt::default());
        let (current, moves, finder) = match &site.place {
            Place::Server(address) => {
                let (_, current) = watch::channel(Current::new(Ok(site.at(address.clone()))));
                (current, false, None)
            }
            Place::Sentinel(group) => {
                let why = format!("no primary of {} is known yet", group.service);
                let (sender, current) = watch::channel(Current::new(Err(why)));
                let (site, group) = (site.clone(), group.clone());
                let finder = sentinel::Finder::new(site, group, timeout, sender, doubt.clone());
                (current, true, Some(Kind::Sentinel(finder)))
            }
            Place::Cluster(seeds) => {
                let why = "no node of the cluster is known yet".to_owned();
                let unknown = Current { map: Some(Arc::default()), ..Current::new(Err(why)) };
                let (sender, current) = watch::channel(unknown);
                let (site, seeds) = (Arc::clone(&shared), seeds.clone());
                let (doubt, commands) = (doubt.clone(), commands.clone());
                let finder = cluster::Finder::new(site, seeds, timeout, sender, doubt, commands);
                (current, true, Some(Kind::Cluster(finder)))
            }
        };
        let topology = Self { current, site: shared, doubt: moves.then_some(doubt), commands };
        (topology, finder.map(Finder))
    }

    /// The server that is spoken to, or one of a cluster that answers; why there is none, if none is known.
    pub fn server(&self) -> Result<Endpoint, String> {
        self.current.borrow().server.clone()
    }

    /// The server that a key is on; why there is none, if none is known.
    pub fn server_of(&self, key: &[u8]) -> Result<Endpoint, String> {
        let owner = self.map().and_then(|map| map.address_of(Slot::of(key)).cloned());
        owner.map_or_else(|| self.server(), |owner| Ok(self.endpoint_of(&owner)))
    }

    /// All servers that keys are on: one, or the primaries of a cluster.
    pub fn servers(&self) -> Vec<Endpoint> {
        match self.map() {
            Some(map) => map.primaries().iter().map(|address| self.endpoint_of(address)).collect(),
            None => self.server().into_iter().collect(),
        }
    }

    /// Who has which slots; `None` where there is no cluster. Before the first word of a node nobody has any.
    pub fn map(&self) -> Option<Arc<Map>> {
        self.current.borrow().map.clone()
    }

    /// What the nodes of a cluster say of their commands; `None` until that is known, and where there is no cluster.
    pub fn specs(&self) -> Option<Arc<Specs>> {
        self.current.borrow().specs.clone()
    }

    /// The commands of the cluster may be others now, so they are read again. Those of before hold until then.
    pub fn renew_specs(&self) {
        self.commands.raise();
    }

    /// Whether another server may take the place of this one.
    pub fn moves(&self) -> bool {
        self.doubt.is_some()
    }

    /// Who is told when there is reason to believe that another server has taken the place of one, or that slots have moved;
    /// nobody where that cannot be.
    pub fn doubt(&self) -> Option<Doubt> {
        self.doubt.clone()
    }

    /// The database that new clients start in.
    pub fn database(&self) -> u32 {
        self.site.database
    }

    /// Ready when another server has taken its place, or none is known any more, or something else is known of a cluster, since
    /// this clone last saw that.
    pub async fn changed(&mut self) {
        if self.current.changed().await.is_err() {
            // Nobody is left who could tell.
            pending().await
        }
    }

    /// How many times another server has taken the place of one.
    pub fn failovers(&self) -> u64 {
        self.current.borrow().failovers
    }

    /// A server of the site, such as a node of the cluster.
    pub fn endpoint_of(&self, address: &Address) -> Endpoint {
        self.site.at(address.clone())
    }

    /// The way to the server, for a worker.
    pub fn way(&self, timeout: Duration) -> Rc<dyn Connect> {
        Rc::new(Way { topology: self.clone(), to: None, timeout })
    }

    /// The way to one server of the site, whichever others there are.
    pub fn way_to(&self, address: Address, timeout: Duration) -> Rc<dyn Connect> {
        Rc::new(Way { topology: self.clone(), to: Some(address), timeout })
    }
}

/// The way to a server: to a certain one, or whichever it is when somebody goes there.
struct Way {
    topology: Topology,
    to: Option<Address>,
    timeout: Duration,
}

impl Connect for Way {
    fn connect(&self) -> Connecting {
        let server = match &self.to {
            Some(address) => Ok(self.topology.endpoint_of(address)),
            None => self.topology.server(),
        };
        let timeout = self.timeout;
        Box::pin(async move {
            let endpoint = server.map_err(io::Error::other)?;
            dial::connect(&endpoint.address, endpoint.tls.as_ref(), timeout).await
        })
    }

    fn doubt(&self) -> Option<Doubt> {
        self.topology.doubt()
    }
}
