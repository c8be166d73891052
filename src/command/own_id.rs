//! Replies that tell the id of the connection, or of another one: clients know themselves by other ids than the server does.

use bytes::BytesMut;

use crate::{
    resp::{encode, reply},
    state::ids::ClientId,
};

/// Appends the reply to `CLIENT GETREDIR` or `TRACKINGINFO` with the id that clients know. Ids that are not positive say
/// that there is no redirection.
pub fn write_redirect(frame: &[u8], id: ClientId, out: &mut BytesMut) {
    match reply::as_integer(frame) {
        Some(redirect) if redirect > 0 => encode::integer(out, id.to_integer()),
        _ => write_with_id(frame, b"redirect", id, out),
    }
}

/// Appends the reply to `HELLO` with the client's own id in place of the upstream connection's; other replies as they are.
pub fn write_hello(frame: &[u8], id: ClientId, out: &mut BytesMut) {
    let at = out.len();
    write_with_id(frame, b"id", id, out);
    // To its clients a cluster is one server.
    if let Some(mode) = memchr::memmem::find(&out[at..], CLUSTER_MODE).map(|mode| at + mode) {
        let rest = out.split_off(mode + CLUSTER_MODE.len());
        out.truncate(mode);
        out.extend_from_slice(ONE_SERVER);
        out.unsplit(rest);
    }
}

/// How `HELLO` tells that its server is a node of a cluster, and that it is none.
const CLUSTER_MODE: &[u8] = b"$4\r\nmode\r\n$7\r\ncluster\r\n";
const ONE_SERVER: &[u8] = b"$4\r\nmode\r\n$10\r\nstandalone\r\n";

/// Appends a reply that is a map with `id` as the value of `key`, where that is a positive integer so far; other replies as
/// they are.
fn write_with_id(frame: &[u8], key: &[u8], id: ClientId, out: &mut BytesMut) {
    let mut copied = 0;
    if let Some(elements) = reply::elements(frame) {
        let mut at = frame.len() - elements.rest().len();
        let mut name = &b""[..];
        for (index, element) in elements.flatten().enumerate() {
            if index % 2 == 0 {
                name = reply::as_bulk(element).unwrap_or_default();
            } else if name == key && reply::as_integer(element).is_some_and(|value| value > 0) {
                out.extend_from_slice(&frame[copied..at]);
                encode::integer(out, id.to_integer());
                copied = at + element.len();
            }
            at += element.len();
        }
    }
    out.extend_from_slice(&frame[copied..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hello_shows_the_clients_own_id() {
        let mut out = BytesMut::new();
        let frame =
            b"%3\r\n$6\r\nserver\r\n$5\r\nredis\r\n$2\r\nid\r\n:123\r\n$7\r\nmodules\r\n*0\r\n";
        write_hello(frame, ClientId(7), &mut out);
        let expected =
            b"%3\r\n$6\r\nserver\r\n$5\r\nredis\r\n$2\r\nid\r\n:7\r\n$7\r\nmodules\r\n*0\r\n";
        assert_eq!(&out[..], &expected[..]);
        out.clear();
        write_hello(b"+OK\r\n", ClientId(7), &mut out);
        assert_eq!(&out[..], b"+OK\r\n");
    }
}
