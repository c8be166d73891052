//! Replies that speak of the upstream connection, and what the client is told in their place.

use bytes::BytesMut;

use crate::{
    command::{client::naming::Naming, own_id::write_redirect},
    resp::{Protocol, encode, reply},
    state::{ids::ClientId, label::Label},
};

/// A value of the client's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Substitute {
    /// Its id.
    Id(ClientId),
    /// Its name, as it is when the reply arrives.
    Name,
    /// A name that it gives itself, once the server has agreed.
    Naming(Naming),
    /// The client that is told of its invalidated keys.
    Redirect(Option<ClientId>),
}

impl Substitute {
    /// Appends what the client, which is called `label` so far, is told in place of `frame`.
    pub(crate) fn write(
        &self,
        frame: &[u8],
        label: &Label,
        protocol: Protocol,
        out: &mut BytesMut,
    ) {
        if reply::is_error(frame) {
            out.extend_from_slice(frame);
            return;
        }
        match self {
            Self::Id(id) => encode::integer(out, id.to_integer()),
            Self::Name if label.name.is_empty() => encode::null(out, protocol),
            Self::Name => encode::bulk(out, &label.name),
            Self::Naming(_) => out.extend_from_slice(frame),
            Self::Redirect(Some(id)) => write_redirect(frame, *id, out),
            Self::Redirect(None) => out.extend_from_slice(frame),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirections_show_the_id_that_clients_know() {
        let told = |frame: &[u8]| {
            let mut out = BytesMut::new();
            let redirect = Substitute::Redirect(Some(ClientId(9)));
            redirect.write(frame, &Label::default(), Protocol::Resp3, &mut out);
            String::from_utf8(out.to_vec()).unwrap()
        };
        assert_eq!(told(b":55\r\n"), ":9\r\n");
        assert_eq!(told(b":-1\r\n"), ":-1\r\n");
        assert_eq!(told(b":0\r\n"), ":0\r\n");
        assert_eq!(told(b"%1\r\n$8\r\nredirect\r\n:55\r\n"), "%1\r\n$8\r\nredirect\r\n:9\r\n");
        assert_eq!(told(b"-ERR no\r\n"), "-ERR no\r\n");
    }
}
