//! The client side's part of the configuration.

use std::{fmt, str::FromStr, thread, time::Duration};

/// Where to listen: a host name or address, and a port that may be 0 for any free one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// A name or an IP address; IPv6 without brackets.
    pub host: String,
    /// The TCP port; 0 lets the system choose.
    pub port: u16,
}

/// The text is not `host:port`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not host:port")]
pub struct ListenError;

impl FromStr for Listen {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        let (host, port) = text.rsplit_once(':').ok_or(ListenError)?;
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = match bracketed {
            Some(address) => address.parse::<std::net::Ipv6Addr>().map(|ip| ip.to_string()),
            None => Ok(host.to_owned()),
        }
        .map_err(|_| ListenError)?;
        let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if host.is_empty() || (bracketed.is_none() && !host.chars().all(name)) {
            return Err(ListenError);
        }
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|_| digits).ok_or(ListenError)?;
        Ok(Self { host, port })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// Listening, threads and the limits of clients.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where clients connect.
    pub listen: Listen,
    /// Worker threads, at least 1.
    pub workers: usize,
    /// Clients served at a time; more are refused.
    pub max_clients: usize,
    /// Bytes of replies that a client may leave unread before it is closed.
    pub client_output_limit: usize,
    /// How long a stop waits for answers in flight.
    pub drain_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: Listen { host: "127.0.0.1".into(), port: 6380 },
            workers: cores(),
            max_clients: 10_000,
            client_output_limit: 1 << 30,
            drain_timeout: Duration::from_secs(10),
        }
    }
}

/// The cores this process may use, as the number of workers when none is configured.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, |cores| cores.get()).min(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown() {
        for text in ["127.0.0.1:6380", "localhost:0", "[::1]:65535", "0.0.0.0:1", "my_host-1.x:9"] {
            assert_eq!(text.parse::<Listen>().unwrap().to_string(), text);
        }
        for text in
            ["", "6380", ":6380", "::1:6380", "[::1]", "h:", "h:65536", "h:+1", "[h]:1", "a b:1"]
        {
            assert_eq!(text.parse::<Listen>(), Err(ListenError), "{text}");
        }
    }
}
