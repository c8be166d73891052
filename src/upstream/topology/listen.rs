//! Listens to one Sentinel for the word that the primary has changed.

use std::time::Duration;

use crate::{
    resp::reply,
    upstream::{address::Endpoint, backoff::Backoff, connect::Talk, doubt::Doubt},
};

/// The first and the longest wait before a Sentinel that is away is listened to again.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

/// Raises `doubt` whenever the Sentinel says that the primary of `service` is another one. For ever.
pub(super) async fn listen(sentinel: Endpoint, service: String, timeout: Duration, doubt: Doubt) {
    let mut backoff = Backoff::new(RETRY.0, RETRY.1);
    loop {
        if let Ok(mut talk) = Talk::open(&sentinel, timeout).await
            && talk.ask(&[b"SUBSCRIBE", b"+switch-master"]).await.is_ok()
        {
            backoff.reset();
            // What it said before this began has to be asked for.
            doubt.raise();
            while let Ok(frame) = talk.hear().await {
                if speaks_of(&frame, &service) {
                    doubt.raise();
                }
            }
        }
        tokio::time::sleep(backoff.delay()).await;
    }
}

/// Whether a message is about `service`: `name old-ip old-port new-ip new-port`.
fn speaks_of(frame: &[u8], service: &str) -> bool {
    let text = reply::elements(frame).into_iter().flatten().flatten().nth(2);
    let text = text.and_then(reply::as_bulk).unwrap_or_default();
    text.strip_prefix(service.as_bytes()).is_some_and(|rest| rest.starts_with(b" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_group_matters() {
        let said = |text: &str| {
            let len = text.len();
            format!("*3\r\n$7\r\nmessage\r\n$14\r\n+switch-master\r\n${len}\r\n{text}\r\n")
        };
        assert!(speaks_of(said("shop 127.0.0.1 1 127.0.0.1 2").as_bytes(), "shop"));
        assert!(!speaks_of(said("shop2 127.0.0.1 1 127.0.0.1 2").as_bytes(), "shop"));
        assert!(!speaks_of(b"+OK\r\n", "shop"));
    }
}
