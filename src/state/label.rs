//! What a connection is called: the names that `CLIENT SETNAME` and `CLIENT SETINFO` give it.

use bytes::{Bytes, BytesMut};

use crate::resp::encode;

/// The names of a connection. Each is empty when it was not given, and else printable ASCII without blanks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Label {
    /// `CLIENT SETNAME`
    pub name: Bytes,
    /// `CLIENT SETINFO LIB-NAME`
    pub library: Bytes,
    /// `CLIENT SETINFO LIB-VER`
    pub version: Bytes,
}

impl Label {
    /// Appends the commands, each by a call of `send`, that rename a connection labelled `before`.
    pub fn encode_changes(&self, before: &Self, mut send: impl FnMut(BytesMut)) {
        let names: [(&[&[u8]], _, _); 3] = [
            (&[b"CLIENT", b"SETNAME"], &self.name, &before.name),
            (&[b"CLIENT", b"SETINFO", b"LIB-NAME"], &self.library, &before.library),
            (&[b"CLIENT", b"SETINFO", b"LIB-VER"], &self.version, &before.version),
        ];
        for (words, name, before) in names {
            if name != before {
                let mut out = BytesMut::new();
                let args: Vec<&[u8]> = words.iter().copied().chain([&name[..]]).collect();
                encode::command(&mut out, args);
                send(out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_said() {
        let said = |label: &Label, before: &Label| {
            let mut said = Vec::new();
            label.encode_changes(before, |bytes| {
                said.push(String::from_utf8(bytes.to_vec()).unwrap())
            });
            said
        };
        let plain = Label::default();
        let named = Label { name: "joe".into(), library: "lib".into(), version: Bytes::new() };
        assert_eq!(said(&named, &named), [""; 0]);
        let name = "*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$3\r\njoe\r\n";
        let library = "*4\r\n$6\r\nCLIENT\r\n$7\r\nSETINFO\r\n$8\r\nLIB-NAME\r\n$3\r\nlib\r\n";
        assert_eq!(said(&named, &plain), [name, library]);
        assert_eq!(
            said(&plain, &Label { library: Bytes::new(), ..named }),
            ["*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$0\r\n\r\n"]
        );
    }
}
