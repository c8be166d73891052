//! Requests for tests.

use bytes::BytesMut;

use crate::resp::{Request, RequestScanner, encode};

/// What `look` makes of the multibulk request of these words, which blanks set apart.
pub(crate) fn with_request<T>(words: &str, look: impl FnOnce(&Request<'_>) -> T) -> T {
    let mut bytes = BytesMut::new();
    encode::command(&mut bytes, words.split(' ').collect::<Vec<_>>());
    let mut scanner = RequestScanner::new();
    scanner.scan(&bytes, true).expect("the bytes are a request");
    look(&scanner.request(&bytes))
}
