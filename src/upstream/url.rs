//! The upstream's URL.

use std::{borrow::Cow, path::PathBuf, str::FromStr};

use percent_encoding::percent_decode_str;
use url::Url;

use crate::{secret::Secret, upstream::address::Address};

/// The port that `redis://` and `rediss://` stand for when they name none.
pub const DEFAULT_PORT: u16 = 6379;

/// What the upstream may be, for help and error messages.
pub const ALLOWED_OR_EMPTY: &str = "redis://[user[:password]@]host[:port][/database], rediss://..., \
                                    unix:///path/to.sock[?db=database], or empty";

/// Stands where a socket's URL has credentials and no host. Not a name that anybody has.
const SOCKET_HOST: &str = "socket.invalid";

/// Redis numbers databases with a C `int`.
const LAST_DATABASE: u32 = i32::MAX as u32;

/// A URL that names no server that could be dialled.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UrlError(&'static str);

/// The parts of an upstream URL. A user without a password is kept, because the password may come
/// from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamUrl {
    /// Where the server is.
    pub address: Address,
    /// The percent-decoded user, `None` when absent or empty.
    pub user: Option<String>,
    /// The percent-decoded password, `None` when absent or empty.
    pub password: Option<Secret>,
    /// The database, 0 when the URL names none.
    pub database: u32,
}

impl FromStr for UpstreamUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let hosted = with_host(text);
        let url = Url::parse(&hosted).map_err(|_| UrlError("not a URL"))?;
        if url.fragment().is_some() {
            return Err(UrlError("a fragment (#) has no meaning here"));
        }
        let user = Some(decoded(url.username())?).filter(|user| !user.is_empty());
        let password = url.password().map(decoded).transpose()?.map(Secret::new);
        let (address, database) = match url.scheme() {
            "redis" | "rediss" => network(&url)?,
            "unix" | "redis+unix" => socket(&url)?,
            _ => {
                return Err(UrlError("the scheme is not redis, rediss, unix or redis+unix"));
            }
        };
        Ok(Self { address, user, password, database })
    }
}

/// The URL standard has no credentials without a host, but `unix://user:password@/path` is what other
/// clients take, so such a URL gets a stand-in.
fn with_host(text: &str) -> Cow<'_, str> {
    let socket = text.split_once("unix://").filter(|(start, _)| matches!(*start, "" | "redis+"));
    match socket.and_then(|(start, rest)| Some((start, rest.split_once('/')?))) {
        Some((start, (authority, path))) if authority.ends_with('@') => {
            Cow::Owned(format!("{start}unix://{authority}{SOCKET_HOST}/{path}"))
        }
        _ => Cow::Borrowed(text),
    }
}

fn network(url: &Url) -> Result<(Address, u32), UrlError> {
    if url.query().is_some() {
        return Err(UrlError("a query (?) has no meaning here"));
    }
    let host = decoded(url.host_str().unwrap_or_default())?;
    let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(&host).to_owned();
    if host.is_empty() {
        return Err(UrlError("the host is missing"));
    }
    let port = url.port().unwrap_or(DEFAULT_PORT);
    if port == 0 {
        return Err(UrlError("port 0 cannot be dialled"));
    }
    let database = match url.path().trim_start_matches('/') {
        "" => 0,
        text => database(text)?,
    };
    let address = match url.scheme() {
        "rediss" => Address::Tls { host, port },
        _ => Address::Tcp { host, port },
    };
    Ok((address, database))
}

fn socket(url: &Url) -> Result<(Address, u32), UrlError> {
    if url.host_str().is_some_and(|host| !host.is_empty() && host != SOCKET_HOST) {
        return Err(UrlError("the socket's path must be absolute (three slashes)"));
    }
    let path = decoded(url.path())?;
    if !path.starts_with('/') || path.ends_with('/') {
        return Err(UrlError("the socket's path is missing"));
    }
    let mut number = 0;
    for (key, value) in url.query_pairs() {
        match &*key {
            "db" => number = database(&value)?,
            _ => return Err(UrlError("the query may only hold db=<number>")),
        }
    }
    Ok((Address::Unix(PathBuf::from(path)), number))
}

/// A database number: plain digits, as `SELECT` takes them.
pub fn database(text: &str) -> Result<u32, UrlError> {
    Some(text)
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .filter(|number| *number <= LAST_DATABASE)
        .ok_or(UrlError("the database is not a number"))
}

fn decoded(text: &str) -> Result<String, UrlError> {
    percent_decode_str(text)
        .decode_utf8()
        .map(|text| text.into_owned())
        .map_err(|_| UrlError("the percent-encoded part is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::address::{Credentials, Endpoint};

    fn tcp(host: &str, port: u16) -> Address {
        Address::Tcp { host: host.into(), port }
    }

    fn parsed(text: &str) -> UpstreamUrl {
        text.parse().unwrap()
    }

    #[test]
    fn every_form_is_understood() {
        assert_eq!(parsed("redis://cache").address, tcp("cache", 6379));
        assert_eq!(parsed("redis://my_cache:7000/3").database, 3);
        assert_eq!(parsed("redis://[::1]:7000").address, tcp("::1", 7000));
        assert_eq!(parsed("rediss://h").address, Address::Tls { host: "h".into(), port: 6379 });
        assert_eq!(parsed("unix:///run/a%20b.sock").address, Address::Unix("/run/a b.sock".into()));
        let url = parsed("redis+unix://app:p%40ss@/run/r.sock?db=2");
        assert_eq!((url.user.as_deref(), url.database), (Some("app"), 2));
        assert_eq!(url.password, Some(Secret::new("p@ss")));
        assert_eq!(parsed("redis://:%C3%A4@h").password, Some(Secret::new("ä")));
        assert_eq!(parsed("redis://:x@h").user, None);
        assert_eq!(parsed("redis://u:@h").password, None);
        assert_eq!(parsed("redis://u@h").password, None);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "cache:6379",
            "http://h",
            "redis://",
            "redis:///1",
            "redis://h:0",
            "redis://h:99999",
            "redis://h/x",
            "redis://h/1/2",
            "redis://h/-1",
            "redis://h/2147483648",
            "redis://h?db=1",
            "redis://h#1",
            "unix://r.sock",
            "unix:///",
            "unix:///r.sock?database=1",
            "unix:///r.sock?db=x",
            "redis://:%ff@h",
        ] {
            assert!(text.parse::<UpstreamUrl>().is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn shown_without_secrets_and_readable_again() {
        for text in
            ["redis://h:6379/0", "rediss://[::1]:1/7", "unix:///r.sock", "unix:///r.sock?db=4"]
        {
            let url = parsed(text);
            let endpoint = Endpoint {
                address: url.address,
                credentials: Some(Credentials { user: None, password: Secret::new("hunter2") }),
                database: url.database,
                tls: None,
            };
            assert_eq!(endpoint.to_string(), text);
            assert!(!format!("{endpoint:?}").contains("hunter2"));
        }
    }
}
