//! A conversation with a server: a connection on which one command follows the other.

use std::{future::Future, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::dial;
use crate::{
    net::{Stream, reason},
    resp::{ReplyScanner, encode, reply},
    upstream::address::Endpoint,
};

/// Both ends of a conversation. Errors are short and for people.
pub(in crate::upstream) struct Talk {
    stream: Stream,
    input: BytesMut,
}

impl Talk {
    /// Begins to talk on `stream`.
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, input: BytesMut::new() }
    }

    /// The stream, and what has been read from it and is no reply to anything that was said.
    pub(super) fn end(self) -> (Stream, BytesMut) {
        (self.stream, self.input)
    }

    /// Connects to `endpoint`, and authenticates there if it has credentials. All of it may take `time`.
    pub(in crate::upstream) async fn open(
        endpoint: &Endpoint,
        time: Duration,
    ) -> Result<Self, String> {
        let opened = async {
            let stream = dial::connect(&endpoint.address, endpoint.tls.as_ref(), time).await;
            let mut talk = Self::new(stream.map_err(|error| reason(&error))?);
            if let Some(credentials) = &endpoint.credentials {
                let mut words: Vec<&[u8]> = vec![b"AUTH"];
                words.extend(credentials.user.as_ref().map(|user| user.as_bytes()));
                words.push(credentials.password.expose());
                let frame = talk.ask(&words).await?;
                if reply::is_error(&frame) {
                    let text = reply::error_text(&frame).unwrap_or_default();
                    return Err(String::from_utf8_lossy(text).into_owned());
                }
            }
            Ok(talk)
        };
        within(time, opened).await
    }

    /// Says one command and gives its reply.
    pub(in crate::upstream) async fn ask(&mut self, words: &[&[u8]]) -> Result<Bytes, String> {
        let mut request = BytesMut::new();
        encode::command(&mut request, words.iter().copied());
        self.say(&request).await?;
        self.hear().await
    }

    /// Says something.
    pub(in crate::upstream) async fn say(&mut self, bytes: &[u8]) -> Result<(), String> {
        let said = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        said.await.map_err(|error| reason(&error))
    }

    /// Waits for the next complete frame.
    pub(in crate::upstream) async fn hear(&mut self) -> Result<Bytes, String> {
        let mut scanner = ReplyScanner::new();
        loop {
            match scanner.scan(&self.input) {
                Ok(Some(len)) => return Ok(self.input.split_to(len).freeze()),
                Ok(None) => {}
                Err(_) => return Err("not a Redis server".to_owned()),
            }
            match self.stream.read_buf(&mut self.input).await {
                Ok(0) => return Err(self.last_words()),
                Ok(_) => {}
                Err(error) => return Err(reason(&error)),
            }
        }
    }

    /// What the server said before it hung up (such as that it has too many clients).
    fn last_words(&mut self) -> String {
        if self.input.first() == Some(&b'-') {
            self.input.advance(1);
            return String::from_utf8_lossy(&self.input).trim_end().to_owned();
        }
        "the server closed the connection".to_owned()
    }
}

/// Gives `attempt` so much time.
pub(in crate::upstream) async fn within<T>(
    time: Duration,
    attempt: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    let late = |_| Err(format!("timed out after {} s", time.as_secs_f64()));
    timeout(time, attempt).await.unwrap_or_else(late)
}
