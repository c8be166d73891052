//! The upstream's URL.

use std::{borrow::Cow, path::PathBuf, str::FromStr};

use percent_encoding::percent_decode_str;
use url::Url;

use crate::{
    secret::Secret,
    upstream::{
        address::Address,
        site::{Group, Place, Seeds},
    },
};

/// The port that `redis://` and `rediss://` stand for when they name none.
pub const DEFAULT_PORT: u16 = 6379;

/// The port of a Sentinel whose URL names none.
const SENTINEL_PORT: u16 = 26379;

/// What the upstream may be, for help and error messages.
pub const ALLOWED_OR_EMPTY: &str = "redis://[user[:password]@]host[:port][/database], rediss://..., \
                                    unix:///path/to.sock[?db=database], \
                                    redis+sentinel://[user[:password]@]host[:port][,host...]/service[/database], \
                                    rediss+sentinel://..., \
                                    redis+cluster://[user[:password]@]host[:port][,host...][/database], \
                                    rediss+cluster://..., or empty";

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
    pub place: Place,
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
        for (scheme, each) in [("redis+", "redis"), ("rediss+", "rediss")] {
            let kind = text.strip_prefix(scheme);
            if let Some(rest) = kind.and_then(|kind| kind.strip_prefix("sentinel://")) {
                return group(each, rest);
            }
            if let Some(rest) = kind.and_then(|kind| kind.strip_prefix("cluster://")) {
                return cluster(each, rest);
            }
        }
        let hosted = with_host(text);
        let url = Url::parse(&hosted).map_err(|_| UrlError("not a URL"))?;
        if url.fragment().is_some() {
            return Err(UrlError("a fragment (#) has no meaning here"));
        }
        let (user, password) = credentials(&url)?;
        let (address, database) = match url.scheme() {
            "redis" | "rediss" => network(&url, DEFAULT_PORT)?,
            "unix" | "redis+unix" => socket(&url)?,
            _ => {
                return Err(UrlError(
                    "the scheme is not redis, rediss, unix, redis+unix, redis+sentinel, rediss+sentinel, \
                     redis+cluster or rediss+cluster",
                ));
            }
        };
        Ok(Self { place: Place::Server(address), user, password, database })
    }
}

/// User and password; an empty one is none.
fn credentials(url: &Url) -> Result<(Option<String>, Option<Secret>), UrlError> {
    let user = Some(decoded(url.username())?).filter(|user| !user.is_empty());
    let password = url.password().map(decoded).transpose()?;
    Ok((user, password.filter(|password| !password.is_empty()).map(Secret::new)))
}

/// Sentinels: hosts, the service, and perhaps a database.
fn group(scheme: &str, rest: &str) -> Result<UpstreamUrl, UrlError> {
    let Hosts { addresses: sentinels, user, password, path } = hosts(scheme, rest, SENTINEL_PORT)?;
    let (service, number) = path.split_once('/').unwrap_or((path, ""));
    let service = decoded(service)?;
    if service.is_empty() {
        return Err(UrlError("the name of the service is missing"));
    }
    let database = if number.is_empty() { 0 } else { database(number)? };
    let place = Place::Sentinel(Group { sentinels, service, credentials: None });
    Ok(UpstreamUrl { place, user, password, database })
}

/// A cluster: hosts, and perhaps a database.
fn cluster(scheme: &str, rest: &str) -> Result<UpstreamUrl, UrlError> {
    let Hosts { addresses: nodes, user, password, path } = hosts(scheme, rest, DEFAULT_PORT)?;
    let database = if path.is_empty() { 0 } else { database(path)? };
    Ok(UpstreamUrl { place: Place::Cluster(Seeds { nodes }), user, password, database })
}

/// The parts of a URL with several hosts.
struct Hosts<'a> {
    addresses: Vec<Address>,
    user: Option<String>,
    password: Option<Secret>,
    path: &'a str,
}

/// What stands behind the scheme of a URL with several hosts, which the URL standard does not know. Each is read as one of
/// `scheme`.
fn hosts<'a>(scheme: &str, rest: &'a str, port: u16) -> Result<Hosts<'a>, UrlError> {
    if rest.contains(['?', '#']) {
        return Err(UrlError("a query (?) or a fragment (#) has no meaning here"));
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (secrets, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    let parse = |authority: &str| {
        Url::parse(&format!("{scheme}://{authority}")).map_err(|_| UrlError("not a URL"))
    };
    let (user, password) = credentials(&parse(&format!("{secrets}@host"))?)?;
    let mut addresses = Vec::new();
    for host in hosts.split(',') {
        let (address, _) = network(&parse(host)?, port)?;
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(Hosts { addresses, user, password, path })
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

fn network(url: &Url, port: u16) -> Result<(Address, u32), UrlError> {
    if url.query().is_some() {
        return Err(UrlError("a query (?) has no meaning here"));
    }
    let host = decoded(url.host_str().unwrap_or_default())?;
    let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(&host).to_owned();
    if host.is_empty() {
        return Err(UrlError("the host is missing"));
    }
    let port = url.port().unwrap_or(port);
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
    use crate::upstream::{address::Credentials, site::Site};

    fn tcp(host: &str, port: u16) -> Address {
        Address::Tcp { host: host.into(), port }
    }

    fn parsed(text: &str) -> UpstreamUrl {
        text.parse().unwrap()
    }

    fn address(text: &str) -> Address {
        match parsed(text).place {
            Place::Server(address) => address,
            place => panic!("{place:?}"),
        }
    }

    #[test]
    fn several_sentinels_are_named_with_their_service() {
        let url = parsed("redis+sentinel://app:p%40s@one,[::1]:7000,one:26379/my%20group/3");
        let sentinels = vec![tcp("one", 26379), tcp("::1", 7000)];
        let service = "my group".to_owned();
        assert_eq!(url.place, Place::Sentinel(Group { sentinels, service, credentials: None }));
        assert_eq!((url.user.as_deref(), url.database), (Some("app"), 3));
        assert_eq!(url.password, Some(Secret::new("p@s")));
        let Place::Sentinel(group) = parsed("rediss+sentinel://h/g").place else { panic!() };
        assert_eq!(group.sentinels, [Address::Tls { host: "h".into(), port: 26379 }]);
    }

    #[test]
    fn several_nodes_of_a_cluster_are_named() {
        let url = parsed("redis+cluster://app:p%40s@one,[::1]:7000,one:6379/3");
        let nodes = vec![tcp("one", 6379), tcp("::1", 7000)];
        assert_eq!(url.place, Place::Cluster(Seeds { nodes }));
        assert_eq!((url.user.as_deref(), url.database), (Some("app"), 3));
        assert_eq!(url.password, Some(Secret::new("p@s")));
        for text in ["rediss+cluster://h", "rediss+cluster://h/"] {
            let url = parsed(text);
            let nodes = vec![Address::Tls { host: "h".into(), port: 6379 }];
            assert_eq!((url.place, url.database), (Place::Cluster(Seeds { nodes }), 0));
        }
    }

    #[test]
    fn every_form_is_understood() {
        assert_eq!(address("redis://cache"), tcp("cache", 6379));
        assert_eq!(parsed("redis://my_cache:7000/3").database, 3);
        assert_eq!(address("redis://[::1]:7000"), tcp("::1", 7000));
        assert_eq!(address("rediss://h"), Address::Tls { host: "h".into(), port: 6379 });
        assert_eq!(address("unix:///run/a%20b.sock"), Address::Unix("/run/a b.sock".into()));
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
            "redis+sentinel://h",
            "redis+sentinel://h/",
            "redis+sentinel:///g",
            "redis+sentinel://h,/g",
            "redis+sentinel://h:x/g",
            "redis+sentinel://h:0/g",
            "redis+sentinel://h/g/x",
            "redis+sentinel://h/g/1/2",
            "redis+sentinel://h/g?db=1",
            "redis+cluster://",
            "redis+cluster:///0",
            "redis+cluster://h,",
            "redis+cluster://h:x",
            "redis+cluster://h:0",
            "redis+cluster://h/g",
            "redis+cluster://h/g/1",
            "redis+cluster://h/1/2",
            "redis+cluster://h?db=1",
            "redis+cluster://h#1",
            "cluster://h",
            "redis+cluster:h",
        ] {
            assert!(text.parse::<UpstreamUrl>().is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn shown_without_secrets_and_readable_again() {
        for text in [
            "redis://h:6379/0",
            "rediss://[::1]:1/7",
            "unix:///r.sock",
            "unix:///r.sock?db=4",
            "redis+sentinel://h:26379,[::1]:1/my%20group/0",
            "rediss+sentinel://h:26379/g/2",
            "redis+cluster://h:6379,[::1]:1/0",
            "rediss+cluster://h:6379/2",
        ] {
            let url = parsed(text);
            let site = Site {
                place: url.place,
                credentials: Some(Credentials { user: None, password: Secret::new("hunter2") }),
                database: url.database,
                tls: None,
            };
            assert_eq!(site.to_string(), text);
            assert!(!format!("{site:?}").contains("hunter2"));
        }
    }
}
