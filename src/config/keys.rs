//! The table of keys: one row gives the name, what is allowed, the default and the meaning, for flags,
//! help, environment, file, example and errors alike.

use std::time::Duration;

use super::{
    Config, Draft,
    value::{REJECTED, Rejected, duration, number, quoted, seconds, size},
};
use crate::{
    secret::{HIDDEN, Secret},
    session::{Buckets, Layout},
    telemetry::{Filter, Format},
    upstream::{address::Credentials, settings::Mode, site::Place, url},
};

/// One key of the configuration.
pub struct Key {
    /// The name in the file; `SESSIOND_` and upper case make the variable, dashes the flag.
    pub name: &'static str,
    /// What stands for the value in the help.
    pub placeholder: &'static str,
    /// What the value must be, to be read after "it must be".
    pub allowed: &'static str,
    /// The default as a TOML value.
    pub default: &'static str,
    /// What it does, in one or two sentences.
    pub doc: &'static str,
    /// Whether the value is never shown.
    pub secret: bool,
    /// Whether the file may hold an array; elsewhere its items are separated by commas.
    pub list: bool,
    pub(super) set: fn(&mut Draft, &str) -> Result<(), Rejected>,
    pub(super) show: fn(&Config) -> String,
}

impl Key {
    /// The flag, with its dashes.
    pub fn flag(&self) -> String {
        format!("--{}", self.name.replace('_', "-"))
    }
}

/// A year, as an upper bound for what is counted in seconds and would else overflow timers.
const YEAR: Duration = Duration::from_secs(31_536_000);

/// Every key there is, in the order of the example file.
pub static KEYS: &[Key] = &[
    Key {
        name: "listen",
        placeholder: "HOST:PORT",
        allowed: "host:port, with IPv6 as [::1]:port; port 0 takes any free one",
        default: r#""127.0.0.1:6380""#,
        doc: "Where clients connect.",
        secret: false,
        list: false,
        set: |draft, text| put(&mut draft.config.server.listen, text.parse().ok()),
        show: |config| quoted(&config.server.listen.to_string()),
    },
    Key {
        name: "upstream",
        placeholder: "URL",
        allowed: url::ALLOWED_OR_EMPTY,
        default: r#""""#,
        doc: "The Redis or Valkey server to stand in front of. Empty starts a private one in data_dir.",
        secret: false,
        list: false,
        set: |draft, text| {
            draft.url = match text {
                "" => None,
                _ => Some(
                    text.parse()
                        .map_err(|error: url::UrlError| Rejected(Some(error.to_string())))?,
                ),
            };
            Ok(())
        },
        show: |config| {
            quoted(&config.upstream.site.as_ref().map_or(String::new(), ToString::to_string))
        },
    },
    Key {
        name: "upstream_user",
        placeholder: "NAME",
        allowed: "the name of an ACL user, or empty",
        default: r#""""#,
        doc: "The ACL user that sessiond authenticates as; wins over the one in the URL.",
        secret: false,
        list: false,
        set: |draft, text| {
            draft.user = Some(text.to_owned()).filter(|text| !text.is_empty());
            Ok(())
        },
        show: |config| {
            let credentials = config.upstream.site.as_ref().and_then(|s| s.credentials.as_ref());
            quoted(credentials.and_then(|c| c.user.as_deref()).unwrap_or_default())
        },
    },
    Key {
        name: "upstream_password",
        placeholder: "PASSWORD",
        allowed: "a password, or empty",
        default: r#""""#,
        doc: "Its password; wins over the one in the URL. \
              Best given as a variable: other users of the machine can see flags.",
        secret: true,
        list: false,
        set: |draft, text| {
            draft.password = Some(text).filter(|text| !text.is_empty()).map(Secret::new);
            Ok(())
        },
        show: |config| {
            let credentials = config.upstream.site.as_ref().and_then(|s| s.credentials.as_ref());
            quoted(credentials.map_or("", |_| HIDDEN))
        },
    },
    Key {
        name: "sentinel_user",
        placeholder: "NAME",
        allowed: "the name of an ACL user, or empty",
        default: r#""""#,
        doc: "The ACL user that sessiond authenticates as at the Sentinels of redis+sentinel://.",
        secret: false,
        list: false,
        set: |draft, text| {
            draft.sentinel_user = Some(text.to_owned()).filter(|text| !text.is_empty());
            Ok(())
        },
        show: |config| {
            quoted(at_sentinels(config).and_then(|c| c.user.as_deref()).unwrap_or_default())
        },
    },
    Key {
        name: "sentinel_password",
        placeholder: "PASSWORD",
        allowed: "a password, or empty",
        default: r#""""#,
        doc: "The password for the Sentinels.",
        secret: true,
        list: false,
        set: |draft, text| {
            draft.sentinel_password = Some(text).filter(|text| !text.is_empty()).map(Secret::new);
            Ok(())
        },
        show: |config| quoted(at_sentinels(config).map_or("", |_| HIDDEN)),
    },
    Key {
        name: "upstream_ca",
        placeholder: "FILE",
        allowed: "a PEM file with at least one certificate, or empty",
        default: r#""""#,
        doc: "Trusted for rediss:// beside the system's certificates.",
        secret: false,
        list: false,
        set: |draft, text| put(&mut draft.config.upstream.authority, Some(optional(text))),
        show: |config| path(config.upstream.authority.as_deref()),
    },
    Key {
        name: "upstream_mode",
        placeholder: "MODE",
        allowed: "shared or dedicated",
        default: r#""shared""#,
        doc: "shared: clients in the same state share upstream connections. \
              dedicated: every client has its own.",
        secret: false,
        list: false,
        set: |draft, text| {
            let modes = [Mode::Shared, Mode::Dedicated];
            let mode = modes.into_iter().find(|mode| mode.as_str() == text);
            put(&mut draft.config.upstream.mode, mode)
        },
        show: |config| quoted(config.upstream.mode.as_str()),
    },
    Key {
        name: "connect_timeout",
        placeholder: "TIME",
        allowed: "seconds or a time like 500ms or 2s, from 10ms to 10m",
        default: "5",
        doc: "How long one attempt to connect to the upstream may take.",
        secret: false,
        list: false,
        set: |draft, text| {
            let range = Duration::from_millis(10)..=Duration::from_secs(600);
            put(&mut draft.config.upstream.connect_timeout, Some(duration(text, range)?))
        },
        show: |config| seconds(config.upstream.connect_timeout),
    },
    Key {
        name: "upstream_timeout",
        placeholder: "TIME",
        allowed: "seconds or a time like 500ms or 2s, from 1s to 24h, or 0 for ever",
        default: "30",
        doc: "How long a reply may take before the upstream is asked whether it is there; \
              requests under way are lost when it does not answer.",
        secret: false,
        list: false,
        set: |draft, text| {
            let range = Duration::from_secs(1)..=Duration::from_secs(86_400);
            let never = Duration::ZERO..=Duration::ZERO;
            let time = duration(text, range).or_else(|_| duration(text, never))?;
            put(&mut draft.config.upstream.upstream_timeout, Some(time))
        },
        show: |config| seconds(config.upstream.upstream_timeout),
    },
    Key {
        name: "hold",
        placeholder: "TIME",
        allowed: "auto, or seconds or a time like 500ms or 2s, from 0 to 10m",
        default: r#""auto""#,
        doc: "How long requests that have not been sent wait for an upstream that is away, before they are \
              answered with the error; auto is 10 seconds with Sentinels or a cluster and 0 in front of one server.",
        secret: false,
        list: false,
        set: |draft, text| {
            let range = Duration::ZERO..=Duration::from_secs(600);
            draft.config.upstream.hold = match text {
                "auto" => None,
                _ => Some(duration(text, range)?),
            };
            Ok(())
        },
        show: |config| config.upstream.hold.map_or(quoted("auto"), seconds),
    },
    Key {
        name: "workers",
        placeholder: "COUNT",
        allowed: "auto or a whole number from 1 to 1024",
        default: r#""auto""#,
        doc: "Threads that serve clients; auto is one per core.",
        secret: false,
        list: false,
        set: |draft, text| {
            let workers = match text {
                "auto" => crate::server::cores(),
                _ => whole(text, 1, 1024)?,
            };
            put(&mut draft.config.server.workers, Some(workers))
        },
        show: |config| config.server.workers.to_string(),
    },
    Key {
        name: "max_clients",
        placeholder: "COUNT",
        allowed: "a whole number from 1 to 1000000",
        default: "10000",
        doc: "Clients served at a time; further ones are refused as Redis refuses them.",
        secret: false,
        list: false,
        set: |draft, text| {
            put(&mut draft.config.server.max_clients, Some(whole(text, 1, 1_000_000)?))
        },
        show: |config| config.server.max_clients.to_string(),
    },
    Key {
        name: "client_output_limit",
        placeholder: "SIZE",
        allowed: "bytes or a size like 64mb, from 64kb to 1024gb",
        default: r#""1gb""#,
        doc: "What a client may leave unread before it is closed.",
        secret: false,
        list: false,
        set: |draft, text| {
            let limit = size(text, 64 << 10..=1 << 40)?;
            put(&mut draft.config.server.client_output_limit, Some(limit))
        },
        show: |config| config.server.client_output_limit.to_string(),
    },
    Key {
        name: "data_dir",
        placeholder: "DIR",
        allowed: "a directory, or empty for the default one",
        default: r#""""#,
        doc: "Where the private server keeps its data. \
              Empty is $XDG_DATA_HOME/sessiond, else ~/.local/share/sessiond, else ./sessiond-data.",
        secret: false,
        list: false,
        set: |draft, text| {
            let folder = optional(text).unwrap_or_else(crate::upstream::embedded::default_data_dir);
            put(&mut draft.config.embedded.data_dir, Some(folder))
        },
        show: |config| path(Some(&config.embedded.data_dir)),
    },
    Key {
        name: "redis_server",
        placeholder: "FILE",
        allowed: "the path of a redis-server or valkey-server program, or empty",
        default: r#""""#,
        doc: "The program to run as the private server. \
              Empty takes redis-server, else valkey-server, from PATH.",
        secret: false,
        list: false,
        set: |draft, text| put(&mut draft.config.embedded.program, Some(optional(text))),
        show: |config| path(config.embedded.program.as_deref()),
    },
    Key {
        name: "ns",
        placeholder: "PREFIX",
        allowed: "1 to 128 bytes of UTF-8 without control characters and braces",
        default: r#""rs""#,
        doc: "The prefix of all session keys.",
        secret: false,
        list: false,
        set: |draft, text| {
            let refused = |c: char| c.is_control() || matches!(c, '{' | '}');
            let fits = (1..=128).contains(&text.len()) && !text.contains(refused);
            put(&mut draft.config.session.ns, Some(text.to_owned()).filter(|_| fits))
        },
        show: |config| quoted(&config.session.ns),
    },
    Key {
        name: "ttl",
        placeholder: "SECONDS",
        allowed: "a whole number of seconds from 10 to 315360000",
        default: "7200",
        doc: "Idle time after which a session ends, for SESSION.CREATE without TTL.",
        secret: false,
        list: false,
        set: |draft, text| put(&mut draft.config.session.ttl, Some(whole(text, 10, 315_360_000)?)),
        show: |config| config.session.ttl.to_string(),
    },
    Key {
        name: "max_data",
        placeholder: "SIZE",
        allowed: "bytes or a size like 64kb, from 64 to 16mb",
        default: "65536",
        doc: "The largest d, the JSON object of a session.",
        secret: false,
        list: false,
        set: |draft, text| {
            put(&mut draft.config.session.max_data, Some(size(text, 64..=16 << 20)?))
        },
        show: |config| config.session.max_data.to_string(),
    },
    Key {
        name: "layout",
        placeholder: "LAYOUT",
        allowed: "libraries or buckets",
        default: r#""libraries""#,
        doc: "How session keys are named. libraries: as the Node and Elixir libraries name them. \
              buckets: spread over an app's buckets, each of which is in one slot of a cluster.",
        secret: false,
        list: false,
        set: |draft, text| {
            let layouts = [Layout::Libraries, Layout::Buckets];
            let layout = layouts.into_iter().find(|layout| layout.as_str() == text);
            put(&mut draft.config.session.layout, layout)
        },
        show: |config| quoted(config.session.layout.as_str()),
    },
    Key {
        name: "cluster_buckets",
        placeholder: "COUNT",
        allowed: "a power of two from 1 to 4096",
        default: "256",
        doc: "How many buckets each app has in the layout buckets. The server keeps the number: \
              it cannot be changed while there are sessions.",
        secret: false,
        list: false,
        set: |draft, text| {
            let buckets = Buckets::new(whole(text, 1, Buckets::MOST.into())?);
            put(&mut draft.config.session.buckets, buckets)
        },
        show: |config| config.session.buckets.count().to_string(),
    },
    Key {
        name: "wipe",
        placeholder: "TIME",
        allowed: "0 for never, or seconds or a time like 10m, from 10s to a year",
        default: "600",
        doc: "How often expired sessions are removed.",
        secret: false,
        list: false,
        set: |draft, text| {
            let every = duration(text, Duration::ZERO..=YEAR)?;
            let fits = every.is_zero() || every >= Duration::from_secs(10);
            put(&mut draft.config.housekeeping.every, Some(every).filter(|_| fits))
        },
        show: |config| seconds(config.housekeeping.every),
    },
    Key {
        name: "wipe_databases",
        placeholder: "NUMBERS",
        allowed: "database numbers, separated by commas outside the file, or nothing",
        default: "[]",
        doc: "The databases to remove expired sessions in, besides those in which sessions were used. \
              Nothing is the upstream URL's.",
        secret: false,
        list: true,
        set: |draft, text| {
            let items = text.split(',').filter(|_| !text.is_empty());
            let numbers: Result<_, _> = items.map(|item| url::database(item.trim())).collect();
            put(&mut draft.config.housekeeping.databases, numbers.ok())
        },
        show: |config| format!("{:?}", config.housekeeping.databases),
    },
    Key {
        name: "drain_timeout",
        placeholder: "TIME",
        allowed: "seconds or a time like 500ms or 2s, from 0 to 1h",
        default: "10",
        doc: "How long a stop waits for answers in flight.",
        secret: false,
        list: false,
        set: |draft, text| {
            let range = Duration::ZERO..=Duration::from_secs(3600);
            put(&mut draft.config.server.drain_timeout, Some(duration(text, range)?))
        },
        show: |config| seconds(config.server.drain_timeout),
    },
    Key {
        name: "log_level",
        placeholder: "LEVEL",
        allowed: "off, error, warn, info, debug or trace, or a list like info,sessiond::upstream=debug",
        default: r#""info""#,
        doc: "What is logged, to standard error.",
        secret: false,
        list: false,
        set: |draft, text| put(&mut draft.config.log.filter, text.parse::<Filter>().ok()),
        show: |config| quoted(&config.log.filter.to_string()),
    },
    Key {
        name: "log_format",
        placeholder: "FORMAT",
        allowed: "human or json",
        default: r#""human""#,
        doc: "json writes one object per line.",
        secret: false,
        list: false,
        set: |draft, text| {
            let formats = [Format::Human, Format::Json];
            let format = formats.into_iter().find(|format| format.as_str() == text);
            put(&mut draft.config.log.format, format)
        },
        show: |config| quoted(config.log.format.as_str()),
    },
];

fn at_sentinels(config: &Config) -> Option<&Credentials> {
    match &config.upstream.site.as_ref()?.place {
        Place::Sentinel(group) => group.credentials.as_ref(),
        Place::Server(_) | Place::Cluster(_) => None,
    }
}

fn put<T>(place: &mut T, value: Option<T>) -> Result<(), Rejected> {
    *place = value.ok_or(REJECTED)?;
    Ok(())
}

fn whole<T: TryFrom<u64>>(text: &str, first: u64, last: u64) -> Result<T, Rejected> {
    T::try_from(number(text, first..=last)?).map_err(|_| REJECTED)
}

fn optional(text: &str) -> Option<std::path::PathBuf> {
    Some(text).filter(|text| !text.is_empty()).map(Into::into)
}

fn path(path: Option<&std::path::Path>) -> String {
    quoted(&path.map_or(String::new().into(), std::path::Path::to_string_lossy))
}
