//! Asks the server how many buckets its sessions are in, and says so when they are the first.

use bytes::Bytes;

use super::link::{Link, LinkError};
use crate::{resp::reply, session};

/// Looks the number up, and tells once what is wrong with it.
pub(super) struct Inquiry {
    session: session::Settings,
    /// What was wrong the last time.
    told: Option<String>,
}

impl Inquiry {
    pub(super) fn new(session: session::Settings) -> Self {
        Self { session, told: None }
    }

    /// Whether nothing is left to be found out.
    pub(super) fn is_settled(&self) -> bool {
        self.session.agreed().is_ok()
    }

    /// The key that holds the number, if one is wanted.
    pub(super) fn key(&self) -> Option<Vec<u8>> {
        self.session.agreement_key()
    }

    /// Asks the server that `link` leads to. Also when all was well before: it may be another one, or
    /// have lost its data, and then sessiond with another number could be the first.
    pub(super) async fn make(&mut self, link: &Link) -> Result<(), LinkError> {
        let Some(key) = self.session.agreement_key().map(Bytes::from) else { return Ok(()) };
        let number = Bytes::from(self.session.buckets.count().to_string());
        let get = || vec![Bytes::from_static(b"GET"), key.clone()];
        let mut found = link.call(get()).await?;
        if found == "_\r\n" {
            let set = [Bytes::from_static(b"SET"), key.clone(), number, Bytes::from_static(b"NX")];
            let answer = link.call(set.into()).await?;
            // Another one may have been quicker.
            found = if reply::is_error(&answer) { answer } else { link.call(get()).await? };
        }
        let wrong = match reply::as_bulk(&found) {
            Some(stored) if self.session.agree(stored) => {
                self.session.agreed().err().map(|error| {
                    // What clients are told begins with a code, which would say nothing here.
                    let told = error.to_string();
                    told.split_once(": ").map_or(told.clone(), |(_, why)| why.to_owned())
                })
            }
            Some(_) => Some(format!("{} holds no number", String::from_utf8_lossy(&key))),
            // What was known before holds until something else is known.
            None if self.is_settled() => None,
            None => {
                let text = reply::error_text(&found).unwrap_or(b"unexpected reply");
                Some(String::from_utf8_lossy(text).into_owned())
            }
        };
        if wrong != self.told
            && let Some(wrong) = &wrong
        {
            tracing::error!("session commands are refused for the number of buckets: {wrong}");
        }
        self.told = wrong;
        Ok(())
    }
}
