//! The log: which events are kept and how they are written to standard error.

use std::{fmt, io::IsTerminal, str::FromStr};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    Layer, filter::Targets, layer::SubscriberExt, registry, util::SubscriberInitExt,
};

/// How a log line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people, coloured on a terminal.
    Human,
    /// One JSON object per line.
    Json,
}

impl Format {
    /// The word used for it in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Json => "json",
        }
    }
}

/// Which events are kept: one level, then exceptions for modules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    text: String,
    level: LevelFilter,
    targets: Vec<(String, LevelFilter)>,
}

/// The text is no filter.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a log level or a list of module=level")]
pub struct FilterError;

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        let mut filter = Self { level: LevelFilter::INFO, ..Self::none(text) };
        let mut levels = 0;
        for item in text.split(',').map(str::trim) {
            match item.split_once('=') {
                None => {
                    filter.level = level(item)?;
                    levels += 1;
                }
                Some((target, name)) => {
                    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
                    if target.is_empty() || !target.chars().all(part) {
                        return Err(FilterError);
                    }
                    filter.targets.push((target.to_owned(), level(name)?));
                }
            }
        }
        if levels > 1 { Err(FilterError) } else { Ok(filter) }
    }
}

impl Filter {
    fn none(text: &str) -> Self {
        Self { text: text.to_owned(), level: LevelFilter::OFF, targets: Vec::new() }
    }

    fn targets(&self) -> Targets {
        // The libraries repeat every failed attempt to connect; what matters of it we say ourselves.
        Targets::new()
            .with_default(self.level.min(LevelFilter::WARN))
            .with_target("sessiond", self.level)
            .with_target("fred", LevelFilter::OFF)
            .with_targets(self.targets.iter().cloned())
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The log's part of the configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which events are kept.
    pub filter: Filter,
    /// How they are written.
    pub format: Format,
}

impl Default for Settings {
    fn default() -> Self {
        let filter = Filter { level: LevelFilter::INFO, ..Filter::none("info") };
        Self { filter, format: Format::Human }
    }
}

/// Starts the log for the whole process. Called once, before anything is logged.
pub fn init(settings: &Settings) {
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match settings.format {
        Format::Human => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        Format::Json => lines.json().flatten_event(true).boxed(),
    };
    registry().with(lines.with_filter(settings.filter.targets())).init();
}

fn level(name: &str) -> Result<LevelFilter, FilterError> {
    match name {
        "off" => Ok(LevelFilter::OFF),
        "error" => Ok(LevelFilter::ERROR),
        "warn" => Ok(LevelFilter::WARN),
        "info" => Ok(LevelFilter::INFO),
        "debug" => Ok(LevelFilter::DEBUG),
        "trace" => Ok(LevelFilter::TRACE),
        _ => Err(FilterError),
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    fn kept(filter: &str, target: &str, level: Level) -> bool {
        filter.parse::<Filter>().unwrap().targets().would_enable(target, &level)
    }

    #[test]
    fn a_level_is_for_us_and_libraries_stay_quiet() {
        assert!(kept("debug", "sessiond::server", Level::DEBUG));
        assert!(!kept("info", "sessiond", Level::DEBUG));
        assert!(!kept("trace", "rustls::client", Level::INFO));
        assert!(!kept("trace", "fred::router", Level::ERROR));
        assert!(kept("info,fred=debug", "fred::router", Level::DEBUG));
        assert!(kept("sessiond::upstream=trace", "sessiond::upstream::dial", Level::TRACE));
        assert!(!kept("off", "sessiond", Level::ERROR));
    }

    #[test]
    fn a_word_that_is_no_level_is_refused() {
        for text in ["", "verbose", "INFO!", "info,", "info,debug", "=info", "a b=info", "x=loud"] {
            assert_eq!(text.parse::<Filter>(), Err(FilterError), "{text}");
        }
    }
}
