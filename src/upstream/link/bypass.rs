//! A lane's second connection, in the same state, for what must not wait behind the replies that are awaited on the lane.

use std::rc::Rc;

use super::{Link, receiver::Receiver};

/// Whether a lane has its bypass.
pub(super) enum Bypass<R: Receiver> {
    /// It has none.
    None,
    /// It is to have one: it is being dialled, or that has failed a short while ago.
    Expected,
    /// It has one, which may have closed.
    Here(Rc<Link<R>>),
}

impl<R: Receiver> Link<R> {
    /// The lane's bypass, if it has one.
    pub fn bypass(&self) -> Option<Rc<Self>> {
        match &*self.bypass.borrow() {
            Bypass::Here(link) if link.is_open() => Some(link.clone()),
            Bypass::None | Bypass::Expected | Bypass::Here(_) => None,
        }
    }

    /// Whether a bypass is to be dialled now: only who is told so does that.
    pub(in crate::upstream) fn wants_bypass(&self) -> bool {
        let wants = match &*self.bypass.borrow() {
            Bypass::None => self.is_open() && self.standing().is_plain(),
            Bypass::Expected => false,
            Bypass::Here(link) => self.is_open() && !link.is_open(),
        };
        if wants {
            *self.bypass.borrow_mut() = Bypass::Expected;
        }
        wants
    }

    /// Gives the lane its bypass; false when it is of no use, because the lane takes no more requests, or the server no
    /// longer lets newcomers be what the lane's clients are.
    pub(in crate::upstream) fn take_bypass(&self, link: Rc<Self>) -> bool {
        let fits = self.is_open() && link.standing().is_plain();
        if fits {
            *self.bypass.borrow_mut() = Bypass::Here(link);
        } else {
            link.abort();
        }
        fits
    }

    /// The lane has no bypass (any more). One that it had closes after the last reply.
    pub(in crate::upstream) fn drop_bypass(&self) {
        if let Bypass::Here(link) = self.bypass.replace(Bypass::None) {
            link.retire();
        }
    }
}
