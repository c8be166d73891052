//! Which server is spoken to, and how that becomes known.

mod listen;
mod look;
mod sentinel;

use std::{future::pending, io, rc::Rc, time::Duration};

use tokio::sync::watch;

use super::{
    address::{Address, Endpoint},
    connect::{Connect, Connecting, dial},
    doubt::Doubt,
    site::{Place, Site},
};

pub use sentinel::Finder;

/// What everybody who speaks to the server goes by. Clones follow the same changes.
#[derive(Clone, Debug)]
pub struct Topology {
    current: watch::Receiver<Current>,
    /// Where another server may come, who is told to look for it.
    doubt: Option<Doubt>,
    database: u32,
}

/// What is known at a time.
#[derive(Clone, Debug)]
struct Current {
    /// The server; why there is none, if none is known.
    server: Result<Endpoint, String>,
    /// The last server that was known, and how many times it was another one than the one before.
    last: Option<Address>,
    failovers: u64,
}

impl Current {
    fn new(server: Result<Endpoint, String>) -> Self {
        let last = server.as_ref().ok().map(|server| server.address.clone());
        Self { server, last, failovers: 0 }
    }

    fn set(&mut self, server: Result<Endpoint, String>) {
        if let Ok(server) = &server {
            let before = self.last.replace(server.address.clone());
            self.failovers += u64::from(before.is_some_and(|before| before != server.address));
        }
        self.server = server;
    }
}

impl Topology {
    /// The topology of a site, and who is to run for it to be known where the site does not tell by itself. One attempt to
    /// connect may take `timeout`.
    pub fn of(site: &Site, timeout: Duration) -> (Self, Option<Finder>) {
        let known = |server| watch::channel(Current::new(server));
        match &site.place {
            Place::Server(address) => {
                let (_, current) = known(Ok(site.at(address.clone())));
                (Self { current, doubt: None, database: site.database }, None)
            }
            Place::Sentinel(group) => {
                let why = format!("no primary of {} is known yet", group.service);
                let (sender, current) = known(Err(why));
                let doubt = Doubt::default();
                let finder =
                    Finder::new(site.clone(), group.clone(), timeout, sender, doubt.clone());
                (Self { current, doubt: Some(doubt), database: site.database }, Some(finder))
            }
        }
    }

    /// The server that is spoken to; why there is none, if none is known.
    pub fn server(&self) -> Result<Endpoint, String> {
        self.current.borrow().server.clone()
    }

    /// Whether another server may take the place of this one.
    pub fn moves(&self) -> bool {
        self.doubt.is_some()
    }

    /// The database that new clients start in.
    pub fn database(&self) -> u32 {
        self.database
    }

    /// Ready when another server has taken its place, or none is known any more, since this clone last saw that.
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

    /// The way to the server, for a worker.
    pub fn way(&self, timeout: Duration) -> Rc<dyn Connect> {
        Rc::new(Way { topology: self.clone(), timeout })
    }
}

/// The way to the server, whichever it is when somebody goes there.
struct Way {
    topology: Topology,
    timeout: Duration,
}

impl Connect for Way {
    fn connect(&self) -> Connecting {
        let (server, timeout) = (self.topology.server(), self.timeout);
        Box::pin(async move {
            let endpoint = server.map_err(io::Error::other)?;
            dial::connect(&endpoint.address, endpoint.tls.as_ref(), timeout).await
        })
    }

    fn doubt(&self) -> Option<Doubt> {
        self.topology.doubt.clone()
    }
}
