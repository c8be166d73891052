//! The state of one client: its one home.

pub(super) mod buffers;
pub(super) mod course;
pub(super) mod footing;
pub(super) mod large;
pub(super) mod leaving;
pub(super) mod me;
pub(super) mod mode;
pub(super) mod subscriptions;
pub(super) mod substitute;
pub(super) mod transaction;
