//! The Redis side: how the server is found, dialled, started and watched, and the connections to it that carry requests:
//! shared (lanes) and pinned by one client.

pub mod address;
pub mod backoff;
pub mod cluster;
pub mod conduit;
pub mod connect;
pub mod control;
pub mod doubt;
pub mod embedded;
pub mod fabric;
pub mod link;
pub mod own;
pub mod pool;
pub mod served;
pub mod settings;
pub mod site;
pub mod topology;
pub mod url;
