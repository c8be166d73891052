//! The bounds of what session commands accept, and of what they do in one step.

/// Shortest app, in characters.
pub const MIN_APP: usize = 3;
/// Longest app, in characters.
pub const MAX_APP: usize = 20;
/// Longest id, in bytes.
pub const MAX_ID: usize = 128;
/// Longest ip, in characters.
pub const MAX_IP: usize = 39;
/// Length of a token, in characters.
pub const TOKEN: usize = 64;
/// Shortest ttl, in seconds.
pub const MIN_TTL: u32 = 10;
/// Longest ttl, in seconds: ten years.
pub const MAX_TTL: u32 = 315_360_000;
/// Shortest window, in seconds.
pub const MIN_WINDOW: u64 = 10;
/// Windows longer than this many seconds are taken as this: it reaches back past the beginning of
/// time, and is still exact in the scripts' floating point numbers.
pub const MAX_WINDOW: u64 = 1_000_000_000_000;
/// Seconds of a window that is not given.
pub const DEFAULT_WINDOW: u64 = 600;
/// Sessions that one step of KILLALL or WIPE removes: about 2 ms of the server's time.
pub const REMOVAL_BATCH: usize = 75;
/// Sessions that one step of a listing reads: about 2 ms of the server's time.
pub const LISTING_PAGE: usize = 100;
/// Calls that are under way at once for a command that visits several places. Together they take the
/// server no longer than one call of the size of a step, but for what each call costs by itself.
pub const MOST_CALLS: usize = 64;
/// Calls that are at least under way at once for it, so that the server is not left waiting.
pub const LEAST_CALLS: usize = 2;
/// Keys that these calls may have together, beyond which no other one is added.
pub const MOST_KEYS: usize = 400;
/// Sessions that each of these calls may read or remove at least: fewer would not be worth a call.
pub const LEAST_SHARE: usize = 2;
/// Keys that one look for buckets goes past: less than 1 ms of the server's time.
pub const SEARCH_STEP: usize = 1000;
/// Times a long listing looks again for sessions that were refreshed while it was read. Each look
/// is shorter than the one before unless the whole app is refreshed all the time.
pub const LISTING_LOOKS: u32 = 16;
/// Bytes of a key of `d` that an error reply quotes.
pub const QUOTED_KEY: usize = 128;
