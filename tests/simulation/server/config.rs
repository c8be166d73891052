//! `CONFIG SET` of the few settings there are, and `DEBUG`.

use super::text::{is, join, shown};
use super::{Args, Server, Text, number};

/// Settings that can be set.
const NAMES: [&str; 2] = ["requirepass", "maxclients"];

pub(super) fn set(server: &mut Server, id: u64, args: &Args) {
    if args.len() % 2 == 1 {
        return server.client(id).syntax_error();
    }
    let mut seen: Vec<&str> = Vec::new();
    for pair in args[2..].chunks_exact(2) {
        let Some(name) = NAMES.into_iter().find(|name| is(&pair[0], name)) else {
            let what = b"Unknown option or number of arguments for CONFIG SET - '";
            return server.client(id).error(join([what, shown(&pair[0], usize::MAX), b"'"]));
        };
        if seen.contains(&name) {
            return server.client(id).error(refusal(&pair[0], "duplicate parameter"));
        }
        seen.push(name);
    }
    for pair in args[2..].chunks_exact(2) {
        if is(&pair[0], "requirepass") {
            server.set_requirepass(&pair[1]);
        } else {
            let count = number::integer(&pair[1]).and_then(|count| usize::try_from(count).ok());
            match count.filter(|count| *count > 0) {
                Some(count) => server.settings.maxclients = count,
                None => {
                    let why = "argument couldn't be parsed into an integer";
                    return server.client(id).error(refusal(&pair[0], why));
                }
            }
        }
    }
    server.client(id).ok();
}

fn refusal(name: &[u8], why: &str) -> Text {
    let what = b"CONFIG SET failed (possibly related to argument '";
    join([what, name, b"') - ", why.as_bytes()])
}

pub(super) fn debug(server: &mut Server, id: u64, args: &Args) {
    if args.len() == 3 && is(&args[1], "sleep") {
        server.client(id).ok();
    } else {
        server.client(id).error(super::execute::subcommand_syntax(args));
    }
}

impl Server {
    /// The setting is the default user's password, but only when it changes.
    fn set_requirepass(&mut self, password: &Text) {
        let password = Some(password).filter(|password| !password.is_empty());
        if self.requirepass.as_ref() == password {
            return;
        }
        self.requirepass = password.cloned();
        if let Some(user) = self.users.get_mut(&b"default"[..]) {
            user.set_password(password);
        }
    }
}
