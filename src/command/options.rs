//! Options that decide where a request goes: each is looked for where the server looks for it, never among operands.

use super::route::is;
use crate::resp::Request;

/// Whether `XREAD` or `XREADGROUP` may wait: with `BLOCK ms` ahead of `STREAMS`.
///
/// Either is refused with options of the other, so one grammar does for both (`xreadCommand` in t_stream.c): `GROUP group
/// consumer`, `COUNT n`, `BLOCK ms`, `CLAIM ms`, `NOACK`, and last `STREAMS` with keys and ids. A word that is none of them
/// may take operands that nobody here knows, and of a request that has only begun more is to come: both may wait.
pub(super) fn stream_read_may_wait(request: &Request<'_>) -> bool {
    let mut args = request.args().skip(1);
    while let Some(option) = args.next() {
        let operands = if is(option, b"STREAMS") {
            return false;
        } else if is(option, b"COUNT") || is(option, b"CLAIM") {
            1
        } else if is(option, b"GROUP") {
            2
        } else if is(option, b"NOACK") {
            0
        } else {
            return true;
        };
        args.by_ref().take(operands).for_each(drop);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::sample::with_request;

    fn may_wait(words: &str) -> bool {
        with_request(words, stream_read_may_wait)
    }

    #[test]
    fn a_stream_read_waits_with_block_only() {
        for words in [
            "XREAD BLOCK 0 STREAMS s $",
            "xread count 1 block 0 streams s $",
            "XREAD BLOCK 0 COUNT 1 STREAMS s $",
            "XREADGROUP GROUP g c BLOCK 0 STREAMS s >",
            "XREADGROUP BLOCK 0 GROUP g c STREAMS s >",
            "XREADGROUP GROUP g c NOACK COUNT 2 CLAIM 5 BLOCK 0 STREAMS s >",
        ] {
            assert!(may_wait(words), "{words}");
        }
        for words in [
            "XREAD STREAMS s 0",
            "xread count 1 streams s 0",
            "XREADGROUP GROUP g c STREAMS s >",
            "XREADGROUP NOACK GROUP g c CLAIM 5 COUNT 1 STREAMS s >",
        ] {
            assert!(!may_wait(words), "{words}");
        }
    }

    #[test]
    fn operands_of_a_stream_read_are_no_options() {
        for words in [
            "XREADGROUP GROUP streams c BLOCK 0 STREAMS s >",
            "XREADGROUP GROUP g STREAMS BLOCK 0 STREAMS s >",
            "XREADGROUP GROUP count group BLOCK 0 STREAMS s >",
            "XREAD COUNT STREAMS BLOCK 0 STREAMS s >",
            "XREADGROUP GROUP g c CLAIM streams BLOCK 0 STREAMS s >",
        ] {
            assert!(may_wait(words), "{words}");
        }
        for words in [
            "XREAD STREAMS block 0",
            "XREAD COUNT 1 STREAMS BLOCK s 0 $",
            "XREADGROUP GROUP block c STREAMS s >",
            "XREADGROUP GROUP g BLOCK STREAMS s >",
            "XREADGROUP GROUP g c COUNT block STREAMS s >",
            "XREADGROUP GROUP g c CLAIM block STREAMS s >",
        ] {
            assert!(!may_wait(words), "{words}");
        }
    }

    #[test]
    fn what_is_not_understood_may_wait() {
        for words in ["XREAD", "XREADGROUP GROUP g", "XREAD NEW streams BLOCK 0 STREAMS s 0"] {
            assert!(may_wait(words), "{words}");
        }
    }
}
