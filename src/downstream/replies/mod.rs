//! One client's replies: a place for each request in order, filled by whatever source has its reply.

pub(super) mod meaning;
mod queue;
mod window;

pub(super) use meaning::Meaning;
pub(super) use queue::Replies;
pub(super) use window::Window;
