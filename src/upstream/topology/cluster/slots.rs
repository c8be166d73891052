//! Reading the reply to `CLUSTER SLOTS`.

use std::collections::HashSet;

use crate::{
    resp::reply::{self, Kind},
    state::slot::Slot,
    upstream::{address::Address, topology::map::Map},
};

/// How many nodes a cluster may have, by its specification; what claims more is not believed.
const MOST_NODES: usize = 1000;
/// The longest name that a host may have, by the rules for names.
const LONGEST_HOST: usize = 255;
/// How many names and values a node may say of itself besides.
const MOST_METADATA: usize = 32;

/// What a node says of its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// Who has which slots.
    pub(super) map: Map,
    /// All nodes, replicas as well.
    pub(super) nodes: Vec<Address>,
}

/// Reads the reply of the node at `asked`, by which the others are reached in the same way: TLS or not. `None` when it is not
/// what a node says.
pub(super) fn read(frame: &[u8], asked: &Address) -> Option<Told> {
    let mut ranges = Vec::new();
    let mut nodes = Nodes::default();
    for range in elements(frame)? {
        let mut parts = elements(range.ok()?)?;
        let first = slot(parts.next()?.ok()?)?;
        let last = slot(parts.next()?.ok()?).filter(|last| *last >= first)?;
        let owner = node(parts.next()?.ok()?, asked)?;
        nodes.add(&owner)?;
        for replica in parts {
            // A replica that cannot be reached is no reason to believe nothing at all.
            if let Some(replica) = node(replica.ok()?, asked) {
                nodes.add(&replica)?;
            }
        }
        ranges.push((first, last, owner));
        if ranges.len() > usize::from(Slot::COUNT) {
            return None;
        }
    }
    ranges.sort_by_key(|(first, ..)| *first);
    // No slot has two owners.
    let is_apart = ranges.windows(2).all(|two| two[0].1 < two[1].0);
    is_apart.then(|| Told { map: Map::new(ranges), nodes: nodes.all })
}

/// Nodes in the order in which they came.
#[derive(Default)]
struct Nodes {
    all: Vec<Address>,
    known: HashSet<Address>,
}

impl Nodes {
    /// `None` when there are too many.
    fn add(&mut self, node: &Address) -> Option<()> {
        if !self.known.contains(node) {
            self.known.insert(node.clone());
            self.all.push(node.clone());
        }
        (self.all.len() <= MOST_NODES).then_some(())
    }
}

/// A node: host, port, and since Redis 4 its id, since Redis 7 more about it.
fn node(frame: &[u8], asked: &Address) -> Option<Address> {
    let mut parts = elements(frame)?;
    let host = parts.next()?.ok()?;
    let port = reply::as_integer(parts.next()?.ok()?)?;
    let port = u16::try_from(port).ok().filter(|port| *port != 0)?;
    let host = match text(host) {
        _ if reply::is_null(host) => own(asked)?,
        Some("") => own(asked)?,
        // It has no name, though it is told to go by names. Its IP address may stand further behind.
        Some("?") => match parts.nth(1).and_then(|metadata| ip(metadata.ok()?)) {
            Some(ip) => ip,
            None => own(asked)?,
        },
        Some(host) => host,
        None => return None,
    }
    .to_owned();
    Some(match asked {
        Address::Tls { .. } => Address::Tls { host, port },
        Address::Tcp { .. } | Address::Unix(_) => Address::Tcp { host, port },
    })
}

/// The host of the node that was asked: who does not know its own address means that.
fn own(asked: &Address) -> Option<&str> {
    match asked {
        Address::Tcp { host, .. } | Address::Tls { host, .. } => Some(host),
        Address::Unix(_) => None,
    }
}

/// The IP address among what a node says of itself: names and values.
fn ip(metadata: &[u8]) -> Option<&str> {
    let mut parts = reply::elements(metadata)?.take(2 * MOST_METADATA).map_while(Result::ok);
    while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
        if text(name) == Some("ip") {
            return text(value).filter(|ip| !ip.is_empty());
        }
    }
    None
}

fn slot(frame: &[u8]) -> Option<Slot> {
    Slot::new(u16::try_from(reply::as_integer(frame)?).ok()?)
}

fn text(frame: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(reply::as_bulk(frame)?).ok()?;
    (text.len() <= LONGEST_HOST && !text.contains(char::is_control)).then_some(text)
}

fn elements(frame: &[u8]) -> Option<reply::Elements<'_>> {
    reply::elements(frame).filter(|_| reply::kind(frame) == Some(Kind::Array))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Address {
        Address::Tcp { host: host.into(), port }
    }

    fn asked() -> Address {
        tcp("seed", 7000)
    }

    /// A frame in wire form from one that is easier to read: `[` and `]` make arrays, `"text"` bulks, numbers integers, and
    /// `_` is a null.
    fn wire(text: &str) -> Vec<u8> {
        fn array(words: &mut dyn Iterator<Item = &str>) -> (usize, String) {
            let (mut count, mut out) = (0, String::new());
            while let Some(word) = words.next() {
                count += 1;
                out += &match word {
                    "]" => return (count - 1, out),
                    "[" => {
                        let (inner, text) = array(words);
                        format!("*{inner}\r\n{text}")
                    }
                    "_" => "$-1\r\n".to_owned(),
                    _ => match word.strip_prefix('"').and_then(|word| word.strip_suffix('"')) {
                        Some(bulk) => format!("${}\r\n{bulk}\r\n", bulk.len()),
                        None => format!(":{word}\r\n"),
                    },
                };
            }
            (count, out)
        }
        let (count, out) = array(&mut text.split_whitespace());
        assert_eq!(count, 1);
        out.into_bytes()
    }

    fn told(text: &str) -> Option<Told> {
        read(&wire(text), &asked())
    }

    fn owners(told: &Told, slots: &[u16]) -> Vec<Option<Address>> {
        slots.iter().map(|slot| told.map.address_of(Slot::new(*slot).unwrap()).cloned()).collect()
    }

    #[test]
    fn as_redis_6_says_it() {
        let frame = b"*2\r\n\
            *4\r\n:5461\r\n:16383\r\n\
            *3\r\n$9\r\n127.0.0.1\r\n:30002\r\n$40\r\nc9d93d9f2c0c524ff34cc11838c2003d8c29e013\r\n\
            *3\r\n$9\r\n127.0.0.1\r\n:30005\r\n$40\r\nfaadb3eb99009de4ab72ad6b6ed87634c7ee410f\r\n\
            *3\r\n:0\r\n:5460\r\n\
            *3\r\n$9\r\n127.0.0.1\r\n:30001\r\n$40\r\n09dbe9720cda62f7865eabc5fd8857c5d2678366\r\n";
        let told = read(frame, &asked()).unwrap();
        assert_eq!(told.map.primaries(), [tcp("127.0.0.1", 30001), tcp("127.0.0.1", 30002)]);
        assert!(told.map.is_complete());
        let nodes = [30002, 30005, 30001].map(|port| tcp("127.0.0.1", port));
        assert_eq!(told.nodes, nodes);
    }

    #[test]
    fn as_redis_7_and_valkey_say_it() {
        // The last part is empty, or says by which other names a node goes.
        let frame = b"*1\r\n*4\r\n:0\r\n:16383\r\n\
            *4\r\n$9\r\n127.0.0.1\r\n:30001\r\n$40\r\n09dbe9720cda62f7865eabc5fd8857c5d2678366\r\n\
            *2\r\n$8\r\nhostname\r\n$6\r\nhost-1\r\n\
            *4\r\n$9\r\n127.0.0.1\r\n:30004\r\n$40\r\n821d8ca00d7ccf931ed3ffc7e3db0599d2271abf\r\n*0\r\n";
        let told = read(frame, &asked()).unwrap();
        assert_eq!(told.map.primaries(), [tcp("127.0.0.1", 30001)]);
        assert_eq!(told.nodes, [tcp("127.0.0.1", 30001), tcp("127.0.0.1", 30004)]);
        let valkey = self::told(
            r#"[ [ 0 5 [ "host-1" 1 "id" [ "ip" "10.0.0.1" "availability-zone" "a" ] ] ] ]"#,
        );
        assert_eq!(valkey.unwrap().nodes, [tcp("host-1", 1)]);
        // Two elements, as Redis 3 did at first.
        assert_eq!(self::told(r#"[ [ 0 5 [ "h" 1 ] ] ]"#).unwrap().nodes, [tcp("h", 1)]);
    }

    #[test]
    fn who_names_no_host_means_the_one_that_was_asked() {
        for host in ["_", r#""""#, r#""?""#] {
            let told = told(&format!(r#"[ [ 0 5 [ {host} 1 "id" [ ] ] [ {host} 2 "id" ] ] ]"#));
            assert_eq!(told.unwrap().nodes, [tcp("seed", 1), tcp("seed", 2)], "{host}");
        }
        let by_ip = |metadata: &str| {
            told(&format!(r#"[ [ 0 5 [ "?" 1 "id" [ {metadata} ] ] ] ]"#)).unwrap().nodes
        };
        assert_eq!(by_ip(r#""hostname" "x" "ip" "10.0.0.7""#), [tcp("10.0.0.7", 1)]);
        assert_eq!(by_ip(r#""ip" """#), [tcp("seed", 1)]);
        let socket = Address::Unix("s".into());
        assert_eq!(read(&wire(r#"[ [ 0 5 [ _ 1 "id" ] ] ]"#), &socket), None);
    }

    #[test]
    fn the_seed_says_whether_there_is_tls() {
        let asked = Address::Tls { host: "seed".into(), port: 1 };
        let told = read(&wire(r#"[ [ 0 5 [ "h" 7 "id" ] [ _ 8 "id" ] ] ]"#), &asked).unwrap();
        let tls = |host: &str, port| Address::Tls { host: host.into(), port };
        assert_eq!(told.map.primaries(), [tls("h", 7)]);
        assert_eq!(told.nodes, [tls("h", 7), tls("seed", 8)]);
    }

    #[test]
    fn slots_may_be_missing_or_stand_alone() {
        assert_eq!(told("[ ]"), Some(Told { map: Map::default(), nodes: Vec::new() }));
        let told = told(r#"[ [ 7 7 [ "h" 1 "id" ] ] [ 16383 16383 [ "h" 2 "id" ] ] ]"#).unwrap();
        let owners = owners(&told, &[6, 7, 8, 16383]);
        assert_eq!(owners, [None, Some(tcp("h", 1)), None, Some(tcp("h", 2))]);
    }

    #[test]
    fn a_replica_without_an_address_is_left_out() {
        let told = told(r#"[ [ 0 5 [ "h" 1 "id" ] [ "h" 0 "id" ] [ 7 7 ] [ "h" 2 "id" ] ] ]"#);
        assert_eq!(told.unwrap().nodes, [tcp("h", 1), tcp("h", 2)]);
    }

    #[test]
    fn junk_is_not_believed() {
        for frame in
            [&b"-ERR x\r\n"[..], b"*-1\r\n", b"+OK\r\n", b"", b"*1\r\n", b"%1\r\n*0\r\n*0\r\n"]
        {
            assert_eq!(read(frame, &asked()), None, "{}", frame.escape_ascii());
        }
        let long = "h".repeat(256);
        for text in [
            "[ 1 ]",
            "[ [ ] ]",
            "[ [ 0 5 ] ]",
            r#"[ [ 0 5 "h" ] ]"#,
            r#"[ [ 0 5 [ ] ] ]"#,
            r#"[ [ 0 5 [ "h" ] ] ]"#,
            r#"[ [ 0 5 [ 1 1 ] ] ]"#,
            r#"[ [ 0 5 [ "h" "1" ] ] ]"#,
            r#"[ [ 0 5 [ "h" 0 ] ] ]"#,
            r#"[ [ 0 5 [ "h" -1 ] ] ]"#,
            r#"[ [ 0 5 [ "h" 65536 ] ] ]"#,
            r#"[ [ "0" 5 [ "h" 1 ] ] ]"#,
            r#"[ [ 6 5 [ "h" 1 ] ] ]"#,
            r#"[ [ -1 5 [ "h" 1 ] ] ]"#,
            r#"[ [ 0 16384 [ "h" 1 ] ] ]"#,
            r#"[ [ 0 5 [ "h" 1 ] ] [ 5 6 [ "h" 2 ] ] ]"#,
            r#"[ [ 0 5 [ "h" 1 ] ] [ 0 5 [ "h" 1 ] ] ]"#,
            &format!(r#"[ [ 0 5 [ "{long}" 1 ] ] ]"#),
        ] {
            assert_eq!(told(text), None, "{text}");
        }
        let control = b"*1\r\n*3\r\n:0\r\n:5\r\n*2\r\n$3\r\na\r\nb\r\n:1\r\n";
        assert_eq!(read(control, &asked()), None);
        let binary = b"*1\r\n*3\r\n:0\r\n:5\r\n*2\r\n$1\r\n\xff\r\n:1\r\n";
        assert_eq!(read(binary, &asked()), None);
    }

    #[test]
    fn there_are_no_more_than_a_thousand_nodes() {
        let many = |count: u16| {
            let range = |slot: u16| format!(r#"[ {slot} {slot} [ "h" {} ] ]"#, slot + 1);
            let ranges: Vec<_> = (0..count).map(range).collect();
            told(&format!("[ {} ]", ranges.join(" ")))
        };
        assert_eq!(many(1000).map(|told| told.nodes.len()), Some(1000));
        assert_eq!(many(1001), None);
    }

    #[test]
    fn no_part_of_a_frame_is_one() {
        let whole = wire(r#"[ [ 0 5 [ "h" 1 "id" [ "ip" "i" ] ] [ _ 2 "id" ] ] ]"#);
        assert!(read(&whole, &asked()).is_some());
        for len in 0..whole.len() {
            assert_eq!(read(&whole[..len], &asked()), None, "{len}");
        }
        // Whatever byte is another one: there is no panic.
        for place in 0..whole.len() {
            for byte in [0, b'\r', b'*', b'$', b'9', b'-', b'_', b'"', 0xff] {
                let mut other = whole.clone();
                other[place] = byte;
                let _ = read(&other, &asked());
            }
        }
    }
}
