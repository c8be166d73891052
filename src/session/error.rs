//! What is wrong with a session command, in the words of its error reply.

use std::fmt;

use super::limits;

/// A parameter that names something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parameter {
    /// The namespace of sessions.
    App,
    /// The user's id.
    Id,
    /// The secret name of one session.
    Token,
    /// The address that a session was created from.
    Ip,
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Parameter::App => "app",
            Parameter::Id => "id",
            Parameter::Token => "token",
            Parameter::Ip => "ip",
        })
    }
}

/// Why a session command is refused before anything is sent. The text is the error reply without
/// its leading `-`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Too few or too many arguments for the named command. Inside MULTI, Redis refuses this at
    /// once, while all other errors are answered by EXEC.
    #[error("ERR wrong number of arguments for '{0}' command")]
    Arity(&'static str),
    /// An unknown or repeated option, or one without its value.
    #[error("ERR syntax error")]
    Syntax,
    /// An empty parameter.
    #[error("MISSINGPARAMETER No {0} supplied")]
    Missing(Parameter),
    /// A parameter that does not have the form of what it names.
    #[error("INVALIDFORMAT Invalid {0} format")]
    Malformed(Parameter),
    /// A ttl that is no integer or too small.
    #[error("INVALIDVALUE ttl must be a positive integer >= {min}", min = limits::MIN_TTL)]
    Ttl,
    /// A ttl that is too large.
    #[error("INVALIDVALUE ttl must be at most {max}", max = limits::MAX_TTL)]
    TtlTooLarge,
    /// A window that is no integer or too small.
    #[error("INVALIDVALUE dt must be a positive integer >= {min}", min = limits::MIN_WINDOW)]
    Window,
    /// Data that is no JSON object.
    #[error("INVALIDVALUE d must be an object")]
    NotAnObject,
    /// A change of nothing.
    #[error("INVALIDVALUE d must contain at least one key")]
    NoKey,
    /// A value that is an object or an array; with its key, fit for an error reply.
    #[error(
        "INVALIDVALUE d.{0} has a forbidden type, \
         only strings, numbers, booleans and null are allowed"
    )]
    Nested(String),
    /// Data larger than so many bytes.
    #[error("INVALIDVALUE d is larger than {0} bytes")]
    TooLarge(usize),
    /// It has not been found out how many buckets the server's sessions are in.
    #[error("UPSTREAM unavailable: the number of buckets is not known yet")]
    BucketsUnknown,
    /// The server's sessions are in another number of buckets than this process looks in.
    #[error(
        "UPSTREAM unavailable: sessions are kept in {stored} buckets, cluster_buckets is {configured}"
    )]
    OtherBuckets {
        /// As the server says.
        stored: u32,
        /// As configured.
        configured: u16,
    },
    /// The operating system gave no random bytes for a token.
    #[error("ERR no random numbers for a token")]
    NoRandomness,
}

impl Error {
    /// A short name of the error's kind, one of a fixed set: fit for a metric's label.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Error::Arity(_) => "arity",
            Error::Syntax => "syntax",
            Error::Missing(_) => "missing_parameter",
            Error::Malformed(_) => "invalid_format",
            Error::Ttl | Error::TtlTooLarge | Error::Window => "invalid_time",
            Error::NotAnObject | Error::NoKey | Error::Nested(_) | Error::TooLarge(_) => {
                "invalid_data"
            }
            Error::BucketsUnknown | Error::OtherBuckets { .. } => "buckets",
            Error::NoRandomness => "no_randomness",
        }
    }
}
