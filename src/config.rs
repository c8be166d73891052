//! The whole configuration: defaults, a TOML file, the environment and flags, in rising precedence.

mod file;
pub mod keys;
mod origin;
mod value;

use std::{
    ffi::OsString,
    fmt::Write as _,
    path::{Path, PathBuf},
};

use crate::{
    net::tls::TlsContext,
    secret::{HIDDEN, Secret},
    server, session, telemetry,
    upstream::{
        address::{Address, Credentials},
        control, embedded, settings as upstream,
        site::{Place, Site},
        url::UpstreamUrl,
    },
};

use keys::{KEYS, Key};
use origin::shown;
pub use origin::{ConfigError, Origin};

/// What the names of environment variables begin with; the key follows in upper case.
pub const ENV_PREFIX: &str = "SESSIOND_";

/// The variable that names the TOML file.
pub const ENV_FILE: &str = "SESSIOND_CONFIG";

/// Everything that can be configured, as each module wants it.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The client side: where to listen, limits, drain.
    pub server: server::Settings,
    /// The Redis side.
    pub upstream: upstream::Settings,
    /// The private server that is started when no upstream is configured.
    pub embedded: embedded::Settings,
    /// The session commands.
    pub session: session::Settings,
    /// The removal of expired sessions.
    pub housekeeping: control::Housekeeping,
    /// The log.
    pub log: telemetry::Settings,
}

/// A configuration being read: what must be combined before it can be used.
#[derive(Default)]
struct Draft {
    config: Config,
    url: Option<UpstreamUrl>,
    user: Option<String>,
    password: Option<Secret>,
    sentinel_user: Option<String>,
    sentinel_password: Option<Secret>,
    /// Which keys were set, where, and to what, as it may be shown.
    given: Vec<(&'static str, Origin, String)>,
}

impl Config {
    /// Reads all sources. `file` (from `--config`) wins over `SESSIOND_CONFIG` in `environment`;
    /// `flags` are keys with the text given for them.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        flags: impl IntoIterator<Item = (&'static Key, String)>,
    ) -> Result<Self, ConfigError> {
        let mut variables: Vec<_> = environment.into_iter().filter_map(variable).collect();
        variables.sort();
        let named = variables.iter().find(|(name, _)| name == ENV_FILE);
        let named =
            named.and_then(|(_, value)| value.as_ref().ok()).filter(|path| !path.is_empty());
        let file = file.map(Path::to_owned).or(named.map(PathBuf::from));

        let mut draft = Draft::default();
        if let Some(path) = file {
            file::read(&path, |origin, name, text| draft.set_named(origin, name, text))?;
        }
        for (name, value) in variables.iter().filter(|(name, _)| name != ENV_FILE) {
            let key = &name[ENV_PREFIX.len()..];
            let origin = Origin::Environment(name.clone());
            // Only the upper-case spelling is a name, so that no key can be given twice.
            if key != key.to_uppercase() {
                let (Ok(value) | Err(value)) = value;
                return Err(ConfigError::unknown(origin, key, value));
            }
            draft.set_named(origin, &key.to_lowercase(), value.clone())?;
        }
        for (key, text) in flags {
            draft.set(Origin::Flag(key.flag()), key, &text)?;
        }
        draft.finish()
    }

    /// The effective configuration as TOML that [`Config::load`] reads back; secrets are hidden.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        for key in KEYS {
            let value = (key.show)(self);
            let note = if key.secret && value.contains(HIDDEN) { " # hidden" } else { "" };
            writeln!(text, "{} = {value}{note}", key.name).expect("a String takes all writes");
        }
        text
    }
}

impl Draft {
    /// Sets a key by name; `Err` text is a value of a type that no key takes.
    fn set_named(
        &mut self,
        origin: Origin,
        name: &str,
        text: Result<String, String>,
    ) -> Result<(), ConfigError> {
        let Some(key) = KEYS.iter().find(|key| key.name == name) else {
            let value = text.unwrap_or_else(|shown| shown);
            return Err(ConfigError::unknown(origin, name, &value));
        };
        match text {
            Ok(text) => self.set(origin, key, &text),
            Err(shown) => Err(ConfigError::value(origin, key, &shown, None)),
        }
    }

    fn set(&mut self, origin: Origin, key: &'static Key, text: &str) -> Result<(), ConfigError> {
        match (key.set)(self, text) {
            Ok(()) => {
                self.given.push((key.name, origin, shown(text, key.secret)));
                Ok(())
            }
            Err(rejected) => Err(ConfigError::value(origin, key, text, rejected.0)),
        }
    }

    /// Combines URL, user, password and CA, which may come from different sources.
    fn finish(mut self) -> Result<Config, ConfigError> {
        let user = self.user.take();
        let password = self.password.take();
        let Some(url) = self.url.take() else {
            self.refuse("upstream_user", user.is_some(), "needs upstream")?;
            self.refuse("upstream_password", password.is_some(), "needs upstream")?;
            self.refuse_sentinel_credentials()?;
            let authority = self.config.upstream.authority.is_some();
            self.refuse("upstream_ca", authority, "needs an upstream with rediss://")?;
            return Ok(self.config);
        };
        let named_user = user.is_some();
        let user = user.or(url.user);
        let credentials = match (user, password.or(url.password)) {
            (user, Some(password)) => Some(Credentials { user, password }),
            (None, None) => None,
            (Some(_), None) => {
                let key = if named_user { "upstream_user" } else { "upstream" };
                self.refuse(key, true, "names a user, so upstream_password is needed too")?;
                None
            }
        };
        let mut place = url.place;
        match &mut place {
            Place::Sentinel(group) => {
                let user = self.sentinel_user.take();
                let password = self.sentinel_password.take();
                if user.is_some() && password.is_none() {
                    self.refuse("sentinel_user", true, "needs sentinel_password too")?;
                }
                group.credentials = password.map(|password| Credentials { user, password });
            }
            Place::Server(_) | Place::Cluster(_) => self.refuse_sentinel_credentials()?,
        }
        let authority = self.config.upstream.authority.clone();
        let tls = match place.addresses().first() {
            Some(Address::Tls { .. }) => match TlsContext::load(authority.as_deref()) {
                Ok(tls) => Some(tls),
                Err(error) => {
                    let key = if authority.is_some() { "upstream_ca" } else { "upstream" };
                    self.refuse(key, true, &format!("cannot be used: {error}"))?;
                    None
                }
            },
            _ => {
                self.refuse("upstream_ca", authority.is_some(), "is for rediss:// only")?;
                None
            }
        };
        if matches!(place, Place::Cluster(_)) {
            // Keys of the other layout are in several slots.
            self.config.session.layout = session::Layout::Buckets;
        }
        let site = Site { place, credentials, database: url.database, tls };
        self.config.upstream.site = Some(site);
        Ok(self.config)
    }

    fn refuse_sentinel_credentials(&self) -> Result<(), ConfigError> {
        let why = "is for redis+sentinel:// only";
        self.refuse("sentinel_user", self.sentinel_user.is_some(), why)?;
        self.refuse("sentinel_password", self.sentinel_password.is_some(), why)
    }

    /// An error about `name` when `refused`, saying where its value came from.
    fn refuse(&self, name: &str, refused: bool, why: &str) -> Result<(), ConfigError> {
        match self.given.iter().rev().find(|(key, ..)| *key == name) {
            Some((key, origin, value)) if refused => {
                Err(ConfigError::conflict(origin.clone(), key, value.clone(), why))
            }
            _ => Ok(()),
        }
    }
}

/// A `SESSIOND_*` variable; `Err` is a value that is not UTF-8, made readable.
fn variable((name, value): (OsString, OsString)) -> Option<(String, Result<String, String>)> {
    let name = name.into_string().ok().filter(|name| name.starts_with(ENV_PREFIX))?;
    Some((name, value.into_string().map_err(|value| value.to_string_lossy().into_owned())))
}
