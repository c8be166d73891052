//! Whether this process and the server agree on how many buckets there are.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use super::command::Settings;
use super::error::Error;
use super::keys::Namespace;

/// The number of buckets that the server's sessions are in, once it is known; 0 until then. Clones
/// share it, so that what one finds out all go by.
#[derive(Debug, Clone, Default)]
pub struct Agreement(Arc<AtomicU32>);

/// What is known counts, not who shares it.
impl PartialEq for Agreement {
    fn eq(&self, other: &Self) -> bool {
        self.stored() == other.stored()
    }
}

impl Eq for Agreement {}

impl Agreement {
    fn stored(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Settings {
    /// The key that holds the number of buckets on the server; `None` where there are none.
    #[must_use]
    pub fn agreement_key(&self) -> Option<Vec<u8>> {
        let namespace = Namespace::of(self);
        namespace.buckets().map(|_| namespace.number_of_buckets().to_vec())
    }

    /// Takes what the server holds under that key. False when it is no number.
    pub fn agree(&self, stored: &[u8]) -> bool {
        let number = std::str::from_utf8(stored).ok().and_then(|text| text.parse().ok());
        let number = number.filter(|number| *number > 0);
        self.agreement.0.store(number.unwrap_or(0), Ordering::Relaxed);
        number.is_some()
    }

    /// Whether sessions can be found where this process would look for them.
    ///
    /// # Errors
    /// [`Error::BucketsUnknown`] before the server has been asked, [`Error::OtherBuckets`] when it has
    /// another number.
    #[inline]
    pub fn agreed(&self) -> Result<(), Error> {
        let Some(buckets) = Namespace::of(self).buckets() else {
            return Ok(());
        };
        match self.agreement.stored() {
            0 => Err(Error::BucketsUnknown),
            stored if stored == u32::from(buckets.count()) => Ok(()),
            stored => Err(Error::OtherBuckets { stored, configured: buckets.count() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Layout;

    #[test]
    fn what_the_server_holds_decides() {
        let settings = Settings { layout: Layout::Buckets, ..Settings::default() };
        let clone = settings.clone();
        assert_eq!(settings.agreement_key().as_deref(), Some(&b"rs:buckets"[..]));
        assert_eq!(settings.agreed(), Err(Error::BucketsUnknown));
        assert!(settings.agree(b"256"));
        assert_eq!(clone.agreed(), Ok(()));
        assert!(settings.agree(b"128"));
        let other = Error::OtherBuckets { stored: 128, configured: 256 };
        assert_eq!(clone.agreed(), Err(other));
        for unreadable in [&b"x"[..], b"", b"0", b"-256", b"\xff"] {
            assert!(!settings.agree(unreadable));
            assert_eq!(clone.agreed(), Err(Error::BucketsUnknown));
        }
    }

    #[test]
    fn the_layout_of_the_libraries_needs_none() {
        let settings = Settings::default();
        assert_eq!(settings.agreement_key(), None);
        assert_eq!(settings.agreed(), Ok(()));
    }
}
