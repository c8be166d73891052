//! What a node answers when it has not run a request, because another node has the slot or nobody has it at present.

use crate::{resp::parse_integer, state::slot::Slot};

/// Such an answer. None of them has run anything, so the request may be sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Redirect<'a> {
    /// `MOVED`: this node has the slot, and keeps it.
    Moved(Slot, Target<'a>),
    /// `ASK`: this node takes this one request, behind `ASKING`.
    Ask(Target<'a>),
    /// Soon it may run: `TRYAGAIN`, `CLUSTERDOWN`, `LOADING`, `MASTERDOWN`.
    Later,
    /// A replica has been taken for a primary: `READONLY`.
    Replica,
}

/// The node that is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target<'a> {
    /// Empty where the node does not know a name for the other: then it has that of the node which answers.
    pub(super) host: &'a str,
    pub(super) port: u16,
}

/// Reads an error frame; `None` for one that means something else.
pub(super) fn read(frame: &[u8]) -> Option<Redirect<'_>> {
    let text = frame.strip_prefix(b"-")?;
    let text = text.strip_suffix(b"\r\n").unwrap_or(text);
    let mut words = text.split(|byte| *byte == b' ');
    Some(match words.next()? {
        b"MOVED" => {
            let slot = slot(words.next()?)?;
            Redirect::Moved(slot, target(words.next()?)?)
        }
        b"ASK" => {
            slot(words.next()?)?;
            Redirect::Ask(target(words.next()?)?)
        }
        b"TRYAGAIN" | b"CLUSTERDOWN" | b"LOADING" | b"MASTERDOWN" => Redirect::Later,
        b"READONLY" => Redirect::Replica,
        _ => return None,
    })
}

fn slot(word: &[u8]) -> Option<Slot> {
    Slot::new(u16::try_from(parse_integer(word)?).ok()?)
}

/// `host:port`, where the host may be an IPv6 address without brackets.
fn target(word: &[u8]) -> Option<Target<'_>> {
    let (host, port) = std::str::from_utf8(word).ok()?.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port != 0)?;
    Some(Target { host: if host == "?" { "" } else { host }, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirections_are_read() {
        let slot = |number| Slot::new(number).unwrap();
        let at = |host, port| Target { host, port };
        for (frame, meaning) in [
            ("-MOVED 3999 127.0.0.1:6381\r\n", Redirect::Moved(slot(3999), at("127.0.0.1", 6381))),
            ("-MOVED 0 :7000\r\n", Redirect::Moved(slot(0), at("", 7000))),
            ("-MOVED 1 ?:7000\r\n", Redirect::Moved(slot(1), at("", 7000))),
            ("-ASK 16383 fe80::1:7000\r\n", Redirect::Ask(at("fe80::1", 7000))),
            ("-TRYAGAIN Multiple keys request during rehashing of slot\r\n", Redirect::Later),
            ("-CLUSTERDOWN The cluster is down\r\n", Redirect::Later),
            ("-LOADING Redis is loading the dataset in memory\r\n", Redirect::Later),
            ("-MASTERDOWN Link with MASTER is down\r\n", Redirect::Later),
            ("-READONLY You can't write against a read only replica.\r\n", Redirect::Replica),
        ] {
            assert_eq!(read(frame.as_bytes()), Some(meaning), "{frame}");
        }
    }

    #[test]
    fn whatever_else_is_an_error_of_its_own() {
        for frame in [
            "-ERR x\r\n",
            "-MOVED\r\n",
            "-MOVED x y\r\n",
            "-MOVED 16384 h:1\r\n",
            "-MOVED 1 h\r\n",
            "-MOVED 1 h:0\r\n",
            "-MOVEDX 1 h:1\r\n",
            "-ASK 1\r\n",
            "+MOVED 1 h:1\r\n",
        ] {
            assert_eq!(read(frame.as_bytes()), None, "{frame}");
        }
    }
}
