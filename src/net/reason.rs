//! Words for what can go wrong with a connection.

use std::io;

/// Why a connection could not be made or ended, in a few words without codes.
pub fn reason(error: &io::Error) -> String {
    use io::ErrorKind;
    match error.kind() {
        ErrorKind::ConnectionRefused => "connection refused".into(),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => "connection reset".into(),
        ErrorKind::ConnectionAborted => "connection aborted".into(),
        ErrorKind::UnexpectedEof => "connection closed by the server".into(),
        ErrorKind::NotFound => "no such file or socket".into(),
        ErrorKind::PermissionDenied => "permission denied".into(),
        ErrorKind::HostUnreachable => "host unreachable".into(),
        ErrorKind::AddrInUse => "address already in use".into(),
        ErrorKind::NetworkUnreachable => "network unreachable".into(),
        ErrorKind::TimedOut if error.raw_os_error().is_some() => "connection timed out".into(),
        _ => {
            // The standard library appends the number, which tells an operator nothing.
            let text = error.to_string();
            let text = text.split(" (os error").next().unwrap_or_default();
            text.replace(['\r', '\n'], " ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_an_error_is_left_out() {
        assert_eq!(reason(&io::Error::from_raw_os_error(24)), "Too many open files");
        assert_eq!(reason(&io::Error::other("two\r\nlines")), "two  lines");
    }
}
