//! The nodes of a cluster as if they were one server.

mod fleet;
mod job;
mod joint;
mod plan;
mod private;
mod redirect;
mod replies;
mod roads;
mod router;

pub use self::{fleet::Fleet, router::Router};
