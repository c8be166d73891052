//! The limits that Redis sets to what a client may send.

/// Longest inline request, and longest line that announces a length, in bytes without its end
/// (`PROTO_INLINE_MAX_SIZE`).
pub const MAX_LINE: usize = 64 * 1024;

/// Longest argument, in bytes (the default of `proto-max-bulk-len`).
pub const MAX_BULK: u64 = 512 * 1024 * 1024;

/// Most arguments of one request, the command name included (`INT_MAX`, since Redis 7).
pub const MAX_ARGUMENTS: u64 = i32::MAX as u64;

/// Most arguments of a multibulk request on a connection that has yet to authenticate.
pub const MAX_ARGUMENTS_UNAUTHENTICATED: u64 = 10;

/// Longest argument of a multibulk request on a connection that has yet to authenticate, in bytes.
pub const MAX_BULK_UNAUTHENTICATED: u64 = 16 * 1024;
