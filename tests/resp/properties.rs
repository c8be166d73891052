//! However a stream of frames is split into reads, the scanners find the same frames in it.

use proptest::collection::vec;
use proptest::prelude::*;
use redis_protocol::resp2::decode as resp2;
use redis_protocol::resp3::decode::complete as resp3;

use sessiond::resp::{ReplyScanner, RequestScanner, Scanned, reply};

/// What a stream of requests amounts to: the frames with their arguments, the error that ends
/// them, and how many bytes were left over.
#[derive(Debug, PartialEq)]
struct Outcome {
    frames: Vec<(usize, Vec<Vec<u8>>)>,
    error: Option<String>,
    left: usize,
}

/// Scans `bytes` as they would arrive in reads of the given lengths (the last one repeats).
fn scan_requests(bytes: &[u8], reads: &[usize], authenticated: bool) -> Outcome {
    let mut outcome = Outcome { frames: Vec::new(), error: None, left: 0 };
    let mut scanner = RequestScanner::new();
    let mut front = 0;
    for end in ends(bytes.len(), reads) {
        loop {
            let buf = &bytes[front..end];
            let len = match scanner.scan(buf, authenticated) {
                Ok(Scanned::Partial) => {
                    let begun = scanner.begun(buf).map_or(0, |request| request.len());
                    assert!(begun <= scanner.declared_args());
                    break;
                }
                Ok(Scanned::Nothing { len }) => len,
                Ok(Scanned::Frame { len }) => {
                    let args: Vec<_> = scanner.request(buf).args().map(<[u8]>::to_vec).collect();
                    assert_eq!(args.len(), scanner.declared_args());
                    outcome.frames.push((len, args));
                    len
                }
                Err(error) => {
                    outcome.error = Some(error.to_string());
                    return outcome;
                }
            };
            scanner.next();
            front += len;
        }
    }
    outcome.left = bytes.len() - front;
    outcome
}

/// Streams one request at the front of `bytes`, after a scan of its first `scanned` bytes, and
/// gives its length, or `None` when it does not end.
fn stream_request(bytes: &[u8], scanned: usize, reads: &[usize]) -> Option<usize> {
    let mut scanner = RequestScanner::new();
    if scanner.scan(&bytes[..scanned], true).unwrap() != Scanned::Partial {
        return stream_request(bytes, 0, reads);
    }
    streamed(bytes, scanned, reads, |buf| scanner.stream(buf).unwrap())
}

fn stream_reply(bytes: &[u8], scanned: usize, reads: &[usize]) -> Option<usize> {
    let mut scanner = ReplyScanner::new();
    if scanner.scan(&bytes[..scanned]).unwrap().is_some() {
        return stream_reply(bytes, 0, reads);
    }
    streamed(bytes, scanned, reads, |buf| scanner.stream(buf).unwrap())
}

fn streamed(
    bytes: &[u8],
    scanned: usize,
    reads: &[usize],
    mut stream: impl FnMut(&[u8]) -> (usize, bool),
) -> Option<usize> {
    let mut front = 0;
    for end in ends(bytes.len(), reads).filter(|end| *end >= scanned) {
        let (consumed, ended) = stream(&bytes[front..end]);
        front += consumed;
        if ended {
            return Some(front);
        }
    }
    None
}

fn scan_replies(bytes: &[u8], reads: &[usize]) -> (Vec<usize>, Option<String>) {
    let mut lengths = Vec::new();
    let mut scanner = ReplyScanner::new();
    let mut front = 0;
    let mut bound = 0;
    for end in ends(bytes.len(), reads) {
        loop {
            match scanner.scan(&bytes[front..end]) {
                Ok(Some(len)) => {
                    assert!(bound <= len, "bound {bound} of a frame of {len}");
                    bound = 0;
                    front += len;
                    lengths.push(len);
                }
                Ok(None) => {
                    let needed = scanner.needed().unwrap_or(0);
                    assert!(needed >= bound);
                    bound = needed;
                    break;
                }
                Err(error) => return (lengths, Some(error.to_string())),
            }
        }
    }
    (lengths, None)
}

/// Where each read ends, up to and with the last byte.
fn ends(len: usize, reads: &[usize]) -> impl Iterator<Item = usize> {
    let sizes = reads.iter().copied().chain(std::iter::repeat(*reads.last().unwrap()));
    sizes.scan(0, move |end, size| {
        let before = *end;
        *end = len.min(before + size);
        (before < len).then_some(*end)
    })
}

fn reads() -> impl Strategy<Value = Vec<usize>> {
    vec(1_usize..40, 1..30)
}

/// One request: its bytes, and its arguments, of which there are none when it asks for nothing.
fn request() -> impl Strategy<Value = (Vec<u8>, Vec<Vec<u8>>)> {
    let end = prop_oneof![4 => Just(*b"\r\n"), 1 => Just(*b"\rx")];
    let multibulk = (vec(vec(any::<u8>(), 0..40), 1..6), end).prop_map(|(args, end)| {
        let mut bytes = format!("*{}", args.len()).into_bytes();
        bytes.extend(end);
        for arg in &args {
            bytes.extend(format!("${}", arg.len()).bytes());
            bytes.extend(end);
            bytes.extend(arg);
            bytes.extend(b"??");
        }
        (bytes, args)
    });
    let end = prop_oneof![Just("\r\n"), Just("\n")];
    let inline = (vec("[a-zA-Z0-9$:.-]{1,12}", 0..5), end).prop_map(|(words, end)| {
        let line = format!("{}{end}", words.join("  "));
        (line.into_bytes(), words.into_iter().map(String::into_bytes).collect())
    });
    let nothing = prop_oneof![Just("*0\r\n"), Just("*-7\r\n")];
    prop_oneof![
        3 => multibulk,
        2 => inline,
        1 => nothing.prop_map(|nothing| (nothing.as_bytes().to_vec(), Vec::new())),
    ]
}

fn line(kinds: &'static str, text: &'static str) -> impl Strategy<Value = Vec<u8>> {
    (proptest::sample::select(kinds.as_bytes()), text)
        .prop_map(|(kind, text)| format!("{}{text}\r\n", char::from(kind)).into_bytes())
}

fn blob(kind: char, prefix: &'static str) -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..60).prop_map(move |payload| {
        let len = payload.len() + prefix.len();
        [format!("{kind}{len}\r\n{prefix}").as_bytes(), &payload, b"\r\n"].concat()
    })
}

/// A reply of types that both protocols have, nested a few levels deep.
fn resp2_reply() -> impl Strategy<Value = Vec<u8>> {
    let scalar = prop_oneof![
        line("+-", "[ -~]{0,20}"),
        line(":", "(0|-?[1-9][0-9]{0,17})"),
        blob('$', ""),
        Just(b"$-1\r\n".to_vec()),
        Just(b"*-1\r\n".to_vec()),
    ];
    scalar.prop_recursive(4, 40, 5, |inner| {
        vec(inner, 0..5).prop_map(|items| aggregate('*', items.len(), &items))
    })
}

/// A reply of the types of RESP3; the leaves are what may nest, streamed types only on demand.
fn resp3_reply(streamed: bool) -> BoxedStrategy<Vec<u8>> {
    let scalar = prop_oneof![
        line("+-", "[ -~]{1,20}"),
        line(":", "(0|-?[1-9][0-9]{0,17})"),
        line(",", "(inf|-inf|0|-?[1-9][0-9]{0,5}[.][0-9]{1,5})"),
        line("(", "-?[1-9][0-9]{0,40}"),
        line("#", "[tf]"),
        Just(b"_\r\n".to_vec()),
        blob('$', ""),
        "[ -~]{0,30}".prop_map(|text| format!("!{}\r\n{text}\r\n", text.len()).into_bytes()),
        "[ -~]{0,30}"
            .prop_map(|text| format!("={}\r\ntxt:{text}\r\n", text.len() + 4).into_bytes()),
    ];
    let scalar = if streamed {
        prop_oneof![4 => scalar, 1 => streamed_string()].boxed()
    } else {
        scalar.boxed()
    };
    scalar
        .prop_recursive(4, 40, 6, move |inner| {
            let items = vec(inner.clone(), 0..5);
            let definite = (items.clone(), proptest::sample::select(&['*', '%'][..])).prop_map(
                |(items, kind)| match kind {
                    '%' => map('%', &items),
                    kind => aggregate(kind, items.len(), &items),
                },
            );
            if !streamed {
                return definite.boxed();
            }
            let open = (items.clone(), proptest::sample::select(&['*', '~', '>'][..])).prop_map(
                |(items, kind)| {
                    [format!("{kind}?\r\n").into_bytes(), items.concat(), b".\r\n".to_vec()]
                        .concat()
                },
            );
            let set = items.clone().prop_map(|items| aggregate('~', items.len(), &items));
            let attributed =
                (items, inner).prop_map(|(items, value)| [map('|', &items), value].concat());
            prop_oneof![2 => definite, 1 => open, 1 => set, 1 => attributed].boxed()
        })
        .boxed()
}

fn streamed_string() -> impl Strategy<Value = Vec<u8>> {
    vec(vec(any::<u8>(), 1..20), 0..4).prop_map(|parts| {
        let mut bytes = b"$?\r\n".to_vec();
        for part in parts {
            bytes.extend([format!(";{}\r\n", part.len()).as_bytes(), &part, b"\r\n"].concat());
        }
        bytes.extend(b";0\r\n");
        bytes
    })
}

fn aggregate(kind: char, count: usize, items: &[Vec<u8>]) -> Vec<u8> {
    [format!("{kind}{count}\r\n").into_bytes(), items.concat()].concat()
}

/// A map of keys that differ, to the items.
fn map(kind: char, items: &[Vec<u8>]) -> Vec<u8> {
    let pairs: Vec<_> = items
        .iter()
        .enumerate()
        .map(|(key, item)| [format!("+key{key}\r\n").as_bytes(), item].concat())
        .collect();
    aggregate(kind, items.len(), &pairs)
}

/// Bytes that are close to RESP, mostly wrong.
fn garbage() -> impl Strategy<Value = Vec<u8>> {
    let piece = proptest::sample::select(
        &[
            "*", "$", "1", "2", "3", "0", "-", "-1", "\r\n", "\r\n", "\r\n", "\r", "\n", "a", " ",
            "\0", "\"", "'", "\\", "*1\r\n", "$1\r\n", "$0\r\n", "*2\r\n", "%1\r\n", "|1\r\n",
            "?\r\n", ";1\r\n", ".\r\n", "+", ":", "_",
        ][..],
    );
    vec(piece, 0..40).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #[test]
    fn requests_do_not_depend_on_the_split(
        requests in vec(request(), 0..8),
        reads in reads(),
    ) {
        let bytes: Vec<u8> = requests.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
        let frames = requests
            .into_iter()
            .filter(|(_, args)| !args.is_empty())
            .map(|(bytes, args)| (bytes.len(), args))
            .collect();
        let expected = Outcome { frames, error: None, left: 0 };
        prop_assert_eq!(scan_requests(&bytes, &reads, true), expected);
    }

    #[test]
    fn a_streamed_request_ends_where_it_ends(
        (frame, _) in request(),
        behind in request(),
        reads in reads(),
        scanned in any::<proptest::sample::Index>(),
    ) {
        let bytes = [frame.clone(), behind.0].concat();
        let len = stream_request(&bytes, scanned.index(frame.len()), &reads);
        prop_assert_eq!(len, Some(frame.len()));
    }

    #[test]
    fn wrong_requests_end_alike_in_every_split(
        bytes in garbage(),
        reads in reads(),
        authenticated in any::<bool>(),
    ) {
        let whole = scan_requests(&bytes, &[bytes.len().max(1)], authenticated);
        prop_assert_eq!(&scan_requests(&bytes, &reads, authenticated), &whole);
        prop_assert_eq!(scan_requests(&bytes, &[1], authenticated), whole);
    }

    #[test]
    fn replies_do_not_depend_on_the_split(
        replies in vec(resp3_reply(true), 0..6),
        reads in reads(),
    ) {
        let lengths: Vec<_> = replies.iter().map(Vec::len).collect();
        let bytes = replies.concat();
        prop_assert_eq!(scan_replies(&bytes, &reads), (lengths.clone(), None));
        prop_assert_eq!(scan_replies(&bytes, &[1]), (lengths, None));
    }

    #[test]
    fn a_streamed_reply_ends_where_it_ends(
        frame in resp3_reply(true),
        behind in resp3_reply(true),
        reads in reads(),
        scanned in any::<proptest::sample::Index>(),
    ) {
        let bytes = [frame.clone(), behind].concat();
        let len = stream_reply(&bytes, scanned.index(frame.len()), &reads);
        prop_assert_eq!(len, Some(frame.len()));
    }

    #[test]
    fn wrong_replies_end_alike_in_every_split(bytes in garbage(), reads in reads()) {
        let whole = scan_replies(&bytes, &[bytes.len().max(1)]);
        prop_assert_eq!(&scan_replies(&bytes, &reads), &whole);
        prop_assert_eq!(scan_replies(&bytes, &[1]), whole);
    }

    #[test]
    fn reading_a_reply_never_panics(bytes in garbage()) {
        let _ = (reply::kind(&bytes), reply::is_error(&bytes), reply::is_null(&bytes));
        let _ = (reply::as_bulk(&bytes), reply::as_simple(&bytes), reply::as_integer(&bytes));
        let _ = (reply::error_text(&bytes), reply::value(&bytes));
        prop_assert!(reply::elements(&bytes).is_none_or(|items| items.count() <= bytes.len() + 1));
    }

    #[test]
    fn the_elements_of_a_reply_are_what_it_was_made_of(items in vec(resp3_reply(true), 0..6)) {
        for frame in [
            aggregate('*', items.len(), &items),
            [b"~?\r\n".to_vec(), items.concat(), b".\r\n".to_vec()].concat(),
        ] {
            let found: Result<Vec<_>, _> = reply::elements(&frame).unwrap().collect();
            prop_assert_eq!(found.unwrap(), items.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
    }

    #[test]
    fn resp2_replies_end_where_redis_protocol_says(frame in resp2_reply()) {
        let (_, len) = resp2::decode(&frame).unwrap().unwrap();
        prop_assert_eq!(ReplyScanner::new().scan(&frame).unwrap(), Some(len));
    }

    #[test]
    fn resp3_replies_end_where_redis_protocol_says(frame in resp3_reply(false)) {
        let (_, len) = resp3::decode(&frame).unwrap().unwrap();
        prop_assert_eq!(ReplyScanner::new().scan(&frame).unwrap(), Some(len));
    }
}
