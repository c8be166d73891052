//! A client as others see it.

use std::os::fd::AsRawFd;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::Outbox;
use crate::{
    command::client::profile::{Flags, Profile},
    resp::Protocol,
    upstream::receiver::Receiver,
};

impl Outbox {
    /// Everything that `CLIENT LIST` tells of the client at `now`, by the worker's clock.
    pub(in crate::downstream) fn profile(&self, now: u32) -> Profile {
        let presence = &self.presence;
        let key = presence.key.borrow().clone();
        let (address, local_address, descriptor) = self.socket();
        let transaction = self.transaction.borrow();
        Profile {
            id: self.id,
            address,
            local_address,
            descriptor,
            label: presence.label().as_ref().clone(),
            age: u64::from(now.saturating_sub(presence.born)),
            idle: u64::from(now.saturating_sub(presence.active.get())),
            flags: self.flags(),
            database: key.database,
            subscriptions: self.subscriptions.get().counts(),
            queued: transaction.as_ref().map(|transaction| transaction.queued()),
            watched: presence.watched.get(),
            backlog: self.backlog(),
            command: presence.last(),
            user: Bytes::copy_from_slice(key.identity.user()),
            redirect: presence.redirect.get(),
            protocol: match key.protocol {
                Protocol::Resp2 => 2,
                Protocol::Resp3 => 3,
            },
            ..Profile::default()
        }
    }

    /// What the client is doing.
    pub(in crate::downstream) fn flags(&self) -> Flags {
        let flags = self.presence.flags.get();
        flags
            .with(Flags::BLOCKED, self.may_wait())
            .with(Flags::SUBSCRIBED, self.subscriptions.get().any())
            .with(Flags::TRANSACTION, self.transaction.borrow().is_some())
    }

    /// Has the client keep a connection of its own, and tells the server's id of it: now, or once there is one.
    pub(in crate::downstream) fn keep(&self, answer: oneshot::Sender<Option<u64>>) {
        self.presence.kept.set(self.presence.kept.get().saturating_add(1));
        match self.presence.pinned.get() {
            // An asker that has left needs no answer.
            Some(id) => drop(answer.send(Some(id))),
            None => {
                self.waiting.add(answer);
                self.wake();
            }
        }
    }

    /// One of those is gone for whom the client kept its connection.
    pub(in crate::downstream) fn unkeep(&self) {
        self.presence.kept.set(self.presence.kept.get().saturating_sub(1));
        self.wake();
    }

    /// The two addresses of the socket, and its descriptor. Asked of the system, since few ever want to know.
    fn socket(&self) -> (String, String, i32) {
        let write = self.write.borrow();
        let text = |address: std::io::Result<std::net::SocketAddr>| {
            address.map_or_else(|_| "?:0".to_owned(), |address| address.to_string())
        };
        (text(write.peer_addr()), text(write.local_addr()), write.as_ref().as_raw_fd())
    }
}
