//! A reply that is made of those of several nodes.

use std::cell::RefCell;

use bytes::{Bytes, BytesMut};

use super::job::Expects;
use crate::{command::join::Join, state::ids::Place, upstream::link::receiver::Failure};

/// The parts that are there, and what becomes of all.
pub(super) struct Joint {
    pub(super) place: Place,
    join: Join,
    inner: RefCell<Inner>,
}

struct Inner {
    parts: Vec<Option<Bytes>>,
    left: usize,
    failure: Option<Failure>,
    expects: Option<Expects>,
}

/// What all parts together are.
pub(super) enum Joined {
    /// A frame, for whoever expects it in this way.
    Frame(Bytes, Expects),
    /// A part has no reply.
    Failed(Failure),
}

impl Joint {
    /// The reply at `place` is joined of so many parts.
    pub(super) fn new(place: Place, join: Join, parts: usize, expects: Expects) -> Self {
        let inner =
            Inner { parts: vec![None; parts], left: parts, failure: None, expects: Some(expects) };
        Self { place, join, inner: RefCell::new(inner) }
    }

    /// One part is there. What it is all together, once it was the last.
    pub(super) fn fill(&self, part: usize, frame: &[u8]) -> Option<Joined> {
        self.inner.borrow_mut().parts[part] = Some(Bytes::copy_from_slice(frame));
        self.settle()
    }

    /// One part has no reply and will get none.
    pub(super) fn fail(&self, failure: &Failure) -> Option<Joined> {
        // What may have run weighs more than what has not.
        let mut inner = self.inner.borrow_mut();
        if inner.failure.is_none() || *failure == Failure::Lost {
            inner.failure = Some(failure.clone());
        }
        drop(inner);
        self.settle()
    }

    fn settle(&self) -> Option<Joined> {
        let mut inner = self.inner.borrow_mut();
        inner.left = inner.left.saturating_sub(1);
        if inner.left > 0 {
            return None;
        }
        if let Some(failure) = inner.failure.take() {
            return Some(Joined::Failed(failure));
        }
        let expects = inner.expects.take()?;
        let parts: Vec<Bytes> = inner.parts.drain(..).flatten().collect();
        let mut out = BytesMut::new();
        self.join.join(&parts, &mut out);
        Some(Joined::Frame(out.freeze(), expects))
    }
}
