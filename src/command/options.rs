//! Options that decide where a request goes: each is looked for where the server looks for it, never among operands.

use super::route::is;
use crate::resp::{Request, parse_integer};

/// Whether `XREAD` or `XREADGROUP` may wait: with `BLOCK ms` ahead of `STREAMS`.
///
/// Either is refused with options of the other, so one grammar does for both (`xreadCommand` in t_stream.c):
/// `COUNT n`, `BLOCK ms`, `CLAIM ms`, `GROUP group consumer`, `NOACK`, and last `STREAMS` with keys and ids. Another
/// word may take operands that nobody here knows, and of a request that has only begun more is to come: both may wait.
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

/// Whether `VADD key [REDUCE dim] FP32 blob|VALUES n value.. element [options]` has the option `CAS`: then a thread
/// looks for the element's neighbours (`VADD_RedisCommand` in vset.c). The others are `EF n`, `M n`, `SETATTR json` and
/// single words.
pub(super) fn vector_add_is_threaded(request: &Request<'_>) -> bool {
    let begins = |at, word| request.arg(at).is_some_and(|arg| is(arg, word));
    let vector = if begins(2, b"REDUCE") { 4 } else { 2 };
    let values = match request.arg(vector + 1).and_then(parse_integer).map(usize::try_from) {
        _ if begins(vector, b"FP32") => 1,
        Some(Ok(values)) if begins(vector, b"VALUES") => values.saturating_add(1),
        // For the server to refuse.
        _ => return false,
    };
    let mut options = request.args().skip(values.saturating_add(vector + 2));
    while let Some(option) = options.next() {
        if is(option, b"CAS") {
            return true;
        }
        if [&b"EF"[..], b"M", b"SETATTR"].iter().any(|word| is(option, word)) {
            options.next();
        }
    }
    false
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

    #[test]
    fn a_vector_is_added_in_a_thread_with_cas_only() {
        for words in [
            "VADD k FP32 blob e CAS",
            "vadd k values 2 0.1 0.2 e cas",
            "VADD k REDUCE 9 VALUES 2 0.1 0.2 e NOQUANT EF 200 cas",
            "VADD k REDUCE 9 FP32 cas cas SETATTR cas M cas CAS",
        ] {
            assert!(with_request(words, vector_add_is_threaded), "{words}");
        }
        for words in [
            "VADD",
            "VADD k FP32 blob e",
            "VADD cas FP32 cas cas",
            "VADD k VALUES 1 cas cas Q8",
            "VADD k REDUCE cas FP32 cas cas",
            "VADD k FP32 blob e SETATTR CAS EF cas M cas",
            "VADD k VALUES 9223372036854775807 1 e CAS",
            "VADD k VALUES -1 e CAS",
            "VADD k NEW 1 e CAS",
        ] {
            assert!(!with_request(words, vector_add_is_threaded), "{words}");
        }
    }
}
