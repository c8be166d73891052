//! What the random commands are made of.

use std::sync::LazyLock;

/// Lines whose words in capitals stand for something random: see [`super::commands::Commands::word`].
pub(super) static LINES: LazyLock<Vec<&str>> = LazyLock::new(|| {
    include_str!("lines.txt").lines().filter(|line| !line.starts_with('#')).collect()
});

/// Requests that are none, and what ends connections.
pub(super) const BROKEN: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"*0\r\n",
    b"*-1\r\n",
    b"*x\r\n",
    b"*2147483648\r\n",
    b"*1\r\n+PING\r\n",
    b"*1\r\n$x\r\n",
    b"*1\r\n$-1\r\n",
    b"*1\r\n$536870913\r\n",
    b"\"a b\r\n",
    b"get 'a'b\r\n",
    b"$3\r\n",
    b"POST / HTTP/1.1\r\n",
    b"host: x\r\n",
    b"*2\r\n$4\r\nECHO\r\n$1\r\n\r\x00\r\n",
    b"*2\r\n$4\r\nECHO\r\n\r\n",
    b"ECHO \"\\x41\\n\\q\" \r\n",
    b"echo 'it\\'s'\r\n",
    b"*11\r\n$3\r\nFOO\r\n",
    b"*2\r\n$4\r\nECHO\r\n$16385\r\n",
];
